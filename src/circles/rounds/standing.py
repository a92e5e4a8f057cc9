"""How the box of a round stands for one member: closed, waited for, and whether by their key."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from circles.circle import boxes
from circles.circle.boxes import BoxKeys
from circles.circle.circles import Circle
from circles.members.people import Member
from circles.rounds import opening, trustees
from circles.rounds.rounds import Round


@dataclass(frozen=True)
class Standing:
    """How the box of a round stands, for one member.

    `state` is `running` (not closed), `waiting` (closed, too few keys so far), `counting`, or
    `over`. `own` is the member's public key in this vote, `done` whether it is published.
    """

    round: Round
    box: BoxKeys
    state: str
    opened: int
    own: bytes | None
    done: bool

    @property
    def to_open(self) -> bool:
        """Whether the member's key is waited for."""
        return self.own is not None and not self.done and self.state in {"waiting", "counting"}

    @property
    def missing(self) -> int:
        """How many more keys are needed."""
        return max(self.box.needed - self.opened, 0)


async def standing(db: AsyncSession, circle: Circle, round_: Round, member: Member) -> Standing:
    """How that round's box stands for that member."""
    box = await boxes.of_month(db, circle.id, round_.month)
    own = await trustees.own_key(db, circle.id, round_.vote.poll_hash, member.id)
    secrets = {} if round_.decided else await opening.secrets_of(db, round_)
    number = round_.vote.poll.trustees.index(own) + 1 if own else 0
    if round_.decided:
        state = "over"
    elif round_.vote.close_text is None:
        state = "running"
    else:
        state = "counting" if round_.opened else "waiting"
    shut = state == "waiting" and opening.void_ground(round_) is not None
    return Standing(
        round_, box, "over" if shut else state, len(secrets), own, done=number in secrets
    )
