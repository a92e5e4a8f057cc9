"""Any bytes: an answer, soon, and never a silent one."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.statements.fuzzing import promise, seeds, shown

SEEDS = seeds()
FRAGMENTS = [
    b"\x00", b"<", b">", b"&", b";", b",", b'"', b"\n", b"\r", b"\t", b"\xff", b"\xef\xbb\xbf",
    b"<!--", b"-->", b"<![CDATA[", b"]]>", b"<!DOCTYPE x [", b"<STMTTRN>", b"</STMTRS>", b"</OFX>",
    b"<Ntry>", b"</Ntry>", b"<TxDtls>", b"</TxDtls>", b":61:", b":86:", b":62F:", b":20:", b"-\n",
    b"?20", b"1.2OO,00", b"12..34", b"9" * 40, b"-0", b"1e5", b"20261399", b"30.02.26", b"RF18",
    "\u0663,\u0664".encode(), "\u2028".encode(), b"=cmd()", b"\x1b[2J", b"EUR", b"JPY",
]  # fmt: skip


@given(st.binary(max_size=400))
@settings(max_examples=100, deadline=None)
def test_any_bytes(data: bytes) -> None:
    promise(data)


@st.composite
def astray(draw: st.DrawFn) -> bytes:
    """A good file with pieces cut out, put in, doubled or turned."""
    data = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        end = min(len(data), at + draw(st.integers(0, 60)))
        what = draw(st.sampled_from(["put", "cut", "double", "end"]))
        if what == "put":
            data = data[:at] + draw(st.sampled_from(FRAGMENTS)) + data[at:]
        elif what == "cut":
            data = data[:at] + data[end:]
        elif what == "double":
            data = data[:end] + data[at:end] * draw(st.integers(1, 3)) + data[end:]
        else:
            data = data[:at]
    return data


@given(astray())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_good_files_gone_astray(data: bytes) -> None:
    promise(data)


@given(astray())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_shown_is_what_is_read(data: bytes) -> None:
    shown(data)


HEADS = {
    "ofx": b"OFXHEADER:100\n<OFX><STMTRS>",
    "xml": b"<Document><BkToCstmrStmt><Stmt>",
    "mt940": b":20:X\n:25:Y\n:61:",
    "csv": b"Date,Amount\n",
}


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize(
    "piece",
    [
        b"<!--", b"<![CDATA[", b"<A", b"<A>", b"&", b"&#1;", b'"', b",", b"\n", b"9", b" ", b"-",
        b":86:?20", b"?20", b"?20SVWZ+", b"<STMTTRN>", b"<Ntry>", b"<Ntry><TxDtls>", b"/REMI/",
        b"EREF+",
        b"RF18", b"1.", b"1,000,", b"\x00", b"\xff", b"\r", b"A1 ",
    ],
)  # fmt: skip
def test_repeated_pieces_take_no_longer_than_their_length(head: str, piece: bytes) -> None:
    """200 kB of one thing: where an expression ran wild, this would take minutes."""
    promise(HEADS[head] + piece * (200_000 // len(piece)))
