"""Rounds, their polls, secrets and omissions."""

import sqlalchemy as sa
from alembic import op

from circles.db import Hash, Id, UtcTime

revision = "rounds_0001"
down_revision = None
branch_labels = ("rounds",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rounds_series",
        sa.Column("circle_id", Id, primary_key=True),
        sa.Column("first_month", sa.String(7), nullable=False),
    )
    op.create_table(
        "rounds_round",
        sa.Column("circle_id", Id, primary_key=True),
        sa.Column("month", sa.String(7), primary_key=True),
        sa.Column("take_from", UtcTime, nullable=False),
        sa.Column("nominating_opens", UtcTime, nullable=False),
        sa.Column("nominating_closes", UtcTime, nullable=False),
        sa.Column("voting_opens", UtcTime, nullable=False),
        sa.Column("voting_closes", UtcTime, nullable=False),
        sa.Column("pay_until", UtcTime, nullable=False),
        sa.Column("thanks_from", UtcTime, nullable=False),
        sa.Column("slate", sa.LargeBinary),
        sa.Column("opened", sa.Boolean, nullable=False),
        sa.Column("result", sa.LargeBinary),
        sa.Column("void", sa.LargeBinary),
        sa.Column("posted", sa.Boolean, nullable=False),
    )
    op.create_table(
        "rounds_poll",
        sa.Column("poll_hash", Hash, primary_key=True),
        sa.Column("circle_id", Id, nullable=False),
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("purpose", sa.String(8), nullable=False),
        sa.Column("text", sa.LargeBinary, nullable=False),
        sa.Column("take_from", UtcTime, nullable=False),
        sa.Column("opens_at", UtcTime, nullable=False),
        sa.Column("closes_at", UtcTime, nullable=False),
        sa.Column("clients", sa.LargeBinary, nullable=False),
        sa.Column("reissued", sa.Integer, nullable=False),
        sa.Column("shut", sa.Boolean, nullable=False),
        sa.Column("close", sa.LargeBinary),
        sa.Column("keys_destroyed", sa.Boolean, nullable=False),
        sa.UniqueConstraint("circle_id", "month", "purpose"),
    )
    op.create_table(
        "rounds_secret",
        sa.Column("poll_hash", Hash, primary_key=True),
        sa.Column("kind", sa.String(8), primary_key=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "rounds_omission",
        sa.Column("poll_hash", Hash, primary_key=True),
        sa.Column("nomination", Hash, primary_key=True),
        sa.Column("reason", sa.String(16), nullable=False),
        sa.Column("proposed_by", Id, nullable=False),
        sa.Column("confirmed_by", Id),
    )
