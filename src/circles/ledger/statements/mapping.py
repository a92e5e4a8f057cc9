"""How a CSV file is to be read: guessed, shown, corrected, and remembered for the next file.

A mapping is found again by the names of its columns (`fingerprint`), so that a bank's next file is
read as its last one was corrected. It knows no file: it is a value that goes to JSON and back.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from dataclasses import dataclass
from typing import Any

FIELDS = (
    "date", "value_date", "amount", "debit", "credit", "mark", "balance", "currency", "account",
    "counterparty", "counterparty_account", "reference", "text", "bank_ref", "kind", "status",
)  # fmt: skip
# `plain`: as it stands. `inverted`: a card's file, where what was spent is positive. `columns`:
# credit less debit; `columns-signed`: the debits carry their minus already; `columns-abs`: their
# signs mean nothing. `marked`: D and C give the sign; `marked-abs`: and signs mean nothing;
# `marked-signed`: the marks mean nothing.
SIGNS = (
    "plain", "inverted", "columns", "columns-signed", "columns-abs",
    "marked", "marked-abs", "marked-signed",
)  # fmt: skip
DATES = ("ymd", "dmy", "mdy")


class MappingError(ValueError):
    """A mapping that cannot be used; says which part of it."""


@dataclass(frozen=True, slots=True)
class Mapping:
    """`columns` has, for each field, the columns (from 0) whose texts make it.

    `header_row` counts the rows before the first line, the header among them (0: no header).
    `dates` is the order of day, month and year. `currency` is for files that do not say it.
    """

    delimiter: str
    header_row: int
    columns: tuple[tuple[str, tuple[int, ...]], ...]
    decimal: str = "."
    dates: str = "ymd"
    sign: str = "plain"
    newest_first: bool = False
    names: tuple[str, ...] = ()
    currency: str | None = None

    def __post_init__(self) -> None:
        """MappingError for what no file can be read with."""
        fields = dict(self.columns)
        unknown = set(fields) - set(FIELDS)
        if unknown:
            raise MappingError(f"no such field: {', '.join(sorted(unknown))}")
        if any(number < 0 for numbers in fields.values() for number in numbers):
            raise MappingError("a column is counted from 0")
        if "date" not in fields or not fields.keys() & {"amount", "debit", "credit"}:
            raise MappingError("a date and an amount are needed")
        if self.sign not in SIGNS or self.dates not in DATES or self.decimal not in {".", ","}:
            raise MappingError("no such sign, order of dates, or decimal sign")
        if len(self.delimiter) != 1 or self.delimiter in '"\n\r':
            raise MappingError("the delimiter is one character")

    @property
    def fingerprint(self) -> str:
        """The same for files with the same columns."""
        names = "\x1f".join(plain_words(name) for name in self.names)
        return hashlib.sha256(f"{self.delimiter}\x1f{names}".encode()).hexdigest()[:32]

    @property
    def reading(self) -> str:
        """The same for files whose lines are given the same words, days and amounts."""
        said = [sorted(self.columns), self.decimal, self.dates, self.sign]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:32]

    def to_json(self) -> str:
        """As text to keep."""
        return json.dumps(
            {
                "delimiter": self.delimiter,
                "header_row": self.header_row,
                "columns": {name: list(numbers) for name, numbers in self.columns},
                "decimal": self.decimal,
                "dates": self.dates,
                "sign": self.sign,
                "newest_first": self.newest_first,
                "names": list(self.names),
                "currency": self.currency,
            },
            ensure_ascii=False,
        )

    @classmethod
    def from_json(cls, text: str) -> Mapping:
        """MappingError for anything that `to_json` would not write."""
        try:
            given: dict[str, Any] = json.loads(text)
            return cls(
                delimiter=str(given["delimiter"]),
                header_row=int(given["header_row"]),
                columns=tuple(
                    (str(name), tuple(int(n) for n in numbers))
                    for name, numbers in given["columns"].items()
                ),
                decimal=str(given.get("decimal", ".")),
                dates=str(given.get("dates", "ymd")),
                sign=str(given.get("sign", "plain")),
                newest_first=bool(given.get("newest_first", False)),
                names=tuple(str(name) for name in given.get("names", ())),
                currency=given.get("currency"),
            )
        except MappingError:
            raise
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise MappingError(f"that is no mapping: {error}") from error


_NOT_WORD = re.compile(r"[^a-z0-9]+")


def plain_words(text: str) -> str:
    """Small letters without accents, one space between words."""
    flat = unicodedata.normalize("NFKD", text.casefold().replace("ł", "l").replace("ø", "o"))
    return _NOT_WORD.sub(" ", "".join(c for c in flat if not unicodedata.combining(c))).strip()


def word_set(words: str) -> frozenset[str]:
    """Words written in a row."""
    return frozenset(words.split())


# What banks call their columns (en de fr es it nl pt pl sv da no fi cs hu). Exact names first; then
# names that hold one of these. The order matters: a value date is also a date.
NAMES: tuple[tuple[str, str, str], ...] = (
    (
        "value_date",
        ("valuta|wertstellung|started date|valutadatum|value date|valeur|fecha valor|"
        "data valuta|date valeur|"
        "rentedatum|data valor|data waluty|wert"),
        ("value date|valuta|wertstell|date de valeur|date valeur|fecha valor|rentedatum|data valor|"
        "valor data"),
    ),
    (
        "date",
        ("date|datum|buchungstag|buchungsdatum|buchung|booking date|fecha|data|date operation|dato|"
        "transaction date|posting date|posted date|bokforingsdag|boekdatum|data operacji|"
        "date de l operation|fecha operacion|data contabile|completed date|kirjauspaiva"),
        ("buchungs|booking date|posting date|transaction date|date operation|date comptab|"
        "fecha oper|data oper|data contab|data mov|bokforing|bogfor|boekings|transaktionsdatum|"
        "data ksiegowania|datum uctovani|umsatzdatum|date"),
    ),
    (
        "mark",
        ("d c|dc|dr cr|cr dr|soll haben|s h|sh|debit credit|af bij|credit debit|sign|c d|"
        "soll haben kennzeichen|kennzeichen|debit credit indicator|sens|debet credit"),
        "soll haben|debit credit|af bij|credit debit|debet credit",
    ),
    (
        "debit",
        ("debit|soll|debits|withdrawal|withdrawals|money out|paid out|debito|cargo|af|belastung|"
        "debet|ausgaben|ausgang|lastschrift|addebiti|uscite|dare|out|debit amount|"
        "withdrawal amount|cargos|obciazenia|ut"),
        "debit|paid out|money out|withdrawal|belastung|lastschrift|uscite|soll|ausgabe",
    ),
    (
        "credit",
        ("credit|haben|credits|deposit|deposits|money in|paid in|credito|abono|bij|gutschrift|"
        "einnahmen|eingang|accrediti|entrate|avere|in|credit amount|deposit amount|abonos|"
        "uznania|kredit"),
        "credit|paid in|money in|deposit|gutschrift|entrate|haben|einnahme",
    ),
    (
        "balance",
        ("balance|saldo|solde|kontostand|running balance|saldo nach buchung|balance after|"
        "saldo po operacji|stan konta"),
        "balance|saldo|solde|kontostand",
    ),
    (
        "currency",
        ("currency|ccy|wahrung|waehrung|devise|moneda|valuta code|munt|divisa|waluta|moeda|valuuta|"
        "muntsoort|curr|currency code|mena|devizanem|monn"),
        "wahrung|waehrung|devise|divisa|moneda|waluta",
    ),
    (
        "amount",
        ("amount|betrag|montant|importe|importo|bedrag|umsatz|belop|kwota|valor|summe|maara|"
        "transaction amount|belob|castka|osszeg|monto|amount local|net|total"),
        "amount|betrag|montant|importe|importo|bedrag|umsatz|belop|kwota|monto|valor|maara|castka",
    ),
    (
        "account",
        ("account|account number|konto|kontonummer|auftragskonto|iban auftragskonto|rekening|"
        "cuenta|compte|iban bban|rachunek|rekeningnummer|numero de compte|own account|account iban|"
        ""
        "conto|numero conto|conta"),
        "auftragskonto|own account|eigene|account number",
    ),
    (
        "counterparty_account",
        ("iban|bank account|kontonummer iban|tegenrekening|counterparty iban|"
        "counterparty account|beneficiary iban|kontonummer empfanger|partner iban|"
        "iban zahlungsbeteiligter|rachunek kontrahenta|iban bic|tegenrekening iban bic|payee iban"),
        ("counterparty iban|counterparty account|tegenrekening|iban zahl|iban empf|partner account|"
        "iban des|konto des|gegenkonto|beneficiary account|partner iban"),
    ),
    (
        "counterparty",
        ("payee|name|namn|saaja maksaja|counterparty|partner name|beneficiary|"
        "auftraggeber empfanger|empfanger|"
        "beguenstigter zahlungspflichtiger|beguenstigter|auftraggeber|zahlungspflichtiger|"
        "zahlungsempfanger|naam tegenpartij|naam|nome|nom|beneficiaire|beneficiario|kontrahent|"
        "name zahlungsbeteiligter|counterparty name|merchant|partner|contraparte|tiers|"
        "naam omschrijving|sender|payer|from|empfanger auftraggeber"),
        ("auftraggeber|empfanger|beguenstigt|counterparty|partner name|tegenpartij|beneficia|payee|"
        "payer|zahlungsbeteiligt|zahlungspflicht|contraparte|kontrahent|merchant"),
    ),
    (
        "bank_ref",
        ("transaction id|id|fitid|transaction reference|bank reference|unique id|operation number|"
        "transaktions id|referenznummer|transactiereferentie|numero operation|transaction number"),
        "transaction id|transaktionsnummer|transaction number|operation number|unique id",
    ),
    (
        "reference",
        ("reference|ref|referencia|referenz|kundenreferenz|end to end|betalingskenmerk|"
        "customer reference|kundenreferenz end to end|end to end id|end to end reference|"
        "payment reference|riferimento|kenmerk|referens|viite|viitenumero|structured reference|"
        "ocr|kid|variabilni symbol"),
        "reference|referenz|referencia|end to end|kenmerk|referens|viite",
    ),
    (
        "status",
        "status|state|estado|stato|etat|zustand|stan",
        "status",
    ),
    (
        "kind",
        ("type|buchungstext|transaction type|umsatzart|code|mutatiesoort|tipo|transactiontype|"
        "vorgang|buchungsart|product|category|categorie|kategorie|rodzaj"),
        "buchungstext|transaction type|umsatzart|umsatztyp|mutatiesoort",
    ),
    (
        "text",
        ("description|verwendungszweck|rubrik|avisierungstext|opis operacji|text|memo|label|"
        "libelle|concepto|omschrijving|descrizione|"
        "tytul|details|notes|narrative|particulars|mededelingen|causale|descricao|opis|note|"
        "buchungsdetails|detail|zweck|motif|message|meddelande|viesti|selite|kozlemeny|tekst|"
        "memo 2|remittance information|payment details|description 1|description 2|communication|"
        "transaction description|beskrivning|zprava|title|subject|comment|desc|posting text|"
        "reason"),
        ("verwendungszweck|description|libelle|concepto|omschrijving|descrizione|memo|details|"
        "mededeling|remittance|tytul|narrative|information|zweck|message|selitys|vwz"),
    ),
)  # fmt: skip
EXACT = {name: field for field, exact, _ in NAMES for name in exact.split("|")}
PARTLY = tuple((part, field) for field, _, parts in NAMES for part in parts.split("|"))
CURRENCIES = word_set(
    "EUR USD GBP CHF SEK NOK DKK PLN CZK HUF RON BGN ISK JPY CAD AUD NZD BRL MXN INR CNY HKD SGD "
    "ZAR TRY UAH RSD ILS KRW THB MYR PHP IDR CLP COP ARS PEN KES NGN GHS MAD TND KWD AED SAR GEL "
    "AMD KZT TWD VND DEM"
)


def field_of(name: str) -> tuple[str | None, bool]:
    """The field that a column of this name is, and whether the name is one known exactly."""
    words = plain_words(name)
    if not words:
        return None, False
    if words in EXACT:
        return EXACT[words], True
    bare = " ".join(word for word in words.split() if word.upper() not in CURRENCIES)
    if bare in EXACT:
        return EXACT[bare], True
    for part, field in PARTLY:
        if part in words:
            return field, False
    return None, False
