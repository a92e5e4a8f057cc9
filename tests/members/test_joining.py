"""Invitations and joining: who gets the chair, and what everybody else is told."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from litestar import Litestar
from sqlalchemy import func, select, text

from circles.circle.circles import Circle
from circles.clock import MovableClock
from circles.errors import TooManyError
from circles.host import Host
from circles.members import invitations, notices, passphrase, people, pledges, retention
from circles.members.people import CircleFullError, HandleError, HandleTakenError
from circles.members.tables import AccountRow, InvitationRow
from tests.neighbours import (
    PASSPHRASE,
    browser_of,
    circle_of,
    invitation_path,
    member_of,
)

NEW = {"passphrase": "four new words here", "pledge": "500", "norms": "on"}


async def _founded(host: Host, **changes: object) -> tuple[Circle, people.Member]:
    circle = await circle_of(host, **changes)
    return circle, await member_of(host, circle, "Marisol", "steward", "treasurer")


async def _count(host: Host, circle: Circle) -> int:
    async with host.database.read() as db:
        return await people.count(db, circle.id)


async def test_a_neighbour_joins_with_a_pledge_and_is_signed_in(app: Litestar, host: Host) -> None:
    circle, marisol = await _founded(host)
    path = await invitation_path(host, circle, marisol)
    async with browser_of(app, host) as client:
        shown = await client.get(path)
        assert shown.status_code == 200
        for words in ("Marisol", "good until 12:00", "We do not ask who nominated", "5 euros"):
            assert words in shown.text
        assert "You vote from the first round on." in shown.text
        assert "set-cookie" not in shown.headers
        answer = await client.post(path, data={"handle": " Otto ", **NEW})
        assert answer.status_code == 303, answer.text
        assert answer.headers["location"] == "/c/maple-row/in/"
        assert (await client.get("/c/maple-row/api/session")).json() == {"handle": "Otto"}
    async with host.database.read() as db:
        otto = await people.by_handle(db, circle.id, "OTTO")
        assert otto is not None
        assert otto.roles == {"member"}
        assert otto.votes_from == "2026-10"
        assert (await pledges.of(db, otto.id)).amount_minor == 500
        pinned = await notices.pinned(db, circle.id)
    assert [(n.kind, n.values) for n in pinned] == [("joined", {"who": "Otto"})]


async def test_just_looking_and_another_amount(app: Litestar, host: Host) -> None:
    circle, marisol = await _founded(host)
    for handle, pledge, kept in (
        ("looker", {"pledge": "0"}, 0),
        ("odd", {"pledge": "other", "other": "7,50"}, 750),
    ):
        path = await invitation_path(host, circle, marisol)
        async with browser_of(app, host) as client:
            answer = await client.post(path, data={"handle": handle, **NEW, **pledge})
            assert answer.status_code == 303, answer.text
        async with host.database.read() as db:
            member = await people.by_handle(db, circle.id, handle)
            assert member is not None
            assert (await pledges.of(db, member.id)).amount_minor == kept


async def test_bad_forms_come_back_filled_and_use_nothing_up(app: Litestar, host: Host) -> None:
    circle, marisol = await _founded(host)
    path = await invitation_path(host, circle, marisol)
    bad = [
        ({"handle": "marisol"}, "already"),
        ({"handle": "\u202eolram"}, "hidden character"),
        ({"handle": "x" * 41}, "40 letters"),
        ({"handle": "\u3164"}, "that we can read"),
        ({"passphrase": "short"}, "too short"),
        ({"passphrase": "maple row 2026"}, "easy to guess"),
        ({"passphrase": "y" * 1100}, "longer than"),
        ({"pledge": "other", "other": "1e30"}, "no amount"),
        ({"pledge": "other", "other": "-5"}, "no amount"),
        ({"pledge": "other", "other": "NaN"}, "no amount"),
        ({"pledge": "other", "other": "50.01"}, "Up to"),
        ({"pledge": "other", "other": "0"}, "amount"),
        ({"pledge": "99999"}, "pick one"),
        ({"norms": ""}, "tick this"),
    ]
    async with browser_of(app, host) as client:
        for change, words in bad:
            answer = await client.post(path, data={"handle": "otto", **NEW, **change})
            assert answer.status_code == 422, change
            assert words in answer.text, change
            assert "set-cookie" not in answer.headers
            assert NEW["passphrase"] not in answer.text
        # Fields that nobody asked for change nothing.
        more = {"handle": "otto", **NEW, "role": "steward", "is_steward": "1"}
        assert (await client.post(path, data=more)).status_code == 303
    async with host.database.read() as db:
        otto = await people.by_handle(db, circle.id, "otto")
    assert otto is not None
    assert otto.roles == {"member"}


async def test_what_is_over_says_so_kindly(app: Litestar, host: Host, clock: MovableClock) -> None:
    circle, marisol = await _founded(host, cap=3)
    used, taken_back, late = [await invitation_path(host, circle, marisol) for _ in range(3)]
    async with host.database.begin() as db:
        await invitations.use(db, circle.id, used.rpartition("/")[2], clock.now())
        second = (
            await db.scalars(
                select(InvitationRow.id).where(
                    InvitationRow.code_hash
                    == invitations.codes.hash_of(taken_back.rpartition("/")[2])
                )
            )
        ).one()
        assert await invitations.revoke(db, circle.id, second, clock.now())
        assert not await invitations.revoke(db, circle.id, second, clock.now())
    async with browser_of(app, host) as client:

        async def both(path: str, status: int, words: str) -> None:
            looked = await client.get(path)
            tried = await client.post(path, data={"handle": "otto", **NEW})
            for answer in (looked, tried):
                assert answer.status_code == status, path
                assert words in answer.text
                assert "Nothing you typed was kept" in answer.text

        await both(used, 410, "was used")
        await both(taken_back, 410, "was taken back")
        await both(late.rpartition("/")[0] + "/nonsense", 404, "leads nowhere")
        open_one = await invitation_path(host, circle, marisol)
        clock.pass_real(timedelta(hours=2))
        await both(late, 410, "good until")
        await both(open_one, 410, "has run out")
        last = await invitation_path(host, circle, marisol)
        await member_of(host, circle, "wren")
        await member_of(host, circle, "ida")
        await both(last, 409, "Every chair is taken")
    assert await _count(host, circle) == 3


async def test_an_invitation_of_another_circle_opens_nothing(app: Litestar, host: Host) -> None:
    circle, marisol = await _founded(host)
    await circle_of(host, name="Elm Street")
    path = await invitation_path(host, circle, marisol)
    async with browser_of(app, host) as client:
        answer = await client.get(path.replace("maple-row", "elm-street"))
    assert answer.status_code == 404


async def test_one_invitation_twice_at_the_same_moment(app: Litestar, host: Host) -> None:
    circle, marisol = await _founded(host)
    path = await invitation_path(host, circle, marisol)
    async with browser_of(app, host) as one, browser_of(app, host) as two:
        answers = await asyncio.gather(
            one.post(path, data={"handle": "otto", **NEW}),
            two.post(path, data={"handle": "ida", **NEW}),
        )
    assert sorted(answer.status_code for answer in answers) == [303, 410]
    assert await _count(host, circle) == 2


async def test_the_last_chair_twice_at_the_same_moment(app: Litestar, host: Host) -> None:
    circle, marisol = await _founded(host, cap=3)
    await member_of(host, circle, "wren")
    paths = [await invitation_path(host, circle, marisol) for _ in range(2)]
    async with browser_of(app, host) as one, browser_of(app, host) as two:
        answers = await asyncio.gather(
            one.post(paths[0], data={"handle": "otto", **NEW}),
            two.post(paths[1], data={"handle": "ida", **NEW}),
        )
    assert sorted(answer.status_code for answer in answers) == [303, 409]
    assert await _count(host, circle) == 3


async def test_one_handle_twice_at_the_same_moment(app: Litestar, host: Host) -> None:
    circle, marisol = await _founded(host)
    paths = [await invitation_path(host, circle, marisol) for _ in range(2)]
    async with browser_of(app, host) as one, browser_of(app, host) as two:
        answers = await asyncio.gather(
            one.post(paths[0], data={"handle": "Otto", **NEW}),
            two.post(paths[1], data={"handle": "OTTO", **NEW}),
        )
        assert sorted(answer.status_code for answer in answers) == [303, 422]
        # Whoever came second kept the invitation and tries another name.
        loser = answers.index(next(a for a in answers if a.status_code == 422))
        browser, path = ((one, paths[0]), (two, paths[1]))[loser]
        again = await browser.post(path, data={"handle": "otto-7", **NEW})
        assert again.status_code == 303


async def test_too_many_open_invitations(host: Host) -> None:
    circle, marisol = await _founded(host)
    async with host.database.begin() as db:
        for _ in range(invitations.OPEN_MAX):
            await invitations.invite(db, host, circle.id, marisol.id)
        with pytest.raises(TooManyError):
            await invitations.invite(db, host, circle.id, marisol.id)


async def test_no_code_stands_in_the_database_and_old_ones_go(
    host: Host, clock: MovableClock
) -> None:
    circle, marisol = await _founded(host)
    code = (await invitation_path(host, circle, marisol)).rpartition("/")[2]
    assert len(code) == 27
    async with host.database.read() as db:
        rows = (await db.execute(text("SELECT * FROM members_invitation"))).all()
    assert code not in repr(rows)
    clock.pass_real(timedelta(hours=27))
    async with host.database.begin() as db:
        await retention.purge(db, clock.now())
        assert await db.scalar(select(func.count()).select_from(InvitationRow)) == 0


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  Otto   K. ", "Otto K."),
        ("Ｏｔｔｏ", "Otto"),
        ("É\u0301va".replace("É\u0301", "E\u0301"), "Éva"),
        ("小林", "小林"),
        ("🎈", "🎈"),
    ],
)
def test_handles_that_do(typed: str, kept: str) -> None:
    assert people.clean_handle(typed) == kept


@pytest.mark.parametrize(
    "typed",
    ["", "   ", "a\u200bb", "a\u202eb", "a\nb", "a\x00b", "\u2800", "a\u2066b", "\ufeff", "x" * 41],
)
def test_handles_that_do_not(typed: str) -> None:
    with pytest.raises(HandleError):
        people.clean_handle(typed)


@pytest.mark.parametrize(
    ("one", "other"), [("Otto", "oTTO"), ("Straße", "STRASSE"), ("ﬁn", "FIN"), ("Ⅷ", "viii")]
)
async def test_handles_that_look_alike_are_one(host: Host, one: str, other: str) -> None:
    circle = await circle_of(host)
    await member_of(host, circle, people.clean_handle(one))
    with pytest.raises(HandleTakenError):
        await member_of(host, circle, people.clean_handle(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Bea", "Веа"),
        ("Otto", "ОTTО"),
        ("Ines", "lnes"),
        ("Olaf", "0laf"),
        ("Lia", "LIA"),
        ("Νίκος", "Nίkoς"),
    ],
)
async def test_handles_that_are_drawn_alike_are_taken(host: Host, one: str, other: str) -> None:
    """Two names stand under a payment: they must be two to a reader."""
    circle = await circle_of(host)
    await member_of(host, circle, people.clean_handle(one))
    with pytest.raises(HandleTakenError):
        await member_of(host, circle, people.clean_handle(other))
    for fine in ("Béa", "Вера", "Ina", "Ola"):
        await member_of(host, circle, fine)


async def test_the_cap_holds_whatever_the_way_in(host: Host) -> None:
    circle = await circle_of(host, cap=3)
    for handle in ("a", "b", "c"):
        await member_of(host, circle, handle)
    with pytest.raises(CircleFullError):
        await member_of(host, circle, "d")


async def test_who_joins_after_the_roll_is_frozen_votes_from_the_next_month(host: Host) -> None:
    circle = await circle_of(host)
    early = await member_of(host, circle, "early")
    async with host.database.begin() as db:
        await people.roll_frozen(db, circle.id, "2026-12")
        await people.roll_frozen(db, circle.id, "2026-11")
    async with host.database.read() as db:
        now = host.clock.round_now()
        assert await people.votes_from(db, circle, now) == "2027-01"
    late = await member_of(host, circle, "late")
    assert (early.votes_from, late.votes_from) == ("2026-10", "2027-01")


async def test_numbers_are_random_and_apart(host: Host) -> None:
    circle = await circle_of(host, cap=50)
    members = [await member_of(host, circle, f"m{n}") for n in range(5)]
    numbers = [member.book_number for member in members]
    assert len(set(numbers)) == len({member.actor for member in members}) == 5
    assert all(number[0] == "M" and 4 <= len(number) - 1 <= 6 for number in numbers)
    assert all(0 < member.actor < 2**62 for member in members)


GOOD = (
    "four words of mine",
    "日本語の合言葉です",
    " lead and trail ",
    "naïve café 🎈 door",
    "q" + "z7! " * 250,
)
BAD = (
    "short",
    "aaaaaaaa",
    "abcabcabc",
    "12345678",
    "qwertzui",
    "password1",
    "Correct Horse Battery Staple",
    "Maple Row 2026",
    "circles maple-row",
    "marisol marisol",
    "x" * 1025,
    "é" * 513,
    "half a letter \ud800",
)


def test_passphrases_that_do_and_that_do_not() -> None:
    for good in GOOD:
        passphrase.check(good, ["Maple Row", "maple-row", "Marisol"])
    for bad in BAD:
        with pytest.raises(passphrase.PassphraseError):
            passphrase.check(bad, ["Maple Row", "maple-row", "Marisol"])


async def test_passphrases_are_kept_as_argon2id_and_never_trimmed(host: Host) -> None:
    circle = await circle_of(host)
    wren = await member_of(host, circle, "wren")
    async with host.database.read() as db:
        kept = await db.scalar(select(AccountRow.passphrase_hash).where(AccountRow.id == wren.id))
    assert kept is not None
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert await passphrase.matches(kept, PASSPHRASE)
    assert not await passphrase.matches(kept, PASSPHRASE + " ")
    assert not await passphrase.matches(kept, PASSPHRASE.upper())
    assert not await passphrase.matches(None, PASSPHRASE)
    composed = await passphrase.hash_of("caf\u00e9 with four words")
    assert await passphrase.matches(composed, "cafe\u0301 with four words")


async def test_at_most_two_hash_at_once_and_a_long_queue_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(passphrase, "_QUEUE_MAX", 4)
    results = await asyncio.gather(
        *(passphrase.hash_of(f"passphrase number {n}") for n in range(7)), return_exceptions=True
    )
    assert sum(isinstance(result, TooManyError) for result in results) == 3
    assert sum(isinstance(result, str) for result in results) == 4
    assert passphrase._pool._max_workers == 2
