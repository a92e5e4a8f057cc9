"""Another account to pay in to needs a second person and a day."""

import sqlalchemy as sa
from alembic import op

from circles.db import Id, UtcTime

revision = "circle_0004"
down_revision = "circle_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "circle_pay_change",
        sa.Column("id", Id, primary_key=True),
        sa.Column("circle_id", Id, nullable=False),
        sa.Column("holder", sa.String(70), nullable=False),
        sa.Column("iban", sa.String(34), nullable=False),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("asker_actor", sa.BigInteger, nullable=False),
        sa.Column("asked_at", UtcTime, nullable=False),
        sa.Column("confirmer_actor", sa.BigInteger),
        sa.Column("confirmed_at", UtcTime),
        sa.Column("holds_from", UtcTime),
        sa.Column("ended_at", UtcTime),
        sa.CheckConstraint(
            "confirmer_actor IS NULL OR confirmer_actor <> asker_actor",
            name="circle_pay_change_two_people",
        ),
    )
    # One at a time in each circle.
    op.create_index(
        "circle_pay_change_open",
        "circle_pay_change",
        ["circle_id"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
