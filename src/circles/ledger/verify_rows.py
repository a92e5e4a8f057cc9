"""Everything beside the chain: balances, accounts, notes, keys, seals, allow-list, guards."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import bindparam, text
from sqlalchemy.ext.asyncio import AsyncSession

from circles.acts import triggers_on
from circles.errors import InvalidError
from circles.ledger import chart
from circles.ledger.books import SealFigures, seal_record
from circles.ledger.problems import PAGE_ROWS, Problem, as_day, as_time, known_day
from circles.ledger.transfer import NewTransfer, request_hash, seal_hash
from circles.ledger.verify_acts import TOLD
from circles.ledger.verify_chain import Chain, Fold
from circles.protocol.text import b64

# Tables whose rows must belong to a book, and the column that a person would know a row by.
_IN_A_BOOK = {
    "account": "code",
    "balance": "code",
    "transfer": "seq",
    "note": "hash",
    "idempotency": "key",
    "seal": "ref",
    "payout": "id",
    "bank_account": "number",
    "bank_statement": "id",
    "bank_line": "id",
    "bank_match": "id",
    "close_proposal": "id",
    "period": "month",
    "handover": "id",
    "audit_link": "id",
}
_BANK = (
    "account", "statement", "withdrawal", "line", "line_seen", "also", "match", "tied", "untied",
)  # fmt: skip
_KEYS = text(
    "SELECT k.key, k.entry_id, k.request_sha256, "
    "(SELECT count(*) FROM ledger_transfer t WHERE t.entry_id = k.entry_id) AS transfers "
    "FROM ledger_idempotency k WHERE k.book_id = :book AND k.key > :after "
    "ORDER BY k.key LIMIT :rows"
)
# The book is not asked for: SQLite would go through all of it for many entries at once.
_OF_ENTRIES = text(
    "SELECT book_id, entry_id, kind, debit, credit, amount_minor, effective_on, actor, "
    "business_ref, reverses FROM ledger_transfer WHERE entry_id IN :ids ORDER BY seq"
).bindparams(bindparam("ids", expanding=True))

# The triggers that keep the rules, as the migrations make them (a test compares).
GUARDS: dict[str, frozenset[str]] = {
    "sqlite": frozenset(
        {
            "ledger_transfer_guard",
            "ledger_transfer_booked",
            "ledger_account_guard",
            "ledger_account_opened",
            "ledger_balance_guard",
            "ledger_balance_follows",
            "ledger_balance_never_delete",
            "ledger_book_guard",
            "ledger_book_follows",
            "ledger_book_never_delete",
            "ledger_seal_guard",
            "ledger_seal_closes",
            "ledger_idempotency_guard",
            "ledger_note_guard",
            "ledger_note_never_update",
            "ledger_period_guard",
            "ledger_period_never_update",
            "ledger_period_never_delete",
            "ledger_handover_guard",
            "ledger_handover_stays",
            "ledger_handover_never_delete",
            "ledger_payout_not_close",
            "ledger_payout_close_never_update",
            "ledger_payout_close_never_delete",
            "ledger_payee_change_not_close",
            "ledger_payee_change_stays",
            "ledger_payee_change_never_delete",
            "ledger_act_bound_once",
            "ledger_act_never_delete",
            *(f"{table}_{verb}_told" for table in TOLD for verb in ("insert", "update", "delete")),
            *(
                f"ledger_{table}_never_{verb}"
                for table in ("kind", "account", "transfer", "idempotency", "seal")
                for verb in ("update", "delete")
            ),
            *(
                f"ledger_bank_{table}_{suffix}"
                for table in _BANK
                for suffix in ("guard", "never_update", "never_delete")
            ),
        }
    ),
    "postgresql": frozenset(
        {
            "ledger_transfer_booked",
            "ledger_account_opened",
            "ledger_balance_follows",
            "ledger_book_follows",
            "ledger_seal_guard",
            "ledger_seal_closes",
            "ledger_note_never_change",
            "ledger_period_guard",
            "ledger_period_never_change",
            "ledger_period_never_truncate",
            "ledger_handover_guard",
            "ledger_handover_never_truncate",
            "ledger_payout_not_close",
            "ledger_payout_close_stays",
            "ledger_payee_change_not_close",
            "ledger_payee_change_stays",
            "ledger_act_bound_once",
            "ledger_act_never_truncate",
            *(f"{table}_told" for table in TOLD),
            *(
                f"ledger_{table}_never_{verb}"
                for table in (
                    "kind",
                    "account",
                    "transfer",
                    "idempotency",
                    "seal",
                    "book",
                    "balance",
                )
                for verb in ("change", "truncate")
            ),
            *(
                f"ledger_bank_{table}_never_{verb}"
                for table in _BANK
                for verb in ("change", "truncate")
            ),
            *(f"ledger_bank_{table}_guard" for table in ("match", "tied", "untied", "withdrawal")),
            "ledger_bank_line_never_update",
        }
    ),
}


async def of_book(db: AsyncSession, book: Any, chain: Chain) -> list[Problem]:
    """What stands beside one book's transfers."""
    found: list[Problem] = []
    found += await _accounts(db, book, chain)
    found += await _balances(db, book, chain)
    found += await _seals(db, book, chain.name)
    found += await _keys(db, book, chain.name)
    found += await _notes(db, book, chain)
    return found


