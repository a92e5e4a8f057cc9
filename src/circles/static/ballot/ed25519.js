// Ed25519 as this protocol checks it: like libsodium. Twin of what protocol/ uses PyNaCl for.
//
// Web Crypto is looser: it takes keys of small order, for which one signature fits every text.
// So canonical form, small order and S < L are checked here before the browser is asked.

import { base64url, bytesOf, concat, equal } from "./bytes.js";

const P = 2n ** 255n - 19n;
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

// y of the points of small order (sign bit away), least byte first; the others are not canonical.
const SMALL_ORDER_Y = [
  0n,
  1n,
  P - 1n,
  littleEndian("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
  littleEndian("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
];

const PKCS8_HEAD = Uint8Array.of(48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32);

function littleEndian(hexOrBytes) {
  const hex =
    typeof hexOrBytes === "string"
      ? hexOrBytes
      : Array.from(hexOrBytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return BigInt(`0x${hex.match(/../g).reverse().join("")}`);
}

/** Whether 32 bytes name a point as it must be written, and not one of small order. */
export function goodPoint(bytes) {
  const y = littleEndian(bytes) & (2n ** 255n - 1n);
  return bytes.length === 32 && y < P && !SMALL_ORDER_Y.includes(y);
}

/** Whether 32 bytes are a scalar below the group order, as the second half of a signature must be. */
export function goodScalar(bytes) {
  return bytes.length === 32 && littleEndian(bytes) < ORDER;
}

/** Whether `signature` (64 bytes) over `message` is of `publicKey` (32 bytes). Never throws. */
export async function verify(publicKey, message, signature) {
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  if (!goodPoint(publicKey) || !goodPoint(signature.slice(0, 32))) return false;
  if (!goodScalar(signature.slice(32))) return false;
  try {
    const key = await crypto.subtle.importKey("raw", publicKey, "Ed25519", false, ["verify"]);
    return await crypto.subtle.verify("Ed25519", key, signature, message);
  } catch {
    return false;
  }
}

/** A fresh key pair: `seed` and `publicKey`, 32 bytes each. */
export async function generate() {
  const pair = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
  const pkcs8 = new Uint8Array(await crypto.subtle.exportKey("pkcs8", pair.privateKey));
  const publicKey = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  if (pkcs8.length !== 48 || !equal(pkcs8.slice(0, 16), PKCS8_HEAD)) {
    throw new Error("This browser writes keys in a form that is not known here.");
  }
  return { seed: pkcs8.slice(16), publicKey };
}

async function privateKey(seed, extractable) {
  return crypto.subtle.importKey("pkcs8", concat(PKCS8_HEAD, seed), "Ed25519", extractable, [
    "sign",
  ]);
}

/** The public key that belongs to a seed. */
export async function publicOf(seed) {
  const jwk = await crypto.subtle.exportKey("jwk", await privateKey(seed, true));
  return bytesOf(jwk.x);
}

/** The signature (64 bytes) of the key made from `seed` over `message`. */
export async function sign(seed, message) {
  return new Uint8Array(await crypto.subtle.sign("Ed25519", await privateKey(seed, false), message));
}

/** Whether this browser can do Ed25519 at all. */
export async function available() {
  try {
    const pair = await generate();
    return base64url(await publicOf(pair.seed)) === base64url(pair.publicKey);
  } catch {
    return false;
  }
}
