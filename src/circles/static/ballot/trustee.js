// A trustee's keys: made here, kept here and as a file or on paper, published once after the close.
// Twin of client/trustee_file.py and client/trustee_opening.py (protocol.md, 4.5 and appendix).

import { RefusedError, checkCast } from "./ballot.js";
import { base64url, bytesOf, equal, fromBase64url } from "./bytes.js";
import { TroubleError, ask, publicRecord } from "./log.js";
import * as seal from "./seal.js";
import { FileError } from "./store.js";
import { problemCode } from "./take.js";
import { MalformedError, encode, leafId, parse, typeOf } from "./text.js";

const FILE_KIND = "circles/trustee-keys/v1";
const FILE_CHARS_MAX = 65536;
const SIGNED_IN = Object.freeze({ credentials: "same-origin", cache: "no-store", redirect: "error" });
const SAID = new Set(["not-trustee", "key-bad", "key-used", "keys-enough", "not-open", "bad-secret"]);

// ---- keeping -------------------------------------------------------------------------------

const nameOf = (publicKey) => `trustee:${publicKey}`;

/** A pair of keys as base64url text. */
async function pairOf(secret) {
  return { public: base64url(await seal.publicOf(secret)), secret: base64url(secret) };
}

/**
 * Fresh keys, each written and read back before the next is made.
 * @throws {StoreError} if this browser does not keep them
 */
export async function makeKeys(booth, count) {
  const made = [];
  for (let i = 0; i < count; i += 1) {
    const pair = await pairOf(await seal.freshSecret());
    keepKey(booth, pair);
    made.push(pair);
  }
  return made;
}

/** Keeps a pair under the name of who looks at the page. */
export function keepKey({ store, who }, pair) {
  store.write(nameOf(pair.public), { ...pair, who });
}

/** The private half of a key, as far as it is here; null else. */
export function secretHere({ store }, publicKey) {
  return store.read(nameOf(publicKey))?.secret ?? null;
}

/** The pairs that this reader made here, by public half; `handed` once the server has that half. */
export function keysHere({ store, who }) {
  const start = `${store.prefix}trustee:`;
  const found = [];
  for (let i = 0; i < store.storage.length; i += 1) {
    const name = store.storage.key(i);
    const held = name.startsWith(start) ? store.read(name.slice(store.prefix.length)) : null;
    if (held?.who === who) found.push(held);
  }
  return found.sort((a, b) => (a.public < b.public ? -1 : 1));
}

/** The server has the public halves of these, as far as they are here. */
export function markHanded(booth, publics) {
  for (const pair of keysHere(booth)) {
    if (publics.includes(pair.public) && !pair.handed) keepKey(booth, { ...pair, handed: true });
  }
}

/** After its secret is published a key is good for nothing. */
export function forgetKey({ store }, publicKey) {
  store.storage.removeItem(store.prefix + nameOf(publicKey));
}

/** The keys as the text of a file. */
export function toFile(scope, pairs) {
  const lines = [...pairs]
    .sort((a, b) => (a.public < b.public ? -1 : 1))
    .map((pair) => `key ${pair.public} ${pair.secret}\n`);
  return `${FILE_KIND}\ncircle ${scope}\n${lines.join("")}`;
}

