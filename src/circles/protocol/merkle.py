"""The Merkle tree of RFC 6962 over SHA-256, its proofs, and its files in the C2SP tlog-tiles form.

A `Tree` keeps the hash of every complete subtree (64 bytes an entry), so that roots, proofs and
tiles of every size it has had can be read off it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from circles.protocol.text import ENTRY_BYTES_MAX, MalformedError

HASH_BYTES = 32
TILE_WIDTH = 256
_TILE_HEIGHT = 8
EMPTY_ROOT = sha256(b"").digest()


def leaf(data: bytes) -> bytes:
    """The leaf hash of an entry, SHA-256(0x00 || data): 32 bytes, a record's id."""
    return sha256(b"\x00" + data).digest()


def node(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node, SHA-256(0x01 || left || right)."""
    return sha256(b"\x01" + left + right).digest()


class Tree:
    """A tree that grows leaf hash by leaf hash."""

    def __init__(self, leaf_hashes: Iterable[bytes] = ()) -> None:
        # _levels[k] holds the hashes of the complete subtrees of 2**k leaves, from the left.
        self._levels: list[list[bytes]] = [[]]
        for leaf_hash in leaf_hashes:
            self.append(leaf_hash)

    @property
    def size(self) -> int:
        """How many leaves."""
        return len(self._levels[0])

    def append(self, leaf_hash: bytes) -> None:
        """Add one leaf hash at the right."""
        hashed, level = leaf_hash, 0
        while True:
            row = self._levels[level]
            row.append(hashed)
            if len(row) % 2:
                return
            hashed = node(row[-2], row[-1])
            level += 1
            if level == len(self._levels):
                self._levels.append([])

    def leaf_hash(self, index: int) -> bytes:
        """The leaf hash at an index."""
        return self._levels[0][index]

    def root(self, size: int | None = None) -> bytes:
        """The root hash, or the one the tree had at an earlier size."""
        size = self._checked(size)
        return self._range(0, size) if size else EMPTY_ROOT

    def inclusion_proof(self, index: int, size: int | None = None) -> list[bytes]:
        """The audit path of a leaf (RFC 6962, 2.1.1)."""
        size = self._checked(size)
        if not 0 <= index < size:
            raise ValueError(f"there is no leaf {index} in a tree of {size}")
        return self._path(index, 0, size)

    def consistency_proof(self, old_size: int, size: int | None = None) -> list[bytes]:
        """What proves that the tree of `old_size` leaves is a beginning of this one (2.1.2)."""
        size = self._checked(size)
        if not 0 < old_size <= size:
            raise ValueError(f"a tree of {size} has not grown out of one of {old_size}")
        return self._subproof(old_size, 0, size, known=True)

    def tile(self, level: int, number: int, width: int = TILE_WIDTH) -> bytes:
        """The bytes of a hash tile: `width` hashes of height 8 * level, 32 bytes each."""
        row = self._levels[_TILE_HEIGHT * level]
        hashes = row[TILE_WIDTH * number : TILE_WIDTH * number + width]
        if len(hashes) != width:
            raise ValueError("the tree has not grown to that tile")
        return b"".join(hashes)

    def _checked(self, size: int | None) -> int:
        if size is None:
            return self.size
        if not 0 <= size <= self.size:
            raise ValueError(f"this tree has {self.size} leaves, not {size}")
        return size

    def _range(self, low: int, high: int) -> bytes:
        size = high - low
        level = size.bit_length() - 1
        if size == 1 << level and low % size == 0:
            return self._levels[level][low >> level]
        middle = low + _split(size)
        return node(self._range(low, middle), self._range(middle, high))

    def _path(self, index: int, low: int, high: int) -> list[bytes]:
        if high - low == 1:
            return []
        middle = low + _split(high - low)
        if index < middle:
            return [*self._path(index, low, middle), self._range(middle, high)]
        return [*self._path(index, middle, high), self._range(low, middle)]

    def _subproof(self, old: int, low: int, high: int, *, known: bool) -> list[bytes]:
        if old == high:
            return [] if known else [self._range(low, high)]
        middle = low + _split(high - low)
        if old <= middle:
            return [
                *self._subproof(old, low, middle, known=known),
                self._range(middle, high),
            ]
        return [*self._subproof(old, middle, high, known=False), self._range(low, middle)]


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << ((size - 1).bit_length() - 1)


def verify_inclusion(
    leaf_hash: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> bool:
    """Whether the proof shows the leaf at that index of the tree (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    position, last, hashed = index, size - 1, leaf_hash
    for sibling in proof:
        if last == 0:
            return False
        if position % 2 or position == last:
            hashed = node(sibling, hashed)
            while position % 2 == 0 and position:
                position, last = position >> 1, last >> 1
        else:
            hashed = node(hashed, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and hashed == root


def verify_consistency(
    old_size: int, size: int, old_root: bytes, root: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether the proof shows the old tree to be a beginning of the new one (2.1.4.2)."""
    if not 0 < old_size <= size:
        return False
    if old_size == size:
        return not proof and old_root == root
    path = list(proof)
    if old_size & (old_size - 1) == 0:
        path.insert(0, old_root)
    if not path:
        return False
    position, last = old_size - 1, size - 1
    while position % 2:
        position, last = position >> 1, last >> 1
    old_hash = new_hash = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if position % 2 or position == last:
            old_hash, new_hash = node(sibling, old_hash), node(sibling, new_hash)
            while position % 2 == 0 and position:
                position, last = position >> 1, last >> 1
        else:
            new_hash = node(new_hash, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and old_hash == old_root and new_hash == root


# The files: https://c2sp.org/tlog-tiles


@dataclass(frozen=True, slots=True)
class TileName:
    """A tile: its level (None for a bundle of entries), number and width (256 when full)."""

    level: int | None
    number: int
    width: int

    def path(self) -> str:
        """Its path, `tile/<L>/<N>[.p/<W>]` or `tile/entries/<N>[.p/<W>]`."""
        digits = f"{self.number:03d}"
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
        number = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
        kind = "entries" if self.level is None else str(self.level)
        partial = "" if self.width == TILE_WIDTH else f".p/{self.width}"
        return f"tile/{kind}/{number}{partial}"


def _row(level: int | None, hashes: int) -> Iterator[TileName]:
    for number in range(hashes // TILE_WIDTH):
        yield TileName(level, number, TILE_WIDTH)
    if hashes % TILE_WIDTH:
        yield TileName(level, hashes // TILE_WIDTH, hashes % TILE_WIDTH)


def hash_tiles(size: int) -> Iterator[TileName]:
    """All hash tiles of a log of that size."""
    level = 0
    while size >> (_TILE_HEIGHT * level):
        yield from _row(level, size >> (_TILE_HEIGHT * level))
        level += 1


def entry_tiles(size: int) -> Iterator[TileName]:
    """All entry bundles of a log of that size, in order."""
    yield from _row(None, size)


def write_bundle(entries: Iterable[bytes]) -> bytes:
    """An entry bundle: each entry after its length as a big-endian uint16."""
    parts = []
    for entry in entries:
        if len(entry) > ENTRY_BYTES_MAX:
            raise MalformedError(f"an entry is at most {ENTRY_BYTES_MAX} bytes")
        parts.append(len(entry).to_bytes(2, "big") + entry)
    return b"".join(parts)


def read_bundle(data: bytes, width: int) -> list[bytes]:
    """The `width` entries of a bundle. Raises `MalformedError` for any other number of bytes."""
    entries = []
    at = 0
    for _ in range(width):
        start = at + 2
        at = start + int.from_bytes(data[at:start], "big")
        if at > len(data) or start > len(data):
            raise MalformedError("a bundle of entries is cut short")
        entries.append(data[start:at])
    if at != len(data):
        raise MalformedError("a bundle of entries goes on after its last entry")
    return entries
