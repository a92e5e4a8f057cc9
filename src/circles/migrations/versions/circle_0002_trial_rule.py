"""A rule that is tried for one round."""

import sqlalchemy as sa
from alembic import op

revision = "circle_0002"
down_revision = "circle_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "circle_circle",
        sa.Column("trial_rule", sa.String(32), nullable=False, server_default=""),
    )