async def _accounts(db: AsyncSession, book: Any, chain: Chain) -> list[Problem]:
    rows = (
        await db.execute(
            text("SELECT * FROM ledger_account WHERE book_id = :book ORDER BY code"),
            {"book": book.id},
        )
    ).all()
    found: list[Problem] = []
    for row in rows:
        where = f"account {row.code}"
        try:
            expected = chart.class_of(row.code)
        except InvalidError:
            found.append(Problem(chain.name, "account", where, "no account may have that code"))
            continue
        if row[2] != expected:
            found.append(Problem(chain.name, "account", where, f"class is {row[2]}"))
        if row.floor != chart.FLOORS[expected]:
            found.append(Problem(chain.name, "account", where, f"floor is {row.floor}"))
    missing = chain.folds.keys() - {row.code for row in rows}
    found += [
        Problem(chain.name, "account", f"account {code}", "is booked on, but is not there")
        for code in sorted(missing)
    ]
    return found


async def _balances(db: AsyncSession, book: Any, chain: Chain) -> list[Problem]:
    """Invariant: a balance row is the fold of its transfers, each account has one."""
    rows = (
        await db.execute(
            text(
                "SELECT b.*, a.floor AS account_floor FROM ledger_balance b "
                "LEFT JOIN ledger_account a ON a.book_id = b.book_id AND a.code = b.code "
                "WHERE b.book_id = :book ORDER BY b.code"
            ),
            {"book": book.id},
        )
    ).all()
    found: list[Problem] = []

    def wrong(code: str, what: str) -> None:
        found.append(Problem(chain.name, "balance", f"account {code}", what))

    for row in rows:
        fold = chain.folds.get(row.code, Fold())
        for column in ("debits", "credits", "last_seq"):
            stored, folded = getattr(row, column), getattr(fold, column)
            if stored != folded:
                wrong(row.code, f"{column} says {stored}, the transfers say {folded}")
        if row.account_floor is None:
            wrong(row.code, "has a balance, but no account")
        elif row.floor != row.account_floor:
            wrong(row.code, f"floor is {row.floor}, the account's is {row.account_floor}")
    codes = {row.code for row in rows}
    accounts = await db.execute(
        text("SELECT code FROM ledger_account WHERE book_id = :book"), {"book": book.id}
    )
    for code in sorted({row.code for row in accounts} - codes):
        wrong(code, "has an account, but no balance")
    return found


async def _seals(db: AsyncSession, book: Any, name: str) -> list[Problem]:
    rows = await db.execute(
        text("SELECT * FROM ledger_seal WHERE book_id = :book"), {"book": book.id}
    )
    found: list[Problem] = []
    for row in rows:
        figures = SealFigures(row.transfers, row.head, row.fund_minor, book.currency)
        try:
            through = None if row.closes_through is None else as_day(row.closes_through)
            record = seal_record(
                row.book_id, row.ref, row.month, figures, as_time(row.sealed_at), row.actor, through
            )
            same = seal_hash(record) == row.hash
        except ValueError:
            same = False
        if not same:
            found.append(
                Problem(name, "seal", f"seal {row.ref}", "its hash is not the hash of what it says")
            )
    return found


async def _keys(db: AsyncSession, book: Any, name: str) -> list[Problem]:
    """Each answered key is bound to what it booked."""
    found: list[Problem] = []
    after = ""
    while rows := (
        await db.execute(_KEYS, {"book": book.id, "after": after, "rows": PAGE_ROWS})
    ).all():
        after = rows[-1].key
        for some in _few_at_a_time(rows):
            booked = await _entries(db, book, [row.entry_id for row in some])
            found += [
                Problem(name, "key", f"key {row.key}", "is not bound to what it booked")
                for row in some
                if not _bound(book, row, booked[row.entry_id])
            ]
    return found


