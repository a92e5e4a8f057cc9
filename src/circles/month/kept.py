"""What is kept, and for how long: every room on one page that anyone may read."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency

from circles.circle.circles import Circle
from circles.members import retention
from circles.web.render import page


def _(message: str) -> str:
    """Mark for translation; the page translates."""
    return message


# What no timetable of a room says, because it is structure: the box, the log, the books.
BOX = [
    retention.Kept(
        _("Ballots before the close: sealed, with no time, no order and no name"),
        _("until the box is closed; then they stand in the record and are gone from the box"),
        _("so that they can be counted"),
    ),
    retention.Kept(
        _("The record: sealed ballots, opened ticks, results"),
        _("for ever; there is no name and no word of yours in it"),
        _("so that anyone can count again, also in years"),
    ),
    retention.Kept(
        _("Who collected ticks, under a number made for that vote alone"),
        _("90 days after the close"),
        _("so that you can see whether somebody collected in your name"),
    ),
    retention.Kept(
        _("Who holds a key to the box, and the outer halves of keys for coming months"),
        _("until they hold none or leave; whose key was used, until the next month begins"),
        _("so that everyone knows who can open the box"),
    ),
    retention.Kept(
        _("The words of a nomination"),
        _("until somebody asks to take them down; replaced ones until the close"),
        _("so that members can read what they vote on"),
    ),
    retention.Kept(
        _("The name and story of who was helped"),
        _("until they or the circle take it back"),
        _("so that everyone can see where the money went"),
    ),
    retention.Kept(
        _("Where an award is to be paid"),
        _("30 days after the payment has arrived"),
        _("so that it can be paid, and paid again if it comes back; only officers see it"),
    ),
    retention.Kept(
        _("Which account paid for you before, as a sum that nobody can turn back"),
        _("until you leave, or the treasurer forgets it"),
        _("so that the next payment from there finds you"),
    ),
    retention.Kept(
        _("Which month of the books was closed when, by which two numbers"),
        _("as long as there are books"),
        _("so that a closed month stays closed"),
    ),
    retention.Kept(
        _("Who proposed, confirmed or changed a payment, a month’s close, or where we pay in"),
        _("as long as there are books; under numbers, without names"),
        _("so that nobody who has the database can alter it unseen"),
    ),
    retention.Kept(
        _("A link for an auditor"),
        _("until it ends or is taken back; a day later it is gone from our list too"),
        _("so that a lost link opens nothing"),
    ),
    retention.Kept(
        _("The words the treasurer wrote beside a line of the books"),
        _("400 days; the line itself stays, with numbers only"),
        _("so that a year’s report can be explained"),
    ),
    retention.Kept(
        _("What the bank wrote about a payment: name, account, purpose; only treasurers see it"),
        _(
            "400 days, or until somebody has said what the payment was; locked away, and in the "
            "books only as numbers"
        ),
        _("so that the treasurer can find out whose money it is"),
    ),
    retention.Kept(
        _("A file from the bank that the treasurer is looking at"),
        _("until it is brought in, one hour at most"),
        _("so that it can be looked at before anything is kept"),
    ),
]
NEVER = [
    _("Addresses of phones and computers"),
    _("What kind of phone or browser you have"),
    _("When you put a ballot into the box"),
    _("How often you come, or what you look at"),
    _("Anything from other sites, or for them"),
]


@get("/c/{slug:str}/kept")
async def kept_page(
    request: Request[Any, Any, Any], circle: NamedDependency[Circle]
) -> Response[bytes]:
    """The timetables, in words."""
    context = {"people": retention.TIMETABLE, "box": BOX, "never": NEVER}
    return page(request, "month/kept.html", context, circle=circle)