/** A private key for paper: sixteen groups of four hexadecimal digits. */
export function toPaper(secret) {
  const hex = [...bytesOf(secret)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.toUpperCase().match(/.{4}/g).join(" ");
}

/**
 * The pairs in what was loaded, scanned, pasted or typed: a file, or one private key.
 * @throws {FileError} key-unreadable, file-other-circle
 */
export async function readKeys(scope, text) {
  if (text.length > FILE_CHARS_MAX) throw new FileError("key-unreadable");
  const clean = text.replace(/\r\n/g, "\n");
  if (clean.startsWith(`${FILE_KIND}\n`)) return readFile(scope, clean);
  const hex = clean.replace(/[\s-]/g, "");
  if (/^[0-9a-fA-F]{64}$/.test(hex)) {
    return [await pairOf(Uint8Array.from(hex.match(/../g), (two) => Number.parseInt(two, 16)))];
  }
  const bytes = fromBase64url(clean.trim());
  if (bytes?.length !== 32) throw new FileError("key-unreadable");
  return [await pairOf(bytes)];
}

async function readFile(scope, text) {
  const lines = text.split("\n");
  if (!/^circle \S+$/.test(lines[1] ?? "")) throw new FileError("key-unreadable");
  if (lines[1] !== `circle ${scope}`) throw new FileError("file-other-circle");
  const pairs = [];
  for (const line of lines.slice(2, -1)) {
    const found = /^key ([\w-]{43}) ([\w-]{43})$/.exec(line);
    const bytes = found === null ? null : fromBase64url(found[2]);
    const pair = bytes === null ? null : await pairOf(bytes);
    if (pair === null || pair.public !== found[1]) throw new FileError("key-unreadable");
    pairs.push(pair);
  }
  if (pairs.length === 0 || toFile(scope, pairs) !== text) throw new FileError("key-unreadable");
  return pairs;
}

// ---- handing in ----------------------------------------------------------------------------

async function post(url, how, text) {
  const headers = { "Content-Type": "text/plain" };
  const answer = await ask(url, { ...how, method: "POST", headers, body: text });
  if (answer.ok) return;
  if (answer.status === 401) throw new TroubleError("sign-in");
  const code = await problemCode(answer);
  if (SAID.has(code)) throw new TroubleError(code);
  throw new TroubleError(answer.status >= 500 ? "offline" : "refused", code);
}

/** Hands in public halves for rounds to come; saying it again changes nothing. */
export async function handIn(booth, publics) {
  const body = publics.map((key) => `${key}\n`).join("");
  await post(`${booth.base}/in/trustee/keys`, SIGNED_IN, body);
  markHanded(booth, publics);
}

// ---- opening -------------------------------------------------------------------------------

/** The close of a poll as the log itself has it, {index, record}, and whether it is decided. */
async function closeOf(log, pollId, pollIndex) {
  const found = { close: null, decided: false };
  const entries = await log.entries(pollIndex + 1, log.checkpoint.size);
  for (const [i, entry] of entries.entries()) {
    const type = typeOf(entry);
    if (!["close", "result", "void"].includes(type)) continue;
    const record = parse(type, entry);
    if (record.poll !== pollId) continue;
    if (type === "close") found.close = { index: pollIndex + 1 + i, record };
    else found.decided = true;
  }
  return found;
}

/** Each ballot of the box as anyone can check it: tokens, signature, order; the distinct keys. */
async function keysInBox(log, vote, progress) {
  const { first, count } = vote.close.record.ballots;
  if (first + count !== vote.close.index) throw new TroubleError("log-bad");
  const keys = new Set();
  let last = null;
  for (const [done, text] of (await log.entries(first, first + count)).entries()) {
    const { key } = await checkCast("ballot", text, vote);
    const leaf = bytesOf(await leafId(text));
    if (last !== null && !isBefore(last, leaf)) throw new TroubleError("log-bad");
    keys.add(key);
    last = leaf;
    progress(done + 1, count);
  }
  return keys.size;
}

function isBefore(a, b) {
  const at = a.findIndex((byte, i) => byte !== b[i]);
  return at >= 0 && a[at] < b[at];
}

/**
 * Looks whether the box of a month may be opened with that key: the poll with the key in it, its
 * slate and its close stand in the log, nothing is decided, every ballot is sound, and so many are
 * there that nobody's are opened alone. Fetched without a name; nothing is sent.
 * @returns {poll, number, closeIndex}: the poll's id, the key's number in it, where the close stands
 * @throws {TroubleError} not-closed, decided, not-your-box, no-candidates, few-voters, log-bad, ...
 */
export async function lookBeforeOpening({ base, month, log }, publicKey, progress = () => {}) {
  await log.refresh();
  const poll = await publicRecord(base, month, "vote/poll");
  if (poll === null) throw new TroubleError("not-closed");
  const pollIndex = await log.find(poll.text);
  const own = poll.record.trustee.find(({ value }) => value === publicKey);
  if (own === undefined || poll.record.purpose !== "vote") throw new TroubleError("not-your-box");
  const { close, decided } = await closeOf(log, poll.id, pollIndex);
  if (close === null) throw new TroubleError("not-closed");
  if (decided) throw new TroubleError("decided");
  const slate = await publicRecord(base, month, "vote/slate");
  if (slate === null || slate.record.poll !== poll.id) throw new TroubleError("log-bad");
  const slateIndex = await log.find(slate.text);
  if (slateIndex < pollIndex || slateIndex > close.index) throw new TroubleError("log-bad");
  if (slate.record.candidate.length === 0) throw new TroubleError("no-candidates");
  const vote = { poll: poll.record, pollId: poll.id, slate: slate.id, close };
  await checkEnough(log, vote, progress);
  return { poll: poll.id, number: own.number, closeIndex: close.index };
}

async function checkEnough(log, vote, progress) {
  let keys;
  try {
    keys = await keysInBox(log, vote, progress);
  } catch (error) {
    const bad = error instanceof RefusedError || error instanceof MalformedError;
    throw bad ? new TroubleError("log-bad", error.message) : error;
  }
  const { voters, takes } = vote.close.record;
  const { minVoters, slots } = vote.poll;
  if (keys !== vote.close.record.keys) throw new TroubleError("log-bad");
  if (voters < minVoters || keys <= slots * (minVoters - 1) + takes.reissued) {
    throw new TroubleError("few-voters");
  }
}

/**
 * Publishes a private key, after looking, and then looks for it in the log.
 * @returns the index of the entry
 * @throws {TroubleError} what looking finds; not-open, bad-secret, offline, answer-bad
 */
export async function openBox(booth, secret, progress) {
  const publicKey = base64url(await seal.publicOf(bytesOf(secret)));
  const { poll, number, closeIndex } = await lookBeforeOpening(booth, publicKey, progress);
  const text = encode("opening", { poll, trustee: number, secret });
  const { base, month, log } = booth;
  await post(`${base}/rounds/${month}/vote/opening`, { ...SIGNED_IN, credentials: "omit" }, text);
  await log.refresh();
  const entries = await log.entries(closeIndex + 1, log.checkpoint.size);
  for (const [i, entry] of entries.entries()) {
    if (typeOf(entry) !== "opening") continue;
    const found = parse("opening", entry);
    // The same key may stand there in another spelling, if it was published from elsewhere.
    const same = found.poll === poll && found.trustee === number;
    if (same && equal(await seal.publicOf(bytesOf(found.secret)), bytesOf(publicKey))) {
      return closeIndex + 1 + i;
    }
  }
  throw new TroubleError("answer-bad");
}
