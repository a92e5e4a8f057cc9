"""The circle itself: what neighbours agreed on, as a value. Rows stay in this module."""

from __future__ import annotations

import re
import secrets
import unicodedata
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from circles.circle.calendar import Calendar
from circles.circle.tables import CircleRow
from circles.errors import ConflictError, MissingError
from circles.web.i18n import gettext as _

HUES = ("honey", "olive", "fern", "lagoon", "harbour", "cornflower", "iris", "mulberry")
RULES = ("most-ticks/1", "split/1", "one-winner/1", "fair-shares/1")
# Whole ballots are published under this one: among fewer they would be too easy to tell apart.
FAIR_SHARES_FROM = 8
CAP_DEFAULT = 20
CAP_MIN = 3
SLUG_CHARS_MAX = 40
_TRIES = 50


class UnknownCircleError(MissingError):
    """There is no circle at this address."""

    code = "unknown-circle"


@dataclass(frozen=True)
class NewCircle:
    """What the founding page asks for; amounts in minor units of `currency`."""

    name: str
    purpose: str
    norms: str
    currency: str
    zone: str
    locale: str
    hue: str
    cap: int
    calendar: Calendar
    rule: str = RULES[0]
    least_minor: int = 0
    pay_holder: str = ""
    pay_iban: str = ""
    pay_words: str = ""
    pledge_ceiling_minor: int = 0


@dataclass(frozen=True)
class Circle:
    """One circle. `log_origin` is fixed at founding; `hue` names one of HUES.

    `trial_rule` is the rule of the next round alone ("" for none); after it `rule` holds again.
    """

    id: bytes
    slug: str
    name: str
    purpose: str
    norms: str
    currency: str
    zone: str
    locale: str
    hue: str
    cap: int
    rule: str
    least_minor: int
    vote_slots: int
    nominate_slots: int
    min_voters: int
    calendar: Calendar
    pay_holder: str
    pay_iban: str
    pay_words: str
    pledge_ceiling_minor: int
    log_origin: str
    founded_at: datetime
    trial_rule: str = ""

    @property
    def path(self) -> str:
        """Where its pages live, without a closing slash."""
        return f"/c/{self.slug}"


_PLAIN_FIELDS = [field.name for field in fields(Circle) if field.name != "calendar"]


def _circle(row: CircleRow) -> Circle:
    plain = {name: getattr(row, name) for name in _PLAIN_FIELDS}
    return Circle(calendar=Calendar.from_text(row.calendar), **plain)


async def by_slug(db: AsyncSession, slug: str) -> Circle:
    """The circle at `/c/<slug>`; UnknownCircleError."""
    row = await db.scalar(select(CircleRow).where(CircleRow.slug == slug))
    if row is None:
        raise UnknownCircleError(_("There is no circle at this address. Look at it again."))
    return _circle(row)


async def by_id(db: AsyncSession, circle_id: bytes) -> Circle:
    """The circle of this id; UnknownCircleError."""
    row = await db.get(CircleRow, circle_id, populate_existing=True)
    if row is None:
        raise UnknownCircleError(_("This circle is not here."))
    return _circle(row)


async def every(db: AsyncSession) -> list[Circle]:
    """All circles of this host, the oldest first."""
    rows = await db.scalars(select(CircleRow).order_by(CircleRow.founded_at, CircleRow.slug))
    return [_circle(row) for row in rows]


async def count(db: AsyncSession) -> int:
    """How many circles this host carries."""
    return int(await db.scalar(select(func.count()).select_from(CircleRow)) or 0)


def slug_of(name: str) -> str:
    """`Maple Row` -> `maple-row`; letters without an ASCII form fall away, "" becomes `circle`."""
    plain = unicodedata.normalize("NFKD", name.replace("ß", "ss")).encode("ascii", "ignore")
    return (
        re.sub(r"[^a-z0-9]+", "-", plain.decode().lower()).strip("-")[:SLUG_CHARS_MAX].strip("-")
        or "circle"
    )


async def found(db: AsyncSession, host_name: str, new: NewCircle, at: datetime) -> Circle:
    """Keep a new circle; a name that is taken gets a number behind its slug.

    `host_name` (host and port) becomes part of the log's origin and stays so for ever.
    """
    wanted = slug_of(new.name)
    for attempt in range(1, _TRIES):
        slug = wanted if attempt == 1 else f"{wanted}-{attempt}"
        row = _row(slug, host_name, new, at)
        try:
            async with db.begin_nested():
                db.add(row)
        except IntegrityError:
            continue
        return _circle(row)
    raise ConflictError(_("Too many circles of this name live here. Please choose another name."))


def _row(slug: str, host_name: str, new: NewCircle, at: datetime) -> CircleRow:
    return CircleRow(
        id=secrets.token_bytes(16),
        slug=slug,
        name=new.name,
        purpose=new.purpose,
        norms=new.norms,
        currency=new.currency,
        zone=new.zone,
        locale=new.locale,
        hue=new.hue,
        cap=new.cap,
        rule=new.rule,
        least_minor=new.least_minor,
        vote_slots=3,
        nominate_slots=2,
        min_voters=3,
        calendar=new.calendar.to_text(),
        pay_holder=new.pay_holder,
        pay_iban=new.pay_iban,
        pay_words=new.pay_words,
        pledge_ceiling_minor=new.pledge_ceiling_minor,
        log_origin=f"{host_name}/c/{slug}",
        founded_at=at,
    )


async def change_pay(
    db: AsyncSession, circle_id: bytes, *, holder: str, iban: str, words: str
) -> None:
    """How to pay in, from now on."""
    await db.execute(
        update(CircleRow)
        .where(CircleRow.id == circle_id)
        .values(pay_holder=holder, pay_iban=iban, pay_words=words)
    )


async def change_rules(
    db: AsyncSession, circle_id: bytes, *, cap: int, pledge_ceiling_minor: int, calendar: Calendar
) -> None:
    """How many, how much at most, and when: for the rounds that have not begun yet."""
    await db.execute(
        update(CircleRow)
        .where(CircleRow.id == circle_id)
        .values(cap=cap, pledge_ceiling_minor=pledge_ceiling_minor, calendar=calendar.to_text())
    )


async def change_rule(
    db: AsyncSession, circle_id: bytes, *, rule: str, trial_rule: str = ""
) -> None:
    """The rule of the rounds to come, and one that only the next of them is decided by.

    A round that runs keeps the rule of its poll record.
    """
    await db.execute(
        update(CircleRow).where(CircleRow.id == circle_id).values(rule=rule, trial_rule=trial_rule)
    )


async def change_words(db: AsyncSession, circle_id: bytes, *, purpose: str, norms: str) -> None:
    """What the circle is for, and how we are with each other."""
    await db.execute(
        update(CircleRow).where(CircleRow.id == circle_id).values(purpose=purpose, norms=norms)
    )
