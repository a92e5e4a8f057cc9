"""Signing in, and who is signed in to a request.

- The cookie is `__Secure-circles` (`circles` where the host itself is reached over plain http),
  with the circle's own path: it never reaches another circle, nor casting.
- Nobody but who signed in ever gets a cookie.
- An unknown handle and a wrong passphrase look alike, and take as long.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from circles.circle.circles import Circle
from circles.circle.provide import circle_of
from circles.errors import SignInNeededError
from circles.host import Host
from circles.members import notices, people, sessions, throttle
from circles.members import passphrase as passphrases
from circles.members.people import Member
from circles.members.tables import AccountRow
from circles.settings import Settings
from circles.web.i18n import gettext as _

# What a handler writes: `member: TheMember`.
TheMember: TypeAlias = NamedDependency[Member]

_KEPT = "circles_member"
HANDLE_TYPED_CHARS_MAX = 200


class WrongPassphraseError(SignInNeededError):
    """Handle and passphrase do not belong together; which of the two is never said."""

    code = "wrong-passphrase"


def cookie_name(settings: Settings) -> str:
    """`__Secure-circles`, or `circles` where there is no https."""
    return "__Secure-circles" if settings.secure else "circles"


def cookie(settings: Settings, circle: Circle, token: str) -> Cookie:
    """What the browser is to keep after signing in."""
    return Cookie(
        key=cookie_name(settings),
        value=token,
        path=circle.path,
        httponly=True,
        secure=settings.secure,
        samesite="lax",
        max_age=int(sessions.ABSOLUTE.total_seconds()),
    )


def no_cookie(settings: Settings, circle: Circle) -> Cookie:
    """What makes the browser forget it."""
    return Cookie(
        key=cookie_name(settings),
        value="",
        path=circle.path,
        httponly=True,
        secure=settings.secure,
        samesite="lax",
        max_age=0,
    )


def token_of(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """The cookie as the browser sent it, or ""."""
    host: Host = connection.app.state.host
    return connection.cookies.get(cookie_name(host.settings), "")


async def sign_in(
    host: Host, circle: Circle, handle: str, passphrase: str, old_token: str = ""
) -> tuple[Member, str]:
    """(who, new cookie value). The session of `old_token`, if any, ends.

    Raises WrongPassphraseError, and TooManyError when this handle was tried too often; both for
    unknown handles too.
    """
    wanted = people.handle_key(handle[:HANDLE_TYPED_CHARS_MAX])
    key = await throttle.take(host, "sign-in", circle.id, wanted)
    async with host.database.read() as db:
        row = (
            await db.execute(
                select(AccountRow.id, AccountRow.passphrase_hash).where(
                    AccountRow.circle_id == circle.id, AccountRow.handle_key == wanted
                )
            )
        ).first()
    member_id, kept_hash = row if row is not None else (b"", None)
    if not await passphrases.matches(kept_hash, passphrase) or kept_hash is None:
        raise WrongPassphraseError(_("These two do not belong together. Look at both once more."))
    outdated = passphrases.is_outdated(kept_hash)
    fresh = await passphrases.hash_of(passphrase) if outdated else None
    async with host.database.begin() as db:
        await _still_holds(db, member_id, kept_hash)
        member = await people.get(db, circle.id, member_id)
        if fresh:
            await _keep_hash(db, member.id, fresh)
        await throttle.forgive(db, key)
        await sessions.end(db, old_token)
        return member, await sessions.begin(db, member.id, host.clock.now())


async def change_passphrase(
    host: Host, circle: Circle, member: Member, old: str, new: str, token: str
) -> None:
    """Another passphrase, when the old one is known; all other sessions end.

    Throttled apart from sign-in, so that a guesser there cannot keep the owner from changing it.
    Raises PassphraseError, WrongPassphraseError, TooManyError.
    """
    passphrases.check(new, [circle.name, circle.slug, member.handle])
    key = await throttle.take(host, "change-passphrase", circle.id, member.id.hex())
    async with host.database.read() as db:
        kept_hash = await db.scalar(
            select(AccountRow.passphrase_hash).where(AccountRow.id == member.id)
        )
    if not await passphrases.matches(kept_hash, old):
        raise WrongPassphraseError(_("That is not your present pass phrase. Nothing was changed."))
    fresh = await passphrases.hash_of(new)
    async with host.database.begin() as db:
        await _still_holds(db, member.id, kept_hash)
        await _keep_hash(db, member.id, fresh)
        await throttle.forgive(db, key)
        await sessions.end_all(db, member.id, but_token=token)
        await notices.tell(db, member.id, "passphrase-changed", {}, host.clock.round_now())


async def _still_holds(db: AsyncSession, member_id: bytes, kept_hash: str | None) -> None:
    """What was checked a moment ago must still be the passphrase, under a lock: a way back given
    meanwhile has ended all sessions, and none may begin with the old one."""
    now_kept = await db.scalar(
        select(AccountRow.passphrase_hash).where(AccountRow.id == member_id).with_for_update()
    )
    if now_kept is None or now_kept != kept_hash:
        raise WrongPassphraseError(_("The pass phrase was changed just now. Try the new one."))


async def _keep_hash(db: AsyncSession, member_id: bytes, passphrase_hash: str) -> None:
    await db.execute(
        update(AccountRow).where(AccountRow.id == member_id).values(passphrase_hash=passphrase_hash)
    )


async def live_member(connection: ASGIConnection[Any, Any, Any, Any]) -> Member | None:
    """Who is signed in at the circle in the path, if anybody; read once a request."""
    state = connection.scope["state"]
    if _KEPT not in state:
        state[_KEPT] = await _look(connection)
    kept: Member | None = state[_KEPT]
    return kept


async def _look(connection: ASGIConnection[Any, Any, Any, Any]) -> Member | None:
    token = token_of(connection)
    if not token:
        return None
    host: Host = connection.app.state.host
    circle = await circle_of(connection)
    now = host.clock.now()
    async with host.database.read() as db:
        found = await sessions.live(db, circle.id, token, now)
    if found is None:
        return None
    if now - found.seen_at >= sessions.SEEN_STEP:
        async with host.database.begin() as db:
            await sessions.seen(db, found.token_hash, now)
    return found.member


async def needed_member(connection: ASGIConnection[Any, Any, Any, Any]) -> Member:
    """Who is signed in; SignInNeededError if nobody is."""
    member = await live_member(connection)
    if member is None:
        raise SignInNeededError(_("Please sign in first."))
    return member


async def provide_member(request: Request[Any, Any, Any]) -> Member:
    """The dependency `member`."""
    return await needed_member(request)
