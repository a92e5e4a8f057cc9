"""What no check can forbid: its bound is a number that is printed, or two members who compare.

And the other way round: an honest server is accused of nothing, and what a server plants in a
browser or a command line never comes back to it.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import replace

import pytest

from circles import closing, files
from circles.db import Database
from circles.host import Host
from circles.log import LogBehindError, floor, published
from circles.members import issuer
from circles.protocol.messages import NOMINATE, VOTE
from circles.protocol.text import b64
from tests.dishonest import scenes, tampering
from tests.dishonest.liar import Answer
from tests.dishonest.scenes import Scene, Stages, press, reads
from tests.dishonest.witnesses import WITNESSES


async def test_an_honest_server_is_accused_of_nothing(stages: Stages) -> None:
    async with stages.open("cast") as scene:
        await scene.kept()
        await scene.world.go(scene.world.at.count_at)
        said = {name: await WITNESSES[name](scene) for name in WITNESSES if "look" in name}
        said |= {name: await WITNESSES[name](scene) for name in WITNESSES if "evidence" in name}
        assert {name: words for name, words in said.items() if words} == {}
        assert await WITNESSES["anyone"](scene) == ""
        assert await WITNESSES["checks"](scene) == "It holds."


async def _counts(scene: Scene) -> dict[str, int]:
    said = await scene.verify()
    assert said.code == 0, said.text
    line = next(line for line in said.text.splitlines() if "vote: N" in line)
    found = re.search(r"N (\d+), T (\d+), V (\d+), R (\d+), gap T - V (\d+)", line)
    assert found is not None
    return dict(zip(("N", "T", "V", "R", "gap"), map(int, found.groups()), strict=True))


@pytest.mark.parametrize("stuffed", [0, 1, 3])
async def test_stuffing_inside_the_gap_is_bounded_by_the_number_printed(
    stages: Stages, stuffed: int
) -> None:
    """Emil collected three and cast none: so many can be stuffed unseen, and not one more."""
    async with stages.open("cast") as scene:
        await tampering.stuff(scene, stuffed)
        await scene.world.go(scene.world.at.count_at)
        counts = await _counts(scene)
    assert counts == {"N": 6, "T": 15, "V": 12 + stuffed, "R": 0, "gap": 3 - stuffed}
    # Who asks the members: of T so many cast none. Their number is the bound, before and after.
    assert stuffed <= counts["T"] - 12


async def test_two_who_are_shown_one_line_notice_by_comparing(stages: Stages) -> None:
    """Ann is shown Finn's line from the first day on; her own is free for the operator."""
    async with stages.open("announced") as scene:
        finn, ann = scene.member("Finn").member, scene.member("Ann").member
        for purpose in (NOMINATE, VOTE):
            line = b64(await scene.member("Finn").line(purpose))
            told = f'{{"member": "{line}"}}'.encode()
            scene.liar.lie("GET", f"/{purpose}/line", lambda answer, b=told: answer.with_body(b))

        async def as_finn(real: object, db: object, poll: bytes, who: bytes) -> object:
            return await real(db, poll, finn.id if who == ann.id else who)  # type: ignore[operator]  # the real one

        with tampering.instead(issuer, "_line", as_finn):
            assert (await scene.take("Ann")).trouble == ""
            assert (await scene.take("Finn")).trouble == "slot-used"
        own = {}
        for who in ("Ann", "Finn"):
            kept = (scene.folder / f"{who}.json").read_text("utf-8")
            own[who] = set(re.findall(r'"member": "([^"]+)"', kept))
        # Neither can tell from what they hold; side by side it is plain.
        assert own["Ann"] & own["Finn"]


