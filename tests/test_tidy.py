"""Promises that no linter knows, held by a small program of our own."""

from __future__ import annotations

import ast
import hashlib
import itertools
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "circles"
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 600


@cache
def committed() -> list[Path]:
    """Every file of the project: what git knows, or all of it where there is no git."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        hidden = {".venv", ".git", "__pycache__", ".mypy_cache", ".ruff_cache"}
        return [p for p in ROOT.rglob("*") if p.is_file() and not hidden & set(p.parts)]
    return [ROOT / name for name in listed if (ROOT / name).is_file()]


def texts(*suffixes: str) -> list[tuple[str, str]]:
    """Name and text of every committed file with one of these endings (all without)."""
    found = []
    for path in committed():
        if not suffixes or path.suffix in suffixes:
            try:
                found.append((str(path.relative_to(ROOT)), path.read_text("utf-8")))
            except UnicodeDecodeError:
                continue
    return found


def python_trees() -> list[tuple[str, ast.Module]]:
    return [(name, ast.parse(text)) for name, text in texts(".py")]


def test_files_fit_into_a_quiet_reading() -> None:
    long = {
        name: text.count("\n")
        for name, text in texts(".py", ".js", ".css", ".html")
        if text.count("\n") > FILE_LINES_MAX and "tests/vectors/" not in name
    }
    assert not long


def test_functions_fit_on_a_screen() -> None:
    long = {
        f"{name}:{node.lineno} {node.name}": node.end_lineno - node.lineno + 1
        for name, tree in python_trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > FUNCTION_LINES_MAX
    }
    assert not long


# --- exponents -------------------------------------------------------------------------------

PUBLIC_EXPONENTS = {"e", "E", "65537", "public_exponent", "EXPONENT", "PUBLIC_EXPONENT"}
LEAKY_POWERS = {"powmod", "powmod_base_list", "powmod_exp_list"}


def leaky_powers(tree: ast.AST) -> list[str]:
    """Calls that raise to an exponent that may be secret, in time that tells about it.

    Three-argument `pow` and gmpy2's plain `powmod` are for public exponents only; a secret one
    takes `gmpy2.powmod_sec`. (An exponent of -1 is an inverse, which the twin tests cover.)
    """
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if (name == "pow" and len(node.args) == 3) or name in LEAKY_POWERS:
            exponent = ast.unparse(node.args[1]).rpartition(".")[2]
            if exponent not in PUBLIC_EXPONENTS | {"-1"}:
                found.append(f"line {node.lineno}: {ast.unparse(node)}")
    return found


def test_no_power_with_a_secret_exponent() -> None:
    found = {
        str(path.relative_to(ROOT)): powers
        for path in SOURCE.rglob("*.py")
        if (powers := leaky_powers(ast.parse(path.read_text())))
    }
    assert not found


def test_a_planted_power_is_caught() -> None:
    planted = "m = pow(c, key.d, n)\nm = gmpy2.powmod(c, d, n)\nok = pow(s, key.e, n)"
    assert len(leaky_powers(ast.parse(planted))) == 2


# --- words -----------------------------------------------------------------------------------

# Our words (left) stand for these; each would be a second name for something named already.
BANNED = {
    "contribution": r"donations?",
    "fund": r"(?<!melting )pots?|wallets?",
    "member": r"users?|admins?",
    "award, payout": r"disbursements?",
    "round": r"voting cycles?",
}
IN_TEMPLATES_ONLY = {"the box, the program": r"database|server error|HTTP|CSRF|tokens?"}


def visible(template: str) -> str:
    """What a reader sees of a template: no tags, no expressions, no comments."""
    bare = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", " ", template, flags=re.DOTALL)
    return re.sub(r"<!--.*?-->|<[^>]*>", " ", bare, flags=re.DOTALL)


def identifiers(tree: ast.AST) -> set[str]:
    """Names that the code gives: functions, classes, arguments, variables."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return found


def test_the_pages_use_our_words() -> None:
    found = []
    for name, text in texts(".html"):
        for ours, pattern in {**BANNED, **IN_TEMPLATES_ONLY}.items():
            said = re.findall(rf"\b(?:{pattern})\b", visible(text), re.IGNORECASE)
            found += [f"{name}: “{word}”, rather: {ours}" for word in said]
    assert not found


def test_the_pages_do_not_shout() -> None:
    """No exclamation marks, but the one that marks trouble and stands alone."""
    found = [name for name, text in texts(".html") if re.search(r"\w!", visible(text))]
    assert not found


def test_the_code_uses_our_words() -> None:
    found = []
    for path in SOURCE.rglob("*.py"):
        for name in identifiers(ast.parse(path.read_text())):
            words = re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower().split("_")
            for ours, pattern in BANNED.items():
                if any(re.fullmatch(pattern, word) for word in words):
                    found.append(f"{path.relative_to(ROOT)}: {name}, rather: {ours}")
    assert not found


