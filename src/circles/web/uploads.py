"""Reading a form with one file in it (multipart/form-data), as strictly as the others are read.

The file stays in memory and is cut off at its limit; what comes after is let go, so that the page
can answer in words instead of hanging up on a browser that is still sending.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from litestar import Request
from multipart import (  # type: ignore[import-untyped]  # it has no types of its own
    MultipartError,
    MultipartSegment,
    PushMultipartParser,
    parse_options_header,
)

from circles.errors import InvalidError
from circles.web.forms import Form, TypeRefusedError
from circles.web.i18n import gettext as _

_PARTS_MAX = 20
_TEXT_BYTES_MAX = 16 * 1024


@dataclass(frozen=True)
class Upload:
    """The other fields, and the file: empty when none was chosen or when it was too long."""

    form: Form
    data: bytes
    too_long: bool


async def read(request: Request[Any, Any, Any], *, field: str, bytes_max: int) -> Upload:
    """The posted form, whose file is called `field`. TypeRefusedError, InvalidError."""
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get("boundary", "")
    if kind != "multipart/form-data" or not boundary:
        raise TypeRefusedError(_("This page reads a form with a file. Nothing was kept."))
    taking = _Taking(field, bytes_max)
    try:
        with PushMultipartParser(boundary, max_segment_count=_PARTS_MAX) as parser:
            async for chunk in request.stream():
                for part in parser.parse(chunk) if chunk else ():
                    taking.take(part)
    except (MultipartError, UnicodeDecodeError) as error:
        raise InvalidError(_("That could not be read. Please send it again.")) from error
    return Upload(Form(taking.values), bytes(taking.data), taking.too_long)


class _Taking:
    """Parts as they come: their head, then pieces of their body, then None."""

    def __init__(self, field: str, bytes_max: int) -> None:
        self.field, self.bytes_max = field, bytes_max
        self.values: dict[str, str] = {}
        self.data = bytearray()
        self.too_long = False
        self.name = ""
        self.text = bytearray()
        self.seen: set[str] = set()

    def take(self, part: MultipartSegment | bytes | bytearray | None) -> None:
        """The next part."""
        if isinstance(part, MultipartSegment):
            self.name, self.text = part.name, bytearray()
            if self.name in self.seen:
                raise InvalidError(_("A field came twice. Nothing was kept. Please send it again."))
            self.seen.add(self.name)
        elif part is None:
            self._end()
        elif self.name == self.field:
            self._file(part)
        else:
            self.text += part
            if len(self.text) > _TEXT_BYTES_MAX:
                raise InvalidError(_("That form is longer than any page here. Nothing was kept."))

    def _file(self, part: bytes | bytearray) -> None:
        if self.too_long or len(self.data) + len(part) > self.bytes_max:
            self.too_long = True
            self.data.clear()
        else:
            self.data += part

    def _end(self) -> None:
        if self.name == self.field:
            return
        text = bytes(self.text).decode()
        if "\0" in text:
            raise InvalidError(_("There are letters in it that cannot be read. Nothing was kept."))
        self.values[self.name] = text
