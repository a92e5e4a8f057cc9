"""Casting: no sign-in, no cookie, any copy of the client (docs/protocol.md, 4.3 and 5).

Outside `/c/<slug>`, so that no cookie ever reaches it. Nothing of who sends is looked at, kept or
logged; every receipt is as long as every other.
"""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from circles.ballot import box
from circles.host import Host
from circles.protocol.ballot import NOMINATION_POST_BYTES_MAX

_PATH = "/cast/{slug:str}/{month:str}/{purpose:str}"
_OPEN = {"anyone": True, "machine": True, "body_bytes_max": NOMINATION_POST_BYTES_MAX}


@post(_PATH, opt=_OPEN, include_in_schema=False)
async def cast(
    request: Request[Any, Any, Any],
    host: NamedDependency[Host],
    slug: FromPath[str],
    month: FromPath[str],
    purpose: FromPath[str],
) -> Response[bytes]:
    """A ballot or a nomination for a receipt: 201 when new, 200 for the same bytes again."""
    receipt, created = await box.cast(host, slug, month, purpose, await request.body())
    return Response(receipt, status_code=201 if created else 200, media_type="text/plain")


routes = [cast]
