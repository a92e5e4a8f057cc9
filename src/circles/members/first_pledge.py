"""The choice of a pledge on a page: two usual amounts, another one, nothing for now."""

from __future__ import annotations

from circles import money
from circles.circle.circles import Circle
from circles.members import pledges
from circles.web.forms import Form
from circles.web.i18n import gettext as _

OTHER, NOTHING = "other", "0"
_USUAL = (5, 10)


def usual_minor(circle: Circle) -> list[int]:
    """The amounts offered by name, in minor units: 5 and 10 (or 500 and 1000 where money has no
    cents), as far as the ceiling allows."""
    digits = money.minor_digits(circle.currency)
    unit = 10**digits if digits else 100
    return [n * unit for n in _USUAL if n * unit <= circle.pledge_ceiling_minor]


def options(circle: Circle) -> list[str]:
    """The values of the radio buttons."""
    return [*map(str, usual_minor(circle)), OTHER, NOTHING]


def read(form: Form, circle: Circle, *, stands_minor: int = 0) -> int:
    """Minor units; trouble is said under `pledge` or `other`. One amount picked and another one
    written beside it is asked about, unless what is written is only what stood there before."""
    picked = form.choice("pledge", options(circle))
    if picked != OTHER:
        if picked and form.value("other").strip():
            written = form.amount("other", currency=circle.currency, least_minor=0)
            if "other" in form.trouble or written not in {int(picked), stands_minor}:
                form.trouble.pop("other", None)
                form.trouble.add(
                    "other",
                    _("You picked one amount and wrote another. Empty this, or pick it above."),
                )
        return int(picked or 0)
    amount_minor = form.amount("other", currency=circle.currency)
    if "other" in form.trouble:
        return 0
    try:
        pledges.check_amount(circle, amount_minor)
    except pledges.PledgeError:
        most = money.with_unit(circle.pledge_ceiling_minor, circle.currency, circle.locale)
        form.trouble.add(
            "other", _("Up to %(most)s a month, as this circle agreed.") % {"most": most}
        )
    return amount_minor


def filled(circle: Circle, amount_minor: int) -> Form:
    """The form with this pledge picked."""
    if str(amount_minor) in options(circle):
        return Form({"pledge": str(amount_minor)})
    written = money.plain(amount_minor, circle.currency, circle.locale)
    return Form({"pledge": OTHER, "other": written})
