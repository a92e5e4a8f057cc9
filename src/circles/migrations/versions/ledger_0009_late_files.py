"""A file that came after a month was closed may be taken back, though it tells of that month.

ledger_0003 refused by the file's days alone. But what came after a close was no part of what two
people signed, and a file of a wrong account that reached into a closed month stood for ever in the
way of closing the next one. Now a file stays if it was there when any month that it tells of, or a
later one, was closed. A line of it that is matched keeps it, as before.
"""

from alembic import op

from circles.migrations.versions import ledger_0003_bank as bank

revision = "ledger_0009"
down_revision = "ledger_0008"
branch_labels = None
depends_on = None

TABLE = "ledger_bank_withdrawal"
# A close without a row of its own (`books.close_through` alone) tells no time: it counts as later.
_WAS_THERE = """EXISTS (SELECT 1 FROM ledger_bank_statement st
    JOIN ledger_book b ON b.id = st.book_id
    WHERE st.id = NEW.statement_id
      AND b.closed_through >= coalesce(st.first_on, st.closing_on, st.opening_on)
      AND (NOT EXISTS (SELECT 1 FROM ledger_period p
             WHERE p.book_id = b.id AND p.through = b.closed_through)
        OR EXISTS (SELECT 1 FROM ledger_period p WHERE p.book_id = b.id
             AND p.through >= coalesce(st.first_on, st.closing_on, st.opening_on)
             AND p.closed_at >= st.imported_at)))"""
RULES = (*bank.WITHDRAWAL_RULES[:1], ("that period is closed", _WAS_THERE))


def _sqlite() -> list[str]:
    known = " OR ".join(
        "(" + " AND ".join(f"k.{c} = NEW.{c}" for c in columns) + ")"
        for columns in bank.KEYS[TABLE]
    )
    rules = "".join(
        f"  SELECT RAISE(ABORT, 'ledger: {said}') WHERE {refused};\n" for said, refused in RULES
    )
    guard = (
        f"CREATE TRIGGER {TABLE}_guard BEFORE INSERT ON {TABLE} BEGIN\n"  # noqa: S608 - our names
        f"  SELECT RAISE(ABORT, 'ledger: {TABLE} has that already') WHERE EXISTS (\n"
        f"    SELECT 1 FROM {TABLE} k WHERE {known});\n{rules}END"
    )
    return [f"DROP TRIGGER {TABLE}_guard", guard]


def _pg() -> list[str]:
    body = "".join(
        f"  IF {refused} THEN\n"
        f"    RAISE EXCEPTION 'ledger: {said}' USING ERRCODE = 'check_violation';\n  END IF;\n"
        for said, refused in RULES
    )
    rules = (
        f"CREATE OR REPLACE FUNCTION {TABLE}_rules() RETURNS trigger LANGUAGE plpgsql AS $$\n"
        f"BEGIN\n  PERFORM 1 FROM ledger_book WHERE id = {bank.BOOK_OF[TABLE]} FOR UPDATE;\n"
        f"{body}  RETURN NEW;\nEND $$"
    )
    return [rules]


def upgrade() -> None:
    """Replace the guard by one of the same name."""
    connection = op.get_bind()
    for statement in _sqlite() if connection.dialect.name == "sqlite" else _pg():
        connection.exec_driver_sql(statement)
