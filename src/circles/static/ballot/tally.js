// Which ballots count, and the totals. Twin of protocol/tally.py.

import { bytesOf, compare } from "./bytes.js";

/**
 * Of each key the cast with the highest seq, then the smallest leaf hash; the others never.
 * @param casts list of {key, seq, leaf}, leaf in base64url
 * @returns the counted ones, by leaf hash
 */
export function countedPerKey(casts) {
  const best = new Map();
  for (const cast of casts) {
    const held = best.get(cast.key);
    if (held === undefined || beats(cast, held)) best.set(cast.key, cast);
  }
  return [...best.values()].sort((a, b) => compare(bytesOf(a.leaf), bytesOf(b.leaf)));
}

function beats(cast, held) {
  if (cast.seq !== held.seq) return cast.seq > held.seq;
  return compare(bytesOf(cast.leaf), bytesOf(held.leaf)) < 0;
}

/** Totals of opened ballots: a Map from each candidate number and "keep" to its ticks. */
export function totals(choices, candidates) {
  const sums = new Map(Array.from({ length: candidates }, (_, i) => [i + 1, 0]));
  sums.set("keep", 0);
  for (const ticks of choices) {
    for (const tick of ticks) sums.set(tick, sums.get(tick) + 1);
  }
  return sums;
}
