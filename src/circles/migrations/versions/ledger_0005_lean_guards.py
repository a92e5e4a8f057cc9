"""The guards of ledger_0001, asking the same with fewer questions.

PostgreSQL: a set of fresh transfers is judged in four statements instead of eight, and sums that
the booking trigger itself has just made are not added up a second time by the guard of the balances
(`pg_trigger_depth() = 0`: that guard is for whoever writes to them directly). The foreign keys from
a transfer to its book and accounts go: they were checked row by row, and the trigger checks the
same for the whole set, of accounts that can never be removed. `ledger_look` locks a book and then
reads what a booking must know, in one round trip.

SQLite: the book is read once, not three times; a balance moves by exactly one transfer, which is
looked up, instead of by sums over all since the last.
"""

from alembic import op

revision = "ledger_0005"
down_revision = "ledger_0004"
branch_labels = None
depends_on = None

SQLITE = (
    "DROP TRIGGER ledger_transfer_guard",
    """
CREATE TRIGGER ledger_transfer_guard BEFORE INSERT ON ledger_transfer BEGIN
  SELECT RAISE(ABORT, 'ledger: this transfer is booked already') WHERE EXISTS (
    SELECT 1 FROM ledger_transfer t WHERE t.id = NEW.id)
    OR EXISTS (SELECT 1 FROM ledger_transfer t
      WHERE t.book_id = NEW.book_id AND t.seq = NEW.seq)
    OR (NEW.business_ref IS NOT NULL AND EXISTS (SELECT 1 FROM ledger_transfer t
      WHERE t.book_id = NEW.book_id AND t.business_ref = NEW.business_ref))
    OR (NEW.reverses IS NOT NULL AND EXISTS (
      SELECT 1 FROM ledger_transfer t WHERE t.reverses = NEW.reverses));
  SELECT CASE
    WHEN b.next_seq IS NOT NEW.seq THEN RAISE(ABORT, 'ledger: seq is not the next one')
    WHEN b.head IS NOT NEW.prev_hash THEN RAISE(ABORT, 'ledger: prev_hash is not the head')
    WHEN b.closed_through >= NEW.effective_on THEN RAISE(ABORT, 'ledger: that period is closed')
    END FROM (SELECT 1) LEFT JOIN ledger_book b ON b.id = NEW.book_id;
  SELECT RAISE(ABORT, 'ledger: a reversal mirrors one transfer, once') WHERE
    NEW.kind = 'reversal' AND NOT EXISTS (
      SELECT 1 FROM ledger_transfer o WHERE o.id = NEW.reverses AND o.book_id = NEW.book_id
        AND o.debit = NEW.credit AND o.credit = NEW.debit
        AND o.amount_minor = NEW.amount_minor AND o.kind <> 'reversal');
  SELECT RAISE(ABORT, 'ledger: this kind may not touch these accounts') WHERE
    NEW.kind <> 'reversal' AND NOT EXISTS (
      SELECT 1 FROM ledger_kind k WHERE k.kind = NEW.kind
        AND k.debit_class = (SELECT a.class FROM ledger_account a
          WHERE a.book_id = NEW.book_id AND a.code = NEW.debit)
        AND k.credit_class = (SELECT a.class FROM ledger_account a
          WHERE a.book_id = NEW.book_id AND a.code = NEW.credit));
END""",
    "DROP TRIGGER ledger_balance_follows",
    """
CREATE TRIGGER ledger_balance_follows BEFORE UPDATE ON ledger_balance BEGIN
  SELECT RAISE(ABORT, 'ledger: balances follow transfers') WHERE
    NEW.book_id IS NOT OLD.book_id OR NEW.code IS NOT OLD.code OR NEW.floor IS NOT OLD.floor
    OR NEW.last_seq <= OLD.last_seq
    OR EXISTS (SELECT 1 FROM ledger_transfer t WHERE t.book_id = OLD.book_id
      AND t.debit = OLD.code AND t.seq > OLD.last_seq AND t.seq < NEW.last_seq)
    OR EXISTS (SELECT 1 FROM ledger_transfer t WHERE t.book_id = OLD.book_id
      AND t.credit = OLD.code AND t.seq > OLD.last_seq AND t.seq < NEW.last_seq)
    OR NOT EXISTS (SELECT 1 FROM ledger_transfer t
      WHERE t.book_id = OLD.book_id AND t.seq = NEW.last_seq
        AND NEW.debits - OLD.debits = CASE t.debit WHEN OLD.code THEN t.amount_minor ELSE 0 END
        AND NEW.credits - OLD.credits
          = CASE t.credit WHEN OLD.code THEN t.amount_minor ELSE 0 END);
END""",
)

