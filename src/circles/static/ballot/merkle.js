// The Merkle tree of RFC 6962 and its tiles (C2SP tlog-tiles). Twin of protocol/merkle.py.

import { concat, equal, sha256 } from "./bytes.js";

const TILE_HEIGHT = 8;
const TILE_WIDTH = 256;

/** A proof, tile or root does not fit: the log does not show what it should. */
export class ProofError extends Error {
  constructor(message) {
    super(message);
    this.name = "ProofError";
  }
}

/** Hash of a leaf: SHA-256(0x00 || data). */
export function leafHash(data) {
  return sha256(Uint8Array.of(0), data);
}

/** Hash of two subtrees: SHA-256(0x01 || left || right). */
export function nodeHash(left, right) {
  return sha256(Uint8Array.of(1), left, right);
}

/** The largest power of two below `size` (size > 1). */
function split(size) {
  let half = 1;
  while (half * 2 < size) half *= 2;
  return half;
}

/** Root over leaf hashes; of none it is the hash of nothing. */
export async function root(hashes) {
  if (hashes.length === 0) return sha256();
  if (hashes.length === 1) return hashes[0];
  const half = split(hashes.length);
  return nodeHash(await root(hashes.slice(0, half)), await root(hashes.slice(half)));
}

async function climb(index, size, hash, proof) {
  if (size === 1) {
    if (proof.length > 0) throw new ProofError("The proof is too long.");
    return hash;
  }
  if (proof.length === 0) throw new ProofError("The proof is too short.");
  const half = split(size);
  const other = proof.at(-1);
  const rest = proof.slice(0, -1);
  if (index < half) return nodeHash(await climb(index, half, hash, rest), other);
  return nodeHash(other, await climb(index - half, size - half, hash, rest));
}

/**
 * That leaf `index` is in the tree of `size` leaves with that root.
 * @throws {ProofError} if the proof does not show it
 */
export async function checkInclusion(index, size, hash, treeRoot, proof) {
  if (!(index >= 0 && index < size)) throw new ProofError("There is no such leaf.");
  if (!equal(await climb(index, size, hash, proof), treeRoot)) {
    throw new ProofError("The entry is not in the log of this checkpoint.");
  }
}

/** Roots of the old and the new tree that a consistency proof leads to (RFC 6962, 2.1.2). */
async function grow(oldSize, size, proof, complete, oldRoot) {
  if (oldSize === size) {
    if (complete) {
      if (proof.length > 0) throw new ProofError("The proof is too long.");
      return [oldRoot, oldRoot];
    }
    if (proof.length !== 1) throw new ProofError("The proof has a wrong length.");
    return [proof[0], proof[0]];
  }
  if (proof.length === 0) throw new ProofError("The proof is too short.");
  const half = split(size);
  const other = proof.at(-1);
  const rest = proof.slice(0, -1);
  if (oldSize <= half) {
    const [before, after] = await grow(oldSize, half, rest, complete, oldRoot);
    return [before, await nodeHash(after, other)];
  }
  const [before, after] = await grow(oldSize - half, size - half, rest, false, oldRoot);
  return [await nodeHash(other, before), await nodeHash(other, after)];
}

/**
 * That the tree of `newSize` leaves only adds to the one of `oldSize`.
 * @throws {ProofError} if it does not
 */
export async function checkConsistency(oldSize, newSize, oldRoot, newRoot, proof) {
  if (oldSize > newSize) throw new ProofError("The log has become shorter.");
  if (oldSize === newSize || oldSize === 0) {
    const fits = proof.length === 0 && (oldSize === 0 || equal(oldRoot, newRoot));
    if (!fits) throw new ProofError("The log tells another history than before.");
    return;
  }
  const [before, after] = await grow(oldSize, newSize, proof, true, oldRoot);
  if (!equal(before, oldRoot) || !equal(after, newRoot)) {
    throw new ProofError("The log tells another history than before.");
  }
}

// ---- tiles ---------------------------------------------------------------------------------

function tileNumber(n) {
  let text = String(n % 1000).padStart(3, "0");
  for (let rest = Math.floor(n / 1000); rest > 0; rest = Math.floor(rest / 1000)) {
    text = `x${String(rest % 1000).padStart(3, "0")}/${text}`;
  }
  return text;
}

/** Path of a tile below the log: `level` a number, or "entries". Width 256 is a whole tile. */
export function tilePath(level, n, width = TILE_WIDTH) {
  const part = width === TILE_WIDTH ? "" : `.p/${width}`;
  return `tile/${level}/${tileNumber(n)}${part}`;
}

