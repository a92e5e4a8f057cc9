"""Reading a published archive from a folder, a zip file or an address, without trusting it.

    source = open_source("https://circles.example/c/maple-row")    # or a folder, or a .zip
    source.read("log/checkpoint", bytes_max=16384)

Every read has a limit. Names with `..`, absolute names, links out of the folder, double or
encrypted zip members, huge members and other schemes than http(s) are refused, each with a
`SourceError` that says so; where one file alone is of no use it is a `FileError`, and a
`MissingFileError` where it is not there.
"""

import lzma
import stat
import struct
import tempfile
import zipfile
import zlib
from abc import ABC, abstractmethod
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Self
from urllib.parse import quote, urlsplit

from circles.protocol.deadline import Deadline

if TYPE_CHECKING:
    from http.client import HTTPResponse

FILES_MAX = 200_000
ZIP_BYTES_MAX = 1 << 30
TIMEOUT_SECONDS = 30
FILE_SECONDS = 120.0
ZIP_SECONDS = 3600.0
_BLOCK_BYTES = 1 << 16
UNUSABLE = b"\0"
NOT_FOUND = 404
GONE = 410


class SourceError(Exception):
    """The archive cannot be read; the message says which part and why."""


class FileError(SourceError):
    """One file of the archive is of no use: missing, too long, damaged. The rest may be read."""


class MissingFileError(FileError):
    """The archive has no such file."""


def _checked_name(name: str) -> str:
    parts = name.split("/")
    if not name or "\\" in name or "\0" in name or any(part in ("", ".", "..") for part in parts):
        raise SourceError(f"the archive holds a name that leads elsewhere: {name!r}")
    return name


def _within(data: bytes, name: str, bytes_max: int) -> bytes:
    if len(data) > bytes_max:
        raise FileError(f"{name} is longer than {bytes_max} bytes")
    return data


class Source(ABC):
    """Files of an archive by their names, parts divided by `/`.

    `remote` says that they come from elsewhere: then nothing in it counts as what was kept.
    """

    remote = False

    @abstractmethod
    def read(self, name: str, bytes_max: int) -> bytes:
        """The bytes of a file. Raises `MissingFileError`, `SourceError`."""

    @abstractmethod
    def names(self, folder: str) -> list[str]:
        """The names of the files directly in a folder, sorted; none where it cannot be listed."""

    def close(self) -> None:  # noqa: B027  # most sources hold nothing open
        """Let go of what is held open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read_or_none(self, name: str, bytes_max: int) -> bytes | None:
        """The bytes of a file, or None where it is not there."""
        try:
            return self.read(name, bytes_max)
        except MissingFileError:
            return None

    def read_or_unusable(self, name: str, bytes_max: int) -> bytes | None:
        """`read_or_none`, but for a file of no use a byte that no format begins with.

        So the one who reads it names the check that failed, and goes on.
        """
        try:
            return self.read_or_none(name, bytes_max)
        except FileError:
            return UNUSABLE


class NoSource(Source):
    """No files at all."""

    def read(self, name: str, bytes_max: int) -> bytes:
        """Nothing is there."""
        raise MissingFileError(f"{name} is missing (of at most {bytes_max} bytes)")

    def names(self, folder: str) -> list[str]:
        """Nothing is there."""
        _checked_name(folder)
        return []


class FolderSource(Source):
    """A folder on this machine."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def _path(self, name: str) -> Path:
        path = (self._root / _checked_name(name)).resolve()
        if not path.is_relative_to(self._root):
            raise SourceError(f"{name} is a link that leads out of the folder")
        return path

    def read(self, name: str, bytes_max: int) -> bytes:
        """The bytes of a file below the folder."""
        path = self._path(name)
        try:
            # A pipe or a device would never end.
            if not stat.S_ISREG(path.stat().st_mode):
                raise MissingFileError(f"{name} is not a file")
            with path.open("rb") as stream:
                return _within(stream.read(bytes_max + 1), name, bytes_max)
        except (FileNotFoundError, NotADirectoryError):
            raise MissingFileError(f"{name} is missing") from None
        except OSError as error:
            raise SourceError(f"{name} cannot be read: {error.strerror}") from error

    def names(self, folder: str) -> list[str]:
        """The files directly in a folder."""
        path = self._path(folder)
        if not path.is_dir():
            return []
        found = sorted(child.name for child in path.iterdir() if child.is_file())
        if len(found) > FILES_MAX:
            raise SourceError(f"{folder} holds more than {FILES_MAX} files")
        return found


# What the library raises for bytes that are no zip, or only almost one (found by fuzzing).
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
)


