"""Cash found missing, or too much, in the tin: two kinds, and the count that waits for its second
person. It is the fund that loses or gains."""

from alembic import op
from sqlalchemy import text

revision = "ledger_0010"
down_revision = "ledger_0009"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE ledger_cash_count (
  book_id {bytes} NOT NULL PRIMARY KEY REFERENCES ledger_book (id),
  id {bytes} NOT NULL UNIQUE CHECK ({length}(id) = 16),
  counted_on {date} NOT NULL,
  counted_minor {int} NOT NULL CHECK (counted_minor >= 0),
  difference_minor {int} NOT NULL CHECK (difference_minor <> 0),
  reason TEXT NOT NULL CHECK (length(reason) > 0),
  counter_actor {int} NOT NULL CHECK (counter_actor > 0),
  counted_at {time} NOT NULL
){end}"""

KINDS = (("cash_missing", "fund", "cash"), ("cash_found", "cash", "fund"))


def upgrade() -> None:
    """The table, then the kinds."""
    connection = op.get_bind()
    sqlite = connection.dialect.name == "sqlite"
    types = {
        "bytes": "BLOB" if sqlite else "BYTEA",
        "int": "INTEGER" if sqlite else "BIGINT",
        "time": "TEXT" if sqlite else "TIMESTAMPTZ",
        "date": "TEXT" if sqlite else "DATE",
        "length": "length" if sqlite else "octet_length",
        "end": " WITHOUT ROWID, STRICT" if sqlite else "",
    }
    connection.exec_driver_sql(TABLE.format(**types))
    connection.execute(
        text("INSERT INTO ledger_kind VALUES (:kind, :debit, :credit)"),
        [{"kind": kind, "debit": debit, "credit": credit} for kind, debit, credit in KINDS],
    )
