"""The bank's side: accounts, statements, lines, and which transfer in the books each line is.

What the bank said is never changed and never removed; only a line's words may be erased. A file
that was read wrongly is withdrawn by a further row, and a match is undone by one. The database
itself keeps: a match is made whole, its lines and transfers have one sum, and each line and each
transfer stands in one live match at most; what was matched inside a closed period stays so.
"""

from alembic import op

revision = "ledger_0003"
down_revision = "ledger_0002"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE ledger_bank_account (
  id {bytes} NOT NULL PRIMARY KEY CHECK ({length}(id) = 16),
  book_id {bytes} NOT NULL REFERENCES ledger_book (id),
  number TEXT NOT NULL CHECK (length(number) BETWEEN 1 AND 64),
  code TEXT NOT NULL CHECK (code LIKE 'Assets:Bank:_%'),
  added_at {time} NOT NULL,
  added_actor {int} NOT NULL CHECK (added_actor >= 0),
  UNIQUE (book_id, number)
){end};

CREATE TABLE ledger_bank_mapping (
  account_id {bytes} NOT NULL REFERENCES ledger_bank_account (id),
  fingerprint TEXT NOT NULL CHECK (length(fingerprint) BETWEEN 1 AND 64),
  mapping TEXT NOT NULL,
  kept_at {time} NOT NULL,
  PRIMARY KEY (account_id, fingerprint)
){end};

CREATE TABLE ledger_bank_statement (
  id {bytes} NOT NULL PRIMARY KEY CHECK ({length}(id) = 16),
  book_id {bytes} NOT NULL REFERENCES ledger_book (id),
  account_id {bytes} NOT NULL REFERENCES ledger_bank_account (id),
  import_id {bytes} NOT NULL CHECK ({length}(import_id) = 16),
  position {int} NOT NULL CHECK (position >= 0),
  format TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('statement', 'intraday', 'notice')),
  file_sha256 {bytes} NOT NULL CHECK ({length}(file_sha256) = 32),
  id_in_file TEXT,
  first_on {date},
  last_on {date},
  opening_on {date},
  opening_minor {int},
  closing_on {date},
  closing_minor {int},
  lines {int} NOT NULL CHECK (lines >= 0),
  fresh {int} NOT NULL CHECK (fresh BETWEEN 0 AND lines),
  imported_at {time} NOT NULL,
  imported_actor {int} NOT NULL CHECK (imported_actor >= 0),
  bound {bytes} NOT NULL CHECK ({length}(bound) = 32),
  UNIQUE (import_id, position),
  CHECK ((first_on IS NULL) = (last_on IS NULL) AND first_on <= last_on)
){end};
CREATE INDEX ledger_bank_statement_book ON ledger_bank_statement (book_id, last_on);

CREATE TABLE ledger_bank_withdrawal (
  statement_id {bytes} NOT NULL PRIMARY KEY REFERENCES ledger_bank_statement (id),
  at {time} NOT NULL,
  actor {int} NOT NULL CHECK (actor >= 0)
){end};

CREATE TABLE ledger_bank_line (
  id {bytes} NOT NULL PRIMARY KEY CHECK ({length}(id) = 16),
  book_id {bytes} NOT NULL REFERENCES ledger_book (id),
  account_id {bytes} NOT NULL REFERENCES ledger_bank_account (id),
  key {bytes} NOT NULL CHECK ({length}(key) = 32),
  likeness {bytes} NOT NULL CHECK ({length}(likeness) = 32),
  occurrence {int} NOT NULL CHECK (occurrence >= 1),
  booked_on {date} NOT NULL,
  value_on {date},
  amount_minor {int} NOT NULL CHECK (amount_minor <> 0
    AND amount_minor > -1000000000000000 AND amount_minor < 1000000000000000),
  words_sealed {bytes},
  bound {bytes} NOT NULL CHECK ({length}(bound) = 32),
  UNIQUE (account_id, key)
){end};
CREATE INDEX ledger_bank_line_day ON ledger_bank_line (book_id, booked_on);

CREATE TABLE ledger_bank_line_seen (
  statement_id {bytes} NOT NULL REFERENCES ledger_bank_statement (id),
  line_id {bytes} NOT NULL REFERENCES ledger_bank_line (id),
  PRIMARY KEY (statement_id, line_id)
){end};
CREATE INDEX ledger_bank_line_seen_line ON ledger_bank_line_seen (line_id);

