// A whole vote made up in this page: keys, blind signatures, seals, box and count are the real ones,
// the neighbours and the money are not. Nothing is asked of any machine and nothing is kept.

import { base64url, bigFromBytes, bytesFromBig, bytesOf, compare, randomBytes, utf8 } from "./bytes.js";
import { allocate } from "./allocation.js";
import { checkCast, credentialText, leafId, makeBallot, openBallot } from "./ballot.js";
import * as blind from "./blind.js";
import { deal } from "./cast.js";
import * as ed25519 from "./ed25519.js";
import * as seal from "./seal.js";
import { countedPerKey, totals } from "./tally.js";

const RSA_BITS = 3072;

function power(base, exponent, modulus) {
  let [result, square] = [1n, base % modulus];
  for (let left = exponent; left > 0n; left >>= 1n) {
    if (left & 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}

/** The made-up machine: an issuer's key and the key of the box. */
async function machine() {
  const how = { name: "RSA-PSS", modulusLength: RSA_BITS, hash: "SHA-384" };
  const pair = await crypto.subtle.generateKey(
    { ...how, publicExponent: Uint8Array.of(1, 0, 1) },
    true,
    ["sign", "verify"],
  );
  const { n, d } = await crypto.subtle.exportKey("jwk", pair.privateKey);
  const secret = randomBytes(32);
  return { n: bytesOf(n), d: bigFromBytes(bytesOf(d)), secret, lock: await seal.publicOf(secret) };
}

/** A round of that machine: its poll as the modules read it. The ids are random, as real ones look. */
export async function round({ slots, rule, parameters, fundMinor, asks }) {
  const made = await machine();
  const poll = {
    issuer: [{ number: 1, value: base64url(made.n) }],
    trustee: [{ number: 1, value: base64url(made.lock) }],
    threshold: 1,
    maxChoices: 1,
  };
  const id = base64url(randomBytes(32));
  const slate = base64url(randomBytes(32));
  return { ...made, id, slate, poll, slots, rule, parameters, fundMinor, asks };
}

/** One credential: a fresh key, covered, signed without being seen, uncovered, checked. */
export async function collect(made, slot) {
  const { seed, publicKey } = await ed25519.generate();
  const key = base64url(publicKey);
  const input = blind.prepare(utf8(credentialText(made.id, key)));
  const { blinded, inverse } = await blind.blind(made.n, input);
  const signed = power(bigFromBytes(blinded), made.d, bigFromBytes(made.n));
  const answer = bytesFromBig(signed, made.n.length);
  const token = base64url(await blind.finalize(made.n, input, answer, inverse));
  const prefixes = [base64url(input.slice(0, blind.PREFIX_BYTES))];
  return { poll: made.id, slot, key, seed: base64url(seed), prefixes, tokens: [token] };
}

/** One member's ballots, sealed; unused credentials blank. */
export async function sealAll(made, credentials, ticks, seq = 1) {
  const hands = deal(ticks, credentials.length, made.poll.maxChoices);
  const { poll, slate } = made;
  return Promise.all(
    credentials.map((credential, i) => makeBallot({ credential, poll, slate, ticks: hands[i], seq })),
  );
}

/** Into the box: what does not fit is refused, as the real one does. */
export async function put(made, box, ballots) {
  for (const text of ballots) {
    await checkCast("ballot", text, { poll: made.poll, pollId: made.id, slate: made.slate });
    box.push({ leaf: await leafId(text), text });
  }
}

/** Neighbours as made up as the rest: each gives some ticks to some requests. */
export function madeUpTicks(slots, candidates) {
  const choices = [...Array.from({ length: candidates }, (_, i) => i + 1), "keep"];
  const chance = crypto.getRandomValues(new Uint32Array(slots));
  return [...chance].map((value) => choices[value % choices.length]);
}

/**
 * The box closed, its entries in the order of their hashes, opened and counted.
 * @returns {entries: [{place, leaf, key, ticks}], totals, awards, carriedMinor}
 */
export async function count(made, box) {
  const sorted = [...box].sort((a, b) => compare(bytesOf(a.leaf), bytesOf(b.leaf)));
  const found = [];
  for (const { leaf, text } of sorted) {
    const key = /^key (.*)$/m.exec(text)[1];
    const seq = Number(/^seq (.*)$/m.exec(text)[1]);
    found.push({ leaf, key, seq, text });
  }
  const secrets = new Map([[1, base64url(made.secret)]]);
  const entries = [];
  for (const { leaf, key, text } of countedPerKey(found)) {
    const place = found.findIndex((one) => one.leaf === leaf) + 1;
    entries.push({ place, leaf, key, ticks: await openBallot(text, made.poll, secrets, made.asks.size) });
  }
  const sums = totals(entries.map((entry) => entry.ticks), made.asks.size);
  const { rule, parameters, fundMinor, asks } = made;
  const { awards, carriedMinor } = allocate({ rule, parameters, fundMinor, totals: sums, asks });
  return { entries, totals: sums, awards, carriedMinor };
}
