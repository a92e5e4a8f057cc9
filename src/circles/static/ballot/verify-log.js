// Step 1: the log itself. Its checkpoint, entries, tree, tiles, keys, and what was kept of it.
// Twin of protocol/verify/log.py.

import { concat, equal, utf8Text } from "./bytes.js";
import { leafHash, nodeHash, readEntries, root, tilePath, tileWidth } from "./merkle.js";
import {
  NOTE_BYTES_MAX,
  NoteError,
  readCheckpoint,
  readNote,
  readVerifierKey,
  signedByAny,
} from "./note.js";
import { followRotations, keyText } from "./rotation.js";
import { ENTRY_BYTES_MAX } from "./text.js";
import { readOrUnusable } from "./verify-source.js";
import { FileError, UnreadableError, at } from "./verify-report.js";

const KEY_BYTES_MAX = 1024;
const TILE_WIDTH = 256;
const HASH_BYTES = 32;

/** The checkpoint as the log shows it, not yet believed: {note, checkpoint}, or null. */
export async function readHead(source, report) {
  const where = at.file("log/checkpoint");
  try {
    const bytes = await source.read("log/checkpoint", NOTE_BYTES_MAX);
    // Then this is no archive at all: nothing was checked, and nothing can be said.
    if (bytes === null) throw new UnreadableError("log/checkpoint");
    const note = readNote(utf8Text(bytes));
    const checkpoint = readCheckpoint(note.text);
    report.origin = checkpoint.origin;
    report.size = checkpoint.size;
    report.root = checkpoint.root;
    report.note = utf8Text(bytes);
    return { note, checkpoint };
  } catch (error) {
    if (error instanceof UnreadableError || error.name === "AbortError") throw error;
    report.fail("1.checkpoint", where);
    return null;
  }
}

/** A tile's bytes and width: a partial tile may have given way to the full one since. */
async function readTile(source, level, n, width, eachBytesMax) {
  const name = `log/${tilePath(level, n, width)}`;
  const data = await source.read(name, width * eachBytesMax);
  if (data !== null) return [data, width];
  if (width === TILE_WIDTH) throw new FileError(name);
  const full = await source.read(`log/${tilePath(level, n)}`, TILE_WIDTH * eachBytesMax);
  if (full === null) throw new FileError(name);
  return [full, TILE_WIDTH];
}

/** All entries up to that size; fewer, with a problem noted, where some lack. */
export async function readLog(source, size, report, progress) {
  const entries = [];
  for (let n = 0; n * TILE_WIDTH < size; n += 1) {
    const width = tileWidth("entries", n, size);
    try {
      const [data, held] = await readTile(source, "entries", n, width, ENTRY_BYTES_MAX + 2);
      const found = readEntries(data);
      if (found.length !== held) throw new FileError("entries");
      entries.push(...found.slice(0, width));
    } catch (error) {
      if (error instanceof UnreadableError || error.name === "AbortError") throw error;
      report.fail("1.entries", at.file(`log/${tilePath("entries", n, width)}`));
      return entries;
    }
    await progress("read", entries.length, size);
  }
  return entries;
}

/** Hashes of the complete subtrees of 256^level leaves, level by level, from the leaves up. */
async function levelsOf(leaves) {
  const levels = [leaves];
  while (levels.at(-1).length >= TILE_WIDTH) {
    const above = [];
    const below = levels.at(-1);
    for (let start = 0; start + TILE_WIDTH <= below.length; start += TILE_WIDTH) {
      above.push(await root(below.slice(start, start + TILE_WIDTH)));
    }
    levels.push(above);
  }
  return levels;
}

/** The root over the first `size` leaves, out of subtrees of 256 where there are any. */
export async function rootOf(leaves, size) {
  if (size <= TILE_WIDTH) return root(leaves.slice(0, size));
  let half = TILE_WIDTH;
  while (half * 2 < size) half *= 2;
  return nodeHash(await root(leaves.slice(0, half)), await rootOf(leaves.slice(half), size - half));
}

/** The root and every hash tile, recomputed from the entries. */
export async function checkTree(source, leaves, checkpoint, report) {
  if (leaves.length !== checkpoint.size) return;
  const made = await rootOf(leaves, leaves.length);
  report.expect(equal(made, checkpoint.root), "1.root", at.file("log/checkpoint"));
  for (const [level, hashes] of (await levelsOf(leaves)).entries()) {
    for (let n = 0; n * TILE_WIDTH < hashes.length; n += 1) {
      const wanted = concat(...hashes.slice(n * TILE_WIDTH, (n + 1) * TILE_WIDTH));
      const width = wanted.length / HASH_BYTES;
      const where = at.file(`log/${tilePath(level, n, width)}`);
      try {
        const [data] = await readTile(source, level, n, width, HASH_BYTES);
        report.expect(equal(data.slice(0, wanted.length), wanted), "1.tiles", where);
      } catch (error) {
        if (!(error instanceof FileError)) throw error;
        report.fail("1.tiles", where);
      }
    }
  }
}

/** Leaf hashes of all entries, as bytes. */
export async function leavesOf(entries) {
  const leaves = [];
  for (const entry of entries) leaves.push(await leafHash(entry));
  return leaves;
}

/** A key file: the signed-note form, one line end at most; null with a problem noted. */
async function readKey(bytes, where, report) {
  try {
    const text = utf8Text(bytes).replace(/\n$/, "");
    if (text !== text.trim()) throw new NoteError("A key stands alone.");
    return await readVerifierKey(text);
  } catch {
    report.fail("1.key", where);
    return null;
  }
}

const sameKey = (a, b) => a.name === b.name && equal(a.key, b.key);

/**
 * The checkpoint's signature, by the kept key or one rotated from it; the keys to believe, or null.
 * Without a kept key the log's own word is taken for it, and the report says so.
 */
export async function checkSignature(source, kept, note, rotations, report) {
  const shown = await readOrUnusable(source, "log/key", KEY_BYTES_MAX);
  const place = at.file("log/key");
  const start = kept === null ? null : await readKey(kept, at.kept("key"), report);
  const present = shown === null ? null : await readKey(shown, place, report);
  if (kept === null && shown === null) report.fail("1.key", place);
  if (kept === null && present !== null) report.remarks.push("no-key");
  const first = kept === null ? present : start;
  if (first === null) return null;
  const found = await followRotations(first, rotations);
  for (const index of found.bad) report.fail("1.rotation", at.entry(index));
  // The key shown is the present one: whatever the log began with leads up to it.
  const keys = kept === null ? { ...found, present: found.present.slice(-1) } : found;
  report.key = keyText(keys.present.at(-1));
  const same = present === null || keys.present.some((key) => sameKey(key, present));
  report.expect(same, "1.key", place);
  const signed = report.origin === first.name && (await signedByAny(note, keys.present));
  report.expect(signed, "1.signature", at.file("log/checkpoint"));
  return keys;
}

/** A checkpoint kept earlier must be signed by the log, and be a beginning of it. */
export async function checkKept(bytes, where, keys, leaves, report) {
  const check = "1.consistency";
  let note;
  let kept;
  try {
    note = readNote(utf8Text(bytes));
    kept = readCheckpoint(note.text);
  } catch {
    report.fail(check, where);
    return;
  }
  const mine = kept.origin === report.origin && (await signedByAny(note, keys.all));
  if (!report.expect(mine, check, where)) return;
  if (!report.expect(kept.size <= leaves.length, check, where)) return;
  report.expect(equal(await rootOf(leaves, kept.size), kept.root), check, where);
}
