"""Payouts: who proposed, who confirmed, where the money is. Payee details are sealed and erased."""

from alembic import op

revision = "ledger_0002"
down_revision = "ledger_0001"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE ledger_payout (
  id {bytes} NOT NULL PRIMARY KEY CHECK ({length}(id) = 16),
  book_id {bytes} NOT NULL REFERENCES ledger_book (id),
  month TEXT NOT NULL CHECK (length(month) = 7),
  candidate INTEGER NOT NULL CHECK (candidate BETWEEN 1 AND 999),
  amount_minor {int} NOT NULL CHECK (amount_minor > 0 AND amount_minor < 1000000000000000),
  way TEXT NOT NULL CHECK (way IN ('bank', 'cash')),
  state TEXT NOT NULL CHECK (state IN
    ('proposed', 'confirmed', 'sent', 'settled', 'returned', 'withdrawn')),
  payee_sealed {bytes},
  proposer_actor {int} NOT NULL,
  proposed_at {time} NOT NULL,
  recipient_actor {int},
  confirmer_actor {int},
  confirmed_at {time},
  sent_on {date},
  settled_on {date},
  ended_at {time},
  CONSTRAINT ledger_payout_two_people CHECK (
    confirmer_actor IS NULL OR (confirmer_actor <> proposer_actor
      AND (recipient_actor IS NULL OR confirmer_actor <> recipient_actor))),
  CONSTRAINT ledger_payout_confirmed CHECK (
    state IN ('proposed', 'withdrawn')
    OR (confirmer_actor IS NOT NULL AND confirmed_at IS NOT NULL)),
  CONSTRAINT ledger_payout_sent CHECK (
    state NOT IN ('sent', 'settled', 'returned') OR sent_on IS NOT NULL),
  CONSTRAINT ledger_payout_settled CHECK (state <> 'settled' OR settled_on IS NOT NULL)
){end};
"""

# One payout of an award at a time; a returned or withdrawn one makes room for the next.
ONE_OPEN = """
CREATE UNIQUE INDEX ledger_payout_open ON ledger_payout (book_id, month, candidate)
  WHERE state IN ('proposed', 'confirmed', 'sent')
"""


def upgrade() -> None:
    """The table and its one index."""
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
    connection.exec_driver_sql(TABLE.format(**types).rstrip().rstrip(";"))
    connection.exec_driver_sql(ONE_OPEN)
