"""Who may notice a lie, each at the real server over HTTP; the table of threats says what they are.

A witness answers with what it was told: a code, the checks that failed, a headline; "" for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from tests.dishonest import scenes
from tests.dishonest.scenes import Scene, press, trouble

FAILED = re.compile(r"^FAILED ([1-9]\.[a-z]+):", re.MULTILINE)


async def _takes(scene: Scene) -> str:
    return (await scene.take()).trouble


async def _casts(scene: Scene) -> str:
    return (await scene.cast()).trouble


async def _looks(scene: Scene, who: str = "Ann") -> str:
    said = await scene.run("receipt", "--handle", who, who=who)
    assert said.code in {0, 1}
    shouted = [line for line in said.text.splitlines() if line.upper()[:30] == line[:30]]
    missing = re.search(r"HAS A RECEIPT AND IS NOT IN THE LOG", said.text)
    return said.trouble or (missing[0] if missing else "") or " ".join(shouted)


async def _collects(scene: Scene) -> str:
    async with scene.page("/in/collect") as page:
        await press(page, "Collect them")
        return await trouble(page)


async def _votes(scene: Scene) -> str:
    async with scene.page("/in/ballot") as page:
        await scenes.vote(page)
        return await trouble(page)


async def _checks(scene: Scene) -> str:
    async with scene.page(f"/in/check/{scene.world.month}") as page:
        await press(page, "Look for my ballots")
        seen = page.locator("[data-trouble]:not([hidden]), [data-part=found]:not([hidden])").first
        await seen.wait_for(state="visible")
        headline: str = await page.locator("h1:visible").inner_text()
        return await seen.get_attribute("data-trouble") or headline


def _failed(text: str) -> str:
    return " ".join(sorted(set(FAILED.findall(text))))


async def _anyone(scene: Scene) -> str:
    return _failed((await scene.verify()).text)


async def _with_evidence(scene: Scene, who: str = "Ann") -> str:
    return _failed((await scene.verify(await scene.kept(who))).text)


WITNESSES: dict[str, Callable[[Scene], Awaitable[str]]] = {
    "takes": _takes,
    "casts": _casts,
    "looks": _looks,
    "collects": _collects,
    "votes": _votes,
    "checks": _checks,
    "anyone": _anyone,
    "Ann's evidence": _with_evidence,
    "Finn looks": lambda scene: _looks(scene, "Finn"),
    "Finn's evidence": lambda scene: _with_evidence(scene, "Finn"),
}
