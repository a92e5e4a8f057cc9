"""What any bytes at all must be answered with. The suite samples it; a campaign hunts for more.

    python -m tests.campaigns fuzz-statements --seconds 600

needs atheris (`pip install atheris` in an environment of its own beside circles: it is no
dependency). It learns from what the readers do with each input which bytes lead further in.
"""

from __future__ import annotations

import io
import json
import sys
import time
from datetime import date

from circles import money
from circles.ledger.statements import keys, preview, reading
from circles.ledger.statements.mapping import Mapping
from circles.ledger.statements.references import references
from tests.statements import writers

SECONDS_MAX = 1.0
SHEET = writers.Sheet(
    "DE89370400440532013000",
    "EUR",
    10000,
    (
        writers.Row(date(2026, 11, 3), 1000),
        writers.Row(date(2026, 11, 4), -4000, "Food & bank", "R2026-10", "B2"),
    ),
)


def seeds() -> list[bytes]:
    """One good file of each kind, from which to go astray."""
    return [
        writers.ofx_sgml(SHEET).encode(),
        writers.ofx_xml(SHEET).encode(),
        writers.camt053(SHEET).encode(),
        writers.mt940(SHEET).encode(),
        writers.csv_table(SHEET, writers.Style()),
        writers.csv_table(SHEET, writers.Style(";", ",", ".", "%d.%m.%y", "cp1252")),
    ]


def promise(data: bytes) -> reading.Reading:
    """AssertionError if an answer is late, empty, or cannot be true."""
    started = time.process_time()
    found = reading.read(data)
    spent = time.process_time() - started
    assert spent <= SECONDS_MAX * max(1, len(data) / 100_000), f"{spent:.1f} s"
    assert found.statements or found.problems, "neither a statement nor a problem"
    for problem in found.problems:
        assert problem.where, problem
        assert problem.message, problem
    for statement in found.statements:
        for line in (*statement.lines, *statement.pending):
            assert abs(line.amount_minor) <= money.AMOUNT_MINOR_MAX * 2
            assert line.text is None or "\x00" not in line.text
            assert (
                not line.details or sum(d.amount_minor for d in line.details) == line.amount_minor
            )
            references(line)
        keyed = [key for key, _n, _line in keys.keyed("a", statement.lines)]
        assert len(set(keyed)) == len(statement.lines), "two lines with one key"
    if found.mapping is not None:
        assert Mapping.from_json(found.mapping.to_json()) == found.mapping
    return found


def shown(data: bytes) -> None:
    """The page and the JSON of it can be written, and say the same number of lines."""
    out = io.StringIO()
    code = preview.write(io.BytesIO(data), out, as_json=True)
    told = json.loads(out.getvalue())
    found = reading.read(data)
    assert [len(s["lines"]) for s in told["statements"]] == [len(s.lines) for s in found.statements]
    assert code == (2 if not found.statements else 1 if found.problems else 0)
    preview.write(io.BytesIO(data), io.StringIO(), as_json=False)


def hunt(seconds: int) -> int:
    """Coverage-guided, for so long; never returns normally (atheris ends the process)."""
    import tempfile
    from pathlib import Path

    try:
        import atheris  # type: ignore[import-not-found] - not in this environment
    except ImportError:
        print("atheris is not here: install it beside circles in an environment of its own.")
        return 2
    with atheris.instrument_imports(include=["circles.ledger.statements", "csv"]):
        for name in [n for n in sys.modules if n.startswith("circles.ledger.statements")]:
            del sys.modules[name]
        import importlib

        module = importlib.reload(sys.modules[__name__])

    def one(data: bytes) -> None:
        module.shown(data) if data[:1] == b"\xfe" else module.promise(data)

    corpus = Path(tempfile.mkdtemp(prefix="circles-fuzz-"))
    for number, seed in enumerate(seeds()):
        (corpus / f"seed-{number}").write_bytes(seed)
    options = [f"-max_total_time={seconds}", "-max_len=20000", "-timeout=20", "-rss_limit_mb=2000"]
    atheris.Setup(["fuzz-statements", *options, str(corpus)], one)
    atheris.Fuzz()
    return 0
