"""Agreed words for awards, and how often they changed."""

import sqlalchemy as sa
from alembic import op

from circles.db import Id, UtcTime

revision = "public_0001"
down_revision = None
branch_labels = ("public",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "public_text",
        sa.Column("circle_id", Id, primary_key=True),
        sa.Column("month", sa.String(7), primary_key=True),
        sa.Column("candidate", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("story", sa.String(600), nullable=False),
        sa.Column("thanks", sa.String(600), nullable=False),
        sa.Column("at", UtcTime, nullable=False),
    )
    op.create_table(
        "public_shelf",
        sa.Column("circle_id", Id, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
    )
