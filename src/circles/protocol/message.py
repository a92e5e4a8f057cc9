"""What all messages share: one text, one id, and a parser that accepts nothing but that text."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import ClassVar, Self

from circles.protocol import text as t
from circles.protocol.merkle import leaf


class Message:
    """A message of the contract; every type is a frozen dataclass below it.

    `text()` gives its exact bytes; `parse(data)` its inverse, raising `MalformedError`;
    `record_id()` the leaf hash of the text, which is how other records name it. (Abstract without
    ABC's metaclass, which makes each `isinstance` of a long log slow.)
    """

    __slots__ = ()

    kind: ClassVar[str]
    bytes_max: ClassVar[int] = t.POSTED_BYTES_MAX

    def text(self) -> bytes:
        """The exact bytes. Raises `MalformedError` for a value that has no spelling."""
        return ("\n".join((self.kind, *self._write())) + "\n").encode("ascii")

    def record_id(self) -> bytes:
        """SHA-256(0x00 || text), 32 bytes."""
        return leaf(self.text())

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """The message of exactly these bytes. Raises `MalformedError` for anything else."""
        matched = cls._match(data)
        if matched is not None:
            return matched
        lines = t.Lines(data, cls.kind, cls.bytes_max)
        message = cls._read(lines)
        lines.end()
        if message.text() != data:
            raise t.MalformedError("not the one spelling of this message")
        return message

    @classmethod
    def read_again(cls, data: bytes) -> Self:
        """`parse` for bytes that it accepted before, as long as nobody else could alter them."""
        return cls._match(data) or cls._read(t.Lines(data, cls.kind, cls.bytes_max))

    @classmethod
    def _match(cls, _data: bytes) -> Self | None:
        """A quicker `parse`, just as strict, for a type that has one; None where it is not sure."""
        return None

    @abstractmethod
    def _write(self) -> Iterator[str]:
        """The lines after the first, without their LF."""

    @classmethod
    @abstractmethod
    def _read(cls, lines: t.Lines) -> Self:
        """The message of lines, the first of which is known to be right."""


def write_numbered(name: str, values: Sequence[str], most: int, least: int = 0) -> Iterator[str]:
    """Lines `name <1, 2, ...> <value>`."""
    if not least <= len(values) <= most:
        raise t.MalformedError(f"{least} to {most} lines {name} were expected")
    for number, value in enumerate(values, start=1):
        yield f"{name} {number} {value}"
