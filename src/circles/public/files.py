"""What programs read, and anyone with a browser: log files, single records, archives.

Blind to cookies, open to every origin (docs/protocol.md, 5). A full tile never changes; a
checkpoint is asked for anew each time.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from circles import archive, files, log
from circles.circle.circles import Circle
from circles.errors import MissingError
from circles.host import Host
from circles.log import published
from circles.protocol.merkle import TILE_WIDTH, TileName
from circles.public import texts
from circles.web.i18n import gettext as _

_OPEN = {"anyone": True, "machine": True}
_TEXT = "text/plain"
_BYTES = "application/octet-stream"
_FRESH = "public, no-cache"
_FOR_EVER = "public, max-age=31536000, immutable"
_TILE = re.compile(
    r"(?P<level>entries|0|[1-9]|[1-5][0-9]|6[0-3])/(?P<number>(?:x[0-9]{3}/){0,4}[0-9]{3})"
    r"(?:\.p/(?P<width>[1-9][0-9]{0,2}))?",
    re.ASCII,
)
# What each purpose has a record of, by the last part of its address.
_RECORDS = {
    "nominate": ("poll", "close"),
    "vote": ("poll", "close", "slate", "result"),
}


def _answer(
    request: Request[Any, Any, Any], data: bytes, etag: str, kind: str, *, name: str = ""
) -> Response[bytes]:
    """The bytes, or 304 for who has them; `name` offers them as a file to keep."""
    headers = {"ETag": f'"{etag}"', "Cache-Control": _FRESH}
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(b"", status_code=304, headers=headers, media_type=kind)
    if name:
        headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return Response(data, headers=headers, media_type=kind)


@get("/c/{slug:str}/log/{name:str}", opt=_OPEN)
async def log_file(
    host: NamedDependency[Host], circle: NamedDependency[Circle], name: FromPath[str]
) -> Response[bytes]:
    """`checkpoint`, as it stands in its file, and `key`, which is there from the founding on."""
    if name == "key":
        async with host.database.read() as db:
            data = f"{await log.verifier_key(db, circle.id)}\n".encode()
    elif name == "checkpoint":
        data = await _checkpoint(host, circle)
    else:
        raise _missing()
    return Response(data, headers={"Cache-Control": _FRESH}, media_type=_TEXT)


async def _checkpoint(host: Host, circle: Circle) -> bytes:
    with suppress(log.LogBehindError):
        # A database that is behind changes nothing of what was shown before.
        await archive.shown(host, circle.id)
    data = files.read_if_there(published.folder(host.settings, circle.slug) / "checkpoint")
    if data is None:
        raise _missing()
    return data


@get("/c/{slug:str}/log/tile/{rest:path}", opt=_OPEN)
async def log_tile(
    host: NamedDependency[Host], circle: NamedDependency[Circle], rest: FromPath[str]
) -> Response[bytes]:
    """A tile of hashes or of entries, also of any size the log once had."""
    tile = read_tile_name(rest.removeprefix("/"))
    place = published.folder(host.settings, circle.slug)
    data = files.read_if_there(place / tile.path())
    if data is None:
        data = await published.tile(host, circle.id, tile, published.shown_size(place))
    if data is None:
        raise _missing()
    return Response(data, headers={"Cache-Control": _FOR_EVER}, media_type=_BYTES)


def read_tile_name(text: str) -> TileName:
    """The tile of `<L>/<N>[.p/<W>]` or `entries/<N>[.p/<W>]`, in its one spelling."""
    match = _TILE.fullmatch(text)
    if match is None:
        raise _missing()
    level = None if match["level"] == "entries" else int(match["level"])
    number = int(match["number"].replace("x", "").replace("/", ""))
    tile = TileName(level, number, int(match["width"] or TILE_WIDTH))
    if tile.path() != f"tile/{text}":
        raise _missing()
    return tile


def _missing() -> MissingError:
    return MissingError(_("There is no such file in the log, or not yet."))


async def _record(
    host: Host, circle: Circle, month: str, purpose: str, kind: str
) -> Response[bytes]:
    if kind not in _RECORDS.get(purpose, ()):
        raise _missing()
    data = await archive.record(host, circle, month, purpose, kind)
    return Response(data, headers={"Cache-Control": _FRESH}, media_type=_TEXT)


_ROUND = "/c/{slug:str}/rounds/{month:str}"


@get(f"{_ROUND}/{{purpose:str}}/poll", opt=_OPEN)
async def poll_record(
    host: NamedDependency[Host],
    circle: NamedDependency[Circle],
    month: FromPath[str],
    purpose: FromPath[str],
) -> Response[bytes]:
    """The poll record, from its announcement on."""
    return await _record(host, circle, month, purpose, "poll")


@get(f"{_ROUND}/{{purpose:str}}/close", opt=_OPEN)
async def close_record(
    host: NamedDependency[Host],
    circle: NamedDependency[Circle],
    month: FromPath[str],
    purpose: FromPath[str],
) -> Response[bytes]:
    """The close record."""
    return await _record(host, circle, month, purpose, "close")


@get(f"{_ROUND}/{{purpose:str}}/slate", opt=_OPEN)
async def slate_record(
    host: NamedDependency[Host],
    circle: NamedDependency[Circle],
    month: FromPath[str],
    purpose: FromPath[str],
) -> Response[bytes]:
    """The slate; only a vote has one."""
    return await _record(host, circle, month, purpose, "slate")


@get(f"{_ROUND}/{{purpose:str}}/result", opt=_OPEN)
async def result_record(
    host: NamedDependency[Host],
    circle: NamedDependency[Circle],
    month: FromPath[str],
    purpose: FromPath[str],
) -> Response[bytes]:
    """The result; only a vote has one, and a void one never."""
    return await _record(host, circle, month, purpose, "result")


@get("/c/{slug:str}/archive.zip", opt=_OPEN)
async def whole_archive(
    request: Request[Any, Any, Any], host: NamedDependency[Host], circle: NamedDependency[Circle]
) -> Response[bytes]:
    """All that a verifier needs, as of now."""
    return await _archive(request, host, circle, None)


@get(f"{_ROUND}/archive.zip", opt=_OPEN)
async def round_archive(
    request: Request[Any, Any, Any],
    host: NamedDependency[Host],
    circle: NamedDependency[Circle],
    month: FromPath[str],
) -> Response[bytes]:
    """The same, as of the checkpoint that first held this month's result or void."""
    return await _archive(request, host, circle, month)


async def _archive(
    request: Request[Any, Any, Any], host: Host, circle: Circle, month: str | None
) -> Response[bytes]:
    words = await words_of(host, circle)
    signed = await archive.checkpoint_for(host, circle, month)
    data = await archive.zip_bytes(host, circle, words, month=month)
    name = f"{circle.slug}-{month}.zip" if month else f"{circle.slug}.zip"
    etag = archive.version(signed, words, month)
    return _answer(request, data, etag, "application/zip", name=name)


async def words_of(host: Host, circle: Circle) -> archive.Words:
    """The agreed words of a circle, as they stand in its archive."""
    async with host.database.read() as db:
        agreed = await texts.of(db, circle.id)
        documents = await texts.documents(db, circle.id)
    return archive.Words(
        circle=f"{circle.name}\n{circle.purpose}\n".encode(),
        awards={place: text.file() for place, text in agreed.items()},
        documents=documents,
    )


routes = [
    log_file,
    log_tile,
    poll_record,
    close_record,
    slate_record,
    result_record,
    whole_archive,
    round_archive,
]
