// RSABSSA-SHA384-PSS-Randomized, the client's half (RFC 9474). Twin of protocol/blind.py.

import { base64url, bigFromBytes, bytesFromBig, concat, randomBytes } from "./bytes.js";

export const EXPONENT = 65537n;
const HASH_BYTES = 48;
export const SALT_BYTES = 48;
export const PREFIX_BYTES = 32;

/** A value is out of range or a signature does not verify: the issuer's answer is no good. */
export class BlindError extends Error {
  constructor(message) {
    super(message);
    this.name = "BlindError";
  }
}

async function sha384(...parts) {
  return new Uint8Array(await crypto.subtle.digest("SHA-384", concat(...parts)));
}

async function mgf1(seed, length) {
  const blocks = [];
  for (let counter = 0; blocks.length * HASH_BYTES < length; counter += 1) {
    blocks.push(await sha384(seed, Uint8Array.of(0, 0, counter >> 8, counter & 255)));
  }
  return concat(...blocks).slice(0, length);
}

/** EMSA-PSS-ENCODE (RFC 8017, 9.1.1) with SHA-384 and that salt; emBits = bits of n less one. */
export async function pssEncode(message, emBits, salt) {
  const emLength = Math.ceil(emBits / 8);
  const zeros = emLength - salt.length - HASH_BYTES - 2;
  if (zeros < 0) throw new BlindError("The modulus is too short for this signature.");
  const hash = await sha384(new Uint8Array(8), await sha384(message), salt);
  const block = concat(new Uint8Array(zeros), Uint8Array.of(1), salt);
  const mask = await mgf1(hash, block.length);
  const masked = block.map((byte, i) => byte ^ mask[i]);
  masked[0] &= 0xff >> (8 * emLength - emBits);
  return concat(masked, hash, Uint8Array.of(0xbc));
}

function power(base, exponent, modulus) {
  let result = 1n;
  let square = base % modulus;
  for (let left = exponent; left > 0n; left >>= 1n) {
    if (left & 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}

/** The inverse of `value` modulo `modulus`, or null where there is none. */
function inverse(value, modulus) {
  let [r0, r1, s0, s1] = [modulus, value % modulus, 0n, 1n];
  while (r1 > 0n) {
    const quotient = r0 / r1;
    [r0, r1] = [r1, r0 - quotient * r1];
    [s0, s1] = [s1, s0 - quotient * s1];
  }
  return r0 === 1n ? ((s0 % modulus) + modulus) % modulus : null;
}

function bitLength(value) {
  return value.toString(2).length;
}

/**
 * An RSA value as a number: as many bytes as the modulus, above 0 and below it.
 * @throws {BlindError} else
 */
export function rsaValue(bytes, modulusBytes) {
  if (bytes.length !== modulusBytes.length) throw new BlindError("unexpected input size");
  const value = bigFromBytes(bytes);
  if (value <= 0n || value >= bigFromBytes(modulusBytes)) {
    throw new BlindError("message representative out of range");
  }
  return value;
}

/** A number from 1 to below the modulus, every one equally likely. */
function randomBelow(modulus, length) {
  for (;;) {
    const value = bigFromBytes(randomBytes(length));
    if (value > 0n && value < modulus) return value;
  }
}

/** input_msg of the randomized variant: prefix, then the message. */
export function prepare(message, prefix = randomBytes(PREFIX_BYTES)) {
  return concat(prefix, message);
}

/**
 * Blinds `inputMessage` for the issuer with that modulus: {blinded, inverse}, bytes as long as the
 * modulus. `salt` and `factor` are given by tests only; else they are fresh random and never kept.
 */
export async function blind(modulusBytes, inputMessage, { salt, factor } = {}) {
  const modulus = bigFromBytes(modulusBytes);
  const length = modulusBytes.length;
  const encoded = await pssEncode(
    inputMessage,
    bitLength(modulus) - 1,
    salt ?? randomBytes(SALT_BYTES),
  );
  const message = bigFromBytes(encoded);
  if (inverse(message, modulus) === null) throw new BlindError("invalid input");
  const r = factor === undefined ? randomBelow(modulus, length) : bigFromBytes(factor);
  const unblinding = inverse(r, modulus);
  if (unblinding === null) throw new BlindError("The blinding factor has no inverse.");
  const blinded = (message * power(r, EXPONENT, modulus)) % modulus;
  return { blinded: bytesFromBig(blinded, length), inverse: bytesFromBig(unblinding, length) };
}

/**
 * The signature of `inputMessage` out of the issuer's blind one; checked before it is given out.
 * @throws {BlindError} if the answer is out of range or makes no valid signature
 */
export async function finalize(modulusBytes, inputMessage, blindSignature, inverseBytes) {
  const blindValue = rsaValue(blindSignature, modulusBytes);
  const modulus = bigFromBytes(modulusBytes);
  const value = (blindValue * bigFromBytes(inverseBytes)) % modulus;
  const signature = bytesFromBig(value, modulusBytes.length);
  if (!(await verify(modulusBytes, inputMessage, signature))) {
    throw new BlindError("invalid signature");
  }
  return signature;
}

/** Whether `signature` is RSASSA-PSS (SHA-384, salt of 48 bytes) of the key n, 65537. */
export async function verify(modulusBytes, inputMessage, signature) {
  try {
    rsaValue(signature, modulusBytes);
    const key = await crypto.subtle.importKey(
      "jwk",
      { kty: "RSA", n: base64url(modulusBytes), e: "AQAB", alg: "PS384", ext: true },
      { name: "RSA-PSS", hash: "SHA-384" },
      false,
      ["verify"],
    );
    const how = { name: "RSA-PSS", saltLength: SALT_BYTES };
    return await crypto.subtle.verify(how, key, signature, inputMessage);
  } catch {
    return false;
  }
}
