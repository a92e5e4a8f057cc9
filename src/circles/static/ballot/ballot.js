// Making, checking and opening what is cast: ballots and nominations. Twin of protocol/ballot.py.

import { base64url, bytesOf, concat, equal, randomBytes, sha256, utf8 } from "./bytes.js";
import * as blind from "./blind.js";
import * as ed25519 from "./ed25519.js";
import * as seal from "./seal.js";
import { encode, leafId, MalformedError, parse, signedText } from "./text.js";

export const PLAINTEXT_BYTES = 256;
export const DOCUMENT_BYTES_MAX = 4096;
const SEQ_MAX = 20;

/** Why a cast would be refused: `code` is the one of protocol.md, 5. */
export class RefusedError extends Error {
  constructor(code) {
    super(`This would be refused: ${code}.`);
    this.name = "RefusedError";
    this.code = code;
  }
}

/** A counted ballot is void: `reason` is share, commit, body or choice. */
export class VoidError extends Error {
  constructor(reason) {
    super(`This ballot is void: ${reason}.`);
    this.name = "VoidError";
    this.reason = reason;
  }
}

/** The text that is blindly signed for a ballot key. */
export function credentialText(poll, key) {
  return encode("credential", { poll, key });
}

/** The choice as 256 bytes: its text, then 0x80, then zeros. */
export function padChoice(text) {
  const bytes = utf8(text);
  if (bytes.length >= PLAINTEXT_BYTES) throw new RangeError("There are too many ticks for one ballot.");
  const padded = new Uint8Array(PLAINTEXT_BYTES);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  return padded;
}

/**
 * The choice inside 256 padded bytes.
 * @throws {MalformedError} if padding or text are not exactly as they must be
 */
export function unpadChoice(plaintext) {
  if (plaintext.length !== PLAINTEXT_BYTES) throw new MalformedError("256 bytes were expected.");
  let end = PLAINTEXT_BYTES - 1;
  while (end >= 0 && plaintext[end] === 0) end -= 1;
  if (end < 0 || plaintext[end] !== 0x80) throw new MalformedError("The padding is broken.");
  return parse("choice", plaintext.slice(0, end));
}

function byTick(a, b) {
  if (a === "keep") return b === "keep" ? 0 : 1;
  return b === "keep" ? -1 : a - b;
}

/** A choice's text; `ticks` are candidate numbers or "keep", none twice; none at all is blank. */
export function choiceText(ticks, nonce = randomBytes(16)) {
  return encode("choice", { nonce: base64url(nonce), tick: [...ticks].sort(byTick) });
}

function castHead(credential, seq) {
  if (!(seq >= 1 && seq <= SEQ_MAX)) throw new RefusedError("seq-exhausted");
  const rows = (values) => values.map((value, i) => ({ number: i + 1, value }));
  return {
    poll: credential.poll,
    key: credential.key,
    prefix: rows(credential.prefixes),
    token: rows(credential.tokens),
    seq,
  };
}

async function signed(type, message, seed) {
  // The signature covers all lines above its own; a placeholder lets one writer make them.
  const draft = encode(type, { ...message, sig: base64url(new Uint8Array(64)) });
  const signature = await ed25519.sign(bytesOf(seed), utf8(signedText(draft)));
  return encode(type, { ...message, sig: base64url(signature) });
}

/**
 * A sealed and signed ballot, as text.
 * @param credential {poll, key, seed, prefixes, tokens}: base64url, one prefix and token an issuer
 * @param poll the parsed poll record that `credential.poll` names
 * @param ticks candidate numbers or "keep"; an empty list is a blank ballot
 * @param fixed randomness given by tests only: {key, nonce, coefficients, ephemerals}
 */
export async function makeBallot({ credential, poll, slate, ticks, seq, fixed = {} }) {
  if (ticks.length > poll.maxChoices) throw new RangeError("There are too many ticks for one ballot.");
  const key = fixed.key ?? seal.freshKey();
  const plaintext = padChoice(choiceText(ticks, fixed.nonce));
  const shares = seal.splitSecret(key, poll.threshold, poll.trustee.length, fixed.coefficients);
  const share = [];
  for (const { number, value } of poll.trustee) {
    const info = seal.shareInfo(credential.poll, credential.key, number);
    const sealed = await seal.hpkeSeal(bytesOf(value), info, shares[number - 1], {
      ephemeral: fixed.ephemerals?.[number - 1],
    });
    share.push({ number, value: base64url(sealed) });
  }
  const head = { ...castHead(credential, seq), slate };
  const message = {
    ...head,
    commit: base64url(await seal.commitment(key)),
    share,
    body: base64url(new Uint8Array(272)),
  };
  const body = await seal.sealBody(key, bodyAad(await draftText(message)), plaintext);
  return signed("ballot", { ...message, body: base64url(body) }, credential.seed);
}