def _few_at_a_time(keys: Sequence[Any]) -> Iterator[list[Any]]:
    """The keys in turn, as many together as booked one page of transfers between them."""
    some: list[Any] = []
    booked = 0
    for row in keys:
        booked += row.transfers
        if some and booked > PAGE_ROWS:
            yield some
            some, booked = [], row.transfers
        some.append(row)
    yield some


async def _entries(
    db: AsyncSession, book: Any, ids: Sequence[bytes]
) -> defaultdict[bytes, list[Sequence[Any]]]:
    """What was booked in these entries, by entry, as it is stored."""
    entries: defaultdict[bytes, list[Sequence[Any]]] = defaultdict(list)
    for book_id, entry_id, *asked in await db.execute(_OF_ENTRIES, {"ids": ids}):
        if book_id == book.id:
            entries[entry_id].append(asked)
    return entries


def _bound(book: Any, key: Any, booked: Sequence[Sequence[Any]]) -> bool:
    """Whether the key answers for a request of exactly this."""
    try:
        asked = [
            NewTransfer(kind, debit, credit, amount, known_day(on), actor, ref, None, reverses)
            for kind, debit, credit, amount, on, actor, ref, reverses in booked
        ]
        return bool(request_hash(book.id, key.key, asked) == key.request_sha256)
    except (ValueError, TypeError):
        return False


async def _notes(db: AsyncSession, book: Any, chain: Chain) -> list[Problem]:
    """Notes that belong to no transfer. The walk has met those that do: if that is all of them,
    nobody need look which are over."""
    count = text("SELECT count(*) FROM ledger_note WHERE book_id = :book")
    if await db.scalar(count, {"book": book.id}) == chain.notes:
        return []
    rows = await db.execute(
        text(
            "SELECT hash FROM ledger_note WHERE book_id = :book AND hash NOT IN (SELECT note_hash "
            "FROM ledger_transfer WHERE book_id = :book AND note_hash IS NOT NULL) ORDER BY hash"
        ),
        {"book": book.id},
    )
    return [
        Problem(chain.name, "note", f"note {b64(row.hash)}", "belongs to no transfer")
        for row in rows
    ]


async def around(db: AsyncSession, dialect: str) -> list[Problem]:
    """What belongs to no single book: strays, doubles, the allow-list, the guards."""
    found: list[Problem] = []
    for table, column in _IN_A_BOOK.items():
        strays = await db.execute(
            text(
                f"SELECT r.{column} FROM ledger_{table} r "  # noqa: S608 - names of our own
                "WHERE NOT EXISTS (SELECT 1 FROM ledger_book b WHERE b.id = r.book_id) "
                f"ORDER BY r.{column} LIMIT {PAGE_ROWS}"
            )
        )
        for (value,) in strays:
            known_as = b64(value) if isinstance(value, bytes) else value
            found.append(Problem("all books", "book", f"{table} {known_as}", "belongs to no book"))
    found += await _doubles(db)
    found += await _kinds(db)
    found += await _guards(db, dialect)
    return found


async def _doubles(db: AsyncSession) -> list[Problem]:
    found: list[Problem] = []
    for check, columns in (
        ("mirror", "reverses"),
        ("reference", "book_id, business_ref"),
        ("sequence", "id"),
    ):
        last = columns.rpartition(" ")[2]
        count = await db.scalar(
            text(
                "SELECT count(*) FROM (SELECT 1 AS one "  # noqa: S608 - own column names
                f"FROM ledger_transfer WHERE {last} IS NOT NULL GROUP BY {columns} "
                "HAVING count(*) > 1) d"
            )
        )
        if count:
            found.append(Problem("all books", check, last, f"{count} stand twice"))
    return found


async def _kinds(db: AsyncSession) -> list[Problem]:
    rows = await db.execute(text("SELECT kind, debit_class, credit_class FROM ledger_kind"))
    stored = {tuple(row) for row in rows}
    changed = stored ^ {tuple(kind) for kind in chart.KINDS}
    return [
        Problem("all books", "kind", " ".join(kind), "the allow-list was changed")
        for kind in sorted(changed)
    ]


async def _guards(db: AsyncSession, dialect: str) -> list[Problem]:
    """A database whose guards are off is not trusted, even if today's sums are right."""
    present = await triggers_on(db)
    return [
        Problem("all books", "guard", name, "is missing or switched off")
        for name in sorted(GUARDS[dialect] - present)
    ]
