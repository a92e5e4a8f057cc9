"""What the requests of past votes are called, for members' pages that know no ballot."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy.ext.asyncio import AsyncSession

from circles.ballot import box
from circles.circle import plain
from circles.errors import MissingError
from circles.rounds import rounds
from circles.rounds.booth_context import Request


async def recipients(
    db: AsyncSession, circle_id: bytes, months: Iterable[str]
) -> dict[tuple[str, int], str]:
    """By month and candidate number: the first line of each request's words, where still kept."""
    found: dict[tuple[str, int], str] = {}
    for month in sorted(set(months)):
        try:
            round_ = await rounds.by_month(db, circle_id, month)
        except MissingError:
            continue
        if round_.slate is None:
            continue
        known = {one.leaf: one for one in await box.nominations(db, round_.nominate.poll_hash)}
        for number, leaf in enumerate(round_.slate.candidates, start=1):
            one = known[leaf]
            request = Request.of(number, leaf, one.ask, one.salt, one.document)
            # A ballot shows the words byte by byte; what stands in them must not turn a sentence
            # about money around.
            title = plain.shown(request.recipient)
            if request.text is not None and title:
                found[month, number] = title
    return found
