"""Secret exponents meet only the function whose time does not depend on them.

A small program of our own: modular powers may stand in `blind.py` only, there every `powmod` has
the public exponent `E`, and what is secret goes through `powmod_sec`.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import circles.protocol

FOLDER = Path(circles.protocol.__file__).parent


def _powers(tree: ast.AST) -> Iterator[tuple[str, list[str]]]:
    """Each call of a modular power: the function's name and its arguments as written."""
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call):
            continue
        name = ast.unparse(call.func).rpartition(".")[2]
        arguments = [ast.unparse(x) for x in [*call.args, *(k.value for k in call.keywords)]]
        if name.startswith("powmod") or (name == "pow" and len(arguments) > 2):
            yield name, arguments


def violations(source: str, name: str) -> list[str]:
    """What is wrong with the modular powers of a module."""
    wrong = []
    for function, arguments in _powers(ast.parse(source)):
        fine = name == "blind.py" and (
            function == "powmod_sec" or (function == "powmod" and arguments[1] == "E")
        )
        if not fine:
            wrong.append(f"{name}: {function}({', '.join(arguments)})")
    return wrong


def test_modular_powers_of_the_protocol() -> None:
    seen = 0
    for path in sorted(FOLDER.rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        seen += len(list(_powers(ast.parse(source))))
        assert violations(source, path.name) == []
    assert seen == 5


def test_the_lint_sees_what_it_should() -> None:
    assert violations("pow(m, d, n)", "blind.py")
    assert violations("gmpy2.powmod(m, self.d_p, self.p)", "blind.py")
    assert violations("gmpy2.powmod(m, E, n)", "seal.py")
    assert violations("pow(base=m, exp=d, mod=n)", "blind.py")
    assert not violations("gmpy2.powmod_sec(m, d, n); pow(2, 3)", "blind.py")


def test_ties_and_secrets_use_the_systems_generator() -> None:
    for path in sorted(FOLDER.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        imported = {
            alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.Import)
            for alias in node.names
        }
        assert "random" not in imported, path.name
