"""The words that a ballot's script needs by count: what stands in one place for each number."""

from __future__ import annotations

from typing import Any

from circles.web.i18n import gettext as _
from circles.web.i18n import ngettext, opening_words
from circles.web.i18n import words as spelled


def form_words(ticks: int, ballots: int, most: int) -> dict[str, Any]:
    """Lists by count for `ticks` ticks on `ballots` ballots; `most` may be given by mistake."""
    single = ballots == ticks
    return {
        "left": [_("No ticks left"), *(_left(n) for n in range(1, ticks + 1))],
        "tooMany": ["", *(_too_many(n) for n in range(1, most + 1))],
        "tooManySays": ["", *(_that_is(n, ticks) for n in range(1, most + 1))],
        "ticks": ["", *(_ticks(n) for n in range(1, max(ticks, most) + 1))],
        "summary": [_given(n, ticks, blanks=single and n < ticks) for n in range(ticks + 1)],
        "sent": [
            _("Looking at the public record"),
            *(_("%(n)s of %(all)s sent") % {"n": n, "all": ballots} for n in range(1, ballots + 1)),
        ],
        "receipts": [
            _("Tick %(n)s") % {"n": n} if single else _("Ballot") for n in range(1, ballots + 1)
        ],
        "saveReceipts": [_("Save receipt %(n)s") % {"n": n} for n in range(1, ballots + 1)],
        "later": [
            _("Sealed, and on their way."),
            *(_in_the_box(n, ballots) for n in range(1, ballots + 1)),
        ],
        "papers": [
            _("Tick %(n)s of %(all)s") % {"n": n, "all": ballots} for n in range(1, ballots + 1)
        ],
    }


def open_words(most: int, ballots_most: int) -> dict[str, Any]:
    """The same where the page does not know its poll yet: "{n}" stands for what is not spelled."""
    n = {"n": "{n}"}
    return {
        "left": [
            _("No ticks left"),
            *(_left(k) for k in range(1, most + 1)),
            _("%(n)s ticks left") % n,
        ],
        "tooMany": [
            "",
            *(_too_many(k) for k in range(1, most + 1)),
            _("%(n)s ticks too many") % n,
        ],
        "tooManySays": ["", _("You have fewer.")],
        "ticks": ["", *(_ticks(k) for k in range(1, most + 1)), _("%(n)s ticks") % n],
        "summary": [_("What you did not give goes in as blanks.")],
        "sent": [_("Looking at the public record"), _("%(n)s sent") % n],
        "receipts": [_("Ballot %(n)s") % {"n": k} for k in range(1, ballots_most + 1)],
        "saveReceipts": [_("Save receipt %(n)s") % {"n": k} for k in range(1, ballots_most + 1)],
    }


def _left(n: int) -> str:
    return ngettext("%(num)s tick left", "%(num)s ticks left", n) % {"num": n}


def _too_many(n: int) -> str:
    return ngettext("%(num)s tick too many", "%(num)s ticks too many", n) % {"num": n}


def _that_is(n: int, ticks: int) -> str:
    given = {"given": spelled(ticks + n), "ticks": spelled(ticks)}
    return _("That is %(given)s ticks. You have %(ticks)s.") % given


def _ticks(n: int) -> str:
    return ngettext("%(num)s tick", "%(num)s ticks", n) % {"num": n}


def _given(n: int, ticks: int, *, blanks: bool) -> str:
    given = {"given": opening_words(n), "ticks": spelled(ticks)}
    if blanks:
        return _("%(given)s of %(ticks)s given. What you did not give goes in as blanks.") % given
    return _("%(given)s of %(ticks)s given.") % given


def _in_the_box(n: int, ballots: int) -> str:
    said = {"n": opening_words(n), "all": spelled(ballots)}
    return ngettext("%(n)s of %(all)s is in the box.", "%(n)s of %(all)s are in the box.", n) % said
