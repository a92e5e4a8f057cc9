"""A member's own client, in Python: what the browser's modules do, over the same endpoints.

It knows the protocol and HTTP, and nothing of the server. Two connections: one signed in, with the
member's cookie, and one for casting and public records, which never carries one.

    anna = MemberClient(transport, url, "maple-row", "anna", passphrase)
    await anna.sign_in()
    await anna.collect("2026-10", "vote")
    receipt = await anna.vote("2026-10", [3, 3, KEEP])
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Self

import httpx

from circles.protocol.ballot import (
    BallotCredential,
    Document,
    PendingCredential,
    begin_take,
    make_ballot,
    make_nomination,
    new_choice,
    nomination_post,
)
from circles.protocol.checkpoint import VerifierKey, open_receipt
from circles.protocol.merkle import leaf
from circles.protocol.messages import NOMINATE, VOTE, Ask, Poll, Slate, Taken
from circles.protocol.text import b64, unb64

KEEP: Final = "keep"
BLANK: Final = ""
Tick = int | str
_OK = 200
_CREATED = 201
_NO_CONTENT = 204


class ClientRefusedError(Exception):
    """The server refused, or answered something that does not hold; `code` is the contract's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


@dataclass
class Collected:
    """What a client keeps of one poll: its record, the credentials, how often each was used."""

    poll: Poll
    credentials: list[BallotCredential]
    used: dict[bytes, int] = field(default_factory=dict)

    def next_seq(self, credential: BallotCredential) -> int:
        """1, then 2 for a change of mind, and so on."""
        self.used[credential.key] = self.used.get(credential.key, 0) + 1
        return self.used[credential.key]


class MemberClient:
    """One member of one circle, with what their phone would keep."""

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport | None,
        url: str,
        slug: str,
        handle: str,
        passphrase: str,
    ) -> None:
        self.slug, self.handle, self.passphrase = slug, handle, passphrase
        self.signed_in = httpx.AsyncClient(transport=transport, base_url=url, timeout=30)
        self.anonymous = httpx.AsyncClient(transport=transport, base_url=url, timeout=30)
        self.kept: dict[tuple[str, str], Collected] = {}
        self.receipts: list[bytes] = []
        self._log_key: VerifierKey | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of both connections."""
        await self.signed_in.aclose()
        await self.anonymous.aclose()

    async def sign_in(self) -> None:
        """Get the cookie. Raises ClientRefusedError."""
        body = {"handle": self.handle, "passphrase": self.passphrase}
        answer = await self.signed_in.post(f"/c/{self.slug}/api/session", json=body)
        _checked(answer, _NO_CONTENT)

    def use_cookie(self, name: str, value: str) -> None:
        """Go on with a sign-in that was made elsewhere."""
        self.signed_in.cookies.set(name, value, path=f"/c/{self.slug}")

    # Reading, without the cookie

    async def poll(self, month: str, purpose: str) -> Poll:
        """The poll record."""
        return Poll.parse(await self._public(f"rounds/{month}/{purpose}/poll"))

    async def slate(self, month: str) -> tuple[bytes, Slate]:
        """The slate's leaf hash and the slate."""
        text = await self._public(f"rounds/{month}/vote/slate")
        return leaf(text), Slate.parse(text)

    async def _public(self, path: str) -> bytes:
        answer = await self.anonymous.get(f"/c/{self.slug}/{path}")
        return _checked(answer, _OK).content

    # Collecting, signed in

    async def collect(self, month: str, purpose: str) -> Collected:
        """Take every credential of the poll. Raises ClientRefusedError, BlindingError."""
        if (month, purpose) in self.kept:
            return self.kept[month, purpose]
        poll = await self.poll(month, purpose)
        below = f"/c/{self.slug}/rounds/{month}/{purpose}"
        answer = _checked(await self.signed_in.get(f"{below}/line"), _OK)
        line = unb64(answer.json()["member"])
        pending = [begin_take(poll) for _ in range(poll.slots)]
        credentials = [
            await self._take(f"{below}/take", waiting, line, slot)
            for slot, waiting in enumerate(pending)
        ]
        self.kept[month, purpose] = Collected(poll, credentials)
        return self.kept[month, purpose]

    async def _take(
        self, path: str, waiting: PendingCredential, line: bytes, slot: int
    ) -> BallotCredential:
        request = waiting.take(line, slot)
        answer = _checked(await self.signed_in.post(path, content=request.text()), _OK)
        taken = Taken.parse(answer.content)
        if taken.take != request.record_id():
            raise ClientRefusedError("malformed", "the answer is for another take")
        return waiting.finish(taken)

    # Casting, without the cookie

    async def nominate(self, month: str, ask: Ask, words: str, *, slot: int = 0) -> bytes:
        """Nominate with one of the collected credentials; the leaf hash of the nomination."""
        kept = await self.collect(month, NOMINATE)
        credential = kept.credentials[slot]
        document = Document.of(words)
        nomination = make_nomination(
            kept.poll, credential, ask, document, kept.next_seq(credential)
        )
        return await self._cast(
            month, NOMINATE, nomination.text(), nomination_post(nomination, document)
        )

    async def vote(self, month: str, ticks: Sequence[Tick] = ()) -> list[bytes]:
        """Cast every credential: `ticks[i]` on the i-th, the rest blank; the leaf hashes.

        Voting again is a change of mind: the same credentials, the next number.
        """
        kept = await self.collect(month, VOTE)
        slate_hash, _slate = await self.slate(month)
        leaves = []
        for number, credential in enumerate(kept.credentials):
            tick = ticks[number] if number < len(ticks) else BLANK
            choice = new_choice([tick] if isinstance(tick, int) else [], keep=tick == KEEP)
            ballot = make_ballot(
                kept.poll, slate_hash, credential, choice, kept.next_seq(credential)
            )
            leaves.append(await self._cast(month, VOTE, ballot.text(), ballot.text()))
        return leaves

    async def _cast(self, month: str, purpose: str, text: bytes, body: bytes) -> bytes:
        answer = await self.anonymous.post(
            f"/cast/{self.slug}/{month}/{purpose}",
            content=body,
            headers={"Content-Type": "text/plain"},
        )
        receipt = _checked(answer, _OK, _CREATED).content
        await self._check_receipt(receipt, leaf(text))
        self.receipts.append(receipt)
        return leaf(text)

    async def _check_receipt(self, receipt: bytes, leaf_hash: bytes) -> None:
        """A 200 is not a receipt: a proxy may answer one by itself."""
        if self._log_key is None:
            text = (await self._public("log/key")).decode("ascii")
            self._log_key = VerifierKey.parse(text.rstrip("\n"))
        promised = open_receipt(receipt, [self._log_key]).leaf
        if promised != leaf_hash:
            raise ClientRefusedError("malformed", f"a receipt for {b64(promised)}, not for this")


def _checked(answer: httpx.Response, *good: int) -> httpx.Response:
    if answer.status_code in good:
        return answer
    try:
        problem = answer.json()
        raise ClientRefusedError(str(problem["code"]), str(problem.get("detail", "")))
    except (ValueError, KeyError, TypeError):
        where = answer.request.url.path
        raise ClientRefusedError("unexpected", f"{answer.status_code} from {where}") from None
