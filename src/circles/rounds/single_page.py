"""Pages for whoever votes without signing in: the ballot page in one file, and a practice ballot.

| path | who | answer |
| --- | --- | --- |
| GET `/c/<slug>/ballot.html` | all | the file of `rounds/single.py`, the same for every circle |
| GET `/c/<slug>/practice` | all | a made-up vote that runs in the page alone |
"""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get

from circles.circle.provide import TheCircle
from circles.rounds import practice, single
from circles.web.render import HTML, page


@get("/c/{slug:str}/ballot.html", opt={"public": True})
async def single_file(circle: TheCircle) -> Response[bytes]:
    """The ballot page with all its scripts inside; its hash stands in the poll record."""
    file = single.file(single.language_of(circle.locale))
    headers = {"Content-Security-Policy": file.policy, "Cache-Control": "no-cache"}
    return Response(file.body, headers=headers, media_type=HTML)


@get("/c/{slug:str}/practice")
async def practice_page(request: Request[Any, Any, Any], circle: TheCircle) -> Response[bytes]:
    """A ballot to practise on: nothing in it is real, nothing is sent, nothing is kept."""
    return page(request, "ballot/practice.html", practice.context(circle), circle=circle)


routes: list[Any] = [single_file, practice_page]