/** How many hashes (or entries) tile n of that level holds in a tree of `size`. */
export function tileWidth(level, n, size) {
  const across = level === "entries" ? size : Math.floor(size / TILE_WIDTH ** level);
  return Math.max(0, Math.min(TILE_WIDTH, across - n * TILE_WIDTH));
}

/** The hash tiles of level 0 and up over leaf hashes: [path, bytes] of each, partial ones too. */
export async function tilesOf(hashes) {
  const tiles = [];
  let across = hashes;
  for (let level = 0; across.length > 0; level += 1) {
    for (let n = 0; n * TILE_WIDTH < across.length; n += 1) {
      const held = across.slice(n * TILE_WIDTH, (n + 1) * TILE_WIDTH);
      tiles.push([tilePath(level, n, held.length), concat(...held)]);
    }
    const whole = Math.floor(across.length / TILE_WIDTH);
    const above = [];
    for (let n = 0; n < whole; n += 1) {
      above.push(await root(across.slice(n * TILE_WIDTH, (n + 1) * TILE_WIDTH)));
    }
    across = above;
  }
  return tiles;
}

/**
 * Reads a log of `size` entries through `fetchTile(path) -> bytes`. What it reads proves nothing
 * by itself: only proofs checked against a signed root do.
 */
export class TileReader {
  constructor(size, fetchTile) {
    this.size = size;
    this.fetchTile = fetchTile;
    this.kept = new Map();
  }

  /** Bytes of a tile, each fetched once. */
  tile(level, n) {
    const path = tilePath(level, n, tileWidth(level, n, this.size));
    if (!this.kept.has(path)) this.kept.set(path, this.fetchTile(path));
    return this.kept.get(path);
  }

  /** Hash of the whole subtree of 2^height leaves that begins at `start`. */
  async whole(start, height) {
    const level = Math.floor(height / TILE_HEIGHT);
    const first = start / TILE_WIDTH ** level;
    const n = Math.floor(first / TILE_WIDTH);
    const count = 2 ** (height - level * TILE_HEIGHT);
    const bytes = await this.tile(level, n);
    const hashes = [];
    for (let i = first - n * TILE_WIDTH; hashes.length < count; i += 1) {
      const hash = bytes.slice(32 * i, 32 * i + 32);
      if (hash.length !== 32) throw new ProofError("A tile of the log is too short.");
      hashes.push(hash);
    }
    return root(hashes);
  }

  /** Hash over the leaves from `start` to before `end`, a subtree of the tree. */
  async range(start, end) {
    const size = end - start;
    const height = Math.log2(size);
    if (Number.isInteger(height)) return this.whole(start, height);
    const half = split(size);
    return nodeHash(await this.range(start, start + half), await this.range(start + half, end));
  }

  async inclusionProof(index, start = 0, end = this.size) {
    if (end - start === 1) return [];
    const half = start + split(end - start);
    if (index < half) {
      return [...(await this.inclusionProof(index, start, half)), await this.range(half, end)];
    }
    return [...(await this.inclusionProof(index, half, end)), await this.range(start, half)];
  }

  async consistencyProof(oldSize, start = 0, end = this.size, complete = true) {
    if (oldSize === 0 && complete) return [];
    if (start + oldSize === end) return complete ? [] : [await this.range(start, end)];
    const half = split(end - start);
    const middle = start + half;
    if (oldSize <= half) {
      return [
        ...(await this.consistencyProof(oldSize, start, middle, complete)),
        await this.range(middle, end),
      ];
    }
    return [
      ...(await this.consistencyProof(oldSize - half, middle, end, false)),
      await this.range(start, middle),
    ];
  }

  /** The entries from `first` to before `end`, as bytes. */
  async entries(first, end) {
    const found = [];
    for (let n = Math.floor(first / TILE_WIDTH); n * TILE_WIDTH < end; n += 1) {
      const held = readEntries(await this.tile("entries", n));
      held.forEach((entry, i) => {
        const index = n * TILE_WIDTH + i;
        if (index >= first && index < end) found.push(entry);
      });
    }
    if (found.length !== end - first) throw new ProofError("Entries of the log are missing.");
    return found;
  }
}

/** The entries of a bundle: each a length of two bytes (big-endian), then the bytes. */
export function readEntries(bytes) {
  const entries = [];
  let at = 0;
  while (at < bytes.length) {
    const length = bytes.length - at >= 2 ? bytes[at] * 256 + bytes[at + 1] : -1;
    if (length < 0 || at + 2 + length > bytes.length) {
      throw new ProofError("A bundle of entries is cut off.");
    }
    entries.push(bytes.slice(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return entries;
}
