"""Other payees for a payment: asked by one, confirmed by another, and a day's wait; and who said to
be close to the recipient, and so is no second name. The database itself keeps both."""

from alembic import op

revision = "ledger_0007"
down_revision = "ledger_0006"
branch_labels = None
depends_on = None

TABLES = (
    """
CREATE TABLE ledger_payee_change (
  id {bytes} NOT NULL PRIMARY KEY CHECK ({length}(id) = 16),
  payout_id {bytes} NOT NULL REFERENCES ledger_payout (id),
  payee_sealed {bytes},
  recipient_actor {int},
  asker_actor {int} NOT NULL CHECK (asker_actor > 0),
  asked_at {time} NOT NULL,
  confirmer_actor {int} CHECK (confirmer_actor > 0),
  confirmed_at {time},
  dropped_at {time},
  CONSTRAINT ledger_payee_change_two_people CHECK (confirmer_actor IS NULL
    OR (confirmer_actor <> asker_actor
      AND (recipient_actor IS NULL OR confirmer_actor <> recipient_actor))),
  CONSTRAINT ledger_payee_change_whole CHECK ((confirmer_actor IS NULL) = (confirmed_at IS NULL)
    AND (confirmed_at IS NULL OR dropped_at IS NULL)
    AND ((confirmed_at IS NULL AND dropped_at IS NULL) OR payee_sealed IS NULL))
){end}""",
    """
CREATE UNIQUE INDEX ledger_payee_change_open ON ledger_payee_change (payout_id)
  WHERE confirmed_at IS NULL AND dropped_at IS NULL""",
    """
CREATE TABLE ledger_payout_close (
  payout_id {bytes} NOT NULL REFERENCES ledger_payout (id),
  actor {int} NOT NULL CHECK (actor > 0),
  said_by {int} NOT NULL CHECK (said_by > 0),
  said_at {time} NOT NULL,
  PRIMARY KEY (payout_id, actor)
){end}""",
)

_CLOSE = """EXISTS (SELECT 1 FROM ledger_payout_close c
  WHERE c.payout_id = NEW.{id} AND c.actor = NEW.confirmer_actor)"""
_SAID = "ledger: who is close to the recipient is no second name"
_ENDED = "ledger: a change of payee that ended stays"
_DONE = "OLD.confirmed_at IS NOT NULL OR OLD.dropped_at IS NOT NULL"

SQLITE = (
    *(
        f"""
CREATE TRIGGER {table}_not_close BEFORE UPDATE OF confirmer_actor ON {table} BEGIN
  SELECT RAISE(ABORT, '{_SAID}') WHERE {_CLOSE.format(id=id_)};
END"""
        for table, id_ in (("ledger_payout", "id"), ("ledger_payee_change", "payout_id"))
    ),
    f"""
CREATE TRIGGER ledger_payee_change_stays BEFORE UPDATE ON ledger_payee_change BEGIN
  SELECT RAISE(ABORT, '{_ENDED}') WHERE {_DONE} OR NEW.id IS NOT OLD.id
    OR NEW.payout_id IS NOT OLD.payout_id OR NEW.asker_actor IS NOT OLD.asker_actor
    OR NEW.recipient_actor IS NOT OLD.recipient_actor;
END""",
    f"""
CREATE TRIGGER ledger_payee_change_never_delete BEFORE DELETE ON ledger_payee_change BEGIN
  SELECT RAISE(ABORT, '{_ENDED}');
END""",
    *(
        f"""
CREATE TRIGGER ledger_payout_close_never_{verb} BEFORE {verb} ON ledger_payout_close BEGIN
  SELECT RAISE(ABORT, 'ledger: ledger_payout_close is append-only');
END"""
        for verb in ("update", "delete")
    ),
)


def _pg(name: str, refuse: str, said: str, when: str, table: str) -> tuple[str, str]:
    return (
        f"""
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF {refuse} THEN
    RAISE EXCEPTION '{said}' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$""",
        f"CREATE TRIGGER {name} BEFORE {when} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()",
    )


POSTGRESQL = (
    *_pg(
        "ledger_payout_not_close",
        _CLOSE.format(id="id"),
        _SAID,
        "UPDATE OF confirmer_actor",
        "ledger_payout",
    ),
    *_pg(
        "ledger_payee_change_not_close",
        _CLOSE.format(id="payout_id"),
        _SAID,
        "UPDATE OF confirmer_actor",
        "ledger_payee_change",
    ),
    *_pg(
        "ledger_payee_change_stays",
        f"TG_OP = 'DELETE' OR {_DONE} OR NEW.id <> OLD.id OR NEW.payout_id <> OLD.payout_id "
        "OR NEW.asker_actor <> OLD.asker_actor "
        "OR NEW.recipient_actor IS DISTINCT FROM OLD.recipient_actor",
        _ENDED,
        "UPDATE OR DELETE",
        "ledger_payee_change",
    ),
    *_pg(
        "ledger_payout_close_stays",
        "true",
        "ledger: ledger_payout_close is append-only",
        "UPDATE OR DELETE",
        "ledger_payout_close",
    ),
)


def upgrade() -> None:
    """Two tables, the moment from which a payment may go out, and their guards."""
    connection = op.get_bind()
    sqlite = connection.dialect.name == "sqlite"
    types = {
        "bytes": "BLOB" if sqlite else "BYTEA",
        "int": "INTEGER" if sqlite else "BIGINT",
        "time": "TEXT" if sqlite else "TIMESTAMPTZ",
        "length": "length" if sqlite else "octet_length",
        "end": " WITHOUT ROWID, STRICT" if sqlite else "",
    }
    connection.exec_driver_sql(f"ALTER TABLE ledger_payout ADD COLUMN pay_from {types['time']}")
    for table in TABLES:
        connection.exec_driver_sql(table.format(**types))
    for guard in SQLITE if sqlite else POSTGRESQL:
        connection.exec_driver_sql(guard)
