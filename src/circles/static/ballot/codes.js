// A credential on paper: as letters for a picture to scan, and as numbered lines to read or type.
// Twin of client/codes.py; docs/casting.md has the format.
//
// It holds what casting needs and no more: seed, prefixes and tokens, 458 bytes with one issuer. The
// poll is not in it: a token fits one poll alone, so the wrong one is found out.

import { base64url, bytesOf, concat, equal, sha256, utf8 } from "./bytes.js";

// Crockford's: no I, L, O, U, which are misread; O is taken for 0, I and L for 1.
const LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const VERSION = 1;
const HEAD_BYTES = 6;
const SEED_BYTES = 32;
const ISSUER_BYTES = 32 + 384;
const CHECK_BYTES = 4;
const LINE_LETTERS = 25;
const GROUP_LETTERS = 5;
const PURPOSES = ["nominate", "vote"];
const YEARS_FROM = 2000;

/** The letters are none of ours, mistyped, or not all there; `line` says where, if it is known. */
export class CodeError extends Error {
  constructor(code, line = null) {
    super(`These letters cannot be used: ${code}.`);
    this.name = "CodeError";
    this.code = code;
    this.line = line;
  }
}

function toLetters(bytes) {
  let letters = "";
  let held = 0;
  let bits = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    for (bits += 8; bits >= 5; bits -= 5) letters += LETTERS[(held >> (bits - 5)) & 31];
    held &= 31;
  }
  return bits > 0 ? letters + LETTERS[(held << (5 - bits)) & 31] : letters;
}

function fromLetters(letters) {
  const bytes = new Uint8Array(Math.floor((letters.length * 5) / 8));
  let [held, bits, at] = [0, 0, 0];
  for (const letter of letters) {
    held = ((held << 5) | LETTERS.indexOf(letter)) & 4095;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes[at] = (held >> bits) & 255;
      at += 1;
    }
  }
  return bytes;
}

/** What was typed, as our letters: case, spaces, dashes and look-alikes do not matter. */
function clean(text) {
  const letters = text.toUpperCase().replace(/[\s-]/g, "").replace(/O/g, "0").replace(/[IL]/g, "1");
  return /^[0-9A-HJKMNP-TV-Z]*$/.test(letters) ? letters : null;
}

async function checkOf(body) {
  return (await sha256(utf8("circles/code/v1\n"), body)).slice(0, CHECK_BYTES);
}

/** The letters of a credential that can cast. */
export async function toCode(record) {
  const [year, month] = record.month.split("-").map(Number);
  const purpose = PURPOSES.indexOf(record.purpose);
  const head = [VERSION, year - YEARS_FROM, month, purpose, record.slot, record.tokens.length];
  const parts = [Uint8Array.from(head), bytesOf(record.seed)];
  record.tokens.forEach((token, i) => parts.push(bytesOf(record.prefixes[i]), bytesOf(token)));
  const body = concat(...parts);
  return toLetters(concat(body, await checkOf(body)));
}

function bodyBytes(issuers) {
  return HEAD_BYTES + SEED_BYTES + ISSUER_BYTES * issuers;
}

function codeLetters(issuers) {
  return Math.ceil(((bodyBytes(issuers) + CHECK_BYTES) * 8) / 5);
}