def test_a_session_is_a_sign_in() -> None:
    """`db` is a database session; `session` means that somebody is signed in."""
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.arg)
        and node.arg == "session"
        and node.annotation is not None
        and "AsyncSession" in ast.unparse(node.annotation)
    ]
    assert not found


def test_errors_end_in_error() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {node.name}"
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
        and any(ast.unparse(base).rpartition(".")[2].endswith("Error") for base in node.bases)
        and not node.name.endswith("Error")
    ]
    assert not found


# --- nothing of one machine, nothing unexplained ---------------------------------------------

# Put together, so that this file does not name them itself.
MACHINE = [
    "/wo" + "rk/",
    "/t" + "mp/cir" + "cles",
    "/ro" + "ot/",
    "/home/" + r"\w",
    "files.python" + "hosted",
    "py" + r"pi\.org",
    "registry.npm" + "js",
]


def test_nothing_names_a_machine_or_a_registry() -> None:
    pattern = re.compile("|".join(MACHINE))
    found = [
        f"{name}:{number}"
        for name, text in texts()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]
    assert not found


def test_every_exception_from_a_rule_has_its_reason() -> None:
    """Behind it on the line, or in the comment or docstring right above."""
    marked = re.compile(r"#\s*(noqa|type: ignore)")
    reasoned = re.compile(r"#\s*(noqa: [A-Z0-9, ]+|type: ignore\[[\w, -]+\])\s*(-|--|#)\s+\S")
    found = []
    for name, text in texts(".py"):
        lines = ["", *text.splitlines()]
        for number, (above, line) in enumerate(itertools.pairwise(lines), 1):
            explained = above.lstrip().startswith("#") or above.rstrip().endswith('"""')
            if marked.search(line) and not reasoned.search(line) and not explained:
                found.append(f"{name}:{number}")
    assert not [place for place in found if not place.startswith("tests/test_tidy.py")]


def test_dev_py_needs_nothing_but_python() -> None:
    tree = ast.parse((ROOT / "dev.py").read_text())
    imported = {
        alias.name if isinstance(node, ast.Import) else node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert imported
    assert all((name or "").split(".", 1)[0] in sys.stdlib_module_names for name in imported)


# --- settings, dependencies, locks -----------------------------------------------------------


def settings_read() -> set[str]:
    """Every CIRCLES_* variable that the code or a file of the deployment names."""
    deployed = {"Caddyfile", "Dockerfile", "docker-compose.yml"}
    places = [text for name, text in texts() if name.startswith("src/") or name in deployed]
    return set(re.findall(r"CIRCLES_[A-Z_]+", "\n".join(places)))


def test_every_setting_is_documented_and_every_documented_one_is_read() -> None:
    table = (ROOT / "docs" / "operating.md").read_text()
    documented = set(re.findall(r"^\| `(CIRCLES_[A-Z_]+)`", table, re.MULTILINE))
    assert documented == settings_read()


def dependencies() -> dict[str, list[str]]:
    """Names of the direct dependencies, for running and for developing."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())

    def names(lines: list[str]) -> list[str]:
        return [re.split(r"[^A-Za-z0-9_.-]", line)[0].lower() for line in lines]

    return {
        "run": names(project["project"]["dependencies"]),
        "dev": names(project["dependency-groups"]["dev"]),
    }


def test_every_dependency_has_its_reason() -> None:
    text = (ROOT / "docs" / "decisions" / "0003-dependencies.md").read_text()
    reasons = re.findall(r"^\| `([A-Za-z0-9_.-]+)` \| \S", text, re.MULTILINE)
    assert sorted(reasons) == sorted(name for names in dependencies().values() for name in names)


@pytest.mark.parametrize("kind", ["run", "dev"])
def test_every_dependency_is_locked_with_its_hash(kind: str) -> None:
    lock = (ROOT / "requirements" / f"{kind}.txt").read_text()
    pinned = set(re.findall(r"^([a-z0-9_.-]+)==", lock, re.MULTILINE))
    needed = set(dependencies()["run"]) | set(dependencies()[kind])
    assert needed <= pinned
    assert lock.count("==") <= lock.count("--hash=sha256:")


def test_the_licence_is_the_real_one() -> None:
    """The text of the AGPL-3.0 as its authors publish it, byte for byte."""
    published = "8486a10c4393cee1c25392769ddd3b2d6c242d6ec7928e1414efff7dfb2f07ef"
    assert hashlib.sha256((ROOT / "LICENSE").read_bytes()).hexdigest() == published


def test_every_link_in_the_documents_leads_somewhere() -> None:
    broken = [
        f"{name}: {target}"
        for name, text in texts(".md")
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)
        if not (ROOT / name).parent.joinpath(target).exists()
    ]
    assert not broken