CREATE TABLE ledger_bank_also (
  account_id {bytes} NOT NULL REFERENCES ledger_bank_account (id),
  key {bytes} NOT NULL CHECK ({length}(key) = 32),
  line_id {bytes} NOT NULL REFERENCES ledger_bank_line (id),
  actor {int} NOT NULL CHECK (actor >= 0),
  PRIMARY KEY (account_id, key)
){end};

CREATE TABLE ledger_bank_match (
  id {bytes} NOT NULL PRIMARY KEY CHECK ({length}(id) = 16),
  book_id {bytes} NOT NULL REFERENCES ledger_book (id),
  amount_minor {int} NOT NULL,
  tier TEXT NOT NULL CHECK (length(tier) BETWEEN 1 AND 16),
  reason_code TEXT NOT NULL CHECK (length(reason_code) BETWEEN 1 AND 64),
  actor {int} NOT NULL CHECK (actor >= 0),
  at {time} NOT NULL
){end};
CREATE INDEX ledger_bank_match_book ON ledger_bank_match (book_id);

CREATE TABLE ledger_bank_tied (
  match_id {bytes} NOT NULL,
  part {int} NOT NULL CHECK (part >= 1),
  line_id {bytes} REFERENCES ledger_bank_line (id),
  transfer_id {bytes} REFERENCES ledger_transfer (id),
  PRIMARY KEY (match_id, part),
  UNIQUE (match_id, line_id),
  UNIQUE (match_id, transfer_id),
  FOREIGN KEY (match_id) REFERENCES ledger_bank_match (id) DEFERRABLE INITIALLY DEFERRED,
  CHECK ((line_id IS NULL) <> (transfer_id IS NULL))
){end};
CREATE INDEX ledger_bank_tied_line ON ledger_bank_tied (line_id);
CREATE INDEX ledger_bank_tied_transfer ON ledger_bank_tied (transfer_id);

