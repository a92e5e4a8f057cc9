"""Who did what at the desk, told by the database itself in a table that is only added to; what was
there before is told as it stands. `circles.acts` binds it under the host's key."""

from alembic import op

revision = "ledger_0008"
down_revision = "ledger_0007"
branch_labels = None
depends_on = None

ACTS = "ledger_act"
# Of each table: the columns by which a row is known, and those that are told. Of a sealed column
# the nonce and the tag are told, which stand for it.
KEPT = {
    "ledger_payout": (
        "id",
        (
            "id book_id month candidate amount_minor way state payee_sealed proposer_actor "
            "proposed_at recipient_actor confirmer_actor confirmed_at sent_on settled_on ended_at "
            "pay_from"
        ),
    ),
    "ledger_payee_change": (
        "id",
        (
            "id payout_id payee_sealed recipient_actor asker_actor asked_at confirmer_actor "
            "confirmed_at dropped_at"
        ),
    ),
    "ledger_payout_close": ("payout_id actor", "payout_id actor said_by said_at"),
    "ledger_close_proposal": (
        "book_id",
        (
            "book_id id month transfers head source bank_minor statement_minor cash_minor "
            "suspense_minor transit_minor unpresented_minor unpresented proposer_actor proposed_at"
        ),
    ),
    "ledger_period": (
        "book_id month",
        (
            "book_id month id through seal_ref transfers head source bank_minor statement_minor "
            "cash_minor suspense_minor transit_minor unpresented_minor unpresented proposer_actor "
            "proposed_at checker_actor closed_at hash"
        ),
    ),
    "ledger_handover": (
        "id",
        (
            "id book_id giver_actor taker_actor proposed_at accepted_at closed_through transfers "
            "head bank_minor cash_minor hash"
        ),
    ),
    "ledger_audit_link": (
        "id",
        "id book_id code_hash period made_actor made_at expires_at revoked_at",
    ),
    "ledger_bank_account": ("id", "id book_id number code added_at added_actor"),
    "ledger_bank_statement": (
        "id",
        (
            "id book_id account_id import_id position format kind file_sha256 id_in_file first_on "
            "last_on opening_on opening_minor closing_on closing_minor lines fresh imported_at "
            "imported_actor bound"
        ),
    ),
    "ledger_bank_withdrawal": ("statement_id", "statement_id at actor"),
    "ledger_bank_also": ("account_id key", "account_id key line_id actor"),
    "ledger_bank_match": ("id", "id book_id amount_minor tier reason_code actor at"),
    "ledger_bank_tied": ("match_id part", "match_id part line_id transfer_id"),
    "ledger_bank_untied": ("match_id", "match_id actor at"),
    "ledger_matching": ("book_id", "book_id by_itself said_actor said_at"),
}
_BYTES = {"id", "head", "hash", "bound", "key", "file_sha256", "code_hash"}
_TIMES = {"at", "pay_from"}
_SEALED = "payee_sealed"
# A line feed.
_END = {True: "char(10)", False: "chr(10)"}
_NEVER = "ledger: acts are only added to"
_BOUND_ONCE = (
    "OLD.n IS NOT NULL OR NEW.n IS NULL OR NEW.bound IS NULL OR NEW.no <> OLD.no "
    "OR NEW.kept <> OLD.kept OR NEW.key <> OLD.key OR NEW.told IS {unlike} OLD.told"
)


def _is_bytes(column: str) -> bool:
    return column in _BYTES or column.endswith("_id")


def key_sql(row: str, columns: str, *, sqlite: bool) -> str:
    """How a row is known in the acts."""
    hexed = "lower(hex({}))" if sqlite else "encode({}, 'hex')"
    return " || ':' || ".join(
        hexed.format(f"{row}.{name}") if _is_bytes(name) else f"CAST({row}.{name} AS TEXT)"
        for name in columns.split()
    )


def _value_sql(value: str, name: str, *, sqlite: bool) -> str:
    """A column as a text that SQL would read: NULL, X'..' for bytes, else in quotes."""
    if name == _SEALED:
        value = f"substr({value}, 1, 40)"
    if name == _SEALED or _is_bytes(name):
        hexed = f"'X''' || upper(encode({value}, 'hex')) || ''''"
        return f"quote({value})" if sqlite else f"coalesce({hexed}, 'NULL')"
    if sqlite:
        return f"quote(CAST({value} AS TEXT))"
    if name in _TIMES or name.endswith("_at"):
        value = f"to_char({value} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')"
    quoted = f"'''' || replace({value}::text, '''', '''''') || ''''"
    return f"coalesce({quoted}, 'NULL')"


