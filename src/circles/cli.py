"""The command `circles`. Everything heavy is imported by the command that needs it, so that
`circles --help` answers at once.

Exit codes: 0 all is well, 1 refused or something does not hold (it says what), 2 misused or not set
up right.
"""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from circles.client import options as client_options

_SETTINGS = "Settings are CIRCLES_* variables; docs/operating.md lists them."


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="circles",
        description="Neighbours pool a little money, vote in secret whom it helps, "
        "and show where it went.",
        epilog=_SETTINGS,
    )
    parser.add_argument("--version", action="store_true", help="print the version and end")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    commands.add_parser("serve", help="serve this host's circles")
    commands.add_parser("tick", help="do once what is due: phases, closing, retention")

    _verify_options(
        commands.add_parser("verify", help="recompute everything a circle has published")
    )
    allocate = commands.add_parser("allocate", help="try a rule on a file, with its working")
    _allocate_options(allocate)

    demo = commands.add_parser("demo", help="build a made-up circle and serve it")
    demo.add_argument("--port", type=int, default=8000)
    demo.add_argument("--data", type=Path, help="keep it here instead of a temporary folder")

    commands.add_parser("found-link", help="print a link with which a circle is founded")

    db = commands.add_parser("db", help="the database").add_subparsers(
        dest="action", metavar="ACTION", required=True
    )
    db.add_parser("upgrade", help="bring the database to this version")

    backup = commands.add_parser("backup", help="write a consistent copy of the database")
    backup.add_argument("folder", type=Path, help="where backups are kept")

    restore = commands.add_parser("restore", help="see whether a backup would restore")
    restore.add_argument("--check", action="store_true", required=True)
    restore.add_argument("backup", type=Path, help="a folder that `circles backup` wrote")

    _ledger_options(commands.add_parser("ledger", help="the books"))

    statement = commands.add_parser(
        "statement", help="show what an import would read of a bank's file, without importing"
    )
    statement.add_argument("file", help="OFX, QFX, CAMT, MT940 or CSV; - for what is piped in")
    statement.add_argument("--json", action="store_true", help="for programs")
    statement.add_argument("--currency", help="of the account, if the file names none: EUR")
    statement.add_argument("--mapping", type=Path, help="how to read a CSV (JSON, as shown)")

    client_options.add(commands)
    client_options.add_verify_client(commands)
    client_options.add_trustee(commands)
    _log_options(commands.add_parser("log", help="the log"))
    _witness_options(commands.add_parser("witness", help="watch other circles' logs, and cosign"))
    return parser


def _verify_options(parser: argparse.ArgumentParser) -> None:
    """The options of `circles verify`."""
    parser.add_argument("target", help="a circle's address, a folder, or an archive.zip")
    parser.add_argument("--evidence", type=Path, help="a folder with what you kept yourself")
    parser.add_argument("--clients", type=Path, help="a file of script hashes known to be good")
    parser.add_argument(
        "--witness",
        action="append",
        nargs=2,
        default=[],
        metavar=("KEY", "FROM"),
        help="a witness's key, and where it shows what it cosigned",
    )


def _ledger_options(parser: argparse.ArgumentParser) -> None:
    """The actions of `circles ledger`."""
    ledger = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    ledger.add_parser("verify", help="recompute the books of every circle")
    bring = ledger.add_parser("import", help="bring in a bank's file of any size")
    bring.add_argument("slug", help="the circle, as in /c/<slug>")
    bring.add_argument("file", help="OFX, QFX, CAMT, MT940 or CSV; - for what is piped in")
    bring.add_argument("--account", metavar="NUMBER", help="this account of the file is ours")
    bring.add_argument("--mapping", type=Path, help="how to read a CSV (JSON, as shown)")
    bring.add_argument(
        "--columns",
        metavar="A,B,..",
        help="what each column of a CSV is, from the left, such as date,counterparty,amount; "
        "empty for one that is not used",
    )
    bring.add_argument("--dates", choices=["dmy", "mdy", "ymd"], help="how its days are written")
    bring.add_argument("--decimal", choices=[",", "."], help="what stands before its cents")
    bring.add_argument("--header", type=int, metavar="N", help="rows before its first line")
    bring.add_argument(
        "--further",
        action="store_true",
        help="lines that look like ones from another kind of file are further payments",
    )
    bring.add_argument(
        "--another",
        action="store_true",
        help="lines that look like ones that are here, while by the balances money is missing, are "
        "further payments",
    )
    bring.add_argument("--yes", action="store_true", help="bring it in without asking")
    export = ledger.add_parser("export", help="write a circle's books as a file")
    export.add_argument("--circle", required=True, metavar="SLUG", help="as in /c/<slug>")
    export.add_argument(
        "--format",
        required=True,
        choices=["beancount", "hledger", "ledger", "csv", "jsonl"],
        help="what will read it",
    )
    export.add_argument("--out", type=Path, metavar="FILE", help="instead of standard output")
    export.add_argument("--period", metavar="YYYY[-MM]", help="one year or one month only")


