"""The walls between rooms: they hold, and a breach of each of them is caught."""

from __future__ import annotations

import ast
import configparser
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINT = Path(sys.executable).with_name("lint-imports")


def lint(source: Path) -> subprocess.CompletedProcess[str]:
    """What the contracts say about the package below `source`."""
    return subprocess.run(
        [LINT, "--no-cache", "--no-logo", ROOT / ".importlinter"],
        cwd=source,
        env={**os.environ, "PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
        check=False,
    )


def contracts() -> dict[str, configparser.SectionProxy]:
    """Each contract of the house by its short name."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / ".importlinter")
    head = "importlinter:contract:"
    return {s.removeprefix(head): parser[s] for s in parser.sections() if s.startswith(head)}


@dataclass(frozen=True)
class Breach:
    """A line planted into a module, and the contract that must catch it."""

    module: str
    line: str
    caught_by: str


BREACHES = [
    Breach("protocol/merkle.py", "import circles.db", "protocol-alone"),
    Breach("protocol/merkle.py", "import sqlalchemy", "protocol-alone"),
    Breach("protocol/text.py", "def later():\n    from circles.web import x", "protocol-alone"),
    Breach("client/web.py", "import circles.settings", "client-alone"),
    Breach("witness/looking.py", "import circles.log", "witness-alone"),
    Breach("ballot/__init__.py", "from circles import members", "rooms-apart"),
    Breach("ledger/__init__.py", "import circles.members", "rooms-apart"),
    # Not directly, but through a room that knows people: the wall is as tight.
    Breach("ballot/__init__.py", "import circles.dues", "rooms-apart"),
    Breach("public/__init__.py", "import circles.ballot", "box-guarded"),
    Breach("steward/__init__.py", "from circles.demo import story", "demo-apart"),
    Breach("desk/__init__.py", "import circles.ballot", "pages-blind"),
    Breach("month/__init__.py", "from circles.ballot import x", "pages-blind"),
    Breach("steward/__init__.py", "import circles.ballot", "pages-blind"),
    Breach("dues/__init__.py", "import circles.ballot", "pages-blind"),
    Breach("public/__init__.py", "import circles.members", "public-blind"),
    Breach("public/__init__.py", "import circles.ledger", "public-blind"),
    Breach("public/__init__.py", "import circles.rounds", "public-blind"),
    Breach("circle/__init__.py", "import circles.closing", "layers"),
    Breach("web/__init__.py", "import circles.members", "layers"),
]


def _plant(tmp_path: Path, breach: Breach) -> Path:
    shutil.copytree(
        ROOT / "src" / "circles", tmp_path / "circles", ignore=shutil.ignore_patterns("*.pyc")
    )
    module = tmp_path / "circles" / breach.module
    # `dues` is empty in a bare house; through it the wall is breached only if it knows people.
    dues = tmp_path / "circles" / "dues" / "__init__.py"
    dues.write_text(dues.read_text() + "\nimport circles.members\n")
    module.write_text(module.read_text() + f"\n\n{breach.line}\n")
    return tmp_path


def test_the_walls_hold() -> None:
    result = lint(ROOT / "src")
    assert result.returncode == 0, result.stdout
    assert f"{len(contracts())} kept, 0 broken" in result.stdout


@pytest.mark.parametrize("breach", BREACHES, ids=lambda b: f"{b.module}: {b.line.split()[-1]}")
def test_a_planted_breach_is_caught(tmp_path: Path, breach: Breach) -> None:
    result = lint(_plant(tmp_path, breach))
    assert result.returncode == 1
    name = contracts()[breach.caught_by]["name"]
    assert re.search(rf"^{re.escape(name)} BROKEN$", result.stdout, re.MULTILINE), result.stdout


def test_every_contract_has_a_planted_breach() -> None:
    assert {b.caught_by for b in BREACHES} == set(contracts())


ALLOWED = {"circles.protocol", "cryptography", "gmpy2", "nacl"}


def _imports(path: Path) -> set[str]:
    """Every module that a file imports, at any depth of it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
            assert node.level == 0, f"{path}: imports are written out in full"
    return found


def _is_allowed(module: str) -> bool:
    if module.split(".", maxsplit=1)[0] in sys.stdlib_module_names:
        return True
    return any(f"{module}.".startswith(f"{allowed}.") for allowed in ALLOWED)


def test_what_outsiders_recompute_needs_three_libraries_and_nothing_else() -> None:
    """An allow-list, so that a new room or a new library cannot be forgotten."""
    package = ROOT / "src" / "circles"
    files = [*package.glob("protocol/**/*.py"), *package.glob("verifier.py")]
    assert files
    for path in files:
        strange = {m for m in _imports(path) if not _is_allowed(m)}
        assert not strange, f"{path.name} imports {strange}"
