// Casting: nominations and ballots, without sign-in and without a name (protocol.md, 4.3).

import { bytesOf, randomBytes, utf8 } from "./bytes.js";
import {
  DOCUMENT_BYTES_MAX,
  documentHash,
  makeBallot,
  makeNomination,
  nominationBody,
} from "./ballot.js";
import { TroubleError, WITHOUT_NAME, inTime, publicRecord } from "./log.js";
import { lastSeq } from "./store.js";
import { problemCode } from "./take.js";
import { leafId, parse } from "./text.js";

const SEQ_MAX = 20;
const TRIES = 3;
const FINAL_CODES = new Set([
  "malformed",
  "unknown-poll",
  "not-open",
  "slate-changed",
  "closed",
  "too-long",
  "token-invalid",
  "sig-invalid",
  "doc-mismatch",
  "seq-exhausted",
]);

/**
 * What everyone is shown, compared with what this member was shown signed in: checkpoint, poll and
 * (for a vote) slate, fetched without credentials.
 * @returns {poll: {id, record}, slate: {id, record} or null}
 * @throws {TroubleError} poll-differs, slate-changed, not-logged, log-bad, log-forked, offline
 */
export async function compareWithPublic(booth, purpose) {
  await booth.log.refresh();
  const poll = await publicRecord(booth.base, booth.month, `${purpose}/poll`);
  if (poll === null || poll.id !== booth.polls[purpose]) throw new TroubleError("poll-differs");
  await booth.log.find(poll.text);
  if (purpose !== "vote") return { poll, slate: null };
  const slate = await publicRecord(booth.base, booth.month, "vote/slate");
  // Who casts from a file was never shown a slate signed in: theirs is the one in the log.
  const known = booth.slate === "logged" ? slate?.id : booth.slate;
  if (slate === null || slate.id !== known) throw new TroubleError("slate-changed");
  if (slate.record.poll !== poll.id) throw new TroubleError("log-bad");
  await booth.log.find(slate.text);
  return { poll, slate };
}

/**
 * The member's usable credentials of a poll, by slot; one that came from paper names no line, and
 * stands back behind a fuller record of the same key.
 */
export function usable(store, pollId, line) {
  const can = store
    .credentials(pollId)
    .filter((record) => record.tokens !== null && record.seed !== null);
  const own = can.filter((record) => record.member === line);
  const paper = can.filter((r) => r.member === "" && r.member !== line);
  const fresh = paper.filter((r) => !own.some((o) => o.key === r.key || o.slot === r.slot));
  return [...own, ...fresh].sort((a, b) => a.slot - b.slot);
}

function shuffled(list) {
  const rest = [...list];
  for (let i = rest.length - 1; i > 0; i -= 1) {
    const j = crypto.getRandomValues(new Uint32Array(1))[0] % (i + 1);
    [rest[i], rest[j]] = [rest[j], rest[i]];
  }
  return rest;
}

/**
 * Ticks dealt out to `count` ballots of at most `most` ticks, none twice on one; the rest are
 * blank. Which credential carries which is left to chance.
 * @throws {RangeError} if they do not fit
 */
export function deal(ticks, count, most) {
  const hands = Array.from({ length: count }, () => []);
  for (const tick of ticks) {
    const free = hands.filter((hand) => hand.length < most && !hand.includes(tick));
    if (free.length === 0) throw new RangeError("There are more ticks than ballots can carry.");
    free.sort((a, b) => a.length - b.length);
    free[0].push(tick);
  }
  return shuffled(hands);
}

function nextSeq(record, before = 0) {
  const seq = Math.max(lastSeq(record), before) + 1;
  if (seq > SEQ_MAX) throw new TroubleError("seq-exhausted");
  return seq;
}

/** Kept before it is sent: after a lost answer the same bytes go out again. */
function keepCast(store, record, cast) {
  const casts = [...record.casts.filter((held) => held.leaf !== cast.leaf), cast];
  const kept = { ...record, casts };
  store.keep(kept);
  return kept;
}

/**
 * Seals one ballot for each credential, unused ones blank, and keeps them all before any is sent.
 * @param ticks candidate numbers and "keep", one for each tick given
 * @param before how many times these were cast from elsewhere, at most
 * @param due when each may be sent, in milliseconds of this clock; at once where none is given
 */
