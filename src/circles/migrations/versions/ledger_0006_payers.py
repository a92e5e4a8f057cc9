"""Which accounts paid for whom, unreadable without the host's key; and whether what is certain may
be booked without a click."""

from alembic import op

revision = "ledger_0006"
down_revision = "ledger_0005"
branch_labels = None
depends_on = None

TABLES = (
    """
CREATE TABLE ledger_payer_link (
  book_id {bytes} NOT NULL REFERENCES ledger_book (id),
  mark {bytes} NOT NULL CHECK ({length}(mark) = 32),
  number TEXT NOT NULL CHECK (length(number) BETWEEN 5 AND 10),
  learned_on {date} NOT NULL,
  learned_actor {int} NOT NULL CHECK (learned_actor > 0),
  PRIMARY KEY (book_id, mark)
){end}""",
    """
CREATE TABLE ledger_matching (
  book_id {bytes} NOT NULL PRIMARY KEY REFERENCES ledger_book (id),
  by_itself {int} NOT NULL CHECK (by_itself IN (0, 1)),
  said_actor {int} NOT NULL CHECK (said_actor > 0),
  said_at {time} NOT NULL
){end}""",
)


def upgrade() -> None:
    """Two small tables; both may be emptied, neither is part of the books."""
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
    for table in TABLES:
        connection.exec_driver_sql(table.format(**types))
