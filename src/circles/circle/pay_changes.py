"""Another account to pay in to: asked for by a steward, confirmed by another of us, in force a day
later by the circle's clock. Whoever could change it alone and at once could have everybody's money.

People stand here as their random actor numbers. A row no longer says what was asked for once it is
over; the acts (`circles.acts`) do: whoever tried to turn our money elsewhere stays on record.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, fields
from datetime import datetime, timedelta

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from circles import acts
from circles.circle import circles
from circles.circle.act_tables import ActRow
from circles.circle.pay_change_tables import PayChangeRow
from circles.errors import ConflictError, ForbiddenError, MissingError
from circles.vault import Vault
from circles.web.i18n import gettext as _

WAIT = timedelta(days=1)
_TOLD = ("circle_circle", "circle_pay_change")
# The triggers that keep an account from being changed unseen, as the migrations make them.
GUARDS: dict[str, frozenset[str]] = {
    "sqlite": frozenset(
        {
            "circle_pay_change_stays",
            "circle_pay_change_never_delete",
            "circle_act_bound_once",
            "circle_act_never_delete",
            *(f"{table}_{verb}_told" for table in _TOLD for verb in ("insert", "update", "delete")),
        }
    ),
    "postgresql": frozenset(
        {
            "circle_pay_change_stays",
            "circle_pay_change_never_truncate",
            "circle_act_bound_once",
            "circle_act_never_truncate",
            *(f"{table}_told" for table in _TOLD),
        }
    ),
}


class PayChangeError(ConflictError):
    """There is another change, or none any more."""

    code = "pay-change"


@dataclass(frozen=True)
class PayChange:
    """What is asked for; `holds_from` is None until a second person confirmed it."""

    id: bytes
    circle_id: bytes
    holder: str
    iban: str
    words: str
    asker_actor: int
    asked_at: datetime
    confirmer_actor: int | None
    confirmed_at: datetime | None
    holds_from: datetime | None


async def on_its_way(db: AsyncSession, circle_id: bytes, *, lock: bool = False) -> PayChange | None:
    """The change that is neither in force nor dropped."""
    query = (
        select(PayChangeRow)
        .where(PayChangeRow.circle_id == circle_id, PayChangeRow.ended_at.is_(None))
        .execution_options(populate_existing=True)
    )
    row = await db.scalar(query.with_for_update() if lock else query)
    if row is None:
        return None
    return PayChange(**{field.name: getattr(row, field.name) for field in fields(PayChange)})


async def ask(
    db: AsyncSession,
    circle_id: bytes,
    *,
    holder: str,
    iban: str,
    words: str,
    actor: int,
    at: datetime,
) -> None:
    """Ask for it; PayChangeError while another one is on its way."""
    if await on_its_way(db, circle_id, lock=True) is not None:
        raise PayChangeError(
            _("Another change of the account is on its way. Stop that one first, or wait for it.")
        )
    await db.execute(
        insert(PayChangeRow).values(
            id=secrets.token_bytes(16),
            circle_id=circle_id,
            holder=holder,
            iban=iban,
            words=words,
            asker_actor=actor,
            asked_at=at,
        )
    )


async def _this(db: AsyncSession, circle_id: bytes, change_id: bytes) -> PayChange:
    change = await on_its_way(db, circle_id, lock=True)
    if change is None or change.id != change_id:
        raise MissingError(_("This change is over. Look at how one pays in."))
    return change


async def confirm(
    db: AsyncSession, circle_id: bytes, change_id: bytes, *, actor: int, at: datetime
) -> bool:
    """The second person: the account holds from a day later on. False if that was said already."""
    change = await _this(db, circle_id, change_id)
    if actor == change.asker_actor:
        raise ForbiddenError(_("You asked for this. Another one of us confirms it."))
    if change.confirmer_actor is not None:
        return False
    await _write(db, change, confirmer_actor=actor, confirmed_at=at, holds_from=at + WAIT)
    return True


async def drop(db: AsyncSession, circle_id: bytes, change_id: bytes, *, at: datetime) -> None:
    """It stays as it was."""
    await _end(db, await _this(db, circle_id, change_id), at)


async def put_in_force(db: AsyncSession, circle_id: bytes, at: datetime) -> bool:
    """What was confirmed a day ago holds from now on; whether anything was due. Twice is once."""
    change = await on_its_way(db, circle_id, lock=True)
    if change is None or change.holds_from is None or at < change.holds_from:
        return False
    await circles.change_pay(
        db, circle_id, holder=change.holder, iban=change.iban, words=change.words
    )
    await _end(db, change, at)
    return True


async def _end(db: AsyncSession, change: PayChange, at: datetime) -> None:
    await _write(db, change, ended_at=at, holder="", iban="", words="")


async def _write(db: AsyncSession, change: PayChange, **values: object) -> None:
    await db.execute(update(PayChangeRow).where(PayChangeRow.id == change.id).values(**values))


async def wrong(db: AsyncSession, vault: Vault) -> list[acts.Wrong]:
    """What is not as it was done: accounts to pay in to, and their changes."""
    dialect = db.get_bind().dialect.name
    missing = GUARDS[dialect] - await acts.triggers_on(db)
    found = [acts.Wrong(name, "is missing or switched off") for name in sorted(missing)]
    return found + await acts.wrong(db, vault, ActRow.metadata)
