"""Trustees: who holds a key to the box, decided by a steward before the eyes of all.

A trustee makes fresh keys in advance, hands in their public halves, and each vote uses one. Who has
none left when a round is announced is left out of that round; if fewer keys are there than open the
box, the round waits and says so. It is never made weaker than was decided, and never in silence.

Whoever changes anything here holds the circle's row of the members' room, as announcing does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from circles.circle import boxes
from circles.circle.boxes import SERVER_ALONE, BoxKeys
from circles.circle.circles import Circle
from circles.errors import ConflictError, ForbiddenError, InvalidError
from circles.members import notices, people
from circles.members.people import Member
from circles.protocol.messages import VOTE, Poll
from circles.protocol.poll_records import TRUSTEES_MAX
from circles.rounds.tables import PollRow
from circles.rounds.trustee_tables import TrusteeKeyRow, TrusteeRow
from circles.web.i18n import gettext as _

# So many keys may wait: a year, one for each month.
KEYS_WAITING_MAX = 12
_FIELD = 2**255 - 19
_PROBE = X25519PrivateKey.from_private_bytes(bytes(range(32)))


class PlanError(InvalidError):
    """Such a choice of trustees cannot be."""

    code = "trustees"


class NoTrusteeError(ForbiddenError):
    """Only who was chosen hands in keys."""

    code = "not-trustee"


class KeyRefusedError(ConflictError):
    """A public key that cannot be used; `code` is `key-bad`, `key-used` or `keys-enough`."""


@dataclass(frozen=True)
class Plan:
    """Who holds a key from the next round on: these members, and this server or not."""

    members: frozenset[bytes]
    server: bool
    needed: int

    @property
    def keys(self) -> int:
        """How many keys there are to be."""
        return len(self.members) + (1 if self.server else 0)


async def plan(db: AsyncSession, circle_id: bytes) -> Plan:
    """What holds for the next round: this server alone until somebody decides."""
    decided = await boxes.to_come(db, circle_id) or SERVER_ALONE
    found = await db.scalars(select(TrusteeRow.member_id).where(TrusteeRow.circle_id == circle_id))
    return Plan(frozenset(found.all()), bool(decided.own), decided.needed)


async def decide(db: AsyncSession, circle: Circle, wanted: Plan, by: Member, at: datetime) -> bool:
    """Change who holds keys from the next round on; pinned up, and told to who is new. PlanError.

    False if that was decided already; to leave it to this server alone is a decision, too.
    """
    await people.lock(db, circle.id)
    here = {one.id for one in await people.every(db, circle.id)}
    if not wanted.members <= here:
        raise PlanError(_("One of them is not here any more. Load the page again."))
    if not 1 <= wanted.keys <= TRUSTEES_MAX:
        raise PlanError(
            _("The box has one key at least, and %(most)s at most.") % {"most": TRUSTEES_MAX}
        )
    if not 1 <= wanted.needed <= wanted.keys:
        raise PlanError(_("No more keys can be needed than there are."))
    before = await plan(db, circle.id)
    if before == wanted and await boxes.to_come(db, circle.id) is not None:
        return False
    await db.execute(delete(TrusteeRow).where(TrusteeRow.circle_id == circle.id))
    db.add_all(TrusteeRow(circle_id=circle.id, member_id=one) for one in wanted.members)
    await db.flush()
    await boxes.decide(db, circle.id, BoxKeys(wanted.keys, wanted.needed, int(wanted.server)))
    values = {
        "by_id": by.id.hex(),
        "keys": str(wanted.keys),
        "needed": str(wanted.needed),
        "server": "yes" if wanted.server else "",
    }
    await notices.pin(db, circle.id, "trustees-changed", values, at)
    for one in sorted(wanted.members - before.members):
        await notices.tell(db, one, "trustee-chosen", {"by_id": by.id.hex()}, at)
    return True


def check_key(public: bytes) -> None:
    """That a secret can be agreed with a public key, and that one way to write it is used.

    Raises KeyRefusedError `key-bad`. A vote with a bad key could be sealed by nobody, or opened by
    nobody.
    """
    try:
        good = int.from_bytes(public, "little") < _FIELD
        _PROBE.exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError:
        good = False
    if not good:
        raise KeyRefusedError(_("This is no key that could be used."), code="key-bad")


async def hand_in(
    db: AsyncSession, circle_id: bytes, member_id: bytes, publics: Sequence[bytes]
) -> int:
    """Keep a trustee's public keys for rounds to come; how many wait now. Safe to repeat.

    Raises NoTrusteeError, and KeyRefusedError: then none of them is kept.
    """
    await people.lock(db, circle_id)
    if await db.get(TrusteeRow, (circle_id, member_id)) is None:
        raise NoTrusteeError(_("You hold no key to the box. A steward can ask you to."))
    used = await _used_keys(db, circle_id)
    for public in dict.fromkeys(publics):
        check_key(public)
        held = await db.get(TrusteeKeyRow, (circle_id, public), populate_existing=True)
        if held is not None and held.member_id == member_id and held.poll_hash is None:
            continue
        if held is not None or public in used:
            raise KeyRefusedError(
                _("One of these keys was handed in before. Make fresh ones."), code="key-used"
            )
        db.add(TrusteeKeyRow(circle_id=circle_id, public=public, member_id=member_id))
    await db.flush()
    waiting = len(await keys_of(db, circle_id, member_id))
    if waiting > KEYS_WAITING_MAX:
        raise KeyRefusedError(
            _("At most %(most)s keys wait here, one for each month of a year.")
            % {"most": KEYS_WAITING_MAX},
            code="keys-enough",
        )
    return waiting


async def _used_keys(db: AsyncSession, circle_id: bytes) -> frozenset[bytes]:
    """All that any vote of the circle names, this server's too: their secrets are or will be known.

    A vote with one of them again could be read early, and the log would never verify again.
    """
    texts = await db.scalars(
        select(PollRow.text).where(PollRow.circle_id == circle_id, PollRow.purpose == VOTE)
    )
    return frozenset(public for text in texts for public in Poll.parse(text).trustees)


async def keys_of(db: AsyncSession, circle_id: bytes, member_id: bytes) -> list[bytes]:
    """The keys of a member that wait for rounds to come, in the order in which they are used."""
    found = await db.scalars(
        select(TrusteeKeyRow.public)
        .where(
            TrusteeKeyRow.circle_id == circle_id,
            TrusteeKeyRow.member_id == member_id,
            TrusteeKeyRow.poll_hash.is_(None),
        )
        .order_by(TrusteeKeyRow.public)
    )
    return list(found.all())


async def drop_waiting(db: AsyncSession, circle_id: bytes, member_id: bytes) -> int:
    """Take back all keys of a member that wait, because the private halves are lost; how many.

    Whoever finds them again may hand them in again: no vote has named them.
    """
    await people.lock(db, circle_id)
    keys = await keys_of(db, circle_id, member_id)
    await db.execute(
        delete(TrusteeKeyRow).where(
            TrusteeKeyRow.circle_id == circle_id, TrusteeKeyRow.public.in_(keys)
        )
    )
    return len(keys)


async def waiting(db: AsyncSession, circle_id: bytes) -> dict[bytes, int]:
    """How many keys wait, by the ids of those who were chosen."""
    chosen = (await plan(db, circle_id)).members
    found = await db.execute(
        select(TrusteeKeyRow.member_id, func.count())
        .where(TrusteeKeyRow.circle_id == circle_id, TrusteeKeyRow.poll_hash.is_(None))
        .group_by(TrusteeKeyRow.member_id)
    )
    counts = {member_id: count for member_id, count in found if member_id is not None}
    return {member_id: counts.get(member_id, 0) for member_id in chosen}


# ------------------------------------------------------------------ a round is announced


@dataclass(frozen=True)
class Ready:
    """How many keys a round would have if it began now, of how many, and how many open the box."""

    here: int
    chosen: int
    needed: int

    @property
    def enough(self) -> bool:
        """Whether the round can begin."""
        return self.here >= self.needed


async def ready(db: AsyncSession, circle_id: bytes) -> Ready:
    """Whether the keys for the next round are here."""
    wanted = await plan(db, circle_id)
    with_keys = sum(1 for count in (await waiting(db, circle_id)).values() if count)
    here = with_keys + (1 if wanted.server else 0)
    return Ready(here, wanted.keys, wanted.needed)


@dataclass(frozen=True)
class Chosen:
    """The trustees of a new vote: public keys by number, in an order that says nothing.

    `by` has the members' keys, `left_out` is how many were chosen and had none left.
    """

    keys: tuple[bytes, ...]
    needed: int
    own: int
    by: Mapping[bytes, bytes]
    left_out: int

    @property
    def box(self) -> BoxKeys:
        """The same without keys and names."""
        return BoxKeys(len(self.keys), self.needed, self.own)


async def choose(db: AsyncSession, circle_id: bytes, server_key: bytes) -> Chosen:
    """One key of each trustee who has one, and the server's if it is to have one."""
    wanted = await plan(db, circle_id)
    by = {}
    for member_id in wanted.members:
        waiting_keys = await keys_of(db, circle_id, member_id)
        if waiting_keys:
            by[waiting_keys[0]] = member_id
    publics = sorted([*by, server_key] if wanted.server else by)
    own = publics.index(server_key) + 1 if wanted.server else 0
    return Chosen(tuple(publics), wanted.needed, own, by, wanted.keys - len(publics))


