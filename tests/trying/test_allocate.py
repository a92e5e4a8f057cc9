"""`circles allocate`: files as they come, outcomes under any rule, every problem said."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from circles.cli import main

CIRCLES = json.loads((Path(__file__).parents[1] / "vectors" / "circles.json").read_text())
MOST = 10**15 - 1

# Made up for this suite, in the form of https://pabulib.org/format.
STREET = """META
key;value
description;"A street; made up"
country;Nowhere
unit;Maple Row
num_projects;4
num_votes;5
budget;100
vote_type;approval
rule;greedy
PROJECTS
project_id;cost;name
10;40;"A bench; and a tree"
2;40;Soup
3;70;Lamp
x;5;Nobody's wish
VOTES
voter_id;age;vote
1;30;10,2
2;;"10,3"
3;41;2
4;9; 3 , 10
5;;
"""


def _run(
    capsys: pytest.CaptureFixture[str], path: Path, *options: str
) -> tuple[int, str, list[str]]:
    code = main(["allocate", str(path), *options])
    said = capsys.readouterr()
    return code, said.out, said.err.splitlines()


def _json(capsys: pytest.CaptureFixture[str], path: Path, *options: str) -> dict[str, Any]:
    code, out, _err = _run(capsys, path, "--json", *options)
    assert code == 0
    found: dict[str, Any] = json.loads(out)
    assert sum(found["awards"].values()) + found["carried"] == found["fund"]
    return found


def _file(folder: Path, what: object, name: str = "some.json") -> Path:
    path = folder / name
    path.write_text(what if isinstance(what, str) else json.dumps(what), encoding="utf-8")
    return path


def test_a_pabulib_file_under_every_rule(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _file(tmp_path, STREET, "street.pb")
    found = _json(capsys, path, "--rule", "most-ticks")
    # 2 and 3 have two ticks each: the smaller request goes first. Nobody ticked x.
    assert found["awards"] == {"10": 40, "2": 40}
    assert found["totals"] == {"10": 3, "2": 2, "3": 2, "x": 0}
    assert found["carried"] == 20
    assert [row["id"] for row in found["working"]] == ["10", "2", "3", "x"]
    assert found["working"][3]["outcome"] == "no-tick"
    assert found["ballots"] == 5
    split = _json(capsys, path, "--rule", "split", "--part")
    assert split["awards"] == {"10": 40, "2": 30, "3": 30}
    assert _json(capsys, path, "--rule", "one-winner/1")["awards"] == {"10": 40}
    fair = _json(capsys, path, "--rule", "fair-shares")
    assert fair["share"] == "20"
    assert fair["awards"] == {"10": 40}
    shares = fair["working"][0]["shares"]
    assert shares == [{"ballots": 3, "each": "40/3"}]
    more = _json(capsys, path, "--rule", "fair-shares", "--variant", "ticks")
    assert more["awards"] == {"10": 40, "2": 40}


def test_the_working_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = _file(tmp_path, STREET, "street.pb")
    code, out, _err = _run(capsys, path, "--rule", "fair-shares")
    assert code == 0
    assert "each ballot holds 20.00" in out
    assert "3 ballots pay 13.33 (40/3) each" in out
    assert out.splitlines()[-1] == "carried 60"
    _code, out, _err = _run(capsys, path, "--rule", "split")
    assert "drop: 3, of 60 for 4 ticks, 0 paid" in out


@pytest.mark.parametrize(
    ("expected", "options"),
    [
        ("greedy_cost", ["most-ticks"]),
        ("mes_cost", ["fair-shares"]),
        ("mes_cost_util", ["fair-shares", "--variant", "ticks"]),
        ("mes_cost_add1_100cents", ["fair-shares", "--variant", "add1", "--step", "100"]),
    ],
)
def test_equal_to_another_program_with_its_dead_heats(
    expected: str, options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for instance in CIRCLES["instances"][::4]:
        made = {
            "fund": instance["pot"],
            "requests": instance["requests"],
            "ballots": instance["ballots"],
        }
        found = _json(capsys, _file(tmp_path, made), "--ties", "ids", "--rule", *options)
        assert sorted(found["awards"]) == sorted(instance["expected"][expected]), instance["id"]


def test_any_amount_keep_and_stacked_ticks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = {
        "fund": 1000,
        "requests": {"soup": "any", "lamp": 300},
        "ballots": [["soup", "soup", "lamp"], ["lamp", "lamp", "keep"], []],
    }
    path = _file(tmp_path, made)
    found = _json(capsys, path, "--rule", "most-ticks")
    assert (found["totals"], found["keep"]) == ({"lamp": 3, "soup": 2}, 1)
    assert found["awards"] == {"lamp": 300, "soup": 333}
    code, _out, err = _run(capsys, path, "--rule", "fair-shares")
    assert code == 1
    assert 'ballots[0][1]: "soup" stands twice on this ballot' in err[0]
    assert 'ballots[1][1]: "lamp" stands twice on this ballot' in err[1]


def test_ids_are_compared_as_bytes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = {"fund": 5, "requests": {"2": 5, "10": 5, "é": 5}, "ballots": [["2", "10", "é"]]}
    found = _json(capsys, _file(tmp_path, made), "--rule", "most-ticks")
    assert [row["id"] for row in found["working"]] == ["10", "2", "é"]


def test_nobody_nothing_and_the_largest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for rule in ("most-ticks", "split", "one-winner", "fair-shares"):
        nothing = _file(tmp_path, {"fund": 0, "requests": {}, "ballots": []})
        assert _json(capsys, nothing, "--rule", rule)["awards"] == {}
        nobody = _file(tmp_path, {"fund": MOST, "requests": {"a": 1}, "ballots": [[]]})
        assert _json(capsys, nobody, "--rule", rule)["carried"] == MOST
        most = _file(tmp_path, {"fund": MOST, "requests": {"a": MOST}, "ballots": [["a"]]})
        assert _json(capsys, most, "--rule", rule)["awards"] == {"a": MOST}


def test_points_ranks_and_fractions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    points = STREET.replace("approval", "cumulative").replace(";age;vote", ";points;vote")
    rows = "1;3,1;10,2\n2;1,0;3,2\n3;2;2\n4;1;3\n5;;\n"
    path = _file(tmp_path, points.partition("1;30")[0] + rows, "points.pb")
    found = _json(capsys, path, "--rule", "most-ticks")
    assert found["totals"] == {"10": 3, "2": 3, "3": 2, "x": 0}
    found = _json(capsys, path, "--rule", "fair-shares")
    assert found["totals"] == {"10": 1, "2": 2, "3": 2, "x": 0}
    cents = _file(tmp_path, STREET.replace("budget;100", "budget;100.50"), "cents.pb")
    found = _json(capsys, cents, "--rule", "most-ticks")
    assert (found["fund"], found["awards"]["10"]) == (10050, 4000)
    _code, _out, err = _run(capsys, cents, "--rule", "most-ticks")
    assert err == ["amounts have fractions: all are taken in hundredths"]


def test_every_problem_of_a_pabulib_file_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = (
        STREET.replace("budget;100", "budget;ten")
        .replace("2;40;Soup", "2;-4;Soup")
        .replace("x;5", "3;5")
        .replace("3;41;2", "3;41;2,99,2")
        .replace("5;;", "4;;")
    )
    code, out, err = _run(capsys, _file(tmp_path, broken, "b.pb"), "--rule", "split")
    assert (code, out) == (1, "")
    said = [line.partition(": ")[2] for line in err[1:-1]]
    assert err[0] == "META, num_projects: it says 4, there are 3"
    assert said == [
        'line 8, budget: "ten" is not an amount 0 or more',
        'line 14, cost: "-4" is not an amount above 0',
        'line 16, project_id: "3" stands twice',
        'line 21, vote: "99" is not among the projects',
        'line 21, vote: "2" stands twice on this ballot',
        'line 23, voter_id: "4" has voted before',
    ]
    assert err[-1].endswith("6 problems; correct the file and try again")


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ('{"fund": 1,', "line 1, column 12: not JSON"),
        ("[1]", "META was expected"),
        ('{"fund": 1, "fund": 2}', '"fund" stands twice in one object'),
        ('{"fund": 1.5, "requests": {}, "ballots": []}', "fund: a whole number"),
        ('{"fund": true, "requests": {}, "ballots": []}', "fund: a whole number"),
        ('{"fund": 1000000000000000, "requests": {}, "ballots": []}', "fund: a whole number"),
        ('{"fund": ' + "9" * 5000 + ', "requests": {}, "ballots": []}', "fund: a whole number"),
        ('{"fund": 1, "requests": {"a": 0}, "ballots": []}', 'requests["a"]: minor units'),
        ('{"fund": 1, "requests": {"a": "all"}, "ballots": []}', 'requests["a"]: minor units'),
        ('{"fund": 1, "requests": {"\\ud800": 1}, "ballots": []}', "an id is some characters"),
        ('{"fund": 1, "requests": {"a": 1}, "ballots": [["b"]]}', 'ballots[0][0]: "b" is not'),
        ('{"fund": 1, "requests": {"a": 1}, "ballots": [[1], "a"]}', "ballots[1]: a list of ids"),
        ('{"fund": 1, "requests": {"a": 1}, "ballots": [["a"], [["a"]]]}', "ballots[1][0]: an id"),
        ('{"fund": 1, "requests": [], "ballots": {}}', "requests: an object of ids"),
        ('{"fund": 1}', "ballots: a list of lists"),
        ('{"a": ' + "[" * 100000, "nested too deeply"),
        ("META\nkey;value\nbudget;1\nvote_type;wish\n", '"wish" is not a kind of vote'),
        ("META\nkey;value\nbudget;1.234\nvote_type;approval\n", "more than two digits"),
        ("PROJECTS\nproject_id;cost\na;1\n", "it has no section VOTES"),
        ('{"fund": -1, "fund": 2, "requests": 3}', "requests: an object of ids"),
        ("META\nkey;value\nbudget;" + "9" * 5000 + "\n", "…"),
        ("META\nkey;value\nvote_type;\x1b[31m\n", '"\\x1b[31m" is not a kind of vote'),
    ],
)
def test_what_is_wrong_is_named_with_its_place(
    what: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "some.json" if what.startswith("{") else "some.pb"
    code, out, err = _run(capsys, _file(tmp_path, what, name), "--json", "--rule", "most-ticks")
    assert (code, out) == (1, "")
    assert any(said in line for line in err), err


def test_a_wrong_ballot_is_said_each_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = {"fund": 1, "requests": {"a": 1}, "ballots": [["b"], ["a"], ["b"]]}
    _code, _out, err = _run(capsys, _file(tmp_path, made), "--rule", "split")
    assert [line.rpartition("json: ")[2] for line in err[:2]] == [
        'ballots[0][0]: "b" is not among the requests',
        'ballots[2][0]: "b" is not among the requests',
    ]


def test_a_reader_that_has_seen_enough(tmp_path: Path) -> None:
    many = {f"r{n}": "any" for n in range(20_000)}
    path = _file(tmp_path, {"fund": 9, "requests": many, "ballots": []})
    command = [sys.executable, "-m", "circles", "allocate", str(path), "--rule", "split"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        assert run.stdout is not None
        assert run.stderr is not None
        assert run.stdout.readline().startswith(b"split/1")
        run.stdout.close()
        assert run.stderr.read() == b""
    assert run.returncode == 0


def test_a_terminal_that_lacks_a_letter(tmp_path: Path) -> None:
    path = _file(tmp_path, {"fund": 9, "requests": {"é": 5}, "ballots": [["é"]]})
    run = subprocess.run(
        [sys.executable, "-m", "circles", "allocate", str(path), "--rule", "split"],
        env={"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=True,
    )
    assert b"\\xe9" in run.stdout


def test_sections_in_another_order_are_said_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start, votes = STREET.index("PROJECTS"), STREET.index("VOTES")
    late = STREET[:start] + STREET[votes:] + STREET[start:votes]
    _code, _out, err = _run(capsys, _file(tmp_path, late, "late.pb"), "--rule", "split")
    assert [line.partition(": ")[2] for line in err[:-1]] == [
        "line 18: the order is META, PROJECTS, VOTES"
    ]


def test_a_byte_that_is_not_utf_8_is_named_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "latin.pb"
    path.write_bytes("META\nkey;value\nunit;é\n".encode("latin-1"))
    _code, _out, err = _run(capsys, path, "--rule", "split")
    assert err[0].endswith("line 3: byte 21 is not UTF-8")


def test_one_is_one_and_an_id_stays_on_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = {"fund": 9, "requests": {"\x1b[31m\n": 5}, "ballots": [["\x1b[31m\n"]]}
    _code, out, _err = _run(capsys, _file(tmp_path, made), "--rule", "fair-shares")
    assert "fund 9, 1 ballot, 1 tick\n" in out
    assert "1 ballot pays 5.00\n" in out
    assert "1 \\x1b[31m\\n " in out


@pytest.mark.parametrize(
    "options",
    [
        ["--rule", "ranking"],
        ["--rule", "split", "--variant", "ticks"],
        ["--rule", "fair-shares", "--step", "3"],
        ["--rule", "fair-shares", "--variant", "add1", "--step", "0"],
        ["--rule", "split", "--least", "-1"],
    ],
)
def test_misused(options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = _run(capsys, _file(tmp_path, STREET, "s.pb"), *options)
    assert (code, out) == (2, "")
    assert err[0].startswith("circles allocate: --")
    with pytest.raises(SystemExit) as ended:
        main(["allocate", "some.json"])
    assert ended.value.code == 2
    missing = main(["allocate", str(tmp_path / "no.json"), "--rule", "split"])
    assert missing == 1
    assert "cannot be read" in capsys.readouterr().err