export async function sealVote(booth, { poll, slate }, records, ticks, { before, due } = {}) {
  const hands = deal(ticks, records.length, poll.record.maxChoices);
  const sealed = [];
  for (const [i, record] of records.entries()) {
    const seq = nextSeq(record, before);
    const text = await makeBallot({
      credential: record,
      poll: poll.record,
      slate: slate.id,
      ticks: hands[i],
      seq,
    });
    const cast = { seq, leaf: await leafId(text), text, receipt: null };
    sealed.push([record, due === undefined ? cast : { ...cast, due: due[i] }]);
  }
  return sealed.map(([record, cast]) => keepCast(booth.store, record, cast));
}

/** First line the recipient, then the words; one kind of line end, one form of letters. */
export function documentText(recipient, words) {
  const clean = (text) => text.normalize("NFC").replace(/\r\n?/g, "\n");
  const first = clean(recipient).replace(/\s+/g, " ").trim();
  const text = `${first}\n${clean(words).trim()}\n`;
  if (utf8(text).length > DOCUMENT_BYTES_MAX) throw new TroubleError("too-long");
  return text;
}

/** Seals a nomination with its document and keeps it before it is sent. */
export async function prepareNomination(booth, record, { recipient, words, ask }) {
  const text = documentText(recipient, words);
  const salt = randomBytes(32);
  const seq = nextSeq(record);
  const doc = await documentHash(salt, text);
  const nomination = await makeNomination({ credential: record, ask, doc, seq });
  const body = nominationBody(nomination, salt, text);
  const cast = { seq, leaf: await leafId(nomination), text: body, receipt: null };
  return keepCast(booth.store, { ...record, title: text.split("\n")[0] }, cast);
}

/** Casts that were kept but have no receipt yet: only the newest of each credential matters. */
export function pending(records) {
  return records.filter((record) => {
    const newest = record.casts.find((cast) => cast.seq === lastSeq(record));
    return newest !== undefined && newest.receipt === null;
  });
}

async function postOnce(url, text) {
  try {
    return await fetch(
      url,
      inTime({
        ...WITHOUT_NAME,
        method: "POST",
        headers: { "Content-Type": "text/plain" },
        body: text,
      }),
    );
  } catch {
    return null;
  }
}

/** A proxy's friendly page is no receipt: only a note signed by the log is (null else). */
async function receiptIn(booth, answer, record, cast) {
  try {
    const note = await answer.text();
    await booth.log.checkReceipt(note, record.poll, cast.leaf);
    return note;
  } catch {
    return null;
  }
}

/**
 * Sends the newest cast of a credential until a valid receipt is here; the same bytes each time.
 * @throws {TroubleError} the box's refusal, or "offline" while there is no answer: nothing is lost
 */
export async function send(booth, purpose, record, wait = pause) {
  const cast = record.casts.find((held) => held.seq === lastSeq(record));
  if (cast.receipt !== null) return record;
  const url = `${booth.cast}/${purpose}`;
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    if (attempt > 0) await wait(attempt);
    const answer = await postOnce(url, cast.text);
    if (answer === null) continue;
    if (answer.ok) {
      const receipt = await receiptIn(booth, answer, record, cast);
      if (receipt !== null) {
        return keepCast(booth.store, record, { seq: cast.seq, leaf: cast.leaf, text: null, receipt });
      }
      continue;
    }
    const code = await problemCode(answer);
    if (FINAL_CODES.has(code)) throw new TroubleError(code);
  }
  throw new TroubleError("not-sent");
}

function pause(attempt) {
  return new Promise((resolve) => {
    setTimeout(resolve, 400 * 4 ** (attempt - 1));
  });
}

/** Sends all, in an order left to chance. `progress(done, all)` is told after each. */
export async function sendAll(booth, purpose, records, progress = () => {}, wait = pause) {
  const done = [];
  progress(0, records.length);
  for (const record of shuffled(records)) {
    done.push(await send(booth, purpose, record, wait));
    progress(done.length, records.length);
  }
  return done.sort((a, b) => a.slot - b.slot);
}

function askText({ amount, ceiling, part }) {
  return `${amount} ${ceiling ?? "-"} ${part}`;
}

/**
 * That the words a signed-in page shows are those that the nominations in the log name.
 * @param documents list of {leaf, salt, text, ask}
 * @throws {TroubleError} words-differ, or what reading the log throws
 */
export async function checkWords(booth, documents) {
  for (const { leaf, salt, text, ask } of documents) {
    const index = await booth.log.indexOf(leaf);
    if (index === null) throw new TroubleError("words-differ");
    const [entry] = await booth.log.entries(index, index + 1);
    const nomination = parse("nomination", entry);
    const same = (await documentHash(bytesOf(salt), text)) === nomination.doc;
    if (!same || askText(nomination.ask) !== ask) throw new TroubleError("words-differ");
  }
}
