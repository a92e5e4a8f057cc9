// How a log goes over from one key to another, signed by both. Twin of `follow_rotations` in
// protocol/verify/log.py.

import { base64, base64url, bytesOf, concat, sha256, utf8 } from "./bytes.js";
import * as ed25519 from "./ed25519.js";
import { encode } from "./text.js";

async function keyNamed(name, publicKey) {
  const bytes = concat(Uint8Array.of(1), publicKey);
  const id = (await sha256(utf8(`${name}\n`), bytes)).slice(0, 4);
  return { name, id, key: publicKey };
}

/** A key's one text. */
export function keyText({ name, id, key }) {
  const hex = Array.from(id, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${name}+${hex}+${base64(concat(Uint8Array.of(1), key))}`;
}

function linesOf(text, count) {
  return utf8(text.split("\n").slice(0, count).map((line) => `${line}\n`).join(""));
}

async function bothSigned(rotation) {
  const text = encode("rotation", rotation);
  const signs = (key, covered, signature) =>
    ed25519.verify(bytesOf(rotation[key]), linesOf(text, covered), bytesOf(rotation[signature]));
  return (await signs("old", 3, "sigOld")) && (await signs("new", 4, "sigNew"));
}

/**
 * {present, all, bad}: the keys that rotations [{index, message}] join to the key `start`, those
 * from `start` on and all of them; and the indexes of rotations that join nothing.
 */
export async function followRotations(start, rotations) {
  const bad = [];
  let chain = [];
  for (const { index, message } of rotations) {
    const follows = chain.length === 0 || chain.at(-1) === message.old;
    const fresh = message.new !== message.old && !chain.includes(message.new);
    if (!follows || !fresh || !(await bothSigned(message))) bad.push(index);
    else chain = chain.length === 0 ? [message.old, message.new] : [...chain, message.new];
  }
  const first = chain.indexOf(base64url(start.key));
  if (first < 0) return { present: [start], all: [start], bad };
  const all = await Promise.all(chain.map((key) => keyNamed(start.name, bytesOf(key))));
  return { present: all.slice(first), all, bad };
}
