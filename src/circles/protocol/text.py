"""The strict text codec: how one value is written, and how a line is taken apart.

Every value has exactly one spelling (docs/protocol.md, 2). Encoders refuse values that have none;
decoders refuse every other spelling. Both raise `MalformedError`.

| value | in Python | in text |
|---|---|---|
| ids, hashes, keys, signatures, RSA values | `bytes` | base64url, no padding |
| integers, minor units | `int`, 0 and up | decimal, at most 15 digits |
| times | aware `datetime` in UTC, whole seconds | `YYYY-MM-DDThh:mm:ssZ` |
| months, days | `str` `yyyy-mm`, `date` | `yyyy-mm`, `yyyy-mm-dd` |
"""

import binascii
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime

ID_BYTES = 16
HASH_BYTES = 32
SIG_BYTES = 64
RSA_BYTES = 384
INT_MAX = 10**15 - 1
POSTED_BYTES_MAX = 8192
ENTRY_BYTES_MAX = 65535
FILE_BYTES_MAX = 4 * 1024 * 1024

_PRINTABLE_OR_LF = bytes(range(0x20, 0x7F)) + b"\n"
_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_", b"+/")
_PADDING = b"=="
_INT = re.compile(r"(?:0|[1-9][0-9]{0,14})")
_TIME = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})Z", re.ASCII)
_DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", re.ASCII)
_MONTH = re.compile(r"(?!0000)[0-9]{4}-(?:0[1-9]|1[0-2])", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)


class MalformedError(ValueError):
    """These bytes are not a message of the contract: discard them, there is no repairing them."""


def b64(data: bytes, size: int | None = None) -> str:
    """Bytes as base64url without padding; `size` is the length they must have."""
    if size is not None and len(data) != size:
        raise MalformedError(f"a value of {size} bytes was expected, not {len(data)}")
    return binascii.b2a_base64(data, newline=False).translate(_TO_URL, b"=").decode("ascii")


def unb64(text: str, size: int | None = None) -> bytes:
    """The bytes of a base64url text, refusing padding, other alphabets and loose trailing bits."""
    data = read_b64(text)
    # The decoder is lenient; encoding again is what makes the spelling unique.
    if b64(data, size) != text:
        raise MalformedError("a value is not canonical base64url")
    return data


def read_b64(text: str, size: int | None = None) -> bytes:
    """`unb64` for `Message._read` only: `Message.parse` compares the whole text afterwards."""
    try:
        data = binascii.a2b_base64(text.encode("ascii").translate(_FROM_URL) + _PADDING)
    except ValueError:
        raise MalformedError("a value is not base64url") from None
    if size is not None and len(data) != size:
        raise MalformedError(f"a value of {size} bytes was expected, not {len(data)}")
    return data


def rsa_b64(data: bytes) -> str:
    """An RSA value: 384 bytes, big endian, above 0 (below which n is for the caller to check)."""
    if not any(data):
        raise MalformedError("an RSA value must be above 0")
    return b64(data, RSA_BYTES)


def integer(value: int, least: int = 0, most: int = INT_MAX) -> str:
    """An integer in [least, most] as decimal digits."""
    if not least <= value <= most:
        raise MalformedError(f"a number from {least} to {most} was expected, not {value}")
    return str(value)


def uninteger(text: str, least: int = 0, most: int = INT_MAX) -> int:
    """The integer of decimal digits without sign or leading zero, in [least, most]."""
    if not _INT.fullmatch(text):
        raise MalformedError("a value is not a plain decimal number of at most 15 digits")
    value = int(text)
    if not least <= value <= most:
        raise MalformedError(f"a number from {least} to {most} was expected, not {value}")
    return value


