"""Pages, errors, headers: on every kind of answer."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from litestar import Litestar, Request, get, post
from litestar.testing import AsyncTestClient

from circles import app as application
from circles.errors import ConflictError, OutcomeUnknownError, TooManyError
from circles.host import Host
from circles.settings import Settings
from circles.web import forms, guard
from circles.web.static import static_url, tree

ORIGIN = "http://127.0.0.1:8000"


@get("/probe/boom")
async def probe_boom() -> None:
    passphrase = "plum tree by the blue door"
    raise RuntimeError("secret detail") if passphrase else ValueError


@post("/probe/cast", opt={"anyone": True, "machine": True})
async def probe_cast(request: Request[Any, Any, Any]) -> None:
    raise RuntimeError(f"cannot store {await request.body()!r}")


@get("/probe/conflict", opt={"machine": True})
async def probe_conflict() -> None:
    raise ConflictError("That slot is used.", code="slot-used")


@get("/probe/unknown-outcome")
async def probe_unknown() -> None:
    raise OutcomeUnknownError("We do not know. Send the same again.")


@get("/probe/often")
async def probe_often() -> None:
    raise TooManyError("Please wait a moment.", retry_after_s=7)


@post("/probe/form", status_code=200)
async def probe_form(request: Request[Any, Any, Any]) -> str:
    form = await forms.read(request)
    return form.text("handle", max_chars=40) + "|" + str(dict(form.trouble))


@post("/probe/open", status_code=200, opt={"anyone": True, "machine": True, "body_bytes_max": 99})
async def probe_open(request: Request[Any, Any, Any]) -> str:
    return str(len(await request.body()))


PROBES = [
    probe_boom,
    probe_cast,
    probe_conflict,
    probe_unknown,
    probe_often,
    probe_form,
    probe_open,
]


@pytest.fixture(scope="module")
def probed(tmp_path_factory: pytest.TempPathFactory) -> Litestar:
    """The real application, with a few handlers that fail on purpose.

    Nobody asks its database: what is tested here happens before any room.
    """
    data = tmp_path_factory.mktemp("probed") / "data"
    url = f"sqlite+aiosqlite:///{data / 'unused.sqlite3'}"
    real = application.routes
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(application, "routes", lambda: [*real(), *PROBES])
        return application.create_app(Host.open(Settings(data=data, database_url=url, url=ORIGIN)))


@pytest.fixture
async def web(probed: Litestar) -> AsyncIterator[AsyncTestClient[Litestar]]:
    """A stranger with a browser."""
    async with AsyncTestClient(probed, base_url=ORIGIN, raise_server_exceptions=False) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/no/such/page", 404),
        ("/probe/boom", 500),
        ("/probe/conflict", 409),
        ("/probe/unknown-outcome", 503),
        ("/probe/often", 429),
        ("/probe/form", 405),
        ("STYLE", 200),
    ],
)
async def test_every_answer_carries_the_strict_headers(
    web: AsyncTestClient[Litestar], path: str, status: int
) -> None:
    answer = await web.get(static_url("style.css") if path == "STYLE" else path)
    assert answer.status_code == status
    for name, value in guard.HEADERS.items():
        assert answer.headers[name] == value
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert "server" not in answer.headers
    assert "set-cookie" not in answer.headers
    if path != "STYLE":
        assert answer.headers["cache-control"] == "no-store"


async def test_an_unforeseen_error_is_a_page_in_words_with_a_number(
    web: AsyncTestClient[Litestar], capsys: pytest.CaptureFixture[str]
) -> None:
    answer = await web.get("/probe/boom")
    assert "Something broke on our side." in answer.text
    assert "secret detail" not in answer.text
    number = answer.text.split("this number: ")[1][:6]
    logged = capsys.readouterr().err
    assert number in logged
    assert "secret detail" in logged
    assert "probe_boom" in logged
    # The library's own traceback would print what the variables held.
    assert "= 'plum tree" not in logged
    assert "│" not in logged


async def test_an_error_about_a_ballot_is_logged_without_its_words(
    web: AsyncTestClient[Litestar], capsys: pytest.CaptureFixture[str]
) -> None:
    answer = await web.post("/probe/cast", content=b"a sealed ballot")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    logged = capsys.readouterr().err
    assert "RuntimeError at " in logged
    assert "sealed ballot" not in logged
    assert not re.search(r"\d{2}:\d{2}", logged)


async def test_machines_get_problem_json_with_a_code(web: AsyncTestClient[Litestar]) -> None:
    answer = await web.get("/probe/conflict")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "slot-used"
    assert answer.json()["status"] == 409
    missing = await web.post("/cast/nowhere", content=b"x")
    assert (missing.status_code, missing.json()["code"]) == (404, "not-found")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/c/maple-row/rounds/2026-10/vote/take"),
        ("POST", "/c/maple-row/rounds/2026-10/vote/poll"),
        ("POST", "/c/maple-row/log/checkpoint"),
        ("POST", "/c/maple-row/log/tile/0/000"),
        ("POST", "/c/maple-row/archive.zip"),
        ("GET", "/cast/maple-row/2026-10/vote"),
    ],
)
async def test_a_wrong_method_is_told_to_machines_as_they_read(
    web: AsyncTestClient[Litestar], method: str, path: str
) -> None:
    answer = await web.request(method, path)
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["code"]) == (405, "bad-method")


async def test_an_unknown_outcome_never_says_not_saved(web: AsyncTestClient[Litestar]) -> None:
    answer = await web.get("/probe/unknown-outcome")
    assert "Send the same again" in answer.text
    assert "not saved" not in answer.text.lower()


async def test_too_often_says_when_to_come_back(web: AsyncTestClient[Litestar]) -> None:
    assert (await web.get("/probe/often")).headers["retry-after"] == "7"


@pytest.mark.parametrize("name", ["evil.example", "127.0.0.1:9", "", "127.0.0.1:8000.evil.example"])
async def test_a_forged_host_is_refused_in_words(web: AsyncTestClient[Litestar], name: str) -> None:
    answer = await web.get(static_url("style.css"), headers={"host": name})
    assert answer.status_code == 400
    assert "This is not the address of this host." in answer.text
    assert answer.headers["content-security-policy"] == guard.CSP


@pytest.mark.parametrize("name", ["localhost:8000", "[::1]:8000"])
async def test_every_name_of_this_machine_will_do(
    web: AsyncTestClient[Litestar], name: str
) -> None:
    answer = await web.get(static_url("style.css"), headers={"host": name})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"origin": ORIGIN}, 200),
        ({"origin": "null", "sec-fetch-site": "same-origin"}, 200),
        ({"sec-fetch-site": "none"}, 200),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": ORIGIN, "sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"origin": "http://127.0.0.1:8001"}, 403),
    ],
)
async def test_posts_from_other_sites_are_refused(
    web: AsyncTestClient[Litestar], headers: dict[str, str], status: int
) -> None:
    answer = await web.post("/probe/form", data={"handle": "wren"}, headers=headers)
    assert answer.status_code == status
    opened = await web.post("/probe/open", content=b"x", headers=headers)
    assert opened.status_code == 200
    assert opened.headers["access-control-allow-origin"] == "*"


async def test_declared_bodies_are_bounded(web: AsyncTestClient[Litestar]) -> None:
    kind = {"content-type": "application/x-www-form-urlencoded"}
    declared = await web.post("/probe/form", content=b"a" * 16385, headers=kind)
    assert declared.status_code == 413
    own = await web.post("/probe/open", content=b"a" * 100)
    assert (own.status_code, own.json()["code"]) == (413, "too-long")
    assert (await web.post("/probe/open", content=b"a" * 99)).text == "99"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"handle=w%00ren", 400),
        (b"handle=%ff", 400),
        (b"handle=\xff", 400),
        (b"handle=a&handle=b", 400),
        (b"&".join(b"f%d=1" % i for i in range(201)), 400),
        (b"handle=w%C3%A9n", 200),
        (b"", 200),
    ],
)
async def test_forms_are_read_strictly(
    web: AsyncTestClient[Litestar], body: bytes, status: int
) -> None:
    kind = {"content-type": "application/x-www-form-urlencoded"}
    answer = await web.post("/probe/form", content=body, headers=kind)
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("text", "in_a_line", "in_lines"),
    [
        ("W\u202eren", False, False),
        ("W\u2067ren", False, False),
        ("W\u200bren", False, True),
        ("W\u200fren", False, True),
        ("\U0001f469\u200d\U0001f33e", True, True),
        ("نامه\u200cای", True, True),
    ],
)
def test_no_text_rearranges_the_words_beside_it(text: str, in_a_line: bool, in_lines: bool) -> None:
    """Nor looks like another name: Wren with something in it that nobody sees."""
    form = forms.Form(handle=text, note=text)
    assert (form.text("handle", max_chars=40), form.lines("note", max_chars=40)) == (
        text if in_a_line else "",
        text if in_lines else "",
    )
    assert ("handle" in form.trouble, "note" in form.trouble) == (not in_a_line, not in_lines)


async def test_multipart_is_not_read(web: AsyncTestClient[Litestar]) -> None:
    answer = await web.post("/probe/form", files={"handle": b"wren"})
    assert answer.status_code == 415


@pytest.mark.parametrize("path", ["/c/%00", "/c/%ff", "/?a=%00", "/?a=%C3"])
async def test_an_unreadable_address_is_refused(web: AsyncTestClient[Litestar], path: str) -> None:
    assert (await web.get(path)).status_code == 400


async def test_methods_nobody_knows_are_refused(web: AsyncTestClient[Litestar]) -> None:
    assert (await web.request("BREW", "/probe/boom")).status_code == 405
    assert (await web.request("TRACE", "/")).status_code == 405


async def test_head_is_get_without_the_body(web: AsyncTestClient[Litestar]) -> None:
    whole = await web.get(static_url("style.css"))
    head = await web.head(static_url("style.css"))
    assert head.content == b""
    assert head.headers["content-length"] == str(len(whole.content))
    assert head.headers["etag"] == whole.headers["etag"]


async def test_static_files_are_immutable_and_answer_304(web: AsyncTestClient[Litestar]) -> None:
    path = static_url("style.css")
    first = await web.get(path)
    assert "immutable" in first.headers["cache-control"]
    assert first.headers["content-type"] == "text/css; charset=utf-8"
    again = await web.get(path, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert (await web.get(f"/static/{'0' * 16}/style.css")).status_code == 404
    assert (await web.get(f"/static/{tree().digest}/../app.py")).status_code == 404
    assert (await web.get(f"/static/{tree().digest}/%2e%2e/app.py")).status_code == 404
