"""Links with which a circle is founded: random, for one use, stored as a hash.

The first one is printed by `circles serve` on a host without a circle; `circles found-link` makes
the next. A GET of the link changes nothing; the POST that founds the circle uses it up.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncSession

from circles.circle.tables import FoundingCodeRow
from circles.errors import MissingError
from circles.host import Host
from circles.web.i18n import gettext as _

LIFE = timedelta(hours=24)
_CODE_BYTES = 24


class FoundingLinkError(MissingError):
    """This link founds no circle (any more)."""

    code = "founding-link"


def _hash(code: str) -> bytes:
    return hashlib.sha256(b"circles/founding/v1\n" + code.encode("utf-8", "replace")).digest()


async def new_link(host: Host) -> str:
    """A fresh link to found one circle, good for LIFE; written down nowhere but in the answer."""
    code = secrets.token_urlsafe(_CODE_BYTES)
    async with host.database.begin() as db:
        db.add(FoundingCodeRow(code_hash=_hash(code), expires_at=host.clock.now() + LIFE))
    return f"{host.settings.url}/found/{code}"


async def check_code(db: AsyncSession, code: str, now: datetime) -> None:
    """FoundingLinkError unless a circle can still be founded with it."""
    row = await db.get(FoundingCodeRow, _hash(code))
    if row is None or row.used_at is not None or row.expires_at <= now:
        raise FoundingLinkError(
            _(
                "This link founds no circle any more. It works once, and for a day. "
                "Ask whoever runs this machine for a new one."
            )
        )


async def use_code(db: AsyncSession, code: str, now: datetime) -> None:
    """Use the code up, together with whatever else `db` does; FoundingLinkError if it is too late.

    The row is claimed by one UPDATE, so of two founders at the same moment one wins.
    """
    claimed = await db.execute(
        update(FoundingCodeRow)
        .where(
            FoundingCodeRow.code_hash == _hash(code),
            FoundingCodeRow.used_at.is_(None),
            FoundingCodeRow.expires_at > now,
        )
        .values(used_at=now)
        .returning(FoundingCodeRow.code_hash)
    )
    if claimed.first() is None:
        raise FoundingLinkError(
            _(
                "This link was used already, or has run out. "
                "Ask whoever runs this machine for another."
            )
        )


async def purge(db: AsyncSession, now: datetime) -> None:
    """Forget links that are of no use any more."""
    await db.execute(
        delete(FoundingCodeRow).where(
            FoundingCodeRow.used_at.is_not(None) | (FoundingCodeRow.expires_at <= now)
        )
    )
