"""The commands, one function each: they say what they did on stdout and return an exit code."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable

from circles.errors import SettingsError
from circles.host import Host
from circles.settings import DEMO_MARK, Settings


def run(given: argparse.Namespace) -> int:
    """Run the command that was given; its errors are CirclesError."""
    name = given.command + (f" {given.action}" if "action" in given else "")
    return _COMMANDS[name](given)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _with_host(work: Callable[[Host], Awaitable[int]]) -> int:
    """Open the host of the settings, bring its database up to date, do the work, let go."""

    async def whole() -> int:
        from circles import migrate

        host = Host.open(Settings.from_env())
        try:
            await migrate.upgrade(host.database, host.vault)
            return await work(host)
        finally:
            await host.close()

    return asyncio.run(whole())


def refuse_demo_data(settings: Settings) -> None:
    """A demo's accounts, whose passphrases everybody knows, are never served as a real circle."""
    if (settings.data / DEMO_MARK).exists():
        raise SettingsError(
            f"{settings.data} was made by `circles demo`: its sign-ins are known to everybody. "
            "Set CIRCLES_DATA to a directory of your own."
        )


def _serve(_given: argparse.Namespace) -> int:
    from circles import app
    from circles.circle import circles, founding

    async def first_link(host: Host) -> None:
        async with host.database.read() as db:
            empty = not await circles.every(db)
        if empty:
            _say("No circle here yet. Found the first one with this link (once, within a day):")
            _say(f"  {await founding.new_link(host)}")
        _say(f"Serving {host.settings.url}")

    settings = Settings.from_env()
    refuse_demo_data(settings)
    asyncio.run(app.run(settings, ready=first_link))
    return 0


def _tick(_given: argparse.Namespace) -> int:
    async def work(host: Host) -> int:
        from circles import app

        await app.tick(host)
        return 0

    return _with_host(work)


def _demo(given: argparse.Namespace) -> int:
    from circles import demo

    return demo.main(port=given.port, data=given.data)


def _found_link(_given: argparse.Namespace) -> int:
    async def work(host: Host) -> int:
        from circles.circle import founding

        _say(await founding.new_link(host))
        return 0

    return _with_host(work)


def _db_upgrade(_given: argparse.Namespace) -> int:
    async def work(_host: Host) -> int:
        _say("The database is at this version.")
        return 0

    return _with_host(work)


def _backup(given: argparse.Namespace) -> int:
    from circles.operating import backup

    settings = Settings.from_env()
    written = asyncio.run(backup.write(settings, given.folder))
    _say(f"Written: {written}")
    _say("It does not hold secret.key. Keep a copy of that file in another place.")
    return 0


def _restore_check(given: argparse.Namespace) -> int:
    from circles.operating import restore

    problems = asyncio.run(restore.check(Settings.from_env(), given.backup, _say))
    for problem in problems:
        _say(f"Does not hold: {problem}")
    _say(f"{len(problems)} problems." if problems else "It holds.")
    return 1 if problems else 0


def _ledger_verify(_given: argparse.Namespace) -> int:
    async def work(host: Host) -> int:
        from circles.operating import checks

        problems = await checks.books(host, _progress)
        for problem in problems:
            _say(f"Does not hold: {problem}")
        _say(f"{len(problems)} problems." if problems else "The books hold.")
        return 1 if problems else 0

    return _with_host(work)


def _ledger_export(given: argparse.Namespace) -> int:
    from circles.operating import exporting

    period = exporting.period_of(given.period)

    async def work(host: Host) -> int:
        written = await exporting.write(
            host, given.circle, given.format, period, given.out, _progress
        )
        if given.out is not None:
            _say(f"Written: {given.out}, {written} transfers.")
        return 0

    return _with_host(work)


def _ledger_import(given: argparse.Namespace) -> int:
    from circles.operating import importing

    asked = importing.Asked(
        slug=given.slug,
        file=given.file,
        account=given.account,
        mapping=given.mapping,
        columns=given.columns,
        dates=given.dates,
        decimal=given.decimal,
        header=given.header,
        further=given.further,
        another=given.another,
        yes=given.yes,
    )
    counted = ""

    def report(what: str, done: int, total: int) -> None:
        nonlocal counted
        if sys.stderr.isatty():
            sys.stderr.write("\r" if what == counted else "")
            sys.stderr.write(f"{done} of {total} {what}" + ("\n" if done == total else ""))
            sys.stderr.flush()
        counted = what

    async def work(host: Host) -> int:
        kept = await importing.bring_in(host, asked, _say, _yes, report)
        if kept is not None:
            _say(f"Kept: {kept.fresh} new lines, {kept.known} known already.")
        return 0

    return _with_host(work)


def _yes(question: str) -> bool:
    """Whether whoever sits there says yes; nobody does where nobody sits."""
    if not sys.stdin.isatty():
        _say("Nothing was kept. Say --yes to bring it in without being asked.")
        return False
    sys.stdout.write(question)
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _progress(checked: int, total: int) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{checked} of {total} transfers")
        sys.stderr.write("\n" if checked == total else "")
        sys.stderr.flush()


def _log_accept(given: argparse.Namespace) -> int:
    async def work(host: Host) -> int:
        from circles.circle import circles
        from circles.log import floor

        async with host.database.read() as db:
            circle = await circles.by_slug(db, given.slug)
        kept = floor.read(host.settings, circle.id)
        if kept is not None and kept.size != floor.UNKNOWN:
            raise SettingsError(
                "This circle's floor file is there, so there is nothing to accept. "
                "See docs/operating.md, 'When the log refuses'."
            )
        await floor.accept(host, circle.id)
        _say(f"The log of {circle.name} goes on from what this database holds.")
        return 0

    return _with_host(work)


def _log_rotate(given: argparse.Namespace) -> int:
    async def work(host: Host) -> int:
        from circles import log
        from circles.circle import circles
        from circles.log import floor

        async with host.database.read() as db:
            circle = await circles.by_slug(db, given.slug)
        async with host.database.begin() as db:
            await log.rotate(db, circle.id, host)
        await floor.raise_to(host, circle.id)
        async with host.database.read() as db:
            key = await log.verifier_key(db, circle.id)
        _say(f"The log of {circle.name} is signed with a new key from now on:")
        _say(f"  {key}")
        _say("Both keys signed the change, and it stands in the log. Nobody has to do anything.")
        return 0

    return _with_host(work)


_COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "serve": _serve,
    "tick": _tick,
    "demo": _demo,
    "found-link": _found_link,
    "db upgrade": _db_upgrade,
    "backup": _backup,
    "restore": _restore_check,
    "ledger export": _ledger_export,
    "ledger import": _ledger_import,
    "ledger verify": _ledger_verify,
    "log accept": _log_accept,
    "log rotate": _log_rotate,
}
