"""The own words of a nomination, where the recipient agreed that they stand in the archive."""

import sqlalchemy as sa
from alembic import op

from circles.db import Hash, Id

revision = "public_0002"
down_revision = "public_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "public_document",
        sa.Column("circle_id", Id, primary_key=True),
        sa.Column("month", sa.String(7), primary_key=True),
        sa.Column("candidate", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("doc_hash", Hash, nullable=False),
        sa.Column("file", sa.LargeBinary, nullable=False),
    )
