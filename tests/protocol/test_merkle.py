"""The tree and its files against vectors of Go's tlog, and against a second, naive tree."""

import base64
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circles.protocol import merkle
from circles.protocol.text import MalformedError
from tests.protocol.conftest import load

TLOG = load("tlog.json")


def _leaf_data(index: int) -> bytes:
    """`leaf_rule` of the vectors."""
    stream = sha256(f"alpha leaf {index}".encode()).digest() * 3
    return stream[: 37 * index % 90] if index else b""


LEAVES = [_leaf_data(index) for index in range(TLOG["tree_size"])]


@pytest.fixture(scope="module")
def tree() -> merkle.Tree:
    return merkle.Tree(merkle.leaf(data) for data in LEAVES)


def _hex(values: list[str]) -> list[bytes]:
    return [bytes.fromhex(value) for value in values]


def test_leaves_and_roots(tree: merkle.Tree) -> None:
    for index, case in enumerate(TLOG["leaves"]):
        assert LEAVES[index].hex() == case["data"]
        assert merkle.leaf(LEAVES[index]).hex() == case["leaf_hash"]
        assert tree.leaf_hash(index).hex() == case["leaf_hash"]
    for case in TLOG["roots"]:
        assert tree.root(case["tree_size"]).hex() == case["root"]


def test_the_eight_leaves_of_certificate_transparency() -> None:
    tree = merkle.Tree()
    assert tree.root() == merkle.EMPTY_ROOT
    for case in TLOG["ct_eight_leaves"]:
        tree.append(merkle.leaf(bytes.fromhex(case["leaf"])))
        assert tree.root().hex() == case["root_after"]


@pytest.mark.parametrize("case", TLOG["inclusion"], ids=lambda c: f"{c['index']}/{c['tree_size']}")
def test_inclusion(tree: merkle.Tree, case: dict[str, Any]) -> None:
    proof, leaf_hash = _hex(case["proof"]), bytes.fromhex(case["leaf_hash"])
    root, index, size = bytes.fromhex(case["root"]), case["index"], case["tree_size"]
    assert tree.inclusion_proof(index, size) == proof
    assert merkle.verify_inclusion(leaf_hash, index, size, proof, root)
    assert not merkle.verify_inclusion(bytes(32), index, size, proof, root)
    assert not merkle.verify_inclusion(leaf_hash, index, size, [*proof, bytes(32)], root)
    assert not merkle.verify_inclusion(leaf_hash, size, size, proof, root)
    assert not merkle.verify_inclusion(leaf_hash, -1, size, proof, root)
    if proof:
        assert not merkle.verify_inclusion(leaf_hash, index, size, proof[:-1], root)


@pytest.mark.parametrize(
    "case", TLOG["consistency"], ids=lambda c: f"{c['old_size']}-{c['new_size']}"
)
def test_consistency(tree: merkle.Tree, case: dict[str, Any]) -> None:
    old_size, size, proof = case["old_size"], case["new_size"], _hex(case["proof"])
    old_root, root = bytes.fromhex(case["old_root"]), bytes.fromhex(case["new_root"])
    assert tree.consistency_proof(old_size, size) == proof
    assert merkle.verify_consistency(old_size, size, old_root, root, proof)
    assert not merkle.verify_consistency(old_size, size, bytes(32), root, proof)
    assert not merkle.verify_consistency(old_size, size, old_root, bytes(32), proof)
    assert not merkle.verify_consistency(old_size, size, old_root, root, [*proof, root])
    assert not merkle.verify_consistency(size + 1, size, old_root, root, proof)
    assert not merkle.verify_consistency(0, size, old_root, root, proof)
    if proof:
        assert not merkle.verify_consistency(old_size, size, old_root, root, proof[:-1])
        assert not merkle.verify_consistency(old_size, size, old_root, root, [])


