"""Links for auditors: one period of the books, to read, for a while, without signing in.

The code is 160 bits of a keyed hash of the row's random id, as for invitations: the row keeps its
SHA-256, so that who reads the database alone opens nothing with it. Officers stand here by actor.
"""

from __future__ import annotations

import hashlib
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from circles.errors import MissingError, TooManyError
from circles.ledger.close_tables import AuditLinkRow
from circles.ledger.export import Period
from circles.ledger.journal import TRANSFER_COLUMNS, book_of
from circles.ledger.tables import Book, TransferRow
from circles.ledger.transfer import Transfer
from circles.vault import Vault
from circles.web.i18n import gettext as _

DAYS = (7, 14, 30, 60)
DAYS_DEFAULT = 14
KEPT = timedelta(days=1)
_OPEN_MAX = 20
_CODE_BYTES = 20


class AuditOverError(MissingError):
    """This link opens nothing: mistyped, run out, or taken back."""

    code = "audit-link"


@dataclass(frozen=True)
class AuditLink:
    """`period` is `2026-10` or `2026`."""

    id: bytes
    period: str
    made_actor: int
    made_at: datetime
    expires_at: datetime
    revoked_at: datetime | None

    def opens(self, now: datetime) -> bool:
        """Whether it still opens something."""
        return self.revoked_at is None and now < self.expires_at


_NAMES = tuple(AuditLink.__dataclass_fields__)
_COLUMNS = tuple(getattr(AuditLinkRow, name) for name in _NAMES)


def code_of(vault: Vault, link_id: bytes) -> str:
    """27 characters for a path; computed, never stored."""
    mark = vault.mac("ledger/audit-link", link_id)[:_CODE_BYTES]
    return urlsafe_b64encode(mark).decode().rstrip("=")


def _hash_of(code: str) -> bytes:
    return hashlib.sha256(b"circles/code/v1\n" + code.encode("utf-8", "replace")).digest()


async def make(
    db: AsyncSession,
    vault: Vault,
    circle_id: bytes,
    period: str,
    *,
    days: int,
    actor: int,
    now: datetime,
) -> AuditLink:
    """A new link for a month or a year. InvalidError for no period, TooManyError for very many."""
    Period.parse(period)
    book = await book_of(db, circle_id, lock=True)
    open_now = await db.scalar(
        select(func.count())
        .select_from(AuditLinkRow)
        .where(
            AuditLinkRow.book_id == book.id,
            AuditLinkRow.revoked_at.is_(None),
            AuditLinkRow.expires_at > now,
        )
    )
    if (open_now or 0) >= _OPEN_MAX:
        raise TooManyError(_("Many links are open already. Take some back."), retry_after_s=600)
    made = AuditLink(secrets.token_bytes(16), period, actor, now, now + timedelta(days=days), None)
    await db.execute(
        insert(AuditLinkRow).values(
            book_id=book.id, code_hash=_hash_of(code_of(vault, made.id)), **vars(made)
        )
    )
    return made


async def every(db: AsyncSession, circle_id: bytes) -> list[AuditLink]:
    """Those that are still kept, the newest first."""
    query = (
        select(*_COLUMNS)
        .join(Book, Book.id == AuditLinkRow.book_id)
        .where(Book.circle_id == circle_id)
        .order_by(AuditLinkRow.made_at.desc(), AuditLinkRow.id)
    )
    return [AuditLink(*row) for row in await db.execute(query)]


async def by_id(db: AsyncSession, circle_id: bytes, link_id: bytes) -> AuditLink:
    """One of this circle's; AuditOverError."""
    found = next((link for link in await every(db, circle_id) if link.id == link_id), None)
    if found is None:
        raise AuditOverError(_("This link is not here any more."))
    return found


async def by_code(db: AsyncSession, circle_id: bytes, code: str, now: datetime) -> AuditLink:
    """The link of that code, if it opens something; AuditOverError says the same of all others."""
    query = (
        select(*_COLUMNS)
        .join(Book, Book.id == AuditLinkRow.book_id)
        .where(Book.circle_id == circle_id, AuditLinkRow.code_hash == _hash_of(code))
    )
    row = (await db.execute(query)).one_or_none()
    if row is None or not AuditLink(*row).opens(now):
        raise AuditOverError(
            _("This link shows nothing (any more). Ask whoever gave it to you for a new one.")
        )
    return AuditLink(*row)


async def revoke(db: AsyncSession, circle_id: bytes, link_id: bytes, now: datetime) -> bool:
    """Take it back; False if it was over before."""
    book = await book_of(db, circle_id)
    taken = await db.execute(
        update(AuditLinkRow)
        .where(
            AuditLinkRow.book_id == book.id,
            AuditLinkRow.id == link_id,
            AuditLinkRow.revoked_at.is_(None),
            AuditLinkRow.expires_at > now,
        )
        .values(revoked_at=now)
        .returning(AuditLinkRow.id)
    )
    return taken.first() is not None


async def purge(db: AsyncSession, now: datetime) -> None:
    """Forget links a day after they ran out or were taken back."""
    over = func.coalesce(AuditLinkRow.revoked_at, AuditLinkRow.expires_at)
    await db.execute(delete(AuditLinkRow).where(over <= now - KEPT))


async def lines(
    db: AsyncSession, circle_id: bytes, period: Period, *, after_seq: int, limit: int
) -> list[Transfer]:
    """Lines of the books with a day in that period, in their order, `limit` after `after_seq`."""
    query = (
        select(*TRANSFER_COLUMNS)
        .join(Book, Book.id == TransferRow.book_id)
        .where(
            Book.circle_id == circle_id,
            TransferRow.effective_on.between(period.first, period.last),
            TransferRow.seq > after_seq,
        )
        .order_by(TransferRow.seq)
        .limit(limit)
    )
    return [Transfer(*row) for row in await db.execute(query)]
