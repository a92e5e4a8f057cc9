"""What the circle says of itself, how one pays in, how many and when: changed before all eyes."""

from __future__ import annotations

import re
from typing import Any

from litestar import Request, Response, get, post
from sqlalchemy.ext.asyncio import AsyncSession

from circles import money
from circles.circle import circles, iban, offered, pay_changes
from circles.circle.circles import CAP_MIN, RULES, Circle
from circles.circle.provide import TheCircle, TheHost
from circles.errors import ForbiddenError
from circles.host import Host
from circles.members import guards, notices, people
from circles.members.people import Member
from circles.members.signin import TheMember
from circles.steward import founding_form
from circles.web import forms
from circles.web.forms import Form
from circles.web.i18n import gettext as _
from circles.web.render import page, see_other

# What parts the digits of a number, and a number as long as an account's.
_PARTED = re.compile(r"[\s./-]+")
_NUMBER = re.compile(r"\d{8,}")


def _shown(circle: Circle) -> dict[str, str]:
    ceiling = money.plain(circle.pledge_ceiling_minor, circle.currency, circle.locale)
    return {
        "purpose": circle.purpose,
        "norms": circle.norms,
        "holder": circle.pay_holder,
        "iban": iban.grouped(circle.pay_iban),
        "pay_words": circle.pay_words,
        "cap": str(circle.cap),
        "ceiling": ceiling,
        "rule": circle.trial_rule or circle.rule,
        **({"trial": "on"} if circle.trial_rule else {}),
        **founding_form.calendar_values(circle.calendar),
    }


def _page(
    request: Request[Any, Any, Any],
    host: Host,
    circle: Circle,
    member: Member,
    form: Form | None = None,
) -> Response[bytes]:
    filled = Form(_shown(circle))
    if form is not None:
        # Boxes that were not ticked are not sent, so the posted form alone says how they stand.
        shown = _shown(circle)
        kept = {k: v for k, v in shown.items() if not k.startswith("next-") and k != "trial"}
        filled = Form({**kept, **{name: form.value(name) for name in form.names()}})
        filled.trouble.update(form.trouble)
    context = {
        "form": filled,
        "days": offered.days(),
        "moments": [(name, founding_form.step_words(name)) for name in founding_form.MOMENTS],
        "cap_max": host.settings.cap_max,
        "here": "steward",
    }
    status = 422 if filled.trouble else 200
    return page(
        request, "steward/settings.html", context, circle=circle, member=member, status=status
    )