def test_tiles(tree: merkle.Tree) -> None:
    for case in TLOG["tiles"]:
        # The vectors hold the partial tile of one hash too, from when the log was that size.
        size = 257 if case["path"] == "tile/0/001.p/1" else TLOG["tree_size"]
        name = next(n for n in merkle.hash_tiles(size) if n.path() == case["path"])
        assert name.level is not None
        data = tree.tile(name.level, name.number, name.width)
        assert (len(data), sha256(data).hexdigest()) == (int(case["length"]), case["sha256"])
    assert [n.path() for n in merkle.hash_tiles(300)] == [
        "tile/0/000",
        "tile/0/001.p/44",
        "tile/1/000.p/1",
    ]
    assert [n.path() for n in merkle.entry_tiles(300)] == [
        "tile/entries/000",
        "tile/entries/001.p/44",
    ]
    assert list(merkle.hash_tiles(0)) == []
    with pytest.raises(ValueError, match="not grown"):
        tree.tile(0, 1, 45)


def test_tile_paths_of_large_logs() -> None:
    assert merkle.TileName(0, 1234067, 256).path() == "tile/0/x001/x234/067"
    assert merkle.TileName(None, 1000, 8).path() == "tile/entries/x001/000.p/8"
    assert merkle.TileName(2, 999, 256).path() == "tile/2/999"


def test_a_proof_of_go_is_read() -> None:
    vector = TLOG["tlog_proof"]
    head, _, note = vector["text"].partition("\n\n")
    lines = head.split("\n")
    assert lines[1] == f"index {vector['index']}"
    proof = [base64.b64decode(line) for line in lines[2:]]
    leaf_hash = merkle.leaf(bytes.fromhex(vector["leaf_data"]))
    assert leaf_hash.hex() == vector["leaf_hash"]
    root = base64.b64decode(note.split("\n")[2])
    assert merkle.verify_inclusion(leaf_hash, vector["index"], 300, proof, root)


def _naive(leaves: list[bytes]) -> bytes:
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return merkle.node(_naive(leaves[:k]), _naive(leaves[k:]))


@given(st.integers(1, 70), st.data())
@settings(max_examples=60, deadline=None)
def test_every_size_agrees_with_the_definition(size: int, data: Any) -> None:
    leaves = [merkle.leaf(bytes([i])) for i in range(size)]
    tree = merkle.Tree(leaves)
    old = data.draw(st.integers(1, size))
    index = data.draw(st.integers(0, size - 1))
    assert (tree.root(), tree.root(old)) == (_naive(leaves), _naive(leaves[:old]))
    proof = tree.inclusion_proof(index)
    assert merkle.verify_inclusion(leaves[index], index, size, proof, tree.root())
    grown = tree.consistency_proof(old)
    assert merkle.verify_consistency(old, size, tree.root(old), tree.root(), grown)


def test_what_a_tree_does_not_have() -> None:
    tree = merkle.Tree([bytes(32)])
    for ask in (
        lambda: tree.root(2),
        lambda: tree.inclusion_proof(1),
        lambda: tree.consistency_proof(0),
        lambda: tree.consistency_proof(2, 1),
    ):
        with pytest.raises(ValueError, match="tree"):
            ask()


@given(st.lists(st.binary(max_size=300), max_size=20))
@settings(max_examples=50, deadline=None)
def test_bundles(entries: list[bytes]) -> None:
    bundle = merkle.write_bundle(entries)
    assert merkle.read_bundle(bundle, len(entries)) == entries
    with pytest.raises(MalformedError):
        merkle.read_bundle(bundle + b"\0", len(entries))
    with pytest.raises(MalformedError):
        merkle.read_bundle(bundle, len(entries) + 1)
    if entries:
        with pytest.raises(MalformedError):
            merkle.read_bundle(bundle[:-1], len(entries))


def test_an_entry_too_long_has_no_bundle() -> None:
    with pytest.raises(MalformedError):
        merkle.write_bundle([bytes(65536)])
