// Sealing: Shamir over GF(2^8), HPKE for the shares, AES-256-GCM for the body.
// Twin of protocol/seal.py (protocol.md, 3 "Sealing" and "Opening"; RFC 9180 base mode).

import { base64url, bytesOf, concat, equal, randomBytes, sha256, utf8 } from "./bytes.js";

const KEY_BYTES = 32;
const GCM_NONCE = new Uint8Array(12);
const PKCS8_HEAD = Uint8Array.of(48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 110, 4, 34, 4, 32);

/** What was sealed cannot be opened with this key. */
export class SealError extends Error {
  constructor(message) {
    super(message);
    this.name = "SealError";
  }
}

// ---- Shamir --------------------------------------------------------------------------------

const EXP = new Uint8Array(510);
const LOG = new Uint8Array(256);
for (let power = 0, value = 1; power < 255; power += 1) {
  EXP[power] = value;
  EXP[power + 255] = value;
  LOG[value] = power;
  value ^= (value << 1) ^ (value & 0x80 ? 0x11b : 0);
  value &= 0xff;
}

function multiply(a, b) {
  return a === 0 || b === 0 ? 0 : EXP[LOG[a] + LOG[b]];
}

function divide(a, b) {
  return a === 0 ? 0 : EXP[LOG[a] + 255 - LOG[b]];
}

/**
 * Splits 32 bytes into n shares of which any t give them back; share i is for x = i + 1.
 * `coefficients` (t - 1 arrays, lowest power first) are given by tests only.
 */
export function splitSecret(secret, t, n, coefficients) {
  if (!(t >= 1 && t <= n && n <= 255)) throw new RangeError("No such t of n.");
  const higher =
    coefficients ?? Array.from({ length: t - 1 }, () => randomBytes(secret.length));
  return Array.from({ length: n }, (_, i) =>
    secret.map((constant, byte) => {
      let y = 0;
      for (let k = higher.length - 1; k >= 0; k -= 1) y = multiply(y ^ higher[k][byte], i + 1);
      return y ^ constant;
    }),
  );
}

/** The secret out of t shares, given as [x, bytes]; other shares than t give another secret. */
export function joinSecret(shares) {
  const secret = new Uint8Array(shares[0][1].length);
  for (const [x, share] of shares) {
    let weight = 1;
    for (const [other] of shares) {
      if (other !== x) weight = multiply(weight, divide(other, other ^ x));
    }
    share.forEach((y, byte) => {
      secret[byte] ^= multiply(weight, y);
    });
  }
  return secret;
}

// ---- HPKE: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-128-GCM ------------------------------

const KEM_SUITE = concat(utf8("KEM"), Uint8Array.of(0, 0x20));
const HPKE_SUITE = concat(utf8("HPKE"), Uint8Array.of(0, 0x20, 0, 1, 0, 1));
const VERSION = utf8("HPKE-v1");

