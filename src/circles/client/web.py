"""HTTP as a member's client needs it: one way with a name, and one way without.

web = Web("https://circles.example/c/maple-row")
web.public("log/checkpoint", 16384)          # never with a cookie
web.sign_in("anna", passphrase)              # a cookie for `member` and `post_take` only
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from email.message import Message
from http import HTTPStatus
from http.client import HTTPException
from http.cookiejar import CookieJar
from urllib import error as errors
from urllib import request as requests
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 30
PROBLEM_BYTES_MAX = 65536


class ClientError(Exception):
    """What stopped the client; `code` is the contract's word (docs/protocol.md, 5), or our own."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class NoAnswerError(ClientError):
    """No answer, or none that can be believed: the same bytes may be sent again without harm."""

    def __init__(self, message: str) -> None:
        super().__init__("no-answer", message)


class _NoRedirects(requests.HTTPRedirectHandler):
    """A redirect could lead a ballot somewhere else: it is an answer like any other."""

    def redirect_request(self, *_: object, **__: object) -> None:
        """Follow none."""


@dataclass(frozen=True)
class Answer:
    """Whatever a host answered to a GET, bad answers too: nothing is followed."""

    status: int
    kind: str
    charset: str
    policy: str
    location: str
    body: bytes


class Web:
    """A circle's address. `base` is `http(s)://<host>/c/<slug>`."""

    def __init__(self, base: str) -> None:
        parts = urlsplit(base.rstrip("/"))
        folders = parts.path.split("/")
        good = parts.scheme in ("http", "https") and parts.netloc
        if not good or len(folders) != 3 or folders[1] != "c":  # noqa: PLR2004  # "", "c", slug
            raise ClientError("address", "a circle's address is https://<host>/c/<name>")
        self.scope, self.slug = parts.path, folders[2]
        self._host = f"{parts.scheme}://{parts.netloc}"
        self._anonymous = requests.build_opener(_NoRedirects)
        cookies = requests.HTTPCookieProcessor(CookieJar())
        self._signed_in = requests.build_opener(_NoRedirects, cookies)

    def _request(
        self,
        path: str,
        body: bytes | None = None,
        *,
        to: str = "",
        kind: str = "text/plain",
        method: str | None = None,
    ) -> requests.Request:
        """A request below the circle, or of `to`; a POST where there is a body."""
        address = f"{self._host}{to or f'{self.scope}/{path}'}"
        headers = {"Content-Type": kind} if body is not None else {}
        return requests.Request(address, body, headers, method=method)  # noqa: S310  # http(s) only, by __init__

    def public(self, path: str, bytes_max: int) -> bytes | None:
        """A public file below the circle, without a cookie; None where there is none (yet)."""
        asked = self._request(path)
        try:
            return _ask(self._anonymous, asked, bytes_max)
        except ClientError as error:
            if error.code in ("missing", "unknown-poll"):
                return None
            raise

    def raw(self, path: str, bytes_max: int, *, named: bool = False, whole: bool = False) -> Answer:
        """Whatever is there, below the circle or (`whole`) the host; signed in where `named`.

        Raises NoAnswerError, ClientError `too-long`.
        """
        opener = self._signed_in if named else self._anonymous
        asked = self._request(path, to=path if whole else "")
        try:
            with opener.open(asked, timeout=TIMEOUT_SECONDS) as answer:
                return _raw(answer.status, answer.headers, answer.read(bytes_max + 1), bytes_max)
        except errors.HTTPError as error:
            with error:
                return _raw(error.code, error.headers, b"", bytes_max)
        except (OSError, HTTPException) as error:
            raise NoAnswerError(f"no answer from {asked.host}: {error}") from error

    def cast(self, month: str, purpose: str, body: bytes) -> bytes:
        """Post a cast, without a cookie; the receipt, not yet checked."""
        asked = self._request("", body, to=f"/cast/{self.slug}/{month}/{purpose}")
        return _ask(self._anonymous, asked, PROBLEM_BYTES_MAX)

    def sign_in(self, handle: str, passphrase: str) -> None:
        """Begin a sign-in; the cookie goes with `member` and `post_take` only."""
        body = json.dumps({"handle": handle, "passphrase": passphrase}).encode()
        asked = self._request("api/session", body, kind="application/json")
        _ask(self._signed_in, asked, PROBLEM_BYTES_MAX)

    def sign_out(self) -> None:
        """End the sign-in."""
        asked = self._request("api/session", method="DELETE")
        _ask(self._signed_in, asked, PROBLEM_BYTES_MAX)

    def member(self, path: str, bytes_max: int) -> bytes:
        """A members' file, signed in."""
        asked = self._request(path)
        return _ask(self._signed_in, asked, bytes_max)

    def post_take(self, month: str, purpose: str, body: bytes) -> bytes:
        """Post a take, signed in; the answer, not yet checked."""
        asked = self._request(f"rounds/{month}/{purpose}/take", body)
        return _ask(self._signed_in, asked, PROBLEM_BYTES_MAX)

    def post_keys(self, body: bytes) -> None:
        """Hand in a trustee's public keys, signed in."""
        _ask(self._signed_in, self._request("in/trustee/keys", body), PROBLEM_BYTES_MAX)

    def open_box(self, month: str, body: bytes) -> None:
        """Post an opening, without a cookie."""
        asked = self._request(f"rounds/{month}/vote/opening", body)
        _ask(self._anonymous, asked, PROBLEM_BYTES_MAX)


def _raw(status: int, headers: Message, body: bytes, bytes_max: int) -> Answer:
    if len(body) > bytes_max:
        raise ClientError("too-long", f"an answer has more than {bytes_max} bytes")
    kind = headers.get_content_type() if "content-type" in headers else ""
    policies = headers.get_all("content-security-policy", [])
    charset = headers.get_content_charset("")
    return Answer(status, kind, charset, ", ".join(policies), headers.get("location", ""), body)


def _ask(opener: requests.OpenerDirector, asked: requests.Request, bytes_max: int) -> bytes:
    """The body of a good answer. Raises `ClientError` with its code, `NoAnswerError`."""
    try:
        with opener.open(asked, timeout=TIMEOUT_SECONDS) as answer:
            data: bytes = answer.read(bytes_max + 1)
    except errors.HTTPError as error:
        with error:
            raise _refusal(error) from None
    except (OSError, HTTPException) as error:
        raise NoAnswerError(f"no answer from {asked.host}: {error}") from error
    if len(data) > bytes_max:
        raise ClientError("too-long", f"{asked.full_url} answers more than {bytes_max} bytes")
    return data


def _refusal(error: errors.HTTPError) -> ClientError:
    where = urlsplit(error.url).path
    if error.code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return NoAnswerError(f"{error.code} from {where}")
    try:
        problem = json.loads(error.read(PROBLEM_BYTES_MAX))
        code, detail = str(problem["code"]), str(problem.get("detail") or problem.get("title", ""))
    except (ValueError, KeyError, TypeError, OSError, HTTPException):
        if error.code in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
            return ClientError("missing", f"there is nothing at {where}")
        return ClientError("unexpected", f"{error.code} from {where}")
    if error.code == HTTPStatus.NOT_FOUND and code != "unknown-poll":
        code = "missing"
    return ClientError(code, detail or f"{error.code} from {where}")
