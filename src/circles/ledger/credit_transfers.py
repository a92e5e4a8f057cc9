"""A file that tells a bank to pay: ISO 20022 pain.001.001.09, for the circle's own account.

Bytes from values alone: the same payments are the same file. Euro between accounts of the SEPA
area goes as SEPA wants it (EPC132-08, customer-to-bank implementation guidelines): its service
level, shared charges, names of 70 and words of 140 of the plain letters that every bank takes.
What another currency or country needs beyond an IBAN, such a bank asks for itself.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final
from xml.sax.saxutils import escape

from circles.errors import InvalidError
from circles.web.i18n import gettext as _

NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"
NAME_CHARS_MAX: Final = 70
WORDS_CHARS_MAX: Final = 140
# Countries whose accounts SEPA reaches, by the two letters their IBANs begin with (EPC409-09).
SEPA: Final = frozenset(
    {
        "AD", "AL", "AT", "BE", "BG", "CH", "CY", "CZ", "DE", "DK", "EE", "ES",
        "FI", "FR", "GB", "GI", "GR", "HR", "HU", "IE", "IS", "IT", "LI", "LT",
        "LU", "LV", "MC", "MD", "ME", "MK", "MT", "NL", "NO", "PL", "PT", "RO",
        "RS", "SE", "SI", "SK", "SM", "VA",
    }
)  # fmt: skip
_ALLOWED: Final = re.compile(r"[A-Za-z0-9/\-?:().,'+ ]", re.ASCII)
# Letters that fall apart into more than a letter and its mark.
_LETTERS: Final = {
    "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ẞ": "SS",
    "Æ": "Ae", "æ": "ae", "Ø": "O", "ø": "o", "Œ": "Oe", "œ": "oe", "Ł": "L", "ł": "l", "Đ": "D",
    "đ": "d", "Þ": "Th", "þ": "th", "Ð": "D", "ð": "d", "ı": "i", "&": "+", "_": "-", "–": "-",
    "—": "-", "’": "'", "‘": "'", "`": "'", '"': "'", "“": "'", "”": "'", "„": "'", ";": ",",
    "@": "(at)", "€": "EUR", "\n": " ", "\t": " ",
}  # fmt: skip


@dataclass(frozen=True)
class Owner:
    """The account that pays: the circle's own."""

    name: str
    iban: str


@dataclass(frozen=True)
class Order:
    """One payment; `reference` is its end-to-end id and stands first in its words."""

    reference: str
    name: str
    iban: str
    amount_minor: int
    words: str = ""

    @property
    def text(self) -> str:
        """What is written on it."""
        return " ".join(f"{self.reference} {self.words}".split())


@dataclass(frozen=True)
class Change:
    """Words that the file holds otherwise than they were typed."""

    reference: str
    typed: str
    written: str


class NoOrderError(InvalidError):
    """There is nothing to pay, or no account to pay it from."""

    code = "no-order"


def plain(text: str, chars_max: int) -> str:
    """The text in letters that every bank takes, cut at a length."""
    letters: list[str] = []
    for letter in unicodedata.normalize("NFC", text):
        for part in _LETTERS.get(letter) or unicodedata.normalize("NFKD", letter):
            if _ALLOWED.fullmatch(part):
                letters.append(part)
            elif not unicodedata.combining(part):
                # Left out, a name could become another one; a dot says that something stood here.
                letters.append(".")
    # A slash at an end or twice means something of its own in the banks' own messages.
    tidy = re.sub(r"//+", "/", " ".join("".join(letters).split())).strip("/ ")
    cut = tidy[:chars_max].rstrip("/ ")
    # An empty name would have the bank refuse the whole file.
    return cut or ("." if text.strip() else "")


def changes(orders: Sequence[Order]) -> list[Change]:
    """Names and words that the file says differently, to be shown before it is used."""
    found = []
    for order in orders:
        pairs = ((order.name, NAME_CHARS_MAX), (order.text, WORDS_CHARS_MAX))
        for typed, chars_max in pairs:
            written = plain(typed, chars_max)
            if written != " ".join(typed.split()):
                found.append(Change(order.reference, typed, written))
    return found


def message_id(owner: Owner, orders: Sequence[Order]) -> str:
    """The same for the same payments on any day, so that a bank notices a file sent twice."""
    told = "\n".join(
        [owner.iban, *sorted(f"{o.reference} {o.iban} {o.amount_minor} {o.name}" for o in orders)]
    )
    return "CIRCLES-" + hashlib.sha256(told.encode()).hexdigest()[:24].upper()


