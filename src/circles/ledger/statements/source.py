"""Bytes become text: the encoding is found in the bytes, whatever the file says of itself.

UTF-8 (or UTF-16, by its mark or its zeros) if it is that without a slip; otherwise the single-byte
encoding that the file names; else cp1252, or DOS's cp852 or cp850 where only they make letters.
Then no byte is ever undecodable.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from typing import BinaryIO

from circles.ledger.statements.model import Problem, UnreadableError
from circles.web.i18n import gettext as _

CHUNK_BYTES = 1 << 16
HEAD_BYTES = 1 << 16
LINE_CHARS_MAX = 1 << 20
_DECLARED = re.compile(rb"encoding=[\"']([A-Za-z0-9_.:-]{1,30})|CHARSET:([A-Za-z0-9-]{1,20})")
# Not the apostrophe of cp1252 (92), which stands inside words and is no letter.
_INSIDE_WORD = re.compile(rb"(?<=[A-Za-z])[\x80-\x91\x93-\xff](?=[A-Za-z])")
_SINGLE_BYTE = re.compile(r"(iso8859-(?!1$)\d+|cp125\d|koi8-[ru])")


def _as_latin(error: UnicodeError) -> tuple[str, int]:
    """The five bytes without a letter in cp1252 stay what they are (as on the web)."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("latin-1"), error.end


codecs.register_error("circles-as-latin", _as_latin)


class Source:
    """A file that can be read from its start again and again, as chunks or as lines of text."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._file.seek(0)
        self._start = self._file.read(HEAD_BYTES)
        self.encoding = self._find_encoding()
        self.head = self._decoder().decode(self._start, final=False)

    @classmethod
    def of(cls, data: bytes) -> Source:
        """Over bytes in memory."""
        return cls(io.BytesIO(data))

    @property
    def is_empty(self) -> bool:
        """Whether nothing but white space stands at its start."""
        return not self.head.strip("\ufeff \t\r\n\x00")

    def _find_encoding(self) -> str:
        start = self._start
        if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        pairs = len(start) // 2
        if pairs and start[1::2].count(0) > pairs * 0.7:
            return "utf-16-le"
        if pairs and start[0::2].count(0) > pairs * 0.7:
            return "utf-16-be"
        return "utf-8-sig" if self._is_utf8() else self._single_byte()

    def _is_utf8(self) -> bool:
        decoder = codecs.getincrementaldecoder("utf-8")()
        self._file.seek(0)
        try:
            while chunk := self._file.read(CHUNK_BYTES * 16):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
        return True

    def _single_byte(self) -> str:
        found = _DECLARED.search(self._start[:1024])
        if found:
            name = (found[1] or found[2]).decode("ascii")
            try:
                known = codecs.lookup(name if not name.isdigit() else f"cp{name}").name
            except LookupError:
                return "cp1252"
            if _SINGLE_BYTE.fullmatch(known):
                return known
        return self._by_letters()

    def _by_letters(self) -> str:
        """Old programs write as DOS did: then what stands inside words is no letter in cp1252."""
        inside = b"".join(_INSIDE_WORD.findall(self._start))

        def letters(encoding: str) -> int:
            return sum(c.isalpha() for c in inside.decode(encoding, "replace"))

        if letters("cp1252") * 2 >= len(inside):
            return "cp1252"
        return max(("cp852", "cp850"), key=letters)

    def _decoder(self) -> codecs.IncrementalDecoder:
        errors = "replace" if self.encoding.startswith("utf") else "circles-as-latin"
        return codecs.getincrementaldecoder(self.encoding)(errors)

    def chunks(self) -> Iterator[str]:
        """All of the text, with line ends as LF."""
        decoder = io.IncrementalNewlineDecoder(self._decoder(), translate=True)
        self._file.seek(0)
        while chunk := self._file.read(CHUNK_BYTES):
            # typeshed has the wrapped decoder take text; the real one takes bytes.
            yield decoder.decode(chunk)
        yield decoder.decode(b"", final=True)

    def lines(self) -> Iterator[str]:
        """Line after line, without its end. UnreadableError for one of over a million letters."""
        kept, number = "", 0
        for chunk in self.chunks():
            first, *more = chunk.split("\n")
            kept += first
            if more:
                number += len(more)
                yield kept
                yield from more[:-1]
                kept = more[-1]
            if len(kept) > LINE_CHARS_MAX:
                raise UnreadableError(
                    Problem(
                        _("Line %(n)s") % {"n": number + 1},
                        "",
                        _("This line is over a million letters long. That is no bank's file."),
                    )
                )
        if kept:
            yield kept
