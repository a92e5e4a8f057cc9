"""Trustees: who they are, and the keys they handed in."""

import sqlalchemy as sa
from alembic import op

from circles.db import Hash, Id

revision = "rounds_0002"
down_revision = "rounds_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rounds_trustee",
        sa.Column("circle_id", Id, primary_key=True),
        sa.Column("member_id", Id, primary_key=True),
    )
    op.create_table(
        "rounds_trustee_key",
        sa.Column("circle_id", Id, primary_key=True),
        sa.Column("public", Hash, primary_key=True),
        sa.Column("member_id", Id),
        sa.Column("poll_hash", Hash),
    )