def write(
    owner: Owner,
    orders: Sequence[Order],
    *,
    currency: str,
    minor_digits: int,
    on: date,
    made_at: datetime,
) -> bytes:
    """The file. `on`: the day the bank is asked to pay; `made_at`: a moment that belongs to the
    payments (when the last of them might go), not to the download. NoOrderError."""
    if not owner.iban or not plain(owner.name, NAME_CHARS_MAX):
        raise NoOrderError(
            _("The circle has no bank account here. A steward writes it down in the settings.")
        )
    if not orders:
        raise NoOrderError(_("No payment may go out at the moment. Nothing stands in the file."))
    ordered = sorted(orders, key=lambda order: order.reference)
    ident = message_id(owner, ordered)
    sepa = [order for order in ordered if _is_sepa(owner, order, currency)]
    other = [order for order in ordered if not _is_sepa(owner, order, currency)]
    blocks = _Blocks(owner, currency, minor_digits, on)
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<Document xmlns="{NAMESPACE}">',
        "<CstmrCdtTrfInitn>",
        "<GrpHdr>",
        f"<MsgId>{ident}</MsgId>",
        f"<CreDtTm>{made_at:%Y-%m-%dT%H:%M:%S}</CreDtTm>",
        f"<NbOfTxs>{len(ordered)}</NbOfTxs>",
        f"<CtrlSum>{blocks.total(ordered)}</CtrlSum>",
        f"<InitgPty><Nm>{_name(owner.name)}</Nm></InitgPty>",
        "</GrpHdr>",
    ]
    if sepa:
        lines += blocks.block(f"{ident}-S", sepa, sepa=True)
    if other:
        lines += blocks.block(f"{ident}-O", other, sepa=False)
    lines += ["</CstmrCdtTrfInitn>", "</Document>", ""]
    return "\n".join(lines).encode()


def _is_sepa(owner: Owner, order: Order, currency: str) -> bool:
    return currency == "EUR" and {owner.iban[:2], order.iban[:2]} <= SEPA


def _name(name: str) -> str:
    return escape(plain(name, NAME_CHARS_MAX))


@dataclass(frozen=True)
class _Blocks:
    owner: Owner
    currency: str
    minor_digits: int
    on: date

    def amount(self, minor: int) -> str:
        return str(Decimal(minor).scaleb(-self.minor_digits))

    def total(self, orders: Sequence[Order]) -> str:
        return self.amount(sum(order.amount_minor for order in orders))

    def block(self, ident: str, orders: Sequence[Order], *, sepa: bool) -> Iterator[str]:
        yield "<PmtInf>"
        yield f"<PmtInfId>{ident}</PmtInfId>"
        yield "<PmtMtd>TRF</PmtMtd>"
        # Each payment its own line on the statement: that is what it is found by.
        yield "<BtchBookg>false</BtchBookg>"
        yield f"<NbOfTxs>{len(orders)}</NbOfTxs>"
        yield f"<CtrlSum>{self.total(orders)}</CtrlSum>"
        if sepa:
            yield "<PmtTpInf><SvcLvl><Cd>SEPA</Cd></SvcLvl></PmtTpInf>"
        yield f"<ReqdExctnDt><Dt>{self.on.isoformat()}</Dt></ReqdExctnDt>"
        yield f"<Dbtr><Nm>{_name(self.owner.name)}</Nm></Dbtr>"
        yield f"<DbtrAcct><Id><IBAN>{self.owner.iban}</IBAN></Id></DbtrAcct>"
        # The bank is known by the account; the element itself must be there.
        yield "<DbtrAgt><FinInstnId><Othr><Id>NOTPROVIDED</Id></Othr></FinInstnId></DbtrAgt>"
        yield f"<ChrgBr>{'SLEV' if sepa else 'SHAR'}</ChrgBr>"
        for order in orders:
            yield from self._order(order)
        yield "</PmtInf>"

    def _order(self, order: Order) -> Iterator[str]:
        yield "<CdtTrfTxInf>"
        yield f"<PmtId><EndToEndId>{order.reference}</EndToEndId></PmtId>"
        amount = self.amount(order.amount_minor)
        yield f'<Amt><InstdAmt Ccy="{self.currency}">{amount}</InstdAmt></Amt>'
        yield f"<Cdtr><Nm>{_name(order.name)}</Nm></Cdtr>"
        yield f"<CdtrAcct><Id><IBAN>{order.iban}</IBAN></Id></CdtrAcct>"
        yield f"<RmtInf><Ustrd>{escape(plain(order.text, WORDS_CHARS_MAX))}</Ustrd></RmtInf>"
        yield "</CdtTrfTxInf>"
