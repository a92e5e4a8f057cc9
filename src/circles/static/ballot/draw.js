// The order by lot that numbers the candidates and breaks dead heats. Twin of protocol/draw.py.

import { base64url, bytesOf, compare, sha256, utf8 } from "./bytes.js";

/** draw-commit of a draw salt; both base64url of 32 bytes. */
export async function drawCommit(salt) {
  return base64url(await sha256(bytesOf(salt)));
}

/** SHA-256("circles/draw/v1\n" || salt || nomination leaf), the key that a nomination sorts by. */
export async function drawKey(salt, leaf) {
  return sha256(utf8("circles/draw/v1\n"), bytesOf(salt), bytesOf(leaf));
}

/** Nomination leaves in draw order: the first is candidate 1. */
export async function drawOrder(salt, leaves) {
  const keyed = await Promise.all(leaves.map(async (leaf) => [await drawKey(salt, leaf), leaf]));
  return keyed.sort((a, b) => compare(a[0], b[0])).map(([, leaf]) => leaf);
}