async function draftText(message) {
  return encode("ballot", { ...message, sig: base64url(new Uint8Array(64)) });
}

/** All lines up to and including `commit`. */
function bodyAad(text) {
  const at = text.indexOf("\ncommit ") + 1;
  return utf8(text.slice(0, text.indexOf("\n", at) + 1));
}

/** The signed text of a nomination. `ask` = {amount, ceiling, part}; `doc` the document's hash. */
export function makeNomination({ credential, ask, doc, seq }) {
  return signed("nomination", { ...castHead(credential, seq), ask, doc }, credential.seed);
}

/** doc = SHA-256("circles/doc/v1\n" || salt || UTF-8 text). */
export async function documentHash(salt, text) {
  return base64url(await sha256(utf8("circles/doc/v1\n"), salt, utf8(text)));
}

/** What is posted for a nomination: its text, an empty line, the salt, then the document. */
export function nominationBody(nomination, salt, documentText) {
  if (utf8(documentText).length > DOCUMENT_BYTES_MAX) throw new RefusedError("too-long");
  return `${nomination}\nsalt ${base64url(salt)}\n${documentText}`;
}

/**
 * That one token an issuer fits the key of the message.
 * @throws {RefusedError} token-invalid
 */
export async function checkTokens(message, poll) {
  const issuers = poll.issuer.length;
  if (message.prefix.length !== issuers || message.token.length !== issuers) {
    throw new RefusedError("token-invalid");
  }
  const text = utf8(credentialText(message.poll, message.key));
  for (let i = 0; i < issuers; i += 1) {
    const input = concat(bytesOf(message.prefix[i].value), text);
    const modulus = bytesOf(poll.issuer[i].value);
    if (!(await blind.verify(modulus, input, bytesOf(message.token[i].value)))) {
      throw new RefusedError("token-invalid");
    }
  }
}

/**
 * A cast as the box checks it: parse, poll, slate, tokens, signature; the message if all hold.
 * @param type "ballot" or "nomination"
 * @throws {MalformedError|RefusedError}
 */
export async function checkCast(type, text, { poll, pollId, slate = null }) {
  const message = parse(type, text);
  if (message.poll !== pollId) throw new RefusedError("unknown-poll");
  if (type === "ballot") {
    if (message.share.length !== poll.trustee.length) {
      throw new MalformedError("There is one share for each trustee.");
    }
    if (message.slate !== slate) throw new RefusedError("slate-changed");
  }
  await checkTokens(message, poll);
  const covered = utf8(signedText(text));
  if (!(await ed25519.verify(bytesOf(message.key), covered, bytesOf(message.sig)))) {
    throw new RefusedError("sig-invalid");
  }
  return message;
}

/**
 * The ticks of a ballot, opened with published secrets.
 * @param secrets Map of trustee number to X25519 secret (base64url), as published in openings
 * @param candidates how many stand on the slate
 * @throws {VoidError} where the ballot is void, with its reason
 */
export async function openBallot(text, poll, secrets, candidates) {
  const ballot = parse("ballot", text);
  const numbers = [...secrets.keys()].sort((a, b) => a - b).slice(0, poll.threshold);
  const shares = [];
  for (const number of numbers) {
    const info = seal.shareInfo(ballot.poll, ballot.key, number);
    const sealed = bytesOf(ballot.share[number - 1].value);
    try {
      shares.push([number, await seal.hpkeOpen(bytesOf(secrets.get(number)), info, sealed)]);
    } catch {
      throw new VoidError("share");
    }
  }
  if (shares.some(([, share]) => share.length !== 32)) throw new VoidError("share");
  const key = seal.joinSecret(shares);
  if (!equal(await seal.commitment(key), bytesOf(ballot.commit))) throw new VoidError("commit");
  let plaintext;
  try {
    plaintext = await seal.openBody(key, bodyAad(text), bytesOf(ballot.body));
  } catch {
    throw new VoidError("body");
  }
  return ticksOf(plaintext, poll.maxChoices, candidates);
}

function ticksOf(plaintext, most, candidates) {
  let choice;
  try {
    choice = unpadChoice(plaintext);
  } catch {
    throw new VoidError("choice");
  }
  const known = choice.tick.every((tick) => tick === "keep" || tick <= candidates);
  if (choice.tick.length > most || !known) throw new VoidError("choice");
  return choice.tick;
}

export { leafId };