async def test_nothing_that_a_server_plants_comes_back(stages: Stages) -> None:
    """A cookie or a tag on what anyone may read, or on a receipt, would follow a member about."""
    async with stages.open("voting") as scene:

        def planted(answer: Answer) -> Answer:
            tags = ((b"set-cookie", b"tag=ann; Path=/; Max-Age=99999"), (b"etag", b'"ann"'))
            kept = tuple(
                h for h in answer.headers if h[0].lower() not in {b"etag", b"cache-control"}
            )
            return replace(answer, headers=(*kept, *tags, (b"cache-control", b"max-age=99999")))

        for method, path in (("POST", "/cast/.*"), ("GET", "/(log|rounds)/.*")):
            scene.liar.lie(method, path, planted)
        assert (await scene.cast()).trouble == ""
        assert (await scene.cast("2")).trouble == ""
        for _time in range(2):
            async with scene.page("/in/ballot") as page:
                if await page.get_by_role("button", name="Vote again").is_visible():
                    await press(page, "Vote again")
                await scenes.vote(page)
                await reads(page, "Sealed and sent.")
        asked = [one for one in scene.liar.seen if "/in/" not in one.path]
        casts = [one for one in asked if one.path.startswith("/cast/")]
        assert len(casts) == 2 * 3 + 2 * 3
        assert scene.liar.told > len(casts)
        for one in asked:
            assert b"tag=ann" not in one.headers.get(b"cookie", b""), one.path
            assert b"if-none-match" not in one.headers, one.path
        for one in casts:
            assert not set(one.headers) & {b"cookie", b"referer", b"authorization"}


# The floor


async def _older(scene: Scene, stages: Stages, stage: str) -> Scene:
    """The scene with the database of an earlier stage under its own floor and files."""
    place = scene.folder / "older.sqlite3"
    shutil.copy(stages.folder / stage / "circles.sqlite3", place)
    url = f"sqlite+aiosqlite:///{place}"
    settings = replace(scene.host.settings, database_url=url)
    host = Host(settings, Database(url), scene.world.clock, scene.host.vault)
    world = replace(scene.world, host=host)
    scene.liar.app = scenes.create_app(host)
    return replace(scene, world=world)


async def _refuses(scene: Scene) -> str:
    """Nothing is closed, signed, handed out or receipted; what the operator is told."""
    circle_id, before = scene.world.circle.id, await _checkpoint(scene)
    with pytest.raises(LogBehindError) as told:
        await closing.advance(scene.host, circle_id)
    for said in (await scene.cast(), await scene.take("Finn")):
        assert said.code == 1, said.text
    assert await _checkpoint(scene) == before
    return str(told.value)


async def _checkpoint(scene: Scene) -> bytes:
    folder = published.folder(scene.host.settings, scene.world.circle.slug)
    return files.read_if_there(folder / "checkpoint") or b""


async def test_an_older_database_signs_nothing_until_the_floor_goes_with_it(stages: Stages) -> None:
    async with stages.open("cast") as scene:
        await scene.world.go(scene.world.at.count_at)
        assert (await scene.run("receipt")).code == 0
        older = await _older(scene, stages, "cast")
        assert "older backup" in await _refuses(older)
        place = floor.path(scene.host.settings, scene.world.circle.id)
        kept = place.read_bytes()
        place.unlink()
        assert "is missing" in await _refuses(older)
        place.write_bytes(b"{}")
        assert "cannot be read" in await _refuses(older)
        # Whoever puts back the floor of that day too, or says that this database is the newest,
        # signs another history; who saw the first one can show it.
        place.unlink()
        await floor.accept(older.host, older.world.circle.id)
        assert place.read_bytes() != kept
        await tampering.show_as_newest(older)
        assert (await older.cast()).trouble == "log-forked"
        assert "log-forked" in (await older.run("receipt")).trouble
        await older.host.close()


async def test_a_take_is_not_signed_twice_by_an_older_database(stages: Stages) -> None:
    """Between two checkpoints only takes are lost by a restore: their number has a floor too."""
    async with stages.open("voting") as scene:
        assert (await scene.take("Finn")).trouble == ""
        older = await _older(scene, stages, "voting")
        scene.folder.joinpath("Finn.json").unlink()
        said = await older.take("Finn")
        assert said.code == 1
        assert "collected" in said.text or said.trouble == "no-answer"
        await older.host.close()