# A set is judged step by step, as before: a floor broken half way is broken (`low`, `high`).
PG_BOOKED = """
CREATE OR REPLACE FUNCTION ledger_booked() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  book record;
  chain record;
  rules record;
  broken boolean;
BEGIN
  FOR book IN
    SELECT b.id, b.next_seq, b.head, b.closed_through FROM ledger_book b
    WHERE b.id IN (SELECT f.book_id FROM fresh f) ORDER BY b.id FOR UPDATE
  LOOP
    SELECT bool_or(s.seq <> book.next_seq + s.n - 1) AS seq, bool_or(s.prev_hash <> s.head) AS head,
        bool_or(s.effective_on <= book.closed_through) AS closed,
        (array_agg(s.hash ORDER BY s.seq DESC))[1] AS last_hash, max(s.seq) AS last_seq
      INTO chain
      FROM (SELECT f.seq, f.prev_hash, f.hash, f.effective_on, row_number() OVER w AS n,
              lag(f.hash, 1, book.head) OVER w AS head
            FROM fresh f WHERE f.book_id = book.id WINDOW w AS (ORDER BY f.seq)) s;
    IF chain.seq THEN
      RAISE EXCEPTION 'ledger: seq is not the next one' USING ERRCODE = 'check_violation';
    ELSIF chain.head THEN
      RAISE EXCEPTION 'ledger: prev_hash is not the head' USING ERRCODE = 'check_violation';
    ELSIF chain.closed THEN
      RAISE EXCEPTION 'ledger: that period is closed' USING ERRCODE = 'check_violation';
    END IF;
    UPDATE ledger_book b SET next_seq = chain.last_seq + 1, head = chain.last_hash
      WHERE b.id = book.id;
  END LOOP;
  SELECT bool_or(CASE f.kind WHEN 'reversal' THEN NOT EXISTS (
          SELECT 1 FROM ledger_transfer o WHERE o.id = f.reverses AND o.book_id = f.book_id
            AND o.seq < f.seq AND o.debit = f.credit AND o.credit = f.debit
            AND o.amount_minor = f.amount_minor AND o.kind <> 'reversal')
        ELSE false END) AS no_mirror,
      bool_or(f.kind <> 'reversal' AND k.kind IS NULL) AS no_kind
    INTO rules
    FROM fresh f
    LEFT JOIN ledger_account d ON d.book_id = f.book_id AND d.code = f.debit
    LEFT JOIN ledger_account c ON c.book_id = f.book_id AND c.code = f.credit
    LEFT JOIN ledger_kind k
      ON k.kind = f.kind AND k.debit_class = d.class AND k.credit_class = c.class;
  IF rules.no_mirror THEN
    RAISE EXCEPTION 'ledger: a reversal mirrors one transfer, once'
      USING ERRCODE = 'check_violation';
  ELSIF rules.no_kind THEN
    RAISE EXCEPTION 'ledger: this kind may not touch these accounts'
      USING ERRCODE = 'check_violation';
  END IF;
  WITH legs AS (
      SELECT f.book_id, f.debit AS code, f.seq, f.amount_minor AS debit, 0::bigint AS credit
      FROM fresh f
      UNION ALL
      SELECT f.book_id, f.credit, f.seq, 0, f.amount_minor FROM fresh f),
    steps AS (
      SELECT l.*,
        sum(l.credit - l.debit) OVER (PARTITION BY l.book_id, l.code ORDER BY l.seq) AS net
      FROM legs l),
    moves AS (
      SELECT s.book_id, s.code, sum(s.debit)::bigint AS debit, sum(s.credit)::bigint AS credit,
        max(s.seq) AS seq, min(s.net) AS low, max(s.net) AS high
      FROM steps s GROUP BY s.book_id, s.code),
    moved AS (
      UPDATE ledger_balance b
      SET debits = b.debits + m.debit, credits = b.credits + m.credit, last_seq = m.seq
      FROM moves m WHERE b.book_id = m.book_id AND b.code = m.code
      RETURNING b.floor, b.credits - m.credit - b.debits + m.debit + m.low AS low,
        b.credits - m.credit - b.debits + m.debit + m.high AS high)
    SELECT bool_or((floor = 'credit' AND low < 0) OR (floor = 'debit' AND high > 0))
      INTO broken FROM moved;
  IF broken THEN
    RAISE EXCEPTION 'ledger: ledger_floor is broken' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$"""