def _log_options(parser: argparse.ArgumentParser) -> None:
    """The actions of `circles log`."""
    log = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    accept = log.add_parser("accept", help="say that this database is the newest (see the docs)")
    rotate = log.add_parser("rotate", help="hand a circle's log on to a fresh key")
    for action in (accept, rotate):
        action.add_argument("slug", help="the circle, as in /c/<slug>")


def _witness_options(parser: argparse.ArgumentParser) -> None:
    """The actions of `circles witness`, each on a folder of the witness's own."""
    witness = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    key = witness.add_parser("key", help="begin: make the folder and its key")
    follow = witness.add_parser("follow", help="watch one more log from now on")
    look = witness.add_parser("look", help="look at every log, and cosign what goes on rightly")
    for action in (key, follow, look):
        action.add_argument("folder", type=Path, help="what the witness keeps; no database")
    key.add_argument("name", help="under which it cosigns, such as witness.example/oak-street")
    follow.add_argument("address", help="the circle's, https://<host>/c/<name>")
    follow.add_argument("key", nargs="?", help="the log's key, if somebody gave it to you")
    look.add_argument("--every", type=float, metavar="MINUTES", help="go on looking")


def _allocate_options(parser: argparse.ArgumentParser) -> None:
    """The options of `circles allocate`."""
    parser.add_argument("file", type=Path, help="a Pabulib .pb file, or JSON (docs/allocating.md)")
    parser.add_argument(
        "--rule", required=True, metavar="NAME", help="most-ticks, split, one-winner or fair-shares"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--variant",
        choices=("none", "ticks", "add1", "add1-cent"),
        default="none",
        help="how fair-shares is completed",
    )
    parser.add_argument(
        "--step", type=int, metavar="N", help="the step of the variant add1, 1 when not said"
    )
    parser.add_argument(
        "--least", type=int, default=0, metavar="N", help="the smallest payout, 0 when not said"
    )
    parser.add_argument(
        "--min-ticks", type=int, default=1, metavar="N", help="fewer ticks are never paid; 1"
    )
    parser.add_argument(
        "--part", action="store_true", help="every fixed request says that a part is fine"
    )
    parser.add_argument(
        "--ties",
        choices=("rule", "ids"),
        default="rule",
        help="dead heats: by the rule (smaller request, then id), or by id alone as pabutools does",
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; what went wrong is said on stderr, in words."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.version:
        from circles import __version__

        print(__version__)
        return 0
    if given.command is None:
        parser.print_help()
        return 2
    return _run(given)


def _allocate(given: argparse.Namespace) -> int:
    from circles import trying

    return trying.main(given)


def _verify(given: argparse.Namespace) -> int:
    # The verifier stands alone; nothing of the server is imported for it.
    from circles import verifier

    evidence = ["--evidence", str(given.evidence)] if given.evidence else []
    clients = ["--clients", str(given.clients)] if given.clients else []
    witnesses = [word for pair in given.witness for word in ("--witness", *pair)]
    return verifier.main([given.target, *evidence, *clients, *witnesses])


def _statement(given: argparse.Namespace) -> int:
    from circles.ledger.statements import preview

    return preview.main(
        given.file, as_json=given.json, currency=given.currency, mapping=given.mapping
    )


def _witness(given: argparse.Namespace) -> int:
    from circles.witness import commands

    return commands.run(given)


def _client(given: argparse.Namespace) -> int:
    # The client too: it knows the protocol only.
    from circles.client import commands, trustee_commands

    run = trustee_commands.run if given.command == "trustee" else commands.run
    return run(given)


def _clients(given: argparse.Namespace) -> int:
    from circles.client import commands as client
    from circles.client.release import Manifest
    from circles.client.web import ClientError

    if getattr(given, "manifest", None) is not None:
        try:
            return client.verify_client(given, Manifest.read(given.manifest))
        except ClientError as error:
            print(f"circles: {error.code}: {error}", file=sys.stderr)
            return 2
    # This release's own: the very files that it would serve.
    from circles.rounds import clients

    manifest = Manifest.of(clients.contents())
    if given.command == "client-manifest":
        print(manifest.text(), end="")
        return 0
    return client.verify_client(given, manifest)


# Need no host, no settings and no database.
_ALONE = {
    "allocate": _allocate,
    "verify": _verify,
    "statement": _statement,
    "witness": _witness,
    "verify-client": _clients,
    "client-manifest": _clients,
}


def _run(given: argparse.Namespace) -> int:
    if given.command in _ALONE:
        return _ALONE[given.command](given)

    if given.command in ("take", "cast", "receipt", "trustee"):
        return _client(given)

    from circles.errors import CirclesError, SettingsError
    from circles.operating import commands

    try:
        return commands.run(given)
    except SettingsError as error:
        print(f"circles: {error}", file=sys.stderr)
        return 2
    except CirclesError as error:
        print(f"circles: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


# Commands that stay; all others are over in a moment.
_LASTING = {"serve", "demo"}


def command() -> NoReturn:
    """The program `circles`: `main`, in a process of its own.

    Python looks for cycles among all that it loads, and once more at the end. A process that is
    over in a moment has none worth a tenth of its time.
    """
    if not _LASTING.intersection(sys.argv[1:2]):
        gc.set_threshold(500_000)
    code = main()
    gc.freeze()
    sys.exit(code)
