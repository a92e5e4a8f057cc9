"""Who may do what: every route and method of the application, for every kind of visitor.

The rows come from the application itself: a route without a row fails, and so does a row without a
route. `let in` is what those get who may: one status for all of them, or one for each in the order
of VISITORS. All others are sent to sign in (pages), told that they must (posts and machines), or
refused in words (members without the role).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import httpx
import pytest
from litestar import Litestar

from circles.host import Host
from circles.members import people
from tests.web.visitors import (
    MEMBER,
    STEWARD,
    STRANGER,
    TREASURER,
    VISITORS,
    Village,
    routes_of,
    village,
)

# Read before anything is posted, posted from harmless to final; every body is empty.
TABLE: Final = """
GET    /                                                       all       200
GET    /c/{slug}                                               all       200
GET    /c/{slug}/api/session                                   members   200
GET    /c/{slug}/archive.zip                                   all       200
GET    /c/{slug}/audit/{code}                                  all       200
GET    /c/{slug}/audit/{code}/{kind}                           all       200
GET    /c/{slug}/ballot.html                                   all       200
GET    /c/{slug}/documents/{name}                              all       404
GET    /c/{slug}/in                                            members   200
GET    /c/{slug}/in/ballot                                     members   200
GET    /c/{slug}/in/check/{month}                              members   200
GET    /c/{slug}/in/closes                                     members   200
GET    /c/{slug}/in/collect                                    members   200
GET    /c/{slug}/in/desk                                       treasurer 200
GET    /c/{slug}/in/desk/audit                                 officers  200
GET    /c/{slug}/in/desk/audit/{link_id}                       officers  200 409
GET    /c/{slug}/in/desk/books                                 treasurer 200
GET    /c/{slug}/in/desk/books/{transfer}/undo                 treasurer 200
GET    /c/{slug}/in/desk/export/{kind}                         treasurer 200
GET    /c/{slug}/in/desk/fees                                  treasurer 200
GET    /c/{slug}/in/desk/import                                treasurer 200
GET    /c/{slug}/in/desk/import/{file}                         treasurer 200
GET    /c/{slug}/in/desk/lines                                 treasurer 200
GET    /c/{slug}/in/desk/lines/{line}                          treasurer 200
GET    /c/{slug}/in/desk/handover                              treasurer 200
GET    /c/{slug}/in/desk/members/{number}                      treasurer 200
GET    /c/{slug}/in/desk/money-in                              treasurer 200
GET    /c/{slug}/in/desk/opening                               treasurer 200
GET    /c/{slug}/in/desk/other                                 treasurer 200
GET    /c/{slug}/in/desk/pay/{month}/{candidate}               treasurer 200
GET    /c/{slug}/in/desk/pay-list                              treasurer 200
GET    /c/{slug}/in/desk/pay-list/file                         treasurer 400
GET    /c/{slug}/in/desk/payments/{payment}                    treasurer 200
GET    /c/{slug}/in/desk/payments/{payment}/payee              treasurer 200
GET    /c/{slug}/in/desk/payments/{payment}/returned           treasurer 200
GET    /c/{slug}/in/desk/reconcile                             treasurer 200
GET    /c/{slug}/in/desk/report                                treasurer 200
GET    /c/{slug}/in/desk/tin                                   treasurer 200
GET    /c/{slug}/in/desk/unclaimed/{transfer}                  treasurer 200
GET    /c/{slug}/in/desk/words                                 officers  200
GET    /c/{slug}/in/desk/words/{month}/{candidate}             officers  200
GET    /c/{slug}/in/handover                                   members   200
GET    /c/{slug}/in/months                                     members   200
GET    /c/{slug}/in/nominate                                   members   200
GET    /c/{slug}/in/pay                                        members   200
GET    /c/{slug}/in/pay-change                                 members   200
GET    /c/{slug}/in/payouts                                    members   200
GET    /c/{slug}/in/payouts/{payment}                          members   200
GET    /c/{slug}/in/people                                     members   200
GET    /c/{slug}/in/pledge                                     members   200
GET    /c/{slug}/in/slate                                      members   200
GET    /c/{slug}/in/steward                                    steward   200
GET    /c/{slug}/in/steward/dates                              steward   200
GET    /c/{slug}/in/steward/invitations/{invitation_id}        steward   200
GET    /c/{slug}/in/steward/people/{member_id}                 steward   200
GET    /c/{slug}/in/steward/settings                           steward   200
GET    /c/{slug}/in/steward/trustees                           steward   200
GET    /c/{slug}/in/steward/ways-back/{way_back_id}            steward   200
GET    /c/{slug}/in/tin                                        members   200
GET    /c/{slug}/in/told                                       members   200
GET    /c/{slug}/in/trustee                                    members   200
GET    /c/{slug}/in/you                                        members   200
GET    /c/{slug}/in/you/data.json                              members   200
GET    /c/{slug}/in/you/leave                                  members   200
GET    /c/{slug}/in/you/passphrase                             members   200
GET    /c/{slug}/in/you/statement                              members   200
GET    /c/{slug}/join/{code}                                   all       200
GET    /c/{slug}/kept                                          all       200
GET    /c/{slug}/log/tile/{rest}                               all       200
GET    /c/{slug}/log/{name}                                    all       200
GET    /c/{slug}/practice                                      all       200
GET    /c/{slug}/rounds/{month}                                all       200
GET    /c/{slug}/rounds/{month}/archive.zip                    all       200
GET    /c/{slug}/rounds/{month}/check                          all       200
GET    /c/{slug}/rounds/{month}/sheet                          all       200
GET    /c/{slug}/rounds/{month}/{purpose}/close                all       200
GET    /c/{slug}/rounds/{month}/{purpose}/line                 members   200
GET    /c/{slug}/rounds/{month}/{purpose}/poll                 all       200
GET    /c/{slug}/rounds/{month}/{purpose}/result               all       200
GET    /c/{slug}/rounds/{month}/{purpose}/roll                 members   200
GET    /c/{slug}/rounds/{month}/{purpose}/slate                all       200
GET    /c/{slug}/rounds/{month}/{purpose}/takes                members   200
GET    /c/{slug}/secrecy                                       all       200
GET    /c/{slug}/sign-in                                       all       200 200 303 303 303 200 200
GET    /c/{slug}/way-back/{code}                               all       200
GET    /found/{code}                                           all       200
GET    /static/{digest}/{path}                                 all       200
POST   /c/{slug}/join/{code}                                   all       422
POST   /c/{slug}/in/payouts/{payment}                          members   303 403 409
POST   /c/{slug}/api/session                                   all       400
POST   /c/{slug}/in/desk/books/{transfer}/erase-note           treasurer 303
POST   /c/{slug}/in/desk/books/{transfer}/undo                 treasurer 303
POST   /c/{slug}/in/desk/fees                                  treasurer 303
POST   /c/{slug}/in/desk/import                                treasurer 415
POST   /c/{slug}/in/desk/import/{file}                         treasurer 303
POST   /c/{slug}/in/desk/import/{file}/drop                    treasurer 303
POST   /c/{slug}/in/desk/import/{file}/withdraw                treasurer 303
POST   /c/{slug}/in/desk/lines                                 treasurer 303
POST   /c/{slug}/in/desk/lines/{line}                          treasurer 422
POST   /c/{slug}/in/desk/lines/{line}/undo                     treasurer 303
POST   /c/{slug}/in/desk/matching                              treasurer 303
POST   /c/{slug}/in/desk/matching/forget                       treasurer 303
POST   /c/{slug}/in/desk/money-in                              treasurer 422
POST   /c/{slug}/in/desk/opening                               treasurer 422
POST   /c/{slug}/in/desk/opening/nothing                       treasurer 303
POST   /c/{slug}/in/desk/opening/undo                          treasurer 303
POST   /c/{slug}/in/desk/other                                 treasurer 422
POST   /c/{slug}/in/desk/pay/{month}/{candidate}               treasurer 422
POST   /c/{slug}/in/desk/pay-list/sent                         treasurer 422
POST   /c/{slug}/in/desk/payments/{payment}/close              treasurer 422
POST   /c/{slug}/in/desk/payments/{payment}/payee              treasurer 422
POST   /c/{slug}/in/desk/payments/{payment}/payee/drop         treasurer 303
POST   /c/{slug}/in/pay-change                                 members   404
POST   /c/{slug}/in/pay-change/stop                            members   404
POST   /c/{slug}/in/payouts/{payment}/close                    members   303
POST   /c/{slug}/in/payouts/{payment}/payee                    members   404
POST   /c/{slug}/in/desk/payments/{payment}/returned           treasurer 422
POST   /c/{slug}/in/desk/payments/{payment}/sent               treasurer 422
POST   /c/{slug}/in/desk/payments/{payment}/settled            treasurer 422
POST   /c/{slug}/in/desk/payments/{payment}/withdrawn          treasurer 303
POST   /c/{slug}/in/desk/audit                                 officers  422
POST   /c/{slug}/in/desk/audit/{link_id}/revoke                officers  303
POST   /c/{slug}/in/desk/handover                              treasurer 422
POST   /c/{slug}/in/handover                                   members   400
POST   /c/{slug}/in/handover/withdraw                          members   404
POST   /c/{slug}/in/closes                                     members   404
POST   /c/{slug}/in/desk/reconcile                             treasurer 404
POST   /c/{slug}/in/desk/reconcile/withdraw                    treasurer 404
POST   /c/{slug}/in/desk/reconcile/alone                       treasurer 404
POST   /c/{slug}/in/desk/tin                                   treasurer 422
POST   /c/{slug}/in/desk/tin/withdraw                          treasurer 404
POST   /c/{slug}/in/tin                                        members   404
POST   /c/{slug}/in/desk/unclaimed/{transfer}                  treasurer 422
POST   /c/{slug}/in/desk/words/{month}/{candidate}             officers  422
POST   /c/{slug}/in/desk/words/{month}/{candidate}/erase       officers  303
POST   /c/{slug}/in/pledge                                     members   422
POST   /c/{slug}/in/pledge/pause                               members   303
POST   /c/{slug}/in/pledge/resume                              members   303
POST   /c/{slug}/in/pledge/skip                                members   409
POST   /c/{slug}/in/pledge/unskip                              members   409
POST   /c/{slug}/in/slate                                      members   400
POST   /c/{slug}/in/steward/begin                              steward   303
POST   /c/{slug}/in/steward/dates                              steward   303
POST   /c/{slug}/in/steward/invitations                        steward   303
POST   /c/{slug}/in/steward/invitations/{invitation_id}/revoke steward   303
POST   /c/{slug}/in/steward/people/{member_id}/reissue         steward   409
POST   /c/{slug}/in/steward/people/{member_id}/role            steward   400
POST   /c/{slug}/in/steward/people/{member_id}/way-back        steward   303
POST   /c/{slug}/in/steward/settings/pay                       steward   422
POST   /c/{slug}/in/steward/settings/rule                      steward   422
POST   /c/{slug}/in/steward/settings/rules                     steward   422
POST   /c/{slug}/in/steward/settings/words                     steward   422
POST   /c/{slug}/in/steward/trustees                           steward   422
POST   /c/{slug}/in/trustee                                    members   422
POST   /c/{slug}/in/trustee/keys                               members   400
POST   /c/{slug}/in/trustee/lost                               members   303
POST   /c/{slug}/in/told                                       members   303
POST   /c/{slug}/in/you/passphrase                             members   422
POST   /c/{slug}/in/you/sessions/end-others                    members   303
POST   /c/{slug}/in/you/sessions/{public_id}/end               members   404
POST   /c/{slug}/rounds/{month}/{purpose}/opening              all       400
POST   /c/{slug}/rounds/{month}/{purpose}/take                 members   400
POST   /c/{slug}/sign-in                                       all       422
POST   /c/{slug}/way-back/{code}                               all       410
POST   /cast/{slug}/{month}/{purpose}                          all       400
POST   /found/{code}                                           all       422
POST   /c/{slug}/in/steward/people/{member_id}/remove          steward   303
POST   /c/{slug}/sign-out                                      all       303
DELETE /c/{slug}/api/session                                   all       204
POST   /c/{slug}/in/you/leave                                  members   200 200 422
"""
LET_IN: Final = {
    "all": VISITORS,
    "members": (MEMBER, TREASURER, STEWARD),
    "officers": (TREASURER, STEWARD),
    "treasurer": (TREASURER,),
    "steward": (STEWARD,),
}
# Answers to machines say it with a status, not with a redirect.
MACHINE_GETS: Final = ("/api/session", "/line", "/roll", "/takes")


@dataclass(frozen=True)
class Row:
    """A line of the table; `statuses` by visitor."""

    method: str
    path: str
    access: str
    statuses: dict[str, int]

    @classmethod
    def of(cls, line: str) -> Row:
        method, path, access, *statuses = line.split()
        those = LET_IN[access]
        let_in = [int(s) for s in statuses * (len(those) if len(statuses) == 1 else 1)]
        return cls(method, path, access, dict(zip(those, let_in, strict=True)))

    def expected(self, visitor: str) -> int:
        """What this visitor gets."""
        if visitor in self.statuses:
            return self.statuses[visitor]
        if visitor in LET_IN["members"]:
            return 403
        page = self.method == "GET" and not self.path.endswith(MACHINE_GETS)
        return 303 if page else 401


ROWS: Final = [Row.of(line) for line in TABLE.strip().splitlines()]


def test_every_route_has_its_row_and_every_row_its_route(app: Litestar) -> None:
    rows = {(row.method, row.path) for row in ROWS}
    assert rows == routes_of(app)
    assert len(rows) == len(ROWS)


async def ask(app: Litestar, here: Village, row: Row, cookie: str | None) -> httpx.Response:
    """One request of that row, with a cookie or without."""
    headers = {"cookie": f"circles={cookie}"} if cookie else {}
    if row.method == "POST":
        headers["content-type"] = "application/x-www-form-urlencoded"
    transport = httpx.ASGITransport(app=app)
    url = here.world.host.settings.url
    async with httpx.AsyncClient(transport=transport, base_url=url) as client:
        return await client.request(row.method, here.path(row.path), headers=headers)


def fault(row: Row, visitor: str, answer: httpx.Response) -> str | None:
    """What is wrong with an answer, or None."""
    cell = f"{row.method} {row.path} as {visitor}"
    expected = row.expected(visitor)
    if answer.status_code != expected:
        return f"{cell}: {answer.status_code}, not {expected}"
    shut_out = visitor not in row.statuses
    if shut_out and expected == 303 and "/sign-in?then=" not in answer.headers["location"]:
        return f"{cell}: sent to {answer.headers['location']}"
    if shut_out and "set-cookie" in answer.headers:
        return f"{cell}: got a cookie"
    return None


async def test_everybody_gets_what_is_theirs_and_nothing_else(app: Litestar, host: Host) -> None:
    here = await village(host)
    faults = []
    for row in ROWS:
        for visitor in VISITORS:
            answer = await ask(app, here, row, await here.cookie(visitor))
            faults.append(fault(row, visitor, answer))
    assert [f for f in faults if f] == []


async def test_what_is_for_all_is_the_same_for_all(app: Litestar, host: Host) -> None:
    """Public pages are blind to cookies: byte for byte the same, and they give none."""
    here = await village(host)
    for row in ROWS:
        if row.method != "GET" or row.access != "all" or row.path.endswith("/sign-in"):
            continue
        answers = [await ask(app, here, row, await here.cookie(v)) for v in VISITORS]
        assert len({answer.content for answer in answers}) == 1, row.path
        assert not [a for a in answers if "set-cookie" in a.headers], row.path


async def test_a_role_that_is_taken_away_is_gone_at_once(app: Litestar, host: Host) -> None:
    here = await village(host)
    desk = next(row for row in ROWS if row.path == "/c/{slug}/in/desk" and row.method == "GET")
    cookie = await here.cookie(TREASURER)
    assert (await ask(app, here, desk, cookie)).status_code == 200
    async with host.database.begin() as db:
        member = here.people[TREASURER]
        await people.set_role(db, here.world.circle.id, member.id, "treasurer", holds=False)
    assert (await ask(app, here, desk, cookie)).status_code == 403


@pytest.mark.one_database("refused before any database is asked")
async def test_other_methods_are_refused(app: Litestar, host: Host) -> None:
    """TRACE, PUT, PATCH and whatever a path does not take: 405, whoever asks."""
    here = await village(host)
    known = routes_of(app)
    for path in sorted({row.path for row in ROWS}):
        for method in ("TRACE", "PUT", "PATCH", "DELETE", "POST", "GET"):
            if (method, path) in known:
                continue
            row = Row(method, path, "all", {})
            answer = await ask(app, here, row, await here.cookie(STEWARD))
            assert answer.status_code == 405, (method, path)


@pytest.mark.one_database("refused before any database is asked")
async def test_no_form_is_taken_from_another_site(app: Litestar, host: Host) -> None:
    """A forged post is refused before anything is read, whosever cookie comes with it."""
    here = await village(host)
    url, transport = host.settings.url, httpx.ASGITransport(app=app)
    forged = ({"origin": "https://elsewhere.example"}, {"sec-fetch-site": "cross-site"})
    async with httpx.AsyncClient(transport=transport, base_url=url) as client:
        for visitor in (MEMBER, STRANGER):
            cookie = await here.cookie(visitor)
            for row in ROWS:
                open_to_all = row.path.startswith("/cast/") or row.path.endswith("/opening")
                if row.method == "GET" or open_to_all:
                    continue
                for headers in forged:
                    answer = await client.request(
                        row.method,
                        here.path(row.path),
                        headers={**headers, "cookie": f"circles={cookie}"},
                    )
                    assert answer.status_code == 403, (row.method, row.path, headers)