def told_sql(row: str, columns: str, *, sqlite: bool) -> str:
    """What is told of it: a line for each column."""
    return " || ".join(
        f"'{name}=' || {_value_sql(f'{row}.{name}', name, sqlite=sqlite)} || {_END[sqlite]}"
        for name in columns.split()
    )


def insert_sql(table: str, row: str, *, sqlite: bool, gone: bool = False) -> str:
    """An act of this row."""
    key, columns = KEPT[table]
    told = "NULL" if gone else told_sql(row, columns, sqlite=sqlite)
    return (
        f"INSERT INTO {ACTS} (kept, key, told) "
        f"SELECT '{table}', {key_sql(row, key, sqlite=sqlite)}, {told}"
    )


def _sqlite() -> list[str]:
    made = [
        (
            f"CREATE TABLE {ACTS} (no INTEGER NOT NULL PRIMARY KEY, "
            "n INTEGER UNIQUE CHECK (n > 0), kept TEXT NOT NULL, key TEXT NOT NULL, told TEXT, "
            "bound BLOB CHECK (length(bound) = 32), CHECK ((n IS NULL) = (bound IS NULL))) STRICT"
        ),
        (
            f"CREATE TRIGGER {ACTS}_never_delete BEFORE DELETE ON {ACTS} BEGIN "
            f"SELECT RAISE(ABORT, '{_NEVER}'); END"
        ),
        (
            f"CREATE TRIGGER {ACTS}_bound_once BEFORE UPDATE ON {ACTS} BEGIN "
            f"SELECT RAISE(ABORT, '{_NEVER}') WHERE {_BOUND_ONCE.format(unlike='NOT')}; END"
        ),
    ]
    for table in KEPT:
        for verb, row in (("insert", "NEW"), ("update", "NEW"), ("delete", "OLD")):
            act = insert_sql(table, row, sqlite=True, gone=verb == "delete")
            made.append(
                f"CREATE TRIGGER {table}_{verb}_told AFTER {verb} ON {table} BEGIN {act}; END"
            )
    return made


def _function(name: str, body: str) -> str:
    return f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN\n{body}\nEND $$"


def _postgresql() -> list[str]:
    refuse = f"RAISE EXCEPTION '{_NEVER}' USING ERRCODE = 'check_violation';"
    once = _BOUND_ONCE.format(unlike="DISTINCT FROM")
    made = [
        (
            f"CREATE TABLE {ACTS} (no BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
            "n BIGINT UNIQUE CHECK (n > 0), kept TEXT NOT NULL, key TEXT NOT NULL, told TEXT, "
            "bound BYTEA CHECK (octet_length(bound) = 32), CHECK ((n IS NULL) = (bound IS NULL)))"
        ),
        _function(
            f"{ACTS}_bound_once",
            f"IF TG_OP <> 'UPDATE' THEN {refuse} END IF;\nIF {once} THEN {refuse} END IF;\n"
            "RETURN NEW;",
        ),
        (
            f"CREATE TRIGGER {ACTS}_bound_once BEFORE UPDATE OR DELETE ON {ACTS} "
            f"FOR EACH ROW EXECUTE FUNCTION {ACTS}_bound_once()"
        ),
        (
            f"CREATE TRIGGER {ACTS}_never_truncate BEFORE TRUNCATE ON {ACTS} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {ACTS}_bound_once()"
        ),
    ]
    for table in KEPT:
        gone = insert_sql(table, "OLD", sqlite=False, gone=True)
        now = insert_sql(table, "NEW", sqlite=False)
        made += [
            _function(
                f"{table}_told",
                f"IF TG_OP = 'DELETE' THEN\n{gone};\nELSE\n{now};\nEND IF;\nRETURN NULL;",
            ),
            (
                f"CREATE TRIGGER {table}_told AFTER INSERT OR UPDATE OR DELETE ON {table} "
                f"FOR EACH ROW EXECUTE FUNCTION {table}_told()"
            ),
        ]
    return made


def upgrade() -> None:
    """The table of acts, what writes into it, and an act of each row that is there."""
    connection = op.get_bind()
    sqlite = connection.dialect.name == "sqlite"
    for statement in _sqlite() if sqlite else _postgresql():
        connection.exec_driver_sql(statement)
    connection.exec_driver_sql(f"CREATE INDEX {ACTS}_of ON {ACTS} (kept, key, n)")
    for table in KEPT:
        act = insert_sql(table, table, sqlite=sqlite)
        connection.exec_driver_sql(f"{act} FROM {table}")