@get("/c/{slug:str}/in/steward/settings", guards=[guards.steward])
async def settings_page(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """As it stands, to be changed part by part."""
    return _page(request, host, circle, member)


async def _pin(db: AsyncSession, host: Host, circle: Circle, by: Member, kind: str) -> None:
    await notices.pin(db, circle.id, kind, {"by_id": by.id.hex()}, host.clock.round_now())


@post("/c/{slug:str}/in/steward/settings/words", guards=[guards.steward])
async def change_words(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """Purpose and norms, from now on; pinned up for all."""
    form = await forms.read(request)
    purpose = form.lines("purpose", max_chars=founding_form.PURPOSE_CHARS_MAX)
    norms = form.lines("norms", max_chars=founding_form.NORMS_CHARS_MAX)
    if form.trouble:
        return _page(request, host, circle, member, form)
    if (purpose, norms) != (circle.purpose, circle.norms):
        async with host.database.begin() as db:
            await circles.change_words(db, circle.id, purpose=purpose, norms=norms)
            await _pin(db, host, circle, member, "words-changed")
    return see_other(f"{circle.path}/in/people")


def _name_an_account(words: str, before: str) -> bool:
    """Whether words for cash name an account (or a number as long) that did not stand there: money
    would follow it just as well."""
    stood = _PARTED.sub("", before)
    return any(number not in stood for number in _NUMBER.findall(_PARTED.sub("", words)))


def _refuse_frozen(host: Host, member: Member) -> None:
    """Whoever gave a way back into this account could use it, and put both names."""
    if not member.may_confirm_payouts(host.clock.now()):
        raise ForbiddenError(
            _(
                "You came in, or back in, a few days ago. Until a week has passed, "
                "another one of us asks."
            ),
            code="frozen",
        )


@post("/c/{slug:str}/in/steward/settings/pay", guards=[guards.steward])
async def change_pay(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """Another account waits for a second person and a day, because money follows it; other words
    for cash alone hold at once, unless they name an account, and so does all where nobody else is
    there to confirm."""
    form = await forms.read(request)
    holder, account, words = founding_form.read_pay(form)
    if form.trouble:
        return _page(request, host, circle, member, form)
    if (holder, account, words) == (circle.pay_holder, circle.pay_iban, circle.pay_words):
        return see_other(f"{circle.path}/in/people")
    async with host.database.begin() as db:
        # One change at a time: of two who ask at once the second is told.
        await people.lock(db, circle.id)
        alone = await people.count(db, circle.id) == 1
        same = (holder, account) == (circle.pay_holder, circle.pay_iban)
        if alone or (same and not _name_an_account(words, circle.pay_words)):
            await circles.change_pay(db, circle.id, holder=holder, iban=account, words=words)
            await _pin(db, host, circle, member, "pay-changed")
            return see_other(f"{circle.path}/in/people")
        _refuse_frozen(host, await people.get(db, circle.id, member.id))
        now = host.clock.round_now()
        await pay_changes.ask(
            db,
            circle.id,
            holder=holder,
            iban=account,
            words=words,
            actor=member.actor,
            at=now,
        )
        await _pin(db, host, circle, member, "pay-asked")
    return see_other(f"{circle.path}/in/pay-change")


@post("/c/{slug:str}/in/steward/settings/rules", guards=[guards.steward])
async def change_rules(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """How many, how much at most, and when, for the rounds to come; a round that runs keeps its
    dates. Whoever pledged more than a new ceiling keeps the pledge until they change it."""
    form = await forms.read(request)
    async with host.database.read() as db:
        members = await people.count(db, circle.id)
    cap = form.number("cap", least=max(CAP_MIN, members), most=host.settings.cap_max)
    ceiling_minor = form.amount("ceiling", currency=circle.currency)
    calendar = founding_form.read_own_calendar(form, circle.zone)
    if form.trouble:
        return _page(request, host, circle, member, form)
    as_it_was = (circle.cap, circle.pledge_ceiling_minor, circle.calendar)
    if (cap, ceiling_minor, calendar) != as_it_was:
        async with host.database.begin() as db:
            await people.lock(db, circle.id)
            await circles.change_rules(
                db, circle.id, cap=cap, pledge_ceiling_minor=ceiling_minor, calendar=calendar
            )
            await _pin(db, host, circle, member, "rules-changed")
    return see_other(f"{circle.path}/in/people")


@post("/c/{slug:str}/in/steward/settings/rule", guards=[guards.steward])
async def change_rule(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Response[bytes]:
    """How votes become money, from the next round on, or for it alone; pinned up. A round that
    runs keeps the rule that its poll record has in the log."""
    form = await forms.read(request)
    chosen = form.choice("rule", RULES)
    if form.trouble:
        return _page(request, host, circle, member, form)
    trial = form.checked("trial") and chosen != circle.rule
    rule, trial_rule = (circle.rule, chosen) if trial else (chosen, "")
    if (rule, trial_rule) != (circle.rule, circle.trial_rule):
        async with host.database.begin() as db:
            await circles.change_rule(db, circle.id, rule=rule, trial_rule=trial_rule)
            values = {"by_id": member.id.hex(), "rule": rule, "trial": trial_rule}
            kind = "rule-trial" if trial else "rule-changed"
            await notices.pin(db, circle.id, kind, values, host.clock.round_now())
    return see_other(f"{circle.path}/in/people")


routes: list[Any] = [settings_page, change_words, change_pay, change_rules, change_rule]
