"""The box: polls, staged ballots and nominations, their words."""

import sqlalchemy as sa
from alembic import op

from circles.db import Hash, Id, UtcTime

revision = "ballot_0001"
down_revision = None
branch_labels = ("ballot",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ballot_poll",
        sa.Column("poll_hash", Hash, primary_key=True),
        sa.Column("circle_id", Id, nullable=False),
        sa.Column("slug", sa.String(64), nullable=False),
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("purpose", sa.String(8), nullable=False),
        sa.Column("poll_text", sa.LargeBinary, nullable=False),
        sa.Column("slate_text", sa.LargeBinary),
        sa.Column("opens_at", UtcTime, nullable=False),
        sa.Column("closes_at", UtcTime, nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("first_index", sa.BigInteger),
        sa.Column("ballots", sa.BigInteger),
        sa.Column("keys", sa.BigInteger),
        sa.UniqueConstraint("slug", "month", "purpose"),
        sa.CheckConstraint("purpose IN ('nominate', 'vote')"),
        sa.CheckConstraint("state IN ('open', 'shut', 'logged', 'empty', 'clean')"),
        sa.CheckConstraint("state IN ('open', 'shut') OR first_index IS NOT NULL"),
    )
    op.create_table(
        "ballot_staged",
        sa.Column("leaf", Hash, primary_key=True),
        sa.Column("poll_hash", Hash, nullable=False),
        sa.Column("key", Hash, nullable=False),
        sa.Column("message", sa.LargeBinary, nullable=False),
        sa.CheckConstraint("length(leaf) = 32"),
        sqlite_with_rowid=False,
    )
    op.create_index("ballot_staged_key", "ballot_staged", ["poll_hash", "key"])
    for table in ("ballot_staged_document", "ballot_document"):
        op.create_table(
            table,
            sa.Column("doc_hash", Hash, primary_key=True),
            sa.Column("poll_hash", Hash, primary_key=True),
            sa.Column("salt", Hash, nullable=False),
            sa.Column("text", sa.LargeBinary, nullable=False),
            sa.CheckConstraint("length(text) <= 4096"),
            sqlite_with_rowid=False,
        )
