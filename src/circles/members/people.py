"""People: who is in a circle, who does what there, and how one leaves.

Whatever members compete for (the last chair, being the last steward) is decided under a lock on the
circle's row, so that two at the same moment cannot both have it.
"""

from __future__ import annotations

import secrets
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from circles.circle import plain
from circles.circle.calendar import month_after, month_of
from circles.circle.circles import Circle
from circles.errors import ConflictError, InvalidError, MissingError
from circles.members import notices, roll
from circles.members.lookalikes import drawn
from circles.members.tables import AccountRow, Base, CircleRow
from circles.web.i18n import gettext as _

ROLES = ("treasurer", "steward")
HANDLE_CHARS_MAX = 40
# How long an account is no second name: after coming in, and after a way back was given.
FREEZE = timedelta(days=7)
ID_BYTES = 16
# Drawn at random, so that a number says nothing about who came when.
_BOOK_NUMBER_FROM, _BOOK_NUMBER_TO = 1000, 999_999
_ACTOR_BITS = 62


class HandleTakenError(ConflictError):
    """Somebody here is called so already."""

    code = "handle-taken"


class HandleError(InvalidError):
    """No name that can be shown and told apart."""

    code = "handle"


class CircleFullError(ConflictError):
    """Every chair is taken."""

    code = "full"


class LastStewardError(ConflictError):
    """A circle is never left without a steward."""

    code = "last-steward"


class NoSuchMemberError(MissingError):
    """Nobody of this circle is meant by that."""

    code = "no-such-member"


@dataclass(frozen=True)
class Member:
    """One person in one circle, as other rooms may know them.

    `book_number` and `actor` are random: what the books say instead of a name. `votes_from` is the
    first month (yyyy-mm) whose roll has them. `roles` always holds "member".
    """

    id: bytes
    circle_id: bytes
    handle: str
    roles: frozenset[str]
    book_number: str
    actor: int
    joined_at: datetime
    votes_from: str
    payouts_frozen_until: datetime | None

    @property
    def is_treasurer(self) -> bool:
        return "treasurer" in self.roles

    @property
    def is_steward(self) -> bool:
        return "steward" in self.roles

    def may_confirm_payouts(self, now: datetime) -> bool:
        """False for a while after coming in, or after a way back in was given."""
        return self.payouts_frozen_until is None or self.payouts_frozen_until <= now


def member_of(row: AccountRow) -> Member:
    """The value of a row; for this room only."""
    roles = {"member"}
    if row.is_treasurer:
        roles.add("treasurer")
    if row.is_steward:
        roles.add("steward")
    return Member(
        id=row.id,
        circle_id=row.circle_id,
        handle=row.handle,
        roles=frozenset(roles),
        book_number=row.book_number,
        actor=row.actor,
        joined_at=row.joined_at,
        votes_from=row.votes_from,
        payouts_frozen_until=row.payouts_frozen_until,
    )


def clean_handle(text: str) -> str:
    """The handle as it will be shown (NFKC, 1 to 40 characters); HandleError says what is wrong."""
    try:
        handle = plain.line(unicodedata.normalize("NFKC", text), chars_max=HANDLE_CHARS_MAX)
    except plain.PlainTextError as error:
        raise HandleError(str(error)) from error
    if not plain.is_visible(handle):
        raise HandleError(_("Please write a name that we can read."))
    if any(unicodedata.category(c) == "Cf" for c in handle):
        raise HandleError(_("There is a hidden character in it. Please type it anew."))
    return handle


def handle_key(handle: str) -> str:
    """Two handles with one key are the same to a reader: case and width do not tell them apart."""
    folded = unicodedata.normalize("NFKC", handle).casefold()
    return unicodedata.normalize("NFKC", folded)