async def bind(
    db: AsyncSession, circle: Circle, month: str, poll_hash: bytes, chosen: Chosen, at: datetime
) -> None:
    """The vote of that hash uses these keys, for ever. Who has none left after it is told."""
    await boxes.write(db, circle.id, month, chosen.box)
    # Whose key was used in rounds that are over need not be known any more.
    await db.execute(
        delete(TrusteeKeyRow).where(
            TrusteeKeyRow.circle_id == circle.id, TrusteeKeyRow.poll_hash.is_not(None)
        )
    )
    for public, member_id in sorted(chosen.by.items()):
        row = await db.get_one(TrusteeKeyRow, (circle.id, public), populate_existing=True)
        row.poll_hash = poll_hash
        await db.flush()
        if not await keys_of(db, circle.id, member_id):
            await notices.tell(db, member_id, "trustee-last-key", {"month": month}, at)
    if chosen.left_out:
        values = {
            "month": month,
            "out": str(chosen.left_out),
            "keys": str(len(chosen.keys)),
            "needed": str(chosen.needed),
        }
        await notices.pin(db, circle.id, "trustees-fewer", values, at)


async def forget(db: AsyncSession, circle: Circle, member_id: bytes, at: datetime) -> None:
    """A member leaves: no trustee any more, and no key here is theirs.

    A key that a running vote uses stays in its record; whoever has kept it can still open with it.
    Call it in the transaction of leaving.
    """
    await people.lock(db, circle.id)
    await db.execute(
        delete(TrusteeKeyRow).where(
            TrusteeKeyRow.circle_id == circle.id, TrusteeKeyRow.member_id == member_id
        )
    )
    before = await plan(db, circle.id)
    if member_id not in before.members:
        return
    await db.execute(
        delete(TrusteeRow).where(
            TrusteeRow.circle_id == circle.id, TrusteeRow.member_id == member_id
        )
    )
    after = Plan(before.members - {member_id}, before.server, before.needed)
    await boxes.decide(db, circle.id, BoxKeys(after.keys, after.needed, int(after.server)))
    values = {"keys": str(after.keys), "needed": str(after.needed)}
    await notices.pin(db, circle.id, "trustee-left", values, at)


# ------------------------------------------------------------------ a round that runs


async def own_key(
    db: AsyncSession, circle_id: bytes, poll_hash: bytes, member_id: bytes
) -> bytes | None:
    """The member's public key in a vote; None if they hold none in it."""
    found: bytes | None = await db.scalar(
        select(TrusteeKeyRow.public).where(
            TrusteeKeyRow.circle_id == circle_id,
            TrusteeKeyRow.poll_hash == poll_hash,
            TrusteeKeyRow.member_id == member_id,
        )
    )
    return found
