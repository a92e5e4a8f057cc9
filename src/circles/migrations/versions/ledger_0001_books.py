"""The books: tables, allow-list, and the guards that make the database itself keep the rules.

Written out for each database, because the guards are the point. What they refuse, whoever asks:
a transfer out of sequence, off the chain's head, into a closed period, of a kind that may not touch
those accounts, a reversal that is no mirror or comes twice, anything under a floor; and any UPDATE,
DELETE, TRUNCATE or REPLACE of what is booked.
"""

from alembic import op
from sqlalchemy import text

revision = "ledger_0001"
down_revision = None
branch_labels = ("ledger",)
depends_on = None

# Frozen copy of ledger.chart.KINDS as of this migration.
KINDS = """
opening bank fund
opening cash fund
contribution bank member
contribution cash member
contribution_unidentified bank suspense
contribution_unidentified cash suspense
identify suspense member
gift bank fund
gift cash fund
gift suspense fund
deposit bank cash
pledge member fund
reserve fund round
allocate round award
carry round fund
payout_sent award transit
payout_settled transit bank
payout_settled transit cash
payout_returned bank award
payout_returned cash award
returned returned bank
contribution_returned bank returned
withdraw fund member
offset member returned
refund member transit
release award fund
fee fund bank
fee returned bank
fee fund returned
interest bank fund
"""