def time(value: datetime) -> str:
    """An aware datetime in UTC as `YYYY-MM-DDThh:mm:ssZ`; fractions of seconds have no spelling."""
    offset = value.utcoffset()
    if offset is None or offset or value.microsecond:
        raise MalformedError("a time in UTC with whole seconds was expected")
    return value.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def untime(text: str) -> datetime:
    """The aware UTC datetime of `YYYY-MM-DDThh:mm:ssZ`; dates must exist, no leap seconds."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise MalformedError("a time is not written YYYY-MM-DDThh:mm:ssZ")
    try:
        return datetime(*(int(part) for part in match.groups()), tzinfo=UTC)  # type: ignore[arg-type,misc]  # six ints
    except ValueError:
        raise MalformedError("a time does not exist") from None


def day(value: date) -> str:
    """A date as `yyyy-mm-dd`."""
    return date(value.year, value.month, value.day).isoformat()


def unday(text: str) -> date:
    """The date of `yyyy-mm-dd`."""
    match = _DAY.fullmatch(text)
    if match is None:
        raise MalformedError("a day is not written yyyy-mm-dd")
    try:
        return date(*(int(part) for part in match.groups()))
    except ValueError:
        raise MalformedError("a day does not exist") from None


def month(text: str) -> str:
    """A month `yyyy-mm`, returned as it came."""
    if not _MONTH.fullmatch(text):
        raise MalformedError("a month is not written yyyy-mm")
    return text


def currency(text: str) -> str:
    """A currency: three capital letters, returned as it came."""
    if not _CURRENCY.fullmatch(text):
        raise MalformedError("a currency is not three capital letters")
    return text


def one_of(text: str, choices: Iterable[str]) -> str:
    """A word out of a fixed list, returned as it came."""
    if text not in choices:
        raise MalformedError(f"one of {', '.join(choices)} was expected")
    return text


def ascending(values: Iterable[str]) -> None:
    """Raise unless the texts ascend strictly in ASCII order."""
    before = ""
    for value in values:
        if value <= before:
            raise MalformedError("repeated lines are not in ascending order")
        before = value


def ascending_numbers(values: Iterable[int]) -> None:
    """Raise unless the numbers ascend strictly."""
    before = -1
    for value in values:
        if value <= before:
            raise MalformedError("repeated lines are not in ascending order")
        before = value


class Lines:
    """The lines of one message, taken in the fixed order of its type.

    Raises `MalformedError` for bytes outside printable ASCII, a missing last LF, another type,
    or more than `bytes_max` bytes. Whatever slips through is caught by the comparison with the
    re-encoded text, which `Message.parse` always makes.
    """

    __slots__ = ("_at", "_lines")

    def __init__(self, data: bytes, kind: str, bytes_max: int) -> None:
        if len(data) > bytes_max:
            raise MalformedError(f"longer than {bytes_max} bytes")
        if data[-1:] != b"\n" or data.translate(None, _PRINTABLE_OR_LF):
            raise MalformedError("not lines of printable ASCII, each ended by LF")
        self._lines = data[:-1].decode("ascii").split("\n")
        self._at = 1
        if self._lines[0] != kind:
            raise MalformedError(f"the first line is not {kind}")

    def values(self, name: str, count: int) -> list[str]:
        """The values of the next line, which must be `name` with `count` values."""
        if self._at >= len(self._lines):
            raise MalformedError(f"the line {name} is missing")
        found, *values = self._lines[self._at].split(" ")
        if found != name or len(values) != count:
            raise MalformedError(f"the line {name} with {count} values was expected")
        self._at += 1
        return values

    def value(self, name: str) -> str:
        """The rest of the next line, which must be `name` with one value."""
        if not self.has(name):
            raise MalformedError(f"the line {name} is missing")
        line = self._lines[self._at]
        self._at += 1
        return line[len(name) + 1 :]

    def has(self, name: str) -> bool:
        """Whether the next line is a `name` line."""
        return self._at < len(self._lines) and self._lines[self._at].startswith(name + " ")

    def repeated(self, name: str, count: int) -> list[list[str]]:
        """The values of all `name` lines that follow, none included."""
        rows = []
        while self.has(name):
            rows.append(self.values(name, count))
        return rows

    def numbered(self, name: str, most: int, least: int = 0) -> list[str]:
        """The second values of lines `name <1, 2, ...> <value>`, `least` to `most` of them."""
        values: list[str] = []
        while self.has(f"{name} {len(values) + 1}"):
            line = self._lines[self._at]
            values.append(line[line.rindex(" ") + 1 :])
            self._at += 1
        if not least <= len(values) <= most:
            raise MalformedError(f"{least} to {most} lines {name}, numbered 1, 2, ... are expected")
        return values

    def end(self) -> None:
        """Raise unless every line has been taken."""
        if self._at != len(self._lines):
            raise MalformedError("there are lines that do not belong there")