async def lock(db: AsyncSession, circle_id: bytes) -> CircleRow:
    """The circle's own row, locked until the transaction ends (SQLite has one writer anyway)."""
    await insert_missing(db, CircleRow, circle_id=circle_id)
    rows = await db.scalars(
        select(CircleRow)
        .where(CircleRow.circle_id == circle_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return rows.one()


async def insert_missing(db: AsyncSession, table: type[Base], **values: object) -> None:
    """INSERT ... ON CONFLICT DO NOTHING, in the words of the database at hand; for this room."""
    insert = postgresql.insert if db.get_bind().dialect.name == "postgresql" else sqlite.insert
    await db.execute(insert(table).values(**values).on_conflict_do_nothing())


async def count(db: AsyncSession, circle_id: bytes) -> int:
    """How many are in."""
    found = select(func.count()).select_from(AccountRow).where(AccountRow.circle_id == circle_id)
    return int(await db.scalar(found) or 0)


async def every(db: AsyncSession, circle_id: bytes) -> list[Member]:
    """All members, by handle."""
    rows = await db.scalars(
        select(AccountRow).where(AccountRow.circle_id == circle_id).order_by(AccountRow.handle_key)
    )
    return [member_of(row) for row in rows]


async def get(db: AsyncSession, circle_id: bytes, member_id: bytes) -> Member:
    """That member of that circle; NoSuchMemberError."""
    row = await db.get(AccountRow, member_id, populate_existing=True)
    if row is None or row.circle_id != circle_id:
        raise NoSuchMemberError(_("Nobody of that name is here any more."))
    return member_of(row)


async def by_handle(db: AsyncSession, circle_id: bytes, handle: str) -> Member | None:
    """Who is called so here, whatever the case."""
    row = await db.scalar(
        select(AccountRow).where(
            AccountRow.circle_id == circle_id, AccountRow.handle_key == handle_key(handle)
        )
    )
    return member_of(row) if row else None


async def join(
    db: AsyncSession,
    circle: Circle,
    *,
    handle: str,
    passphrase_hash: str,
    roles: frozenset[str] = frozenset(),
    round_now: datetime,
    at: datetime,
) -> Member:
    """Take a chair. `handle` as `clean_handle` gives it; `round_now` by the circle's clock.

    Raises CircleFullError and HandleTakenError; then nothing is kept.
    """
    room = await lock(db, circle.id)
    if await count(db, circle.id) >= circle.cap:
        raise CircleFullError(_("Every chair is taken. The circle can be asked to bring one more."))
    if await by_handle(db, circle.id, handle) is not None:
        raise HandleTakenError(
            _("Somebody here is called %(handle)s already. Try another.") % {"handle": handle}
        )
    alike = [m for m in await every(db, circle.id) if drawn(m.handle) == drawn(handle)]
    if alike:
        raise HandleTakenError(
            _("That looks just like %(handle)s, who is here already. Try another.")
            % {"handle": alike[0].handle}
        )
    first_month = _first_month(circle, room.rolled_month, round_now)
    book_number, actor = await _numbers(db, circle.id)
    row = AccountRow(
        id=secrets.token_bytes(16),
        circle_id=circle.id,
        handle=handle,
        handle_key=handle_key(handle),
        passphrase_hash=passphrase_hash,
        is_treasurer="treasurer" in roles,
        is_steward="steward" in roles,
        book_number=book_number,
        actor=actor,
        joined_at=at,
        votes_from=first_month,
        payouts_frozen_until=_frozen_until(circle, at),
    )
    db.add(row)
    await db.flush()
    return member_of(row)


def _frozen_until(circle: Circle, at: datetime) -> datetime | None:
    """Whoever invites could take the invitation themselves, and put both names; so all of us have a
    week to ask who that is. While the circle itself is that young, all are new to it."""
    return at + FREEZE if at - circle.founded_at >= FREEZE else None


def _first_month(circle: Circle, rolled_month: str | None, round_now: datetime) -> str:
    this = month_of(round_now, circle.zone)
    return this if rolled_month is None else max(this, month_after(rolled_month))


async def votes_from(db: AsyncSession, circle: Circle, round_now: datetime) -> str | None:
    """The first month (yyyy-mm) in which somebody votes who joins now; None before the first round,
    because nobody knows yet which month that is."""
    room = await db.get(CircleRow, circle.id)
    if room is None or room.rolled_month is None:
        return None
    return _first_month(circle, room.rolled_month, round_now)


async def _numbers(db: AsyncSession, circle_id: bytes) -> tuple[str, int]:
    """A book number and an actor number that nobody here has; the schema has the last word."""
    taken = set(
        await db.scalars(select(AccountRow.book_number).where(AccountRow.circle_id == circle_id))
    )
    while True:
        number = _BOOK_NUMBER_FROM + secrets.randbelow(_BOOK_NUMBER_TO - _BOOK_NUMBER_FROM + 1)
        if f"M{number}" not in taken:
            return f"M{number}", 1 + secrets.randbelow(2**_ACTOR_BITS - 1)


async def roll_frozen(db: AsyncSession, circle_id: bytes, month: str) -> None:
    """The roll of `month` stands: whoever joins from now on votes from the next month."""
    room = await lock(db, circle_id)
    if room.rolled_month is None or room.rolled_month < month:
        room.rolled_month = month
    await db.flush()


async def set_role(
    db: AsyncSession, circle_id: bytes, member_id: bytes, role: str, *, holds: bool
) -> bool:
    """Give or take a role of ROLES; True if that changed anything. LastStewardError."""
    await lock(db, circle_id)
    member = await get(db, circle_id, member_id)
    if (role in member.roles) == holds:
        return False
    if role == "steward" and not holds:
        await _keep_a_steward(db, member)
    column = AccountRow.is_steward if role == "steward" else AccountRow.is_treasurer
    await db.execute(update(AccountRow).where(AccountRow.id == member_id).values({column: holds}))
    return True


async def leave(db: AsyncSession, circle_id: bytes, member_id: bytes) -> None:
    """Rub out everything this room knows of a member: sessions, pledge, dues, words, invitations.

    The books keep what they have: a number. LastStewardError if nobody else keeps the circle.
    """
    await lock(db, circle_id)
    await _keep_a_steward(db, await get(db, circle_id, member_id))
    await roll.forget(db, member_id)
    await notices.rub_out(db, member_id)
    await db.execute(delete(AccountRow).where(AccountRow.id == member_id))


async def _keep_a_steward(db: AsyncSession, member: Member) -> None:
    """Under the lock: refuse to lose the last steward."""
    if not member.is_steward:
        return
    others = await db.scalar(
        select(func.count())
        .select_from(AccountRow)
        .where(
            AccountRow.circle_id == member.circle_id,
            AccountRow.is_steward.is_(True),
            AccountRow.id != member.id,
        )
    )
    if not others:
        raise LastStewardError(
            _("A circle needs somebody who keeps it together. Make another member steward first.")
        )