TABLES = """
CREATE TABLE ledger_kind (
  kind TEXT NOT NULL,
  debit_class TEXT NOT NULL,
  credit_class TEXT NOT NULL,
  PRIMARY KEY (kind, debit_class, credit_class)
){end};

CREATE TABLE ledger_book (
  id {bytes} NOT NULL PRIMARY KEY CHECK ({length}(id) = 16),
  circle_id {bytes} NOT NULL CHECK ({length}(circle_id) = 16),
  currency TEXT NOT NULL CHECK (length(currency) = 3),
  minor_digits {int} NOT NULL CHECK (minor_digits BETWEEN 0 AND 4),
  opened_at {time} NOT NULL,
  next_seq {int} NOT NULL CHECK (next_seq >= 1),
  head {bytes} NOT NULL CHECK ({length}(head) = 32),
  closed_through {date},
  UNIQUE (circle_id, currency)
){end};

CREATE TABLE ledger_account (
  book_id {bytes} NOT NULL REFERENCES ledger_book (id),
  code TEXT NOT NULL,
  class TEXT NOT NULL,
  floor TEXT NOT NULL,
  PRIMARY KEY (book_id, code),
  UNIQUE (book_id, code, floor),
  CONSTRAINT ledger_account_class CHECK (
    (class = 'bank' AND code LIKE 'Assets:Bank:_%')
    OR (class = 'cash' AND code = 'Assets:Cash')
    OR (class = 'returned' AND code = 'Assets:Returned')
    OR (class = 'member' AND code LIKE 'Liabilities:Members:M____%')
    OR (class = 'suspense' AND code = 'Liabilities:Suspense')
    OR (class = 'award' AND code LIKE 'Liabilities:Awards:____-__-_%')
    OR (class = 'transit' AND code = 'Liabilities:Transit')
    OR (class = 'round' AND code LIKE 'Liabilities:Round:____-__')
    OR (class = 'fund' AND code = 'Equity:Fund')),
  CONSTRAINT ledger_account_floor CHECK (
    (floor = 'none' AND class IN ('bank', 'returned'))
    OR (floor = 'debit' AND class = 'cash')
    OR (floor = 'credit'
        AND class IN ('member', 'suspense', 'award', 'transit', 'round', 'fund')))
){end};

CREATE TABLE ledger_balance (
  book_id {bytes} NOT NULL,
  code TEXT NOT NULL,
  floor TEXT NOT NULL,
  debits {int} NOT NULL CHECK (debits >= 0),
  credits {int} NOT NULL CHECK (credits >= 0),
  last_seq {int} NOT NULL CHECK (last_seq >= 0),
  PRIMARY KEY (book_id, code),
  FOREIGN KEY (book_id, code, floor) REFERENCES ledger_account (book_id, code, floor),
  CONSTRAINT ledger_floor CHECK (
    floor = 'none'
    OR (floor = 'credit' AND credits >= debits)
    OR (floor = 'debit' AND debits >= credits))
){end};

CREATE TABLE ledger_transfer (
  book_id {bytes} NOT NULL REFERENCES ledger_book (id),
  seq {int} NOT NULL CHECK (seq >= 1),
  id {bytes} NOT NULL UNIQUE CHECK ({length}(id) = 16),
  entry_id {bytes} NOT NULL CHECK ({length}(entry_id) = 16),
  kind TEXT NOT NULL,
  debit TEXT NOT NULL,
  credit TEXT NOT NULL,
  amount_minor {int} NOT NULL CHECK (amount_minor > 0 AND amount_minor < 1000000000000000),
  effective_on {date} NOT NULL,
  recorded_at {time} NOT NULL,
  reverses {bytes} UNIQUE REFERENCES ledger_transfer (id),
  actor {int} NOT NULL CHECK (actor >= 0),
  note_hash {bytes} CHECK ({length}(note_hash) = 32),
  business_ref TEXT CHECK (length(business_ref) BETWEEN 1 AND 120),
  salt {bytes} NOT NULL CHECK ({length}(salt) = 16),
  prev_hash {bytes} NOT NULL CHECK ({length}(prev_hash) = 32),
  hash {bytes} NOT NULL CHECK ({length}(hash) = 32),
  PRIMARY KEY (book_id, seq),
  UNIQUE (book_id, business_ref),
  FOREIGN KEY (book_id, debit) REFERENCES ledger_account (book_id, code),
  FOREIGN KEY (book_id, credit) REFERENCES ledger_account (book_id, code),
  CHECK (debit <> credit),
  CHECK ((kind = 'reversal') = (reverses IS NOT NULL))
){end};
CREATE INDEX ledger_transfer_debit ON ledger_transfer (book_id, debit, seq);
CREATE INDEX ledger_transfer_credit ON ledger_transfer (book_id, credit, seq);
CREATE INDEX ix_ledger_transfer_entry_id ON ledger_transfer (entry_id);

CREATE TABLE ledger_note (
  hash {bytes} NOT NULL PRIMARY KEY CHECK ({length}(hash) = 32),
  book_id {bytes} NOT NULL REFERENCES ledger_book (id),
  salt {bytes} NOT NULL CHECK ({length}(salt) = 16),
  note TEXT NOT NULL
){end};

CREATE TABLE ledger_idempotency (
  book_id {bytes} NOT NULL REFERENCES ledger_book (id),
  key TEXT NOT NULL CHECK (length(key) BETWEEN 1 AND 120),
  request_sha256 {bytes} NOT NULL CHECK ({length}(request_sha256) = 32),
  entry_id {bytes} NOT NULL CHECK ({length}(entry_id) = 16),
  PRIMARY KEY (book_id, key)
){end};

CREATE TABLE ledger_seal (
  book_id {bytes} NOT NULL REFERENCES ledger_book (id),
  ref TEXT NOT NULL,
  month TEXT NOT NULL,
  transfers {int} NOT NULL CHECK (transfers >= 0),
  head {bytes} NOT NULL CHECK ({length}(head) = 32),
  fund_minor {int} NOT NULL CHECK (fund_minor >= 0),
  sealed_at {time} NOT NULL,
  actor {int} NOT NULL CHECK (actor >= 0),
  closes_through {date},
  hash {bytes} NOT NULL CHECK ({length}(hash) = 32),
  PRIMARY KEY (book_id, ref)
){end};
"""

_SQLITE_NEVER = """
CREATE TRIGGER {table}_never_{verb} BEFORE {verb} ON {table} BEGIN
  SELECT RAISE(ABORT, 'ledger: {table} is append-only');
END"""

APPEND_ONLY = (
    "ledger_kind",
    "ledger_account",
    "ledger_transfer",
    "ledger_idempotency",
    "ledger_seal",
)

