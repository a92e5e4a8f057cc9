"""Closed months, hand-overs, auditors' links, and what a circle may begin with.

The database itself keeps: a closed month names the seal that closed it, has two different names
under it (or openly one), and is never changed; a hand-over that was accepted is never changed.
"""

from alembic import op
from sqlalchemy import text

revision = "ledger_0004"
down_revision = "ledger_0003"
branch_labels = None
depends_on = None

_FIGURES = """
  transfers {int} NOT NULL CHECK (transfers >= 0),
  head {bytes} NOT NULL CHECK ({length}(head) = 32),
  source TEXT NOT NULL CHECK (source IN ('files', 'typed', 'none')),
  bank_minor {int} NOT NULL,
  statement_minor {int} CHECK ((statement_minor IS NULL) = (source = 'none')),
  cash_minor {int} NOT NULL CHECK (cash_minor >= 0),
  suspense_minor {int} NOT NULL,
  transit_minor {int} NOT NULL,
  unpresented_minor {int} NOT NULL,
  unpresented {int} NOT NULL CHECK (unpresented >= 0),
  proposer_actor {int} NOT NULL CHECK (proposer_actor > 0),
  proposed_at {time} NOT NULL,
"""

TABLES = (
    """
CREATE TABLE ledger_close_proposal (
  book_id {bytes} NOT NULL PRIMARY KEY REFERENCES ledger_book (id),
  id {bytes} NOT NULL UNIQUE CHECK ({length}(id) = 16),
  month TEXT NOT NULL CHECK (length(month) = 7),"""
    + _FIGURES.rstrip().rstrip(",")
    + """
){end}""",
    """
CREATE TABLE ledger_period (
  book_id {bytes} NOT NULL REFERENCES ledger_book (id),
  month TEXT NOT NULL CHECK (length(month) = 7),
  id {bytes} NOT NULL UNIQUE CHECK ({length}(id) = 16),
  through {date} NOT NULL,
  seal_ref TEXT NOT NULL,"""
    + _FIGURES
    + """
  checker_actor {int} CHECK (checker_actor > 0),
  closed_at {time} NOT NULL,
  hash {bytes} NOT NULL CHECK ({length}(hash) = 32),
  PRIMARY KEY (book_id, month),
  UNIQUE (book_id, seal_ref),
  FOREIGN KEY (book_id, seal_ref) REFERENCES ledger_seal (book_id, ref),
  CONSTRAINT ledger_period_two_people CHECK (checker_actor <> proposer_actor),
  CONSTRAINT ledger_period_even CHECK (
    source = 'none' OR statement_minor + unpresented_minor = bank_minor)
){end}""",
    """
CREATE TABLE ledger_handover (
  id {bytes} NOT NULL PRIMARY KEY CHECK ({length}(id) = 16),
  book_id {bytes} NOT NULL REFERENCES ledger_book (id),
  giver_actor {int} NOT NULL CHECK (giver_actor > 0),
  taker_actor {int} NOT NULL CHECK (taker_actor > 0),
  proposed_at {time} NOT NULL,
  accepted_at {time},
  closed_through {date},
  transfers {int},
  head {bytes} CHECK ({length}(head) = 32),
  bank_minor {int},
  cash_minor {int},
  hash {bytes} CHECK ({length}(hash) = 32),
  CONSTRAINT ledger_handover_two_people CHECK (giver_actor <> taker_actor),
  CONSTRAINT ledger_handover_whole CHECK (accepted_at IS NULL OR (transfers IS NOT NULL
    AND head IS NOT NULL AND bank_minor IS NOT NULL AND cash_minor IS NOT NULL
    AND hash IS NOT NULL))
){end}""",
    """
CREATE UNIQUE INDEX ledger_handover_open ON ledger_handover (book_id)
  WHERE accepted_at IS NULL""",
    """
CREATE TABLE ledger_audit_link (
  id {bytes} NOT NULL PRIMARY KEY CHECK ({length}(id) = 16),
  book_id {bytes} NOT NULL REFERENCES ledger_book (id),
  code_hash {bytes} NOT NULL UNIQUE CHECK ({length}(code_hash) = 32),
  period TEXT NOT NULL CHECK (length(period) IN (4, 7)),
  made_actor {int} NOT NULL,
  made_at {time} NOT NULL,
  expires_at {time} NOT NULL,
  revoked_at {time}
){end}""",
)

# What a circle began with may also be what members had paid ahead, or nobody's yet.
KINDS = (
    ("opening", "bank", "member"),
    ("opening", "cash", "member"),
    ("opening", "bank", "suspense"),
    ("opening", "cash", "suspense"),
)

# A closed month is what its seal says: the state of the books in the moment of closing.
_SEALED = """EXISTS (SELECT 1 FROM ledger_seal s WHERE s.book_id = NEW.book_id
  AND s.ref = NEW.seal_ref AND s.month = NEW.month AND s.closes_through = NEW.through
  AND s.transfers = NEW.transfers AND s.head = NEW.head)"""

