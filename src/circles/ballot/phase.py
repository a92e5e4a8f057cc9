"""When the box takes something, and what it says when it does not."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache

from circles.ballot.errors import CastRefusedError
from circles.ballot.tables import Poll
from circles.protocol import messages
from circles.web.i18n import gettext as _

GRACE = timedelta(seconds=120)

# The records of a poll never change; each cast would read them again.
poll_of = lru_cache(maxsize=64)(messages.Poll.parse)
slate_of = lru_cache(maxsize=64)(messages.Slate.parse)


def refusal(poll: Poll, now: datetime) -> CastRefusedError | None:
    """Why this poll takes nothing at this moment, in the reader's language; None when it does."""
    if poll.state != "open" or now > poll.closes_at + GRACE:
        return CastRefusedError("closed", _("The box is closed. Nothing more is taken."))
    if now < poll.opens_at:
        return CastRefusedError(
            "not-open", _("The box is not open yet. Keep this and send it then.")
        )
    if poll.purpose == messages.VOTE and (
        poll.slate_text is None or not slate_of(poll.slate_text).candidates
    ):
        return CastRefusedError("not-open", _("There is nothing to vote on here, now."))
    return None