# BEFORE INSERT also refuses known keys: INSERT OR REPLACE deletes past delete triggers wherever a
# connection forgot recursive_triggers.
SQLITE_GUARDS = (
    """
CREATE TRIGGER ledger_transfer_guard BEFORE INSERT ON ledger_transfer BEGIN
  SELECT RAISE(ABORT, 'ledger: this transfer is booked already') WHERE EXISTS (
    SELECT 1 FROM ledger_transfer t WHERE t.id = NEW.id
      OR (t.book_id = NEW.book_id AND t.seq = NEW.seq))
    OR EXISTS (SELECT 1 FROM ledger_transfer t
      WHERE t.book_id = NEW.book_id AND t.business_ref = NEW.business_ref)
    OR EXISTS (SELECT 1 FROM ledger_transfer t WHERE t.reverses = NEW.reverses);
  SELECT RAISE(ABORT, 'ledger: seq is not the next one') WHERE NOT EXISTS (
    SELECT 1 FROM ledger_book b WHERE b.id = NEW.book_id AND b.next_seq = NEW.seq);
  SELECT RAISE(ABORT, 'ledger: prev_hash is not the head') WHERE NOT EXISTS (
    SELECT 1 FROM ledger_book b WHERE b.id = NEW.book_id AND b.head = NEW.prev_hash);
  SELECT RAISE(ABORT, 'ledger: that period is closed') WHERE EXISTS (
    SELECT 1 FROM ledger_book b
    WHERE b.id = NEW.book_id AND b.closed_through >= NEW.effective_on);
  SELECT RAISE(ABORT, 'ledger: a reversal mirrors one transfer, once') WHERE
    NEW.kind = 'reversal' AND NOT EXISTS (
      SELECT 1 FROM ledger_transfer o WHERE o.id = NEW.reverses AND o.book_id = NEW.book_id
        AND o.debit = NEW.credit AND o.credit = NEW.debit
        AND o.amount_minor = NEW.amount_minor AND o.kind <> 'reversal');
  SELECT RAISE(ABORT, 'ledger: this kind may not touch these accounts') WHERE
    NEW.kind <> 'reversal' AND NOT EXISTS (
      SELECT 1 FROM ledger_kind k
      JOIN ledger_account d ON d.book_id = NEW.book_id AND d.code = NEW.debit
      JOIN ledger_account c ON c.book_id = NEW.book_id AND c.code = NEW.credit
      WHERE k.kind = NEW.kind AND k.debit_class = d.class AND k.credit_class = c.class);
END""",
    """
CREATE TRIGGER ledger_transfer_booked AFTER INSERT ON ledger_transfer BEGIN
  UPDATE ledger_balance SET debits = debits + NEW.amount_minor, last_seq = NEW.seq
    WHERE book_id = NEW.book_id AND code = NEW.debit;
  UPDATE ledger_balance SET credits = credits + NEW.amount_minor, last_seq = NEW.seq
    WHERE book_id = NEW.book_id AND code = NEW.credit;
  UPDATE ledger_book SET next_seq = NEW.seq + 1, head = NEW.hash WHERE id = NEW.book_id;
END""",
    """
CREATE TRIGGER ledger_account_guard BEFORE INSERT ON ledger_account BEGIN
  SELECT RAISE(ABORT, 'ledger: this account exists') WHERE EXISTS (
    SELECT 1 FROM ledger_account a WHERE a.book_id = NEW.book_id AND a.code = NEW.code);
END""",
    """
CREATE TRIGGER ledger_account_opened AFTER INSERT ON ledger_account BEGIN
  INSERT INTO ledger_balance (book_id, code, floor, debits, credits, last_seq)
    VALUES (NEW.book_id, NEW.code, NEW.floor, 0, 0, 0);
END""",
    """
CREATE TRIGGER ledger_balance_guard BEFORE INSERT ON ledger_balance BEGIN
  SELECT RAISE(ABORT, 'ledger: balances follow transfers') WHERE
    NEW.debits <> 0 OR NEW.credits <> 0 OR NEW.last_seq <> 0 OR EXISTS (
      SELECT 1 FROM ledger_balance b WHERE b.book_id = NEW.book_id AND b.code = NEW.code);
END""",
    """
CREATE TRIGGER ledger_balance_follows BEFORE UPDATE ON ledger_balance BEGIN
  SELECT RAISE(ABORT, 'ledger: balances follow transfers') WHERE
    NEW.book_id IS NOT OLD.book_id OR NEW.code IS NOT OLD.code OR NEW.floor IS NOT OLD.floor
    OR NEW.last_seq <= OLD.last_seq
    OR NEW.debits - OLD.debits <> (
      SELECT coalesce(sum(t.amount_minor), 0) FROM ledger_transfer t
      WHERE t.book_id = OLD.book_id AND t.debit = OLD.code
        AND t.seq > OLD.last_seq AND t.seq <= NEW.last_seq)
    OR NEW.credits - OLD.credits <> (
      SELECT coalesce(sum(t.amount_minor), 0) FROM ledger_transfer t
      WHERE t.book_id = OLD.book_id AND t.credit = OLD.code
        AND t.seq > OLD.last_seq AND t.seq <= NEW.last_seq);
END""",
    """
CREATE TRIGGER ledger_balance_never_delete BEFORE DELETE ON ledger_balance BEGIN
  SELECT RAISE(ABORT, 'ledger: balances follow transfers');
END""",
    """
CREATE TRIGGER ledger_book_guard BEFORE INSERT ON ledger_book BEGIN
  SELECT RAISE(ABORT, 'ledger: a book begins empty, once') WHERE
    NEW.next_seq <> 1 OR NEW.closed_through IS NOT NULL OR EXISTS (
      SELECT 1 FROM ledger_book b WHERE b.id = NEW.id
        OR (b.circle_id = NEW.circle_id AND b.currency = NEW.currency));
END""",
    """
CREATE TRIGGER ledger_book_follows BEFORE UPDATE ON ledger_book BEGIN
  SELECT RAISE(ABORT, 'ledger: a book is what is booked in it') WHERE
    NEW.id IS NOT OLD.id OR NEW.circle_id IS NOT OLD.circle_id
    OR NEW.currency IS NOT OLD.currency OR NEW.minor_digits IS NOT OLD.minor_digits
    OR NEW.opened_at IS NOT OLD.opened_at
    OR ((NEW.next_seq IS NOT OLD.next_seq OR NEW.head IS NOT OLD.head) AND NOT EXISTS (
      SELECT 1 FROM ledger_transfer t
      WHERE t.book_id = OLD.id AND t.seq = NEW.next_seq - 1 AND t.hash = NEW.head))
    OR EXISTS (SELECT 1 FROM ledger_transfer t
      WHERE t.book_id = OLD.id AND t.seq >= NEW.next_seq)
    OR (NEW.closed_through IS NOT OLD.closed_through AND NEW.closed_through IS NOT (
      SELECT max(s.closes_through) FROM ledger_seal s WHERE s.book_id = OLD.id));
END""",
    """
CREATE TRIGGER ledger_book_never_delete BEFORE DELETE ON ledger_book BEGIN
  SELECT RAISE(ABORT, 'ledger: a book is for ever');
END""",
    """
CREATE TRIGGER ledger_seal_guard BEFORE INSERT ON ledger_seal BEGIN
  SELECT RAISE(ABORT, 'ledger: this seal exists') WHERE EXISTS (
    SELECT 1 FROM ledger_seal s WHERE s.book_id = NEW.book_id AND s.ref = NEW.ref);
  SELECT RAISE(ABORT, 'ledger: a seal names the present state') WHERE NOT EXISTS (
    SELECT 1 FROM ledger_book b
    WHERE b.id = NEW.book_id AND b.next_seq - 1 = NEW.transfers AND b.head = NEW.head);
  SELECT RAISE(ABORT, 'ledger: that period is closed') WHERE EXISTS (
    SELECT 1 FROM ledger_book b
    WHERE b.id = NEW.book_id AND b.closed_through >= NEW.closes_through);
END""",
    """
CREATE TRIGGER ledger_seal_closes AFTER INSERT ON ledger_seal
WHEN NEW.closes_through IS NOT NULL BEGIN
  UPDATE ledger_book SET closed_through = NEW.closes_through WHERE id = NEW.book_id;
END""",
    """
CREATE TRIGGER ledger_idempotency_guard BEFORE INSERT ON ledger_idempotency BEGIN
  SELECT RAISE(ABORT, 'ledger: this key was answered') WHERE EXISTS (
    SELECT 1 FROM ledger_idempotency i WHERE i.book_id = NEW.book_id AND i.key = NEW.key);
END""",
    """
CREATE TRIGGER ledger_note_never_update BEFORE UPDATE ON ledger_note BEGIN
  SELECT RAISE(ABORT, 'ledger: a note is erased or kept, never changed');
END""",
    """
CREATE TRIGGER ledger_note_guard BEFORE INSERT ON ledger_note BEGIN
  SELECT RAISE(ABORT, 'ledger: a note is erased or kept, never changed') WHERE EXISTS (
    SELECT 1 FROM ledger_note n WHERE n.hash = NEW.hash);
END""",
)