/** {month, purpose, slot, seed, prefixes, tokens} of one code's letters. @throws {CodeError} */
export async function fromCode(text) {
  const letters = clean(text);
  if (letters === null || letters.length < 10) throw new CodeError("code-unreadable");
  const bytes = fromLetters(letters);
  const [version, year, month, purpose, slot, issuers] = bytes;
  if (version !== VERSION || !(issuers >= 1 && issuers <= 4)) throw new CodeError("code-unreadable");
  if (letters.length !== codeLetters(issuers)) throw new CodeError("code-part");
  const body = bytes.slice(0, bodyBytes(issuers));
  const check = bytes.slice(body.length, body.length + CHECK_BYTES);
  const whole = toLetters(bytes.slice(0, body.length + CHECK_BYTES)) === letters;
  if (!whole || !equal(check, await checkOf(body))) throw new CodeError("code-mistyped");
  if (PURPOSES[purpose] === undefined || !(month >= 1 && month <= 12)) {
    throw new CodeError("code-unreadable");
  }
  const prefixes = [];
  const tokens = [];
  for (let at = HEAD_BYTES + SEED_BYTES; at < body.length; at += ISSUER_BYTES) {
    prefixes.push(base64url(body.slice(at, at + 32)));
    tokens.push(base64url(body.slice(at + 32, at + ISSUER_BYTES)));
  }
  const seed = base64url(body.slice(HEAD_BYTES, HEAD_BYTES + SEED_BYTES));
  const day = `${YEARS_FROM + year}-${String(month).padStart(2, "0")}`;
  return { month: day, purpose: PURPOSES[purpose], slot, seed, prefixes, tokens };
}

/** The letter at the end of a line: it finds nearly every wrong letter and swapped pair. */
function lineCheck(number, letters) {
  let sum = number;
  for (const letter of letters) sum = (sum * 3 + LETTERS.indexOf(letter)) % 31;
  return LETTERS[sum];
}

/** A code as numbered lines: `07: ABCDE FGHJK ... -X`, the letter after the dash a check. */
export function toLines(code) {
  const lines = [];
  for (let at = 0; at < code.length; at += LINE_LETTERS) {
    const letters = code.slice(at, at + LINE_LETTERS);
    const groups = letters.match(new RegExp(`.{1,${GROUP_LETTERS}}`, "g")).join(" ");
    const number = lines.length + 1;
    lines.push(`${String(number).padStart(2, "0")}: ${groups} -${lineCheck(number, letters)}`);
  }
  return lines;
}

/** The letters of one line. @throws {CodeError} code-mistyped, with the line's number */
function lineLetters(number, text) {
  const letters = clean(text);
  if (letters === null || lineCheck(number, letters.slice(0, -1)) !== letters.at(-1)) {
    throw new CodeError("code-mistyped", number);
  }
  return letters.slice(0, -1);
}

/** Codes written as lines: each begins with line 1. @throws {CodeError} */
function codesOfLines(text) {
  const codes = [];
  let next = 1;
  for (const line of text.split(/\r?\n/)) {
    const found = /^\s*([0-9Oo]{1,2})\s*[:.]\s*([0-9A-Za-z\s-]+)$/.exec(line);
    if (!found) continue;
    const number = Number(found[1].replace(/O/gi, "0"));
    if (number === 1) codes.push("");
    else if (number !== next) throw new CodeError("code-part", next);
    codes[codes.length - 1] += lineLetters(number, found[2]);
    next = number + 1;
  }
  return codes;
}

/**
 * All codes in a text: addresses as a picture holds them, or numbered lines.
 * @returns {address, credentials}: the circle's address, null where none is named
 * @throws {CodeError}
 */
export async function readCodes(text) {
  const addresses = new Set();
  const codes = [];
  for (const [, address, code] of text.matchAll(/(https?:\/\/[^\s#]+)\/ballot\.html#([0-9A-Z]+)/g)) {
    addresses.add(address);
    codes.push(code);
  }
  const named = /(https?:\/\/[^\s#]+\/c\/[^\s#/]+)/.exec(text);
  if (addresses.size > 1) throw new CodeError("code-mixed");
  if (codes.length === 0) codes.push(...codesOfLines(text));
  if (codes.length === 0) throw new CodeError("code-unreadable");
  const credentials = [];
  for (const code of codes) credentials.push(await fromCode(code));
  return { address: [...addresses][0] ?? named?.[1] ?? null, credentials };
}

/** What a picture holds: the address of the page that reads it, and the letters. */
export function codeAddress(circleAddress, code) {
  return `${circleAddress}/ballot.html#${code}`;
}
