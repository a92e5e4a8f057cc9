"""The log: entries, checkpoints, its key; append-only and contiguous on both databases."""

import sqlalchemy as sa
from alembic import op

from circles.db import Hash, Id

revision = "log_0001"
down_revision = None
branch_labels = ("log",)
depends_on = None

_KEPT_FOR_EVER = ("log_entry", "log_checkpoint")
_NO_CHANGE = "the log only grows: an entry or checkpoint is never changed or taken away"


def upgrade() -> None:
    op.create_table(
        "log_log",
        sa.Column("circle_id", Id, primary_key=True),
        sa.Column("origin", sa.String(300), nullable=False, unique=True),
        sa.Column("verifier_key", sa.String(400), nullable=False),
        sa.Column("sealed_seed", sa.LargeBinary, nullable=False),
    )
    circle = sa.ForeignKey("log_log.circle_id")
    op.create_table(
        "log_entry",
        sa.Column("circle_id", Id, circle, primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("leaf", Hash, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.CheckConstraint("number >= 0"),
        sa.CheckConstraint("length(leaf) = 32"),
        sa.CheckConstraint("length(data) BETWEEN 1 AND 65535"),
    )
    op.create_index("log_entry_leaf", "log_entry", ["circle_id", "leaf"])
    op.create_table(
        "log_checkpoint",
        sa.Column("circle_id", Id, sa.ForeignKey("log_log.circle_id"), primary_key=True),
        sa.Column("size", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("root", Hash, nullable=False),
        sa.Column("note", sa.LargeBinary, nullable=False),
        sa.CheckConstraint("length(root) = 32"),
    )
    if op.get_bind().dialect.name == "sqlite":
        _guard_sqlite()
    else:
        _guard_postgresql()


def _guard_sqlite() -> None:
    for table in _KEPT_FOR_EVER:
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{_NO_CHANGE}'); END"
            )
    op.execute(
        "CREATE TRIGGER log_entry_follows BEFORE INSERT ON log_entry "
        "WHEN NEW.number <> (SELECT coalesce(max(number) + 1, 0) FROM log_entry "
        "WHERE circle_id = NEW.circle_id) "
        "BEGIN SELECT RAISE(ABORT, 'a log entry must follow the last one'); END"
    )


def _guard_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION log_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_NO_CHANGE}' USING ERRCODE = '23000'; END $$"
    )
    # VOLATILE (the default): each row sees the rows that the same statement has put in before it.
    op.execute(
        "CREATE FUNCTION log_follows() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF NEW.number <> (SELECT coalesce(max(number) + 1, 0) FROM log_entry "
        "WHERE circle_id = NEW.circle_id) THEN "
        "RAISE EXCEPTION 'a log entry must follow the last one' "
        "USING ERRCODE = '23000'; END IF; RETURN NEW; END $$"
    )
    for table in _KEPT_FOR_EVER:
        op.execute(
            f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION log_refuse()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION log_refuse()"
        )
    op.execute(
        "CREATE TRIGGER log_entry_follows BEFORE INSERT ON log_entry "
        "FOR EACH ROW EXECUTE FUNCTION log_follows()"
    )
