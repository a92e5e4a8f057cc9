"""One CAMT entry and its details become a line."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from circles.ledger.statements import values
from circles.ledger.statements.model import Detail, StatementLine
from circles.ledger.statements.sheet import Sheet
from circles.ledger.statements.values import ValueProblem
from circles.web.i18n import gettext as _

Fields = dict[str, list[str]]
"""Path below the element -> its texts in order; `Amt@Ccy` is an attribute."""
WORDS_CHARS_MAX = 20_000
_BOOKED = frozenset({"BOOK", ""})
_WAYS = {"CRDT": 1, "DBIT": -1}


def first(fields: Fields, *paths: str) -> str | None:
    """The first text under the first path that has one."""
    for path in paths:
        found = fields.get(path)
        if found:
            return found[0]
    return None


def line_of(fields: Fields, details: list[Fields], sheet: Sheet) -> None:
    """Into the sheet: the line, or what is wrong with it; and what is not booked, apart."""
    where = fields["@where"][0]
    currency = values.currency(first(fields, "Amt@Ccy")) or sheet.currency
    amount = booked = valued = None
    way = _WAYS.get(first(fields, "CdtDbtInd") or "")
    if way is None:
        sheet.problem(where, "CdtDbtInd", _("Nothing says whether money came in or went out."))
    try:
        amount = values.point_amount(first(fields, "Amt") or "", currency)
    except ValueProblem as problem:
        sheet.problem(where, "Amt", str(problem))
    if amount is not None and amount < 0:
        sheet.problem(where, "Amt", _("The amount has a sign, where CdtDbtInd should say it."))
        amount = None
    status = first(fields, "Sts/Cd", "Sts/Prtry", "Sts") or ""
    booked = _day(fields, "BookgDt", sheet, where)
    valued = _day(fields, "ValDt", sheet, where)
    on = booked or valued
    if not first(fields, "BookgDt/Dt", "BookgDt/DtTm", "ValDt/Dt", "ValDt/DtTm"):
        sheet.problem(where, "BookgDt", _("The date is missing."))
    if amount is None or way is None or on is None:
        return
    line = _line(fields, details, _Sum(on, valued, way * amount, currency))
    if status in _BOOKED:
        sheet.add(line, where)
    else:
        sheet.pend(line)


def _day(fields: Fields, name: str, sheet: Sheet, where: str) -> date | None:
    text = first(fields, f"{name}/Dt", f"{name}/DtTm")
    if text is None:
        return None
    try:
        return values.iso_date(text[:10])
    except ValueProblem as problem:
        sheet.problem(where, name, str(problem))
        return None


@dataclass(frozen=True, slots=True)
class _Sum:
    booked_on: date
    value_on: date | None
    amount_minor: int
    currency: str | None


def _line(fields: Fields, details: list[Fields], total: _Sum) -> StatementLine:
    is_in = total.amount_minor >= 0
    if len(details) == 1:
        one = _told(details[0], is_in=is_in)
        parts: tuple[Detail, ...] = ()
    else:
        one, parts = _batch(details, total, is_in=is_in)
    return StatementLine(
        booked_on=total.booked_on,
        value_on=total.value_on,
        amount_minor=total.amount_minor,
        currency=total.currency,
        counterparty=one.counterparty,
        counterparty_iban=one.iban,
        reference=one.reference or one.end_to_end,
        text=one.text or values.clean(first(fields, "AddtlNtryInf")),
        bank_ref=values.given(first(fields, "AcctSvcrRef")) or one.bank_ref,
        end_to_end=one.end_to_end,
        counterparty_account=one.account or one.iban,
        bank_kind=_kind(fields),
        details=parts,
    )


def _kind(fields: Fields) -> str | None:
    family = [first(fields, f"BkTxCd/Domn/{path}") for path in ("Cd", "Fmly/Cd", "Fmly/SubFmlyCd")]
    return "/".join(code for code in family if code) or values.clean(
        first(fields, "BkTxCd/Prtry/Cd")
    )


@dataclass(frozen=True, slots=True)
class _Told:
    counterparty: str | None = None
    iban: str | None = None
    account: str | None = None
    reference: str | None = None
    end_to_end: str | None = None
    text: str | None = None
    bank_ref: str | None = None


def _told(fields: Fields, *, is_in: bool) -> _Told:
    """Who and what for: of money that came in the debtor, else the creditor."""
    here, there = ("Dbtr", "Cdtr") if is_in else ("Cdtr", "Dbtr")
    name = None
    for who in (here, f"Ultmt{here}"):
        name = name or first(fields, f"RltdPties/{who}/Nm", f"RltdPties/{who}/Pty/Nm")
    iban = values.number(first(fields, f"RltdPties/{here}Acct/Id/IBAN"))
    other = first(fields, f"RltdPties/{here}Acct/Id/Othr/Id")
    # A reversal names the parties of the first payment: then only the other side is known.
    if name is None and iban is None and other is None:
        name = first(fields, f"RltdPties/{there}/Nm", f"RltdPties/{there}/Pty/Nm")
        iban = values.number(first(fields, f"RltdPties/{there}Acct/Id/IBAN"))
        other = first(fields, f"RltdPties/{there}Acct/Id/Othr/Id")
    texts = [
        *fields.get("RmtInf/Ustrd", []),
        *fields.get("RmtInf/Strd/AddtlRmtInf", []),
        *fields.get("AddtlTxInf", []),
    ]
    references = fields.get("RmtInf/Strd/CdtrRefInf/Ref", [])
    return _Told(
        counterparty=values.clean(name),
        iban=iban.upper() if iban else values.iban(other),
        account=values.clean(other),
        reference=values.given(references[0]) if references else None,
        end_to_end=values.given(first(fields, "Refs/EndToEndId")),
        text=values.clean(" ".join([*texts, *references[1:]])),
        bank_ref=values.given(first(fields, "Refs/AcctSvcrRef")),
    )


def _batch(details: list[Fields], total: _Sum, *, is_in: bool) -> tuple[_Told, tuple[Detail, ...]]:
    """Parts that add up to the entry are kept as parts; else their words go into the one line."""
    told = [_told(each, is_in=is_in) for each in details]
    amounts = [_amount(each, total) for each in details]
    plain = [amount for amount in amounts if amount is not None]
    words = _Told(text=_shortened(values.clean(" | ".join(_words(each) for each in told))))
    if not told or len(plain) < len(amounts):
        return words, ()
    sign = 1 if is_in else -1
    if sum(plain) != total.amount_minor:
        plain = [sign * abs(amount) for amount in plain]
        if sum(plain) != total.amount_minor:
            return words, ()
    parts = tuple(_detail(amount, each) for amount, each in zip(plain, told, strict=True))
    return words, parts


def _shortened(text: str | None) -> str | None:
    """The details of a great batch would fill a book."""
    return text if text is None or len(text) <= WORDS_CHARS_MAX else text[:WORDS_CHARS_MAX] + "…"


def _detail(amount: int, told: _Told) -> Detail:
    return Detail(
        amount,
        told.counterparty,
        told.iban,
        told.reference or told.end_to_end,
        told.text,
        told.end_to_end,
    )


def _words(told: _Told) -> str:
    return " ".join(
        each for each in (told.counterparty, told.reference or told.end_to_end, told.text) if each
    )


def _amount(fields: Fields, total: _Sum) -> int | None:
    for path in ("Amt", "AmtDtls/TxAmt/Amt", "AmtDtls/InstdAmt/Amt"):
        text = first(fields, path)
        if text is not None and first(fields, f"{path}@Ccy") in {total.currency, None}:
            try:
                amount = values.point_amount(text, total.currency)
            except ValueProblem:
                return None
            way = _WAYS.get(first(fields, "CdtDbtInd") or "")
            return (way or (1 if total.amount_minor >= 0 else -1)) * amount
    return None
