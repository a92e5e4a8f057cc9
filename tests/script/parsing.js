// What the served parsers make of many texts at once: each written back, or null where it was
// refused. Names as in tests/protocol/fuzzing.py.

import { base64url, bytesOf, utf8 } from "/static/ballot/bytes.js";
import { NoteError, readCheckpoint, readNote, readVerifierKey } from "/static/ballot/note.js";
import { MalformedError, encode, parse, typeOf } from "/static/ballot/text.js";

const REFUSALS = [MalformedError, NoteError];

function strictText(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new MalformedError("This is no UTF-8.");
  }
}

function base64(bytes) {
  return btoa(String.fromCharCode(...bytes));
}

function message(bytes) {
  const type = typeOf(bytes);
  if (type === null) throw new MalformedError("There is no such type.");
  return encode(type, parse(type, bytes));
}

function note(bytes) {
  const { text, signatures } = readNote(strictText(bytes));
  const lines = signatures.map(
    ({ name, id, signature }) => `\u2014 ${name} ${base64([...id, ...signature])}\n`,
  );
  return `${text}\n${lines.join("")}`;
}

function checkpoint(bytes) {
  const { origin, size, root } = readCheckpoint(strictText(bytes));
  return `${origin}\n${size}\n${base64(root)}\n`;
}

async function key(bytes) {
  const found = await readVerifierKey(strictText(bytes));
  const id = Array.from(found.id, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${found.name}+${id}+${base64([1, ...found.key])}`;
}

const PARSERS = { message, note, checkpoint, key };

/** @param asked list of [parser's name, bytes in base64url]; base64url of what is written back */
export async function readAll(asked) {
  const found = [];
  for (const [name, encoded] of asked) {
    try {
      found.push(base64url(utf8(await PARSERS[name](bytesOf(encoded)))));
    } catch (error) {
      if (!REFUSALS.some((kind) => error instanceof kind)) throw error;
      found.push(null);
    }
  }
  return found;
}
