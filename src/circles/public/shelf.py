"""What public pages are made of: the signed part of the log, and the agreed texts. Cached by both.

A request asks two small questions of the database (which checkpoint, which version of the texts).
Only when one of them has changed are entries read and pages rendered again; a reader who says what
they already have gets a 304 without either.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from litestar import Request, Response

import circles
from circles import archive, log
from circles.circle import boxes
from circles.circle.boxes import BoxKeys
from circles.circle.circles import Circle
from circles.host import Host
from circles.public import records, texts
from circles.public.records import Record
from circles.public.texts import Texts
from circles.web.render import HTML

PAGES_KEPT = 256
SHELVES_KEPT = 64
_FRESH = "public, no-cache"


@dataclass(frozen=True)
class Shelf:
    """A circle's record and texts as they stand now, and who can open its boxes, by month."""

    record: Record
    texts: Texts
    boxes: Mapping[str, BoxKeys]


class _Kept(OrderedDict[Any, Any]):
    """The newest so many values."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def put(self, key: Any, value: Any) -> None:
        self[key] = value
        while len(self) > self._most:
            self.popitem(last=False)


_shelves = _Kept(SHELVES_KEPT)
_pages = _Kept(PAGES_KEPT)


@cache
def _program() -> bytes:
    """A digest of everything that makes a page: code, templates, words, stylesheet, scripts."""
    package = Path(circles.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(p for p in package.rglob("*") if p.is_file() and p.suffix != ".pyc"):
        digest.update(path.relative_to(package).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.digest()


async def version(host: Host, circle: Circle) -> tuple[str, int]:
    """What everything public about a circle depends on: a digest, and how many entries are signed.

    The checkpoint, the version of the texts, the circle's own words, and the program that renders:
    after an upgrade nobody keeps a page of the old one.
    """
    try:
        signed: log.Signed | None = await archive.shown(host, circle.id)
    except log.UnknownLogError:
        signed = None
    async with host.database.read() as db:
        count = await texts.version(db, circle.id)
    parts = (repr(circle), signed.note if signed else b"", count, _program())
    digest = hashlib.sha256(repr(parts).encode()).hexdigest()[:32]
    return digest, signed.size if signed else 0


async def look(host: Host, circle: Circle) -> Shelf:
    """The record and the texts, read again only when something changed."""
    digest, size = await version(host, circle)
    return await _look(host, circle, digest, size)


async def _look(host: Host, circle: Circle, digest: str, size: int) -> Shelf:
    key = (host.settings.data, circle.id, digest)
    kept: Shelf | None = _shelves.get(key)
    if kept is None:
        async with host.database.read() as db:
            entries = await log.entries(db, circle.id, 0, size)
            agreed = await texts.of(db, circle.id)
            # Written together with the poll record, and never changed after.
            keys = await boxes.by_month(db, circle.id)
        kept = Shelf(records.read([entry.data for entry in entries]), agreed, keys)
        _shelves.put(key, kept)
    return kept


async def page(
    request: Request[Any, Any, Any],
    host: Host,
    circle: Circle,
    render: Callable[[Shelf], bytes],
) -> Response[bytes]:
    """A public page: 304 when the reader has it, kept bytes when we have it, rendered otherwise."""
    digest, size = await version(host, circle)
    etag = f'"{digest}"'
    headers = {"ETag": etag, "Cache-Control": _FRESH}
    if etag in request.headers.get("if-none-match", ""):
        return Response(b"", status_code=304, headers=headers, media_type=HTML)
    key = (host.settings.data, request.scope["path"].rstrip("/"), digest)
    body: bytes | None = _pages.get(key)
    if body is None:
        body = render(await _look(host, circle, digest, size))
        _pages.put(key, body)
    return Response(body, headers=headers, media_type=HTML)
