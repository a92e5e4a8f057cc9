"""Lies over HTTP: what is stored stays honest, what one member is answered does not."""

from __future__ import annotations

import json
import secrets
from dataclasses import replace
from hashlib import sha256

from circles.client import web
from circles.members import issuer
from circles.protocol import messages as m
from circles.protocol import signature
from circles.protocol.blind import IssuerKey
from circles.protocol.checkpoint import LogKey
from circles.protocol.seal import TrusteeKey
from circles.protocol.text import b64
from tests import issuer_keys
from tests.dishonest import tampering
from tests.dishonest.liar import Answer, Change
from tests.dishonest.scenes import Scene, line_of

SOON_SECONDS = 0.5


def _problem(status: int, code: str) -> Change:
    def refuse(answer: Answer) -> Answer:
        kind = ((b"content-type", b"application/problem+json"),)
        return Answer(status, kind, json.dumps({"code": code, "status": status}).encode())

    return refuse


def _stranger_key() -> IssuerKey:
    return issuer_keys._pool()[0]  # Lent last: no poll of the month has it.


async def another_poll(scene: Scene) -> None:
    def other(answer: Answer) -> Answer:
        poll = m.Poll.parse(answer.body)
        return answer.with_body(replace(poll, issuers=(_stranger_key().n,)).text())

    scene.liar.lie("GET", "/rounds/.*/poll", other)


async def second_poll(scene: Scene) -> None:
    poll = (await scene.world.round()).vote.poll
    trustees = tuple(TrusteeKey.generate().public for _ in poll.trustees)
    second = replace(poll, issuers=(_stranger_key().n,), trustees=trustees)
    await tampering.append(scene, second.text())


async def weak_key(scene: Scene) -> None:
    await scene.world.begin()

    def weaken(found: list[bytes]) -> list[bytes]:
        poll = m.Poll.parse(found[1])
        return [found[0], replace(poll, issuers=(b"\x7f" + poll.issuers[0][1:],)).text()]

    await tampering.rewrite(scene, weaken)


async def another_roll(scene: Scene) -> None:
    def other(answer: Answer) -> Answer:
        roll = m.Roll.parse(answer.body)
        return answer.with_body(m.Roll.of(roll.salt, roll.members[:-1]).text())

    scene.liar.lie("GET", "/roll", other)


async def no_line(scene: Scene) -> None:
    said = json.dumps({"member": b64(secrets.token_bytes(16))}).encode()
    scene.liar.lie("GET", "/line", lambda answer: answer.with_body(said))


async def another_line(scene: Scene) -> None:
    said = json.dumps({"member": b64(await line_of(scene, "Cleo"))}).encode()
    scene.liar.lie("GET", "/vote/line", lambda answer: answer.with_body(said))


async def another_signature(scene: Scene) -> None:
    wrong = b"\0" + secrets.token_bytes(383)

    def other(answer: Answer) -> Answer:
        return answer.with_body(replace(m.Taken.parse(answer.body), signed=(wrong,)).text())

    scene.liar.lie("POST", "/take", other)


async def another_take(scene: Scene) -> None:
    def other(answer: Answer) -> Answer:
        return answer.with_body(replace(m.Taken.parse(answer.body), take=bytes(32)).text())

    scene.liar.lie("POST", "/take", other)


async def another_issuer(scene: Scene) -> None:
    """A good signature, by a key that only this member's ballots would bear."""

    async def sign(_real: object, _db: object, _vault: object, _poll: bytes, take: m.Take) -> bytes:
        # Below this key's n too: else the answer would already fail for its form.
        signed = _stranger_key().sign_blinded(b"\0" + take.blinded[0][1:])
        return m.Taken(take.record_id(), (signed,)).text()

    scene.stack.enter_context(tampering.instead(issuer, "_sign", sign))


async def silent_take(scene: Scene) -> None:
    scene.patch.setattr(web, "TIMEOUT_SECONDS", SOON_SECONDS)
    scene.liar.hold("POST", "/take")


async def silent_cast(scene: Scene) -> None:
    scene.patch.setattr(web, "TIMEOUT_SECONDS", SOON_SECONDS)
    scene.liar.hold("POST", "/cast/.*")


# The log


async def another_key(scene: Scene) -> None:
    key = LogKey(scene.world.circle.log_origin, signature.new_seed())

    def resigned(answer: Answer) -> Answer:
        text = answer.body.split(b"\n\n")[0] + b"\n"
        return answer.with_body(key.sign_note(text))

    shown = f"{key.verifier.text()}\n".encode()
    scene.liar.lie("GET", "/log/key", lambda answer: answer.with_body(shown))
    scene.liar.lie("GET", "/log/checkpoint", resigned)


async def altered_checkpoint(scene: Scene) -> None:
    def altered(answer: Answer) -> Answer:
        origin, size, root, rest = answer.body.split(b"\n", 3)
        other = b64(sha256(root).digest()).replace("-", "+").replace("_", "/")
        return answer.with_body(b"\n".join([origin, size, f"{other}=".encode(), rest]))

    scene.liar.lie("GET", "/log/checkpoint", altered)


async def altered_tile(scene: Scene) -> None:
    def altered(answer: Answer) -> Answer:
        return answer.with_body(answer.body[:-1] + bytes([answer.body[-1] ^ 1]))

    scene.liar.lie("GET", "/log/tile/0/.*", altered)


# The ballot


async def another_slate(scene: Scene) -> None:
    def other(answer: Answer) -> Answer:
        slate = m.Slate.parse(answer.body)
        return answer.with_body(replace(slate, candidates=slate.candidates[::-1]).text())

    scene.liar.lie("GET", "/vote/slate", other)


async def second_slate(scene: Scene) -> None:
    slate = (await scene.world.round()).slate
    assert slate is not None
    await tampering.append(scene, replace(slate, candidates=slate.candidates[::-1]).text())


async def other_words(scene: Scene) -> None:
    scene.liar.lie(
        "GET", "/in/ballot", lambda answer: answer.replaced(b"Saturday soup", b"Sunday soup")
    )


async def another_receipt(scene: Scene) -> None:
    async with scene.host.database.read() as db:
        key = await tampering._key(db, scene)

    def other(answer: Answer) -> Answer:
        receipt = m.Receipt.parse(answer.body.split(b"\n\n")[0] + b"\n")
        wrong = replace(receipt, leaf=sha256(receipt.leaf).digest())
        return answer.with_body(key.sign_note(wrong.text()))

    scene.liar.lie("POST", "/cast/.*", other)


async def unsigned_receipt(scene: Scene) -> None:
    key = LogKey(scene.world.circle.log_origin, signature.new_seed())
    scene.liar.lie(
        "POST",
        "/cast/.*",
        lambda answer: answer.with_body(key.sign_note(answer.body.split(b"\n\n")[0] + b"\n")),
    )


async def friendly_page(scene: Scene) -> None:
    page = Answer(200, ((b"content-type", b"text/html"),), b"<h1>Thank you for voting!</h1>")
    scene.liar.lie("POST", "/cast/.*", lambda _answer: page)


async def said_closed(scene: Scene) -> None:
    scene.liar.lie("POST", "/cast/.*", _problem(410, "closed"))


async def redirected(scene: Scene) -> None:
    there = (b"location", f"{scene.host.settings.url}/elsewhere".encode())
    scene.liar.lie("POST", "/cast/.*", lambda _answer: Answer(307, (there,), b""))
