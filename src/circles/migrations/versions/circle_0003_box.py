"""How many keys the box has in a round, and whether this server holds one."""

import sqlalchemy as sa
from alembic import op

from circles.db import Id

revision = "circle_0003"
down_revision = "circle_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "circle_box",
        sa.Column("circle_id", Id, primary_key=True),
        sa.Column("month", sa.String(7), primary_key=True),
        sa.Column("keys", sa.Integer, nullable=False),
        sa.Column("needed", sa.Integer, nullable=False),
        sa.Column("own", sa.Integer, nullable=False),
    )
