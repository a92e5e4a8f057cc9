"""The roll and the issuer: per poll, gone 90 days after its close."""

import sqlalchemy as sa
from alembic import op

from circles.db import Hash, Id, UtcTime

revision = "members_roll_0001"
down_revision = None
branch_labels = ("roll",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "members_roll",
        sa.Column("poll_hash", Hash, primary_key=True),
        sa.Column("circle_id", Id, nullable=False),
        sa.Column("text", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "members_roll_line",
        sa.Column("poll_hash", Hash, primary_key=True),
        sa.Column("member_id", Id, primary_key=True),
        sa.Column("line", Id, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "members_roll_line_by_line", "members_roll_line", ["poll_hash", "line"], unique=True
    )
    op.create_table(
        "members_issuer_poll",
        sa.Column("poll_hash", Hash, primary_key=True),
        sa.Column("circle_id", Id, nullable=False),
        sa.Column("slots", sa.Integer, nullable=False),
        sa.Column("take_from", UtcTime, nullable=False),
        sa.Column("closes_at", UtcTime, nullable=False),
        sa.Column("shut_at", UtcTime),
    )
    op.create_table(
        "members_issuer_key",
        sa.Column("poll_hash", Hash, primary_key=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "members_take",
        sa.Column("poll_hash", Hash, primary_key=True),
        sa.Column("line", Id, primary_key=True),
        sa.Column("slot", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("take", sa.LargeBinary, nullable=False),
        sa.Column("taken", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "members_reissue",
        sa.Column("poll_hash", Hash, primary_key=True),
        sa.Column("line", Id, primary_key=True),
        sa.Column("slot", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("allowed", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
