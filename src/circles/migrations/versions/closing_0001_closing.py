"""Steps that happen once, and the lease of the regular work."""

import sqlalchemy as sa
from alembic import op

from circles.db import Id, UtcTime

revision = "closing_0001"
down_revision = None
branch_labels = ("closing",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "closing_done",
        sa.Column("circle_id", Id, primary_key=True),
        sa.Column("step", sa.String(40), primary_key=True),
    )
    op.create_table(
        "closing_lease",
        sa.Column("name", sa.String(20), primary_key=True),
        sa.Column("holder", Id, nullable=False),
        sa.Column("until", UtcTime, nullable=False),
    )
