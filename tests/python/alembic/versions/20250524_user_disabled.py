"""What the application had before: users and documents."""

from alembic import op

revision = "20250524_user_disabled"
down_revision = None


def upgrade():
    op.execute("CREATE TABLE users (id SERIAL PRIMARY KEY, disabled BOOLEAN NOT NULL DEFAULT FALSE)")
    op.execute("CREATE TABLE documents (id SERIAL PRIMARY KEY, title TEXT)")


def downgrade():
    op.execute("DROP TABLE documents")
    op.execute("DROP TABLE users")
