"""Stylesheet and script modules: read once, served under the hash of the whole tree.

`/static/<tree hash>/ballot/cast.js` keeps relative imports between modules working while every byte
stays immutable: a changed file changes the tree's hash, and with it every address. Kept in memory,
so a request never touches the disk and a path can never leave the tree.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from litestar import Request, Response, get
from litestar.params import FromPath

from circles.errors import MissingError
from circles.web.i18n import gettext as _

STATIC_DIR = Path(__file__).parent.parent / "static"
_KINDS = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".json": "application/json",
}
_FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class StaticFile:
    """Bytes, media type and a strong validator."""

    body: bytes
    kind: str
    etag: str


@dataclass(frozen=True)
class StaticTree:
    """All files by their path, and the hash that names them together."""

    files: dict[str, StaticFile]
    digest: str

    @classmethod
    def read(cls, folder: Path) -> StaticTree:
        """Every file of a known kind below the folder."""
        files: dict[str, StaticFile] = {}
        whole = hashlib.sha256()
        for path in sorted(folder.rglob("*")):
            kind = _KINDS.get(path.suffix)
            if kind is None or not path.is_file():
                continue
            name, body = path.relative_to(folder).as_posix(), path.read_bytes()
            digest = hashlib.sha256(body).hexdigest()
            whole.update(f"{name}\n{digest}\n".encode())
            files[name] = StaticFile(body, kind, f'"{digest[:32]}"')
        return cls(files, whole.hexdigest()[:16])


@cache
def tree() -> StaticTree:
    """What this process serves; read at first use."""
    return StaticTree.read(STATIC_DIR)


def static_url(path: str) -> str:
    """The address of a file below `static/`; MissingError names one that is not there."""
    if path not in tree().files:
        raise MissingError(f"There is no file {path} below static/.")
    return f"/static/{tree().digest}/{path}"


@get("/static/{digest:str}/{path:path}", opt={"public": True})
async def static_file(
    request: Request[Any, Any, Any], digest: FromPath[str], path: FromPath[str]
) -> Response[bytes]:
    """One file of the tree, immutable; 304 when the reader has it."""
    file = tree().files.get(path.removeprefix("/"))
    if file is None or digest != tree().digest:
        raise MissingError(_("There is no such file. Load the page again for its newest parts."))
    headers = {"Cache-Control": _FOREVER, "ETag": file.etag}
    if file.etag in request.headers.get("if-none-match", ""):
        return Response(b"", status_code=304, headers=headers, media_type=file.kind)
    return Response(file.body, headers=headers, media_type=file.kind)


routes = [static_file]
