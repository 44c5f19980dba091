"""A later revision, which Alembic must still be able to apply."""

import sqlalchemy as sa
from alembic import op

revision = "20250601_vectors_model"
down_revision = "20250524_vectors"


def upgrade():
    op.add_column("vectors", sa.Column("model", sa.Text(), nullable=True))


def downgrade():
    op.drop_column("vectors", "model")