SQLITE_GUARDS = (
    f"""
CREATE TRIGGER ledger_period_guard BEFORE INSERT ON ledger_period BEGIN
  SELECT RAISE(ABORT, 'ledger: this month is closed') WHERE EXISTS (
    SELECT 1 FROM ledger_period p WHERE p.id = NEW.id
      OR (p.book_id = NEW.book_id AND (p.month = NEW.month OR p.seal_ref = NEW.seal_ref)));
  SELECT RAISE(ABORT, 'ledger: a closed month is what its seal says') WHERE NOT {_SEALED};
END""",  # noqa: S608 - our own words
    """
CREATE TRIGGER ledger_period_never_update BEFORE UPDATE ON ledger_period BEGIN
  SELECT RAISE(ABORT, 'ledger: ledger_period is append-only');
END""",
    """
CREATE TRIGGER ledger_period_never_delete BEFORE DELETE ON ledger_period BEGIN
  SELECT RAISE(ABORT, 'ledger: ledger_period is append-only');
END""",
    """
CREATE TRIGGER ledger_handover_guard BEFORE INSERT ON ledger_handover BEGIN
  SELECT RAISE(ABORT, 'ledger: a hand-over begins open, once') WHERE NEW.accepted_at IS NOT NULL
    OR EXISTS (SELECT 1 FROM ledger_handover h WHERE h.id = NEW.id
      OR (h.book_id = NEW.book_id AND h.accepted_at IS NULL));
END""",
    """
CREATE TRIGGER ledger_handover_stays BEFORE UPDATE ON ledger_handover BEGIN
  SELECT RAISE(ABORT, 'ledger: an accepted hand-over stays') WHERE OLD.accepted_at IS NOT NULL
    OR NEW.accepted_at IS NULL OR NEW.id IS NOT OLD.id OR NEW.book_id IS NOT OLD.book_id
    OR NEW.giver_actor IS NOT OLD.giver_actor OR NEW.taker_actor IS NOT OLD.taker_actor
    OR NEW.proposed_at IS NOT OLD.proposed_at;
END""",
    """
CREATE TRIGGER ledger_handover_never_delete BEFORE DELETE ON ledger_handover BEGIN
  SELECT RAISE(ABORT, 'ledger: an accepted hand-over stays') WHERE OLD.accepted_at IS NOT NULL;
END""",
)

PG_GUARDS = (
    f"""
CREATE FUNCTION ledger_period_sealed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT {_SEALED} THEN
    RAISE EXCEPTION 'ledger: a closed month is what its seal says'
      USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$""",
    """
CREATE TRIGGER ledger_period_guard BEFORE INSERT ON ledger_period
  FOR EACH ROW EXECUTE FUNCTION ledger_period_sealed()""",
    """
CREATE TRIGGER ledger_period_never_change BEFORE UPDATE OR DELETE ON ledger_period
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse()""",
    """
CREATE TRIGGER ledger_period_never_truncate BEFORE TRUNCATE ON ledger_period
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse()""",
    """
CREATE FUNCTION ledger_handover_keeps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.accepted_at IS NOT NULL THEN
      RAISE EXCEPTION 'ledger: a hand-over begins open, once' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
  END IF;
  IF OLD.accepted_at IS NOT NULL THEN
    RAISE EXCEPTION 'ledger: an accepted hand-over stays' USING ERRCODE = 'check_violation';
  END IF;
  IF TG_OP = 'DELETE' THEN
    RETURN OLD;
  END IF;
  IF NEW.accepted_at IS NULL OR NEW.id <> OLD.id OR NEW.book_id <> OLD.book_id
    OR NEW.giver_actor <> OLD.giver_actor OR NEW.taker_actor <> OLD.taker_actor
    OR NEW.proposed_at <> OLD.proposed_at THEN
    RAISE EXCEPTION 'ledger: an accepted hand-over stays' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$""",
    """
CREATE TRIGGER ledger_handover_guard BEFORE INSERT OR UPDATE OR DELETE ON ledger_handover
  FOR EACH ROW EXECUTE FUNCTION ledger_handover_keeps()""",
    """
CREATE TRIGGER ledger_handover_never_truncate BEFORE TRUNCATE ON ledger_handover
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse()""",
)


def upgrade() -> None:
    """Tables, then the guards, then the new kinds."""
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
    for statement in TABLES:
        connection.exec_driver_sql(statement.format(**types))
    for statement in SQLITE_GUARDS if sqlite else PG_GUARDS:
        connection.exec_driver_sql(statement)
    connection.execute(
        text("INSERT INTO ledger_kind VALUES (:kind, :debit, :credit)"),
        [{"kind": kind, "debit": debit, "credit": credit} for kind, debit, credit in KINDS],
    )
