"""create vectors table for ColPali patch-id mapping"""

from alembic import op

revision = "20250524_vectors"
down_revision = "20250524_user_disabled"


def upgrade():
    op.execute(
        """
        CREATE TABLE IF NOT EXISTS vectors (
            id SERIAL PRIMARY KEY,
            doc_id INTEGER NOT NULL REFERENCES documents(id) ON DELETE CASCADE,
            page INTEGER NOT NULL,
            vector_ids TEXT NOT NULL
        )
        """
    )
    op.execute("CREATE INDEX IF NOT EXISTS ix_vectors_doc_id ON vectors (doc_id)")


def downgrade():
    op.execute("DROP TABLE IF EXISTS vectors")
