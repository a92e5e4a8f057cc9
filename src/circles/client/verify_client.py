"""`circles verify-client`: does a host serve the scripts of a release, and nothing beside them?

It fetches every script, the ballot page in one file and the practice page; with a name, also the
pages that only members see. All is compared with a manifest, and with what the poll record says.
A host may serve one thing to this command and another to somebody else: who saves the one file
and keeps it need not ask again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from circles.client import served_page
from circles.client.log_view import LogView
from circles.client.release import POLICY, SINGLE_POLICY, STATIC, Manifest
from circles.client.web import Answer, Web
from circles.protocol.messages import Event, Poll, parse_entry
from circles.protocol.text import b64

BYTES_MAX = 4 * 1024 * 1024
# Below the circle: the page, and the module that it must run. Those of members need a name.
PUBLIC_PAGES = {"practice": "ballot/practice-page.js"}
MEMBER_PAGES = {
    "in/collect": "ballot/collect-page.js",
    "in/nominate": "ballot/nominate-page.js",
    "in/ballot": "ballot/ballot-page.js",
}
_JS, _CSS, _HTML = "text/javascript", "text/css", "text/html"


@dataclass
class _Nothing:
    """A memory of the log for one look: this command keeps nothing."""

    log_key: str | None = None
    log_last: dict[str, Any] | None = None


@dataclass
class Verdict:
    """What was looked at, and each difference in words."""

    looked_at: int = 0
    differences: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def differs(self, what: str) -> None:
        """One more difference."""
        self.differences.append(what)


def _fetched(
    web: Web, path: str, kind: str, verdict: Verdict, *, named: bool = False, whole: bool = False
) -> Answer | None:
    """A good answer of that kind; else None, and why is among the differences."""
    verdict.looked_at += 1
    answer = web.raw(path, BYTES_MAX, named=named, whole=whole)
    if answer.status != 200:  # noqa: PLR2004  # nothing but a plain answer will do
        leads = f", which leads to {answer.location}" if answer.location else ""
        verdict.differs(f"{path}: the host answers {answer.status}{leads}")
        return None
    if answer.kind != kind:
        verdict.differs(f"{path}: it comes as {answer.kind or 'nothing'}, not as {kind}")
    elif kind == _HTML and answer.charset != "utf-8":
        verdict.differs(f"{path}: it comes as {answer.charset or 'no'} letters, not as utf-8")
    return answer


def _check_page(
    web: Web, path: str, module: str, manifest: Manifest, verdict: Verdict, *, named: bool
) -> set[str]:
    """One page; the trees that it takes its scripts from."""
    answer = _fetched(web, path, _HTML, verdict, named=named)
    if answer is None:
        return set()
    if not manifest.fits(POLICY, answer.policy.encode()):
        verdict.differs(f"{path}: the header Content-Security-Policy is not the release's")
    served = served_page.read(answer.body, f"{web.scope}/sign-out")
    for wrong in served.wrong:
        verdict.differs(f"{path}: {wrong}")
    if not served.booth and not served.scripts:
        verdict.notes.append(f"{path}: there is nothing to do on it now, and no script")
    elif served.scripts != [module]:
        runs = ", ".join(served.scripts) or "no script"
        verdict.differs(f"{path}: it runs {runs}, and must run {module}")
    return served.trees


def _check_scripts(web: Web, tree: str, manifest: Manifest, verdict: Verdict) -> None:
    for path, digest in sorted(manifest.served.items()):
        kind = _JS if path.endswith(".js") else _CSS
        answer = _fetched(web, f"/static/{tree}/{path}", kind, verdict, whole=True)
        if answer is not None and sha256(answer.body).digest() != digest:
            verdict.differs(f"{STATIC}{path}: it is not the release's")


def _check_single(web: Web, manifest: Manifest, verdict: Verdict) -> None:
    answer = _fetched(web, "ballot.html", _HTML, verdict)
    if answer is None:
        return
    if sha256(answer.body).digest() not in manifest.singles:
        verdict.differs("ballot.html: it is not the release's")
    if not manifest.fits(SINGLE_POLICY, answer.policy.encode()):
        verdict.differs("ballot.html: the header Content-Security-Policy is not the release's")


def named_in_log(web: Web) -> tuple[str, frozenset[bytes]] | None:
    """The newest vote in the log, and the hashes that it names by now; None before the first."""
    log = LogView(web, _Nothing())
    log.refresh()
    found: dict[bytes, tuple[str, tuple[bytes, ...]]] = {}
    for entry in log.entries(0, log.checkpoint.size):
        record = parse_entry(entry)
        if isinstance(record, Poll):
            found[record.record_id()] = (f"{record.month}/{record.purpose}", record.clients)
        elif isinstance(record, Event):
            found[record.poll] = (found[record.poll][0], record.clients)
    votes = [named for named in found.values() if named[0].endswith("/vote")]
    return (votes[-1][0], frozenset(votes[-1][1])) if votes else None


def _check_record(web: Web, manifest: Manifest, verdict: Verdict) -> None:
    named = named_in_log(web)
    if named is None:
        verdict.notes.append("no vote has been announced here: no record names any script")
        return
    where, hashes = named
    verdict.looked_at += 1
    names = {digest: name for name, digest in manifest.hashes.items()}
    for name, digest in sorted(manifest.served.items()):
        if name.endswith(".js") and digest not in hashes:
            verdict.differs(f"{where}: its record does not name {STATIC}{name} of the release")
    for digest in sorted(manifest.singles - hashes):
        verdict.differs(f"{where}: its record does not name {names[digest]} of the release")
    for digest in sorted(hashes - set(names)):
        verdict.differs(f"{where}: its record names {b64(digest)}, which the release does not have")


def check(web: Web, manifest: Manifest, sign_in: Callable[[], None] | None = None) -> Verdict:
    """All of it. `sign_in` makes `web` a member's, for the pages that only members see.

    Raises ClientError where the host cannot be reached or its log does not hold.
    """
    verdict = Verdict()
    trees = _pages(web, PUBLIC_PAGES.items(), manifest, verdict, named=False)
    if sign_in is None:
        verdict.notes.append("the members' pages were not looked at: say --handle for that")
    else:
        sign_in()
        try:
            trees |= _pages(web, MEMBER_PAGES.items(), manifest, verdict, named=True)
        finally:
            web.sign_out()
    if len(trees) > 1:
        verdict.differs("the pages take their scripts from several places")
    for tree in sorted(trees):
        _check_scripts(web, tree, manifest, verdict)
    _check_single(web, manifest, verdict)
    _check_record(web, manifest, verdict)
    return verdict


def _pages(
    web: Web, pages: Iterable[tuple[str, str]], manifest: Manifest, verdict: Verdict, *, named: bool
) -> set[str]:
    trees: set[str] = set()
    for path, module in pages:
        trees |= _check_page(web, path, module, manifest, verdict, named=named)
    return trees


def report(verdict: Verdict, say: Callable[[str], None]) -> int:
    """Say it line by line; the exit code."""
    for note in verdict.notes:
        say(f"note: {note}")
    for difference in verdict.differences:
        say(f"DIFFERS {difference}")
    count = len(verdict.differences)
    many = "difference" if count == 1 else "differences"
    say(f"{verdict.looked_at} looked at, {count} {many}" if count else
        f"{verdict.looked_at} looked at: all as in the release")  # fmt: skip
    return 1 if count else 0
