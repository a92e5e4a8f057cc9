// Signed notes and checkpoints (C2SP signed-note, tlog-checkpoint). Twin of protocol/checkpoint.py.

import { equal, fromBase64, sha256, utf8 } from "./bytes.js";
import { verify } from "./ed25519.js";

const SIGNATURE_TYPE = 1;

/** The note is not one, or not signed by the key it should be signed by. */
export class NoteError extends Error {
  constructor(message) {
    super(message);
    this.name = "NoteError";
  }
}

function refuse(why) {
  throw new NoteError(why);
}

export const NOTE_BYTES_MAX = 16384;
const SIGNATURES_MAX = 64;
// The two white spaces beside \s are those on which languages differ.
const NAME = /^[^\s\x85\ufeff+\x00-\x1f\x7f]{1,255}$/u;

async function keyId(name, key) {
  const hash = await sha256(utf8(`${name}\n`), Uint8Array.of(SIGNATURE_TYPE), key);
  return hash.slice(0, 4);
}

/**
 * A verifier key `<name>+<key id>+<base64>` as {name, id, key}.
 * @throws {NoteError} if it is none, or none of Ed25519
 */
export async function readVerifierKey(text) {
  const found = /^(.+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(text);
  const bytes = found && fromBase64(found[3]);
  if (!bytes || bytes.length !== 33 || bytes[0] !== SIGNATURE_TYPE || !NAME.test(found[1])) {
    refuse("This is no key of a log.");
  }
  const key = bytes.slice(1);
  const id = await keyId(found[1], key);
  if (Array.from(id, (b) => b.toString(16).padStart(2, "0")).join("") !== found[2]) {
    refuse("The key does not fit its own number.");
  }
  return { name: found[1], id, key };
}

/**
 * Text and signature lines of a note, each {name, id, signature}.
 * @throws {NoteError}
 */
export function readNote(note) {
  if (utf8(note).length > NOTE_BYTES_MAX) refuse("A note is not as long as that.");
  const at = note.lastIndexOf("\n\n");
  if (at < 0 || !note.endsWith("\n")) refuse("This is no signed note.");
  const text = note.slice(0, at + 1);
  if (/[\x00-\x09\x0b-\x1f]/.test(note)) refuse("A note holds no control characters.");
  const lines = note.slice(at + 2, -1).split("\n");
  if (lines.length > SIGNATURES_MAX) refuse("There are too many signatures.");
  const signatures = lines.map((line) => {
    const found = /^\u2014 (\S+) ([A-Za-z0-9+/=]+)$/u.exec(line);
    const bytes = found && fromBase64(found[2]);
    if (!bytes || bytes.length < 5 || !NAME.test(found[1])) refuse("A signature line is broken.");
    return { name: found[1], id: bytes.slice(0, 4), signature: bytes.slice(4) };
  });
  return { text, signatures };
}

/** Whether this key signed a note: exactly one line is its, and that one is good. */
export async function signedBy(note, key) {
  const own = note.signatures.filter(({ name, id }) => name === key.name && equal(id, key.id));
  return own.length === 1 && verify(key.key, utf8(note.text), own[0].signature);
}

/** Whether one of these keys signed a note. */
export async function signedByAny(note, keys) {
  for (const key of keys) {
    if (await signedBy(note, key)) return true;
  }
  return false;
}

/**
 * The text of a note signed by one of `keys` (as from readVerifierKey). Signatures of unknown keys
 * are passed over.
 * @throws {NoteError}
 */
export async function openNote(source, keys) {
  const note = readNote(source);
  if (!(await signedByAny(note, keys))) {
    refuse("The note is not signed by the key it should be signed by.");
  }
  return note.text;
}

/** A checkpoint's text as {origin, size, root}: three lines, no more. @throws {NoteError} */
export function readCheckpoint(text) {
  const [origin, size, base64, ...rest] = text.split("\n");
  const root = base64 === undefined ? null : fromBase64(base64);
  const three = rest.length === 1 && rest[0] === "";
  if (!three || root === null || root.length !== 32 || !NAME.test(origin)) {
    refuse("This is no checkpoint.");
  }
  if (!/^(?:0|[1-9][0-9]{0,14})$/.test(size)) refuse("This is no checkpoint.");
  return { origin, size: Number(size), root };
}

/**
 * A checkpoint signed by the log's own key, whose name is the origin.
 * @throws {NoteError}
 */
export async function openCheckpoint(note, key) {
  const checkpoint = readCheckpoint(await openNote(note, [key]));
  if (checkpoint.origin !== key.name) refuse("The checkpoint is of another log.");
  return checkpoint;
}
