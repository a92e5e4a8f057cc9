"""Circles, and the links with which one is founded."""

import sqlalchemy as sa
from alembic import op

from circles.db import Hash, Id, UtcTime

revision = "circle_0001"
down_revision = None
branch_labels = ("circle",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "circle_circle",
        sa.Column("id", Id, primary_key=True),
        sa.Column("slug", sa.String(48), nullable=False, unique=True),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("norms", sa.Text, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("zone", sa.String(64), nullable=False),
        sa.Column("locale", sa.String(32), nullable=False),
        sa.Column("hue", sa.String(16), nullable=False),
        sa.Column("cap", sa.Integer, nullable=False),
        sa.Column("rule", sa.String(32), nullable=False),
        sa.Column("least_minor", sa.BigInteger, nullable=False),
        sa.Column("vote_slots", sa.Integer, nullable=False),
        sa.Column("nominate_slots", sa.Integer, nullable=False),
        sa.Column("min_voters", sa.Integer, nullable=False),
        sa.Column("calendar", sa.Text, nullable=False),
        sa.Column("pay_holder", sa.String(70), nullable=False),
        sa.Column("pay_iban", sa.String(34), nullable=False),
        sa.Column("pay_words", sa.Text, nullable=False),
        sa.Column("pledge_ceiling_minor", sa.BigInteger, nullable=False),
        sa.Column("log_origin", sa.String(320), nullable=False),
        sa.Column("founded_at", UtcTime, nullable=False),
    )
    op.create_table(
        "circle_founding_code",
        sa.Column("code_hash", Hash, primary_key=True),
        sa.Column("expires_at", UtcTime, nullable=False),
        sa.Column("used_at", UtcTime, nullable=True),
    )