async function hmac(key, ...parts) {
  // An absent salt is a string of zeros (RFC 5869); an empty key some browsers refuse.
  const bytes = key.length === 0 ? new Uint8Array(32) : key;
  const how = { name: "HMAC", hash: "SHA-256" };
  const held = await crypto.subtle.importKey("raw", bytes, how, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", held, concat(...parts)));
}

function labeledExtract(suite, salt, label, ikm) {
  return hmac(salt, VERSION, suite, utf8(label), ikm);
}

/** LabeledExpand of at most 32 bytes: one block of HKDF is enough for this suite. */
async function labeledExpand(suite, prk, label, info, length) {
  const size = Uint8Array.of(length >> 8, length & 255);
  const block = await hmac(prk, size, VERSION, suite, utf8(label), info, Uint8Array.of(1));
  return block.slice(0, length);
}

function importSecret(secret, extractable) {
  return crypto.subtle.importKey("pkcs8", concat(PKCS8_HEAD, secret), "X25519", extractable, [
    "deriveBits",
  ]);
}

/** The X25519 public key that belongs to a private one (32 bytes each). */
export async function publicOf(secret) {
  const jwk = await crypto.subtle.exportKey("jwk", await importSecret(secret, true));
  return bytesOf(jwk.x);
}

async function agree(secret, publicKey) {
  const other = await crypto.subtle.importKey("raw", publicKey, "X25519", false, []);
  const mine = await importSecret(secret, false);
  const shared = new Uint8Array(
    await crypto.subtle.deriveBits({ name: "X25519", public: other }, mine, 256),
  );
  if (shared.every((byte) => byte === 0)) throw new SealError("The key is of low order.");
  return shared;
}

async function sharedSecret(secret, publicKey, enc, recipient) {
  const dh = await agree(secret, publicKey);
  const prk = await labeledExtract(KEM_SUITE, new Uint8Array(), "eae_prk", dh);
  return labeledExpand(KEM_SUITE, prk, "shared_secret", concat(enc, recipient), 32);
}

/** Key schedule of base mode: {key, nonce, exporter} as bytes. */
export async function keySchedule(shared, info) {
  const empty = new Uint8Array();
  const context = concat(
    Uint8Array.of(0),
    await labeledExtract(HPKE_SUITE, empty, "psk_id_hash", empty),
    await labeledExtract(HPKE_SUITE, empty, "info_hash", info),
  );
  const secret = await labeledExtract(HPKE_SUITE, shared, "secret", empty);
  return {
    key: await labeledExpand(HPKE_SUITE, secret, "key", context, 16),
    nonce: await labeledExpand(HPKE_SUITE, secret, "base_nonce", context, 12),
    exporter: await labeledExpand(HPKE_SUITE, secret, "exp", context, 32),
  };
}

/** A secret exported from a context, at most 32 bytes (RFC 9180, 5.3). */
export function exportSecret(exporter, context, length) {
  return labeledExpand(HPKE_SUITE, exporter, "sec", context, length);
}

async function gcm(action, key, nonce, aad, data) {
  const held = await crypto.subtle.importKey("raw", key, "AES-GCM", false, [action]);
  const how = { name: "AES-GCM", iv: nonce, additionalData: aad, tagLength: 128 };
  return new Uint8Array(await crypto.subtle[action](how, held, data));
}

const NOTHING = new Uint8Array();

/** Sender's context for a public key: {enc, key, nonce, exporter}; `ephemeral` from tests only. */
export async function senderContext(publicKey, info, ephemeral) {
  const secret = ephemeral ?? (await freshSecret());
  const enc = await publicOf(secret);
  const shared = await sharedSecret(secret, publicKey, enc, publicKey);
  return { enc, ...(await keySchedule(shared, info)) };
}

/** Receiver's context for what came with `enc`. */
export async function receiverContext(secret, enc, info) {
  const shared = await sharedSecret(secret, enc, enc, await publicOf(secret));
  return keySchedule(shared, info);
}

/** A fresh X25519 private key, 32 bytes. */
export async function freshSecret() {
  const pair = await crypto.subtle.generateKey("X25519", true, ["deriveBits"]);
  const pkcs8 = new Uint8Array(await crypto.subtle.exportKey("pkcs8", pair.privateKey));
  if (pkcs8.length !== 48 || !equal(pkcs8.slice(0, 16), PKCS8_HEAD)) {
    throw new Error("This browser writes keys in a form that is not known here.");
  }
  return pkcs8.slice(16);
}

/** HPKE single shot: enc || ciphertext. */
export async function hpkeSeal(publicKey, info, plaintext, { aad = NOTHING, ephemeral } = {}) {
  const context = await senderContext(publicKey, info, ephemeral);
  return concat(context.enc, await gcm("encrypt", context.key, context.nonce, aad, plaintext));
}

/**
 * The plaintext of enc || ciphertext.
 * @throws {SealError} if it does not open
 */
export async function hpkeOpen(secret, info, sealed, { aad = NOTHING } = {}) {
  try {
    const context = await receiverContext(secret, sealed.slice(0, 32), info);
    return await gcm("decrypt", context.key, context.nonce, aad, sealed.slice(32));
  } catch {
    throw new SealError("This share does not open.");
  }
}

// ---- the ballot's seal ---------------------------------------------------------------------

/** commit = SHA-256("circles/commit/v1\n" || K). */
export function commitment(key) {
  return sha256(utf8("circles/commit/v1\n"), key);
}

/** The info that binds a share to poll, ballot key and trustee. */
export function shareInfo(poll, key, trustee) {
  return utf8(`circles/share/v1\npoll ${poll}\nkey ${key}\ntrustee ${trustee}\n`);
}

/** A fresh key K, for one ballot. */
export function freshKey() {
  return randomBytes(KEY_BYTES);
}

/** The body: plaintext under K, bound to all lines up to and including `commit`. */
export function sealBody(key, aad, plaintext) {
  return gcm("encrypt", key, GCM_NONCE, aad, plaintext);
}

/** The plaintext of a body. @throws {SealError} */
export async function openBody(key, aad, body) {
  try {
    return await gcm("decrypt", key, GCM_NONCE, aad, body);
  } catch {
    throw new SealError("The body does not open.");
  }
}

/** Whether this browser can do X25519 at all. */
export async function available() {
  try {
    const secret = await freshSecret();
    const info = utf8("probe");
    const sealed = await hpkeSeal(await publicOf(secret), info, info);
    return base64url(await hpkeOpen(secret, info, sealed)) === base64url(info);
  } catch {
    return false;
  }
}
