"""The practice ballot's made-up month: what its page shows, and what its script plays with."""

from __future__ import annotations

from typing import Any

from circles.circle.circles import Circle
from circles.money import minor_digits
from circles.rounds.form_words import form_words
from circles.web.i18n import gettext as _

TICKS = 3
NEIGHBOURS = 5


def context(circle: Circle) -> dict[str, Any]:
    """Three requests, five neighbours and a fund that pays for two, in the circle's currency."""
    unit = 10 ** minor_digits(circle.currency)
    requests = [
        (
            "A",
            _("A slide for the cat"),
            40 * unit,
            _("From the roof down to the garden."),
        ),
        ("B", _("A choir of kettles"), 60 * unit, _("Six kettles, tuned by the bakery.")),
        ("C", _("A lamp for the moon"), 90 * unit, _("For the nights on which it is not there.")),
    ]
    asks = [(n, [amount, "-", "whole"]) for n, (_l, _t, amount, _w) in enumerate(requests, start=1)]
    words = form_words(TICKS, TICKS, TICKS * (len(requests) + 1))
    ticks_in_all = TICKS * (NEIGHBOURS + 1)
    words["ticks"] = form_words(ticks_in_all, 1, 0)["ticks"]
    words["collected"] = [
        _("Making the locks"),
        *(_("%(n)s of %(all)s collected") % {"n": n, "all": TICKS} for n in range(1, TICKS + 1)),
    ]
    words["neighbours"] = [
        _("%(n)s of %(all)s neighbours have voted") % {"n": n, "all": NEIGHBOURS}
        for n in range(NEIGHBOURS + 1)
    ]
    return {
        "ticks": TICKS,
        "neighbours": NEIGHBOURS,
        "fund_minor": 110 * unit,
        "requests": requests,
        "data": {
            "ticks": TICKS,
            "ballots": TICKS,
            "neighbours": NEIGHBOURS,
            "currency": circle.currency,
            "vote": {
                "slots": TICKS,
                "rule": "most-ticks/1",
                "parameters": "least=1,min-ticks=1",
                "fundMinor": 110 * unit,
                "asks": asks,
            },
            "words": words,
        },
    }
