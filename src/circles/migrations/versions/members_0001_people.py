"""Accounts, sessions, invitations, ways back in, notices, pledges and their dues."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from circles.db import Hash, Id, UtcTime

revision = "members_0001"
down_revision = None
branch_labels = ("members",)
depends_on = None


def _account(name: str = "account_id", **more: Any) -> sa.Column[bytes]:
    to = sa.ForeignKey("members_account.id", ondelete="CASCADE")
    return sa.Column(name, Id, to, nullable=False, **more)


def upgrade() -> None:
    _people()
    _ways_in()
    _words()
    _pledges()


def _people() -> None:
    op.create_table(
        "members_circle",
        sa.Column("circle_id", Id, primary_key=True),
        sa.Column("rolled_month", sa.String(7), nullable=True),
    )
    op.create_table(
        "members_account",
        sa.Column("id", Id, primary_key=True),
        sa.Column("circle_id", Id, nullable=False),
        sa.Column("handle", sa.String(40), nullable=False),
        sa.Column("handle_key", sa.String(160), nullable=False),
        sa.Column("passphrase_hash", sa.String(255), nullable=False),
        sa.Column("is_treasurer", sa.Boolean, nullable=False),
        sa.Column("is_steward", sa.Boolean, nullable=False),
        sa.Column("book_number", sa.String(8), nullable=False),
        sa.Column("actor", sa.BigInteger, nullable=False),
        sa.Column("joined_at", UtcTime, nullable=False),
        sa.Column("votes_from", sa.String(7), nullable=False),
        sa.Column("payouts_frozen_until", UtcTime, nullable=True),
        sa.UniqueConstraint("circle_id", "handle_key"),
        sa.UniqueConstraint("circle_id", "book_number"),
        sa.UniqueConstraint("circle_id", "actor"),
    )


def _ways_in() -> None:
    op.create_table(
        "members_session",
        sa.Column("token_hash", Hash, primary_key=True),
        sa.Column("public_id", Id, nullable=False, unique=True),
        _account(),
        sa.Column("begun_at", UtcTime, nullable=False),
        sa.Column("seen_at", UtcTime, nullable=False),
    )
    op.create_index("members_session_account", "members_session", ["account_id"])
    op.create_table(
        "members_throttle",
        sa.Column("key", Hash, primary_key=True),
        sa.Column("quiet_at", UtcTime, nullable=False),
    )
    op.create_table(
        "members_invitation",
        sa.Column("id", Id, primary_key=True),
        sa.Column("circle_id", Id, nullable=False),
        sa.Column("code_hash", Hash, nullable=False, unique=True),
        _account("by_id"),
        sa.Column("made_at", UtcTime, nullable=False),
        sa.Column("expires_at", UtcTime, nullable=False),
        sa.Column("used_at", UtcTime, nullable=True),
        sa.Column("revoked_at", UtcTime, nullable=True),
    )
    op.create_table(
        "members_way_back",
        sa.Column("id", Id, primary_key=True),
        _account(),
        sa.Column("code_hash", Hash, nullable=False, unique=True),
        _account("by_id"),
        sa.Column("made_at", UtcTime, nullable=False),
        sa.Column("expires_at", UtcTime, nullable=False),
        sa.Column("used_at", UtcTime, nullable=True),
    )


def _words() -> None:
    op.create_table(
        "members_notice",
        sa.Column("id", Id, primary_key=True),
        sa.Column("circle_id", Id, nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("value_json", sa.Text, nullable=False),
        sa.Column("at", UtcTime, nullable=False),
    )
    op.create_index("members_notice_circle", "members_notice", ["circle_id", "at"])
    op.create_table(
        "members_word",
        sa.Column("id", Id, primary_key=True),
        _account(),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("value_json", sa.Text, nullable=False),
        sa.Column("at", UtcTime, nullable=False),
    )
    op.create_index("members_word_account", "members_word", ["account_id"])


def _pledges() -> None:
    op.create_table(
        "members_pledge",
        _account(primary_key=True),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("paused", sa.Boolean, nullable=False),
        sa.Column("changed_at", UtcTime, nullable=False),
    )
    op.create_table(
        "members_pledge_skip",
        _account(primary_key=True),
        sa.Column("month", sa.String(7), primary_key=True),
    )
    op.create_table(
        "members_pledge_due",
        sa.Column("id", Id, primary_key=True),
        sa.Column("circle_id", Id, nullable=False),
        _account(),
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("moved_at", UtcTime, nullable=True),
        sa.UniqueConstraint("account_id", "month"),
    )
    op.create_index("members_pledge_due_circle", "members_pledge_due", ["circle_id", "state"])