CREATE TABLE ledger_bank_untied (
  match_id {bytes} NOT NULL PRIMARY KEY REFERENCES ledger_bank_match (id),
  actor {int} NOT NULL CHECK (actor >= 0),
  at {time} NOT NULL
){end};
"""

# Rows by which a table is known: what stands under them is never replaced.
KEYS: dict[str, tuple[tuple[str, ...], ...]] = {
    "ledger_bank_account": (("id",), ("book_id", "number")),
    "ledger_bank_statement": (("id",), ("import_id", "position")),
    "ledger_bank_withdrawal": (("statement_id",),),
    "ledger_bank_line": (("id",), ("account_id", "key")),
    "ledger_bank_line_seen": (("statement_id", "line_id"),),
    "ledger_bank_also": (("account_id", "key"),),
    "ledger_bank_match": (("id",),),
    "ledger_bank_tied": (
        ("match_id", "part"), ("match_id", "line_id"), ("match_id", "transfer_id"),
    ),
    "ledger_bank_untied": (("match_id",),),
}  # fmt: skip

_STANDS = """EXISTS (SELECT 1 FROM ledger_bank_line_seen s WHERE s.line_id = {line} AND NOT EXISTS (
      SELECT 1 FROM ledger_bank_withdrawal w WHERE w.statement_id = s.statement_id))"""
_LIVE = """EXISTS (SELECT 1 FROM ledger_bank_tied o JOIN ledger_bank_match om ON om.id = o.match_id
      WHERE o.{column} = {value} AND NOT EXISTS (
        SELECT 1 FROM ledger_bank_untied u WHERE u.match_id = o.match_id))"""
_PART = "EXISTS (SELECT 1 FROM ledger_bank_tied t WHERE t.match_id = NEW.id AND {fits})"

# (what is said, condition under which the row NEW is refused), the same on both databases.
MATCH_RULES = (
    (
        "a match ties lines and transfers",
        "(SELECT count(*) FROM ledger_bank_tied t WHERE t.match_id = NEW.id) < 2",
    ),
    (
        "a match stays inside one book",
        """EXISTS (SELECT 1 FROM ledger_bank_tied t
        LEFT JOIN ledger_bank_line l ON l.id = t.line_id
        LEFT JOIN ledger_transfer b ON b.id = t.transfer_id
        WHERE t.match_id = NEW.id AND coalesce(l.book_id, b.book_id) <> NEW.book_id)""",
    ),
    (
        "a match is about one bank account",
        """EXISTS (SELECT 1 FROM ledger_bank_tied t JOIN ledger_transfer b ON b.id = t.transfer_id
        WHERE t.match_id = NEW.id AND (
          (b.debit NOT LIKE 'Assets:Bank:_%' AND b.credit NOT LIKE 'Assets:Bank:_%')
          OR EXISTS (SELECT 1 FROM ledger_bank_tied lt
            JOIN ledger_bank_line l ON l.id = lt.line_id
            JOIN ledger_bank_account a ON a.id = l.account_id
            WHERE lt.match_id = NEW.id AND a.code <> b.debit AND a.code <> b.credit)))""",
    ),
    (
        "the lines of a match have one sum",
        """NEW.amount_minor <> (SELECT coalesce(sum(l.amount_minor), 0) FROM ledger_bank_tied t
        JOIN ledger_bank_line l ON l.id = t.line_id WHERE t.match_id = NEW.id)""",
    ),
    (
        "lines and transfers of a match have one sum",
        """NEW.amount_minor <> (SELECT coalesce(sum(
          CASE WHEN b.debit LIKE 'Assets:Bank:_%' THEN b.amount_minor ELSE -b.amount_minor END), 0)
        FROM ledger_bank_tied t JOIN ledger_transfer b ON b.id = t.transfer_id
        WHERE t.match_id = NEW.id)""",
    ),
    (
        "a line stands in one live match",
        _PART.format(fits=_LIVE.format(column="line_id", value="t.line_id")),
    ),
    (
        "a transfer stands in one live match",
        _PART.format(fits=_LIVE.format(column="transfer_id", value="t.transfer_id")),
    ),
    (
        "that line was withdrawn",
        _PART.format(fits="t.line_id IS NOT NULL AND NOT " + _STANDS.format(line="t.line_id")),
    ),
    (
        "that transfer was undone",
        """EXISTS (SELECT 1 FROM ledger_bank_tied t
        JOIN ledger_transfer r ON r.reverses = t.transfer_id
        WHERE t.match_id = NEW.id AND NOT EXISTS (SELECT 1 FROM ledger_bank_tied m
          WHERE m.match_id = NEW.id AND m.transfer_id = r.id))""",
    ),
)
TIED_RULES = (
    (
        "a match is made whole",
        "EXISTS (SELECT 1 FROM ledger_bank_match m WHERE m.id = NEW.match_id)",
    ),
)
# What lies wholly behind the close was part of what two people signed.
UNTIED_RULES = (
    (
        "that period is closed",
        """EXISTS (SELECT 1 FROM ledger_bank_match m JOIN ledger_book b ON b.id = m.book_id
        WHERE m.id = NEW.match_id AND b.closed_through >= (
          SELECT max(coalesce(l.booked_on, x.effective_on)) FROM ledger_bank_tied t
          LEFT JOIN ledger_bank_line l ON l.id = t.line_id
          LEFT JOIN ledger_transfer x ON x.id = t.transfer_id
          WHERE t.match_id = m.id))""",
    ),
)
_ONLY_HERE = """EXISTS (SELECT 1 FROM ledger_bank_line_seen s
      WHERE s.statement_id = NEW.statement_id AND NOT EXISTS (
        SELECT 1 FROM ledger_bank_line_seen e WHERE e.line_id = s.line_id
          AND e.statement_id <> s.statement_id AND NOT EXISTS (
            SELECT 1 FROM ledger_bank_withdrawal w WHERE w.statement_id = e.statement_id))
      AND {fits})"""
WITHDRAWAL_RULES = (
    (
        "a line of it is matched",
        _ONLY_HERE.format(fits=_LIVE.format(column="line_id", value="s.line_id")),
    ),
    (
        "that period is closed",
        """EXISTS (SELECT 1 FROM ledger_bank_statement st JOIN ledger_book b ON b.id = st.book_id
        WHERE st.id = NEW.statement_id
          AND b.closed_through >= coalesce(st.first_on, st.closing_on, st.opening_on))""",
    ),
)
RULES = {
    "ledger_bank_match": MATCH_RULES,
    "ledger_bank_tied": TIED_RULES,
    "ledger_bank_untied": UNTIED_RULES,
    "ledger_bank_withdrawal": WITHDRAWAL_RULES,
}
# Whose book must stand still while the rules are looked at (PostgreSQL).
BOOK_OF = {
    "ledger_bank_match": "NEW.book_id",
    "ledger_bank_tied": "NULL",
    "ledger_bank_untied": "(SELECT m.book_id FROM ledger_bank_match m WHERE m.id = NEW.match_id)",
    "ledger_bank_withdrawal": "(SELECT s.book_id FROM ledger_bank_statement s "
    "WHERE s.id = NEW.statement_id)",
}
_LINE_COLUMNS = (
    "id", "book_id", "account_id", "key", "likeness", "occurrence", "booked_on", "value_on",
    "amount_minor", "bound",
)  # fmt: skip
_WORDS_ONLY = "ledger: of a line only its words may be erased"


def _sqlite_statements() -> list[str]:
    found = []
    for table, keys in KEYS.items():
        known = " OR ".join(
            "(" + " AND ".join(f"k.{c} = NEW.{c}" for c in columns) + ")" for columns in keys
        )
        rules = "".join(
            f"  SELECT RAISE(ABORT, 'ledger: {said}') WHERE {refused};\n"
            for said, refused in RULES.get(table, ())
        )
        found.append(
            f"CREATE TRIGGER {table}_guard BEFORE INSERT ON {table} BEGIN\n"  # noqa: S608 - our names
            f"  SELECT RAISE(ABORT, 'ledger: {table} has that already') WHERE EXISTS (\n"
            f"    SELECT 1 FROM {table} k WHERE {known});\n{rules}END"
        )
        found += [
            f"CREATE TRIGGER {table}_never_{verb} BEFORE {verb} ON {table} BEGIN\n"
            f"  SELECT RAISE(ABORT, 'ledger: {table} is append-only');\nEND"
            for verb in ("update", "delete")
            if (table, verb) != ("ledger_bank_line", "update")
        ]
    changed = " OR ".join(f"NEW.{c} IS NOT OLD.{c}" for c in _LINE_COLUMNS)
    found.append(
        "CREATE TRIGGER ledger_bank_line_never_update BEFORE UPDATE ON ledger_bank_line BEGIN\n"
        f"  SELECT RAISE(ABORT, '{_WORDS_ONLY}')\n"
        f"  WHERE NEW.words_sealed IS NOT NULL OR {changed};\nEND"
    )
    return found


def _pg_statements() -> list[str]:
    found = []
    for table, rules in RULES.items():
        body = "".join(
            f"  IF {refused} THEN\n"
            f"    RAISE EXCEPTION 'ledger: {said}' USING ERRCODE = 'check_violation';\n  END IF;\n"
            for said, refused in rules
        )
        found.append(
            f"CREATE FUNCTION {table}_rules() RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN\n"
            f"  PERFORM 1 FROM ledger_book WHERE id = {BOOK_OF[table]} FOR UPDATE;\n"
            f"{body}  RETURN NEW;\nEND $$"
        )
        found.append(
            f"CREATE TRIGGER {table}_guard BEFORE INSERT ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION {table}_rules()"
        )
    changed = " OR ".join(f"NEW.{c} IS DISTINCT FROM OLD.{c}" for c in _LINE_COLUMNS)
    found.append(
        "CREATE FUNCTION ledger_bank_line_words() RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN\n"
        f"  IF NEW.words_sealed IS NOT NULL OR {changed} THEN\n"
        f"    RAISE EXCEPTION '{_WORDS_ONLY}' USING ERRCODE = 'check_violation';\n"
        "  END IF;\n  RETURN NEW;\nEND $$"
    )
    found.append(
        "CREATE TRIGGER ledger_bank_line_never_update BEFORE UPDATE ON ledger_bank_line "
        "FOR EACH ROW EXECUTE FUNCTION ledger_bank_line_words()"
    )
    for table in KEYS:
        events = "DELETE" if table == "ledger_bank_line" else "UPDATE OR DELETE"
        for suffix, event in (("change", events), ("truncate", "TRUNCATE")):
            found.append(
                f"CREATE TRIGGER {table}_never_{suffix} BEFORE {event} ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse()"
            )
    return found


def upgrade() -> None:
    """Tables, then the guards."""
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
    for statement in TABLES.format(**types).split(";"):
        if statement.strip():
            connection.exec_driver_sql(statement)
    for statement in _sqlite_statements() if sqlite else _pg_statements():
        # asyncpg's dialect reads % only in parameters, and there are none.
        connection.exec_driver_sql(statement)