# The check a fresh set of transfers must pass, in order; then the sums move, once per account.
# A set is judged step by step: a floor broken half way is broken, as on SQLite.
PG_FUNCTIONS = (
    """
CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'ledger: % is append-only', TG_TABLE_NAME USING ERRCODE = 'check_violation';
END $$""",
    """
CREATE FUNCTION ledger_booked() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  book record;
BEGIN
  FOR book IN
    SELECT b.id, b.next_seq, b.head, b.closed_through FROM ledger_book b
    WHERE b.id IN (SELECT f.book_id FROM fresh f) ORDER BY b.id FOR UPDATE
  LOOP
    IF EXISTS (SELECT 1 FROM (
        SELECT f.seq, row_number() OVER (ORDER BY f.seq) AS n
        FROM fresh f WHERE f.book_id = book.id) s WHERE s.seq <> book.next_seq + s.n - 1) THEN
      RAISE EXCEPTION 'ledger: seq is not the next one' USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (SELECT 1 FROM (
        SELECT f.prev_hash, lag(f.hash, 1, book.head) OVER (ORDER BY f.seq) AS head
        FROM fresh f WHERE f.book_id = book.id) s WHERE s.prev_hash <> s.head) THEN
      RAISE EXCEPTION 'ledger: prev_hash is not the head' USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (SELECT 1 FROM fresh f
        WHERE f.book_id = book.id AND f.effective_on <= book.closed_through) THEN
      RAISE EXCEPTION 'ledger: that period is closed' USING ERRCODE = 'check_violation';
    END IF;
    UPDATE ledger_book b SET next_seq = last.seq + 1, head = last.hash
      FROM (SELECT f.seq, f.hash FROM fresh f
            WHERE f.book_id = book.id ORDER BY f.seq DESC LIMIT 1) last
      WHERE b.id = book.id;
  END LOOP;
  IF EXISTS (SELECT 1 FROM fresh f WHERE f.kind = 'reversal' AND NOT EXISTS (
      SELECT 1 FROM ledger_transfer o WHERE o.id = f.reverses AND o.book_id = f.book_id
        AND o.seq < f.seq AND o.debit = f.credit AND o.credit = f.debit
        AND o.amount_minor = f.amount_minor AND o.kind <> 'reversal')) THEN
    RAISE EXCEPTION 'ledger: a reversal mirrors one transfer, once'
      USING ERRCODE = 'check_violation';
  END IF;
  IF EXISTS (SELECT 1 FROM fresh f WHERE f.kind <> 'reversal' AND NOT EXISTS (
      SELECT 1 FROM ledger_kind k
      JOIN ledger_account d ON d.book_id = f.book_id AND d.code = f.debit
      JOIN ledger_account c ON c.book_id = f.book_id AND c.code = f.credit
      WHERE k.kind = f.kind AND k.debit_class = d.class AND k.credit_class = c.class)) THEN
    RAISE EXCEPTION 'ledger: this kind may not touch these accounts'
      USING ERRCODE = 'check_violation';
  END IF;
  IF EXISTS (SELECT 1 FROM (
      SELECT b.floor, b.credits - b.debits
        + sum(l.credit - l.debit) OVER (PARTITION BY l.book_id, l.code ORDER BY l.seq) AS net
      FROM (SELECT f.book_id, f.debit AS code, f.seq, f.amount_minor AS debit, 0 AS credit
            FROM fresh f
            UNION ALL
            SELECT f.book_id, f.credit, f.seq, 0, f.amount_minor FROM fresh f) l
      JOIN ledger_balance b ON b.book_id = l.book_id AND b.code = l.code) s
      WHERE (s.floor = 'credit' AND s.net < 0) OR (s.floor = 'debit' AND s.net > 0)) THEN
    RAISE EXCEPTION 'ledger: ledger_floor is broken' USING ERRCODE = 'check_violation';
  END IF;
  UPDATE ledger_balance b
    SET debits = b.debits + g.debit, credits = b.credits + g.credit, last_seq = g.seq
    FROM (SELECT l.book_id, l.code, sum(l.debit)::bigint AS debit,
                 sum(l.credit)::bigint AS credit, max(l.seq) AS seq
          FROM (SELECT f.book_id, f.debit AS code, f.seq, f.amount_minor AS debit, 0 AS credit
                FROM fresh f
                UNION ALL
                SELECT f.book_id, f.credit, f.seq, 0, f.amount_minor FROM fresh f) l
          GROUP BY l.book_id, l.code) g
    WHERE b.book_id = g.book_id AND b.code = g.code;
  RETURN NULL;
END $$""",
    """
CREATE FUNCTION ledger_account_open() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO ledger_balance (book_id, code, floor, debits, credits, last_seq)
    VALUES (NEW.book_id, NEW.code, NEW.floor, 0, 0, 0);
  RETURN NULL;
END $$""",
    """
CREATE FUNCTION ledger_balance_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.debits <> 0 OR NEW.credits <> 0 OR NEW.last_seq <> 0 THEN
      RAISE EXCEPTION 'ledger: balances follow transfers' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
  END IF;
  IF NEW.book_id <> OLD.book_id OR NEW.code <> OLD.code OR NEW.floor <> OLD.floor
    OR NEW.last_seq <= OLD.last_seq
    OR NEW.debits - OLD.debits <> (
      SELECT coalesce(sum(t.amount_minor), 0) FROM ledger_transfer t
      WHERE t.book_id = OLD.book_id AND t.debit = OLD.code
        AND t.seq > OLD.last_seq AND t.seq <= NEW.last_seq)
    OR NEW.credits - OLD.credits <> (
      SELECT coalesce(sum(t.amount_minor), 0) FROM ledger_transfer t
      WHERE t.book_id = OLD.book_id AND t.credit = OLD.code
        AND t.seq > OLD.last_seq AND t.seq <= NEW.last_seq) THEN
    RAISE EXCEPTION 'ledger: balances follow transfers' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$""",
    """
CREATE FUNCTION ledger_book_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.next_seq <> 1 OR NEW.closed_through IS NOT NULL THEN
      RAISE EXCEPTION 'ledger: a book begins empty, once' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
  END IF;
  IF NEW.id <> OLD.id OR NEW.circle_id <> OLD.circle_id OR NEW.currency <> OLD.currency
    OR NEW.minor_digits <> OLD.minor_digits OR NEW.opened_at <> OLD.opened_at
    OR ((NEW.next_seq <> OLD.next_seq OR NEW.head <> OLD.head) AND NOT EXISTS (
      SELECT 1 FROM ledger_transfer t
      WHERE t.book_id = OLD.id AND t.seq = NEW.next_seq - 1 AND t.hash = NEW.head))
    OR EXISTS (SELECT 1 FROM ledger_transfer t
      WHERE t.book_id = OLD.id AND t.seq >= NEW.next_seq)
    OR (NEW.closed_through IS DISTINCT FROM OLD.closed_through
      AND NEW.closed_through IS DISTINCT FROM (
        SELECT max(s.closes_through) FROM ledger_seal s WHERE s.book_id = OLD.id)) THEN
    RAISE EXCEPTION 'ledger: a book is what is booked in it' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$""",
    """
CREATE FUNCTION ledger_seal_state() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  book record;
BEGIN
  SELECT b.next_seq, b.head, b.closed_through INTO book
    FROM ledger_book b WHERE b.id = NEW.book_id FOR UPDATE;
  IF book.next_seq - 1 <> NEW.transfers OR book.head <> NEW.head THEN
    RAISE EXCEPTION 'ledger: a seal names the present state' USING ERRCODE = 'check_violation';
  END IF;
  IF book.closed_through >= NEW.closes_through THEN
    RAISE EXCEPTION 'ledger: that period is closed' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$""",
    """
CREATE FUNCTION ledger_seal_close() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE ledger_book SET closed_through = NEW.closes_through WHERE id = NEW.book_id;
  RETURN NULL;
END $$""",
)