class ZipSource(Source):
    """A zip file, on this machine or already fetched."""

    def __init__(self, file: Path | IO[bytes]) -> None:
        try:
            self._zip = zipfile.ZipFile(file)
        except _DAMAGED as error:
            raise SourceError(f"this is not a zip file that can be read: {error}") from error
        self._members: dict[str, zipfile.ZipInfo] = {}
        self._folders: dict[str, list[str]] = {}
        self._file = file
        members = self._zip.infolist()
        if len(members) > FILES_MAX:
            raise SourceError(f"the zip holds more than {FILES_MAX} files")
        for member in members:
            if not member.filename.endswith("/"):  # `is_dir` fails on an empty name
                self._add(member)

    def _add(self, member: zipfile.ZipInfo) -> None:
        name = _checked_name(member.filename)
        kind = stat.S_IFMT(member.external_attr >> 16)
        if name in self._members:
            raise SourceError(f"the zip holds {name} twice")
        if member.flag_bits & 1 or kind not in (0, stat.S_IFREG):
            raise SourceError(f"the zip holds {name} encrypted or as something else than a file")
        self._members[name] = member
        path = PurePosixPath(name)
        self._folders.setdefault(str(path.parent), []).append(path.name)

    def read(self, name: str, bytes_max: int) -> bytes:
        """The bytes of a member; never unpacks more than `bytes_max` of them."""
        member = self._members.get(_checked_name(name))
        if member is None:
            raise MissingFileError(f"{name} is missing")
        try:
            with self._zip.open(member) as stream:
                return _within(stream.read(bytes_max + 1), name, bytes_max)
        except _DAMAGED as error:
            raise FileError(f"{name} is damaged in the zip: {error}") from error

    def close(self) -> None:
        """Close the zip, and the file it was given."""
        self._zip.close()
        if not isinstance(self._file, Path):
            self._file.close()

    def names(self, folder: str) -> list[str]:
        """The files directly in a folder of the zip."""
        return sorted(self._folders.get(_checked_name(folder), []))


class UrlSource(Source):
    """A circle's public address: each file is one GET, without cookies."""

    remote = True

    def __init__(self, base: str) -> None:
        self._base = base.rstrip("/")

    def read(self, name: str, bytes_max: int) -> bytes:
        """The bytes of a file below the address."""
        address = f"{self._base}/{quote(_checked_name(name))}"
        with Deadline(FILE_SECONDS) as deadline, _fetch(address, deadline) as stream:
            data = _receive(stream, bytes_max + 1, address, deadline)
            return _within(data, name, bytes_max)

    def names(self, folder: str) -> list[str]:
        """Nothing: an address cannot be listed."""
        _checked_name(folder)
        return []


def _receive(stream: "HTTPResponse", size: int, address: str, deadline: Deadline) -> bytes:
    """At most `size` bytes of a body; one that breaks off is an unreadable archive, no crash."""
    from http.client import HTTPException

    parts: list[bytes] = []
    try:
        while size > 0 and (part := stream.read1(min(size, _BLOCK_BYTES))):
            parts.append(part)
            size -= len(part)
    except (OSError, HTTPException) as error:
        if not deadline.over:
            raise SourceError(f"{address} broke off: {error}") from error
    if deadline.over:
        raise SourceError(f"{address} is too slow to be read")
    return b"".join(parts)


def _fetch(address: str, deadline: Deadline) -> "HTTPResponse":
    """A GET over http or https only, wherever it is redirected to; its head in time, too."""
    # Imported here: a folder or a zip is checked without loading TLS, which takes longest.
    from http.client import HTTPException
    from urllib import error as errors
    from urllib import request as requests

    opener = requests.OpenerDirector()
    for handler in (
        requests.ProxyHandler(),
        *deadline.handlers(),
        requests.HTTPDefaultErrorHandler(),
        requests.HTTPRedirectHandler(),
        requests.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    try:
        stream: HTTPResponse | None = opener.open(address, timeout=TIMEOUT_SECONDS)
    except errors.HTTPError as error:
        error.close()
        if error.code in (NOT_FOUND, GONE):
            raise MissingFileError(f"{address} is missing") from None
        raise SourceError(f"{address} answers {error.code}") from None
    except (errors.URLError, OSError, HTTPException, ValueError) as error:
        if deadline.over:
            raise SourceError(f"{address} is too slow to be read") from error
        raise SourceError(f"{address} cannot be reached: {error}") from error
    if stream is None:
        raise SourceError(f"{address} leads to something else than http")
    return stream


def _copy(address: str, spool: IO[bytes]) -> None:
    size = 0
    with Deadline(ZIP_SECONDS) as deadline, _fetch(address, deadline) as stream:
        while block := _receive(stream, _BLOCK_BYTES, address, deadline):
            size += len(block)
            if size > ZIP_BYTES_MAX:
                raise SourceError(f"{address} is longer than {ZIP_BYTES_MAX} bytes")
            spool.write(block)


def _fetched_zip(address: str) -> ZipSource:
    spool = tempfile.SpooledTemporaryFile(max_size=1 << 24)  # noqa: SIM115  # the zip closes it
    try:
        _copy(address, spool)
        spool.seek(0)
        source = ZipSource(spool)
    except BaseException:
        spool.close()
        raise
    source.remote = True
    return source


def open_source(target: str) -> Source:
    """The archive at an address (of a circle, or of a zip), in a folder, or in a zip file."""
    scheme = urlsplit(target).scheme if "://" in target else ""
    if scheme in ("http", "https"):
        is_zip = urlsplit(target).path.endswith(".zip")
        return _fetched_zip(target) if is_zip else UrlSource(target)
    if scheme:
        raise SourceError("an address begins with http:// or https://")
    path = Path(target)
    if path.is_dir():
        return FolderSource(path)
    if not path.is_file():
        raise SourceError(f"{target} is neither a folder nor a file nor an address")
    return ZipSource(path)
