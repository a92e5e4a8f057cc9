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

const NAME = /^[^\s+]+$/u;

async function keyId(name, key) {
  const hash = await sha256(utf8(`${name}\n`), Uint8Array.of(SIGNATURE_TYPE), key);
  return hash.slice(0, 4);
}

/**
 * A verifier key `<name>+<key id>+<base64>` as {name, id, key}.
 * @throws {NoteError} if it is none, or none of Ed25519
 */
export async function readVerifierKey(text) {
  const found = /^(.+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(text.trim());
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

/** Text and signature lines of a note, each {name, id, signature}. */
export function readNote(note) {
  const at = note.lastIndexOf("\n\n");
  if (at < 0 || !note.endsWith("\n")) refuse("This is no signed note.");
  const text = note.slice(0, at + 1);
  if (/[\x00-\x09\x0b-\x1f\x7f]/.test(note)) refuse("A note holds no control characters.");
  const lines = note.slice(at + 2, -1).split("\n");
  const signatures = lines.map((line) => {
    const found = /^\u2014 (\S+) ([A-Za-z0-9+/=]+)$/u.exec(line);
    const bytes = found && fromBase64(found[2]);
    if (!bytes || bytes.length < 5 || !NAME.test(found[1])) refuse("A signature line is broken.");
    return { name: found[1], id: bytes.slice(0, 4), signature: bytes.slice(4) };
  });
  return { text, signatures };
}

/**
 * The text of a note signed by one of `keys` (as from readVerifierKey). Signatures of unknown keys
 * are passed over; a bad one under a known key is an error.
 * @throws {NoteError}
 */
export async function openNote(note, keys) {
  const { text, signatures } = readNote(note);
  let good = 0;
  for (const { name, id, signature } of signatures) {
    const key = keys.find((known) => known.name === name && equal(known.id, id));
    if (key === undefined) continue;
    if (!(await verify(key.key, utf8(text), signature))) refuse("The signature does not fit.");
    good += 1;
  }
  if (good === 0) refuse("The note is not signed by the key it should be signed by.");
  return text;
}

/** A checkpoint's text as {origin, size, root}. */
export function readCheckpoint(text) {
  const lines = text.split("\n");
  const root = lines.length >= 4 ? fromBase64(lines[2]) : null;
  if (root === null || root.length !== 32 || lines[0] === "" || lines.at(-1) !== "") {
    refuse("This is no checkpoint.");
  }
  if (!/^(?:0|[1-9][0-9]{0,14})$/.test(lines[1])) refuse("This is no checkpoint.");
  return { origin: lines[0], size: Number(lines[1]), root };
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