PG_GUARDS = (
    """
CREATE TRIGGER ledger_transfer_booked AFTER INSERT ON ledger_transfer
  REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION ledger_booked()""",
    """
CREATE TRIGGER ledger_account_opened AFTER INSERT ON ledger_account
  FOR EACH ROW EXECUTE FUNCTION ledger_account_open()""",
    """
CREATE TRIGGER ledger_balance_follows BEFORE INSERT OR UPDATE ON ledger_balance
  FOR EACH ROW EXECUTE FUNCTION ledger_balance_moves()""",
    """
CREATE TRIGGER ledger_book_follows BEFORE INSERT OR UPDATE ON ledger_book
  FOR EACH ROW EXECUTE FUNCTION ledger_book_moves()""",
    """
CREATE TRIGGER ledger_seal_guard BEFORE INSERT ON ledger_seal
  FOR EACH ROW EXECUTE FUNCTION ledger_seal_state()""",
    """
CREATE TRIGGER ledger_seal_closes AFTER INSERT ON ledger_seal
  FOR EACH ROW WHEN (NEW.closes_through IS NOT NULL) EXECUTE FUNCTION ledger_seal_close()""",
)


def _sqlite_statements() -> list[str]:
    never = [
        _SQLITE_NEVER.format(table=table, verb=verb)
        for table in APPEND_ONLY
        for verb in ("update", "delete")
    ]
    return [*SQLITE_GUARDS, *never]