# The balances are read after the lock, by a statement of their own: one that waited for the lock
# would show them as they were before it did.
PG_LOOK = """
CREATE FUNCTION ledger_look(circle bytea, codes text[], refs text[], asked text)
  RETURNS TABLE (id bytea, circle_id bytea, currency text, next_seq bigint, head bytea,
    closed_through date, known_ref text, request_sha256 bytea, entry_id bytea, code text,
    net bigint)
  LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  book record;
  known text;
  answered record;
BEGIN
  SELECT b.id, b.circle_id, b.currency, b.next_seq, b.head, b.closed_through INTO book
    FROM ledger_book b WHERE b.circle_id = circle FOR UPDATE;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  IF cardinality(refs) > 0 THEN
    SELECT t.business_ref INTO known FROM ledger_transfer t
      WHERE t.book_id = book.id AND t.business_ref = ANY (refs) LIMIT 1;
  END IF;
  SELECT NULL::bytea AS sha, NULL::bytea AS entry INTO answered;
  IF asked IS NOT NULL THEN
    SELECT i.request_sha256 AS sha, i.entry_id AS entry INTO answered
      FROM ledger_idempotency i WHERE i.book_id = book.id AND i.key = asked;
  END IF;
  RETURN QUERY
    SELECT book.id, book.circle_id, book.currency, book.next_seq, book.head, book.closed_through,
      known, answered.sha, answered.entry, a.code, a.credits - a.debits
    FROM (SELECT 1) one
    LEFT JOIN ledger_balance a ON a.book_id = book.id AND a.code = ANY (codes);
END $$"""

POSTGRESQL = (
    PG_BOOKED,
    PG_LOOK,
    "DROP TRIGGER ledger_balance_follows ON ledger_balance",
    """
CREATE TRIGGER ledger_balance_follows BEFORE INSERT OR UPDATE ON ledger_balance
  FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION ledger_balance_moves()""",
    "DROP TRIGGER ledger_book_follows ON ledger_book",
    """
CREATE TRIGGER ledger_book_follows BEFORE INSERT OR UPDATE ON ledger_book
  FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION ledger_book_moves()""",
    """
ALTER TABLE ledger_transfer
  DROP CONSTRAINT ledger_transfer_book_id_fkey,
  DROP CONSTRAINT ledger_transfer_book_id_debit_fkey,
  DROP CONSTRAINT ledger_transfer_book_id_credit_fkey""",
)


def upgrade() -> None:
    """Replace the guards, each by one of the same name."""
    connection = op.get_bind()
    sqlite = connection.dialect.name == "sqlite"
    for statement in SQLITE if sqlite else POSTGRESQL:
        connection.exec_driver_sql(statement)