def _pg_never(table: str, events: str, suffix: str) -> str:
    return (
        f"CREATE TRIGGER {table}_never_{suffix} BEFORE {events} ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse()"
    )


def _pg_statements() -> list[str]:
    statements = [*PG_FUNCTIONS, *PG_GUARDS]
    for table in APPEND_ONLY:
        statements.append(_pg_never(table, "UPDATE OR DELETE", "change"))
        statements.append(_pg_never(table, "TRUNCATE", "truncate"))
    for table in ("ledger_book", "ledger_balance"):
        statements.append(_pg_never(table, "DELETE", "change"))
        statements.append(_pg_never(table, "TRUNCATE", "truncate"))
    statements.append(_pg_never("ledger_note", "UPDATE", "change"))
    return statements


def upgrade() -> None:
    """Tables first, then the allow-list, then the guards that freeze both."""
    connection = op.get_bind()
    sqlite = connection.dialect.name == "sqlite"
    types = (
        {
            "bytes": "BLOB",
            "int": "INTEGER",
            "time": "TEXT",
            "date": "TEXT",
            "length": "length",
            "end": " WITHOUT ROWID, STRICT",
        }
        if sqlite
        else {
            "bytes": "BYTEA",
            "int": "BIGINT",
            "time": "TIMESTAMPTZ",
            "date": "DATE",
            "length": "octet_length",
            "end": "",
        }
    )
    statements = [s for s in TABLES.format(**types).split(";") if s.strip()]
    # exec_driver_sql: account codes hold colons, which text() would read as parameters.
    for statement in statements:
        connection.exec_driver_sql(statement)
    allowed = [line.split() for line in KINDS.strip().splitlines()]
    connection.execute(
        text("INSERT INTO ledger_kind VALUES (:kind, :debit, :credit)"),
        [{"kind": kind, "debit": debit, "credit": credit} for kind, debit, credit in allowed],
    )
    for statement in _sqlite_statements() if sqlite else _pg_statements():
        connection.exec_driver_sql(statement)
