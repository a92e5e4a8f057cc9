// After the count: is my ballot in the log, and what does it read? (protocol.md, 4.5)

import { bytesOf } from "./bytes.js";
import { VoidError, openBallot } from "./ballot.js";
import { TroubleError, publicRecord } from "./log.js";
import * as seal from "./seal.js";
import { countedPerKey } from "./tally.js";
import { leafId, parse, typeOf } from "./text.js";

/** The openings of a poll that stand in the log between its close and its result. */
async function openings(booth, pollId, poll, closeIndex) {
  const secrets = new Map();
  const entries = await booth.log.entries(closeIndex + 1, booth.log.checkpoint.size);
  for (const entry of entries) {
    const type = typeOf(entry);
    if (type === "result" && parse("result", entry).poll === pollId) break;
    if (type !== "opening") continue;
    const opening = parse("opening", entry);
    if (opening.poll !== pollId) continue;
    const trustee = poll.trustee.find((held) => held.number === opening.trustee);
    if (trustee === undefined) throw new TroubleError("log-bad");
    const publicKey = await seal.publicOf(bytesOf(opening.secret));
    const wanted = bytesOf(trustee.value);
    if (!publicKey.every((byte, i) => byte === wanted[i])) throw new TroubleError("log-bad");
    secrets.set(opening.trustee, opening.secret);
  }
  return secrets;
}

/** Every ballot of a closed poll as the log has it: {index, key, seq, leaf, text}. */
async function ballotsOf(booth, { first, count }) {
  const found = [];
  for (const [i, text] of (await booth.log.entries(first, first + count)).entries()) {
    const { key, seq } = parse("ballot", text);
    found.push({ index: first + i, key, seq, leaf: await leafId(text), text });
  }
  return found;
}

/**
 * What a closed vote left in the log: {id, poll, close, slate, ballots, secrets, outcome}.
 * `outcome` is "counted", "void" or "waiting".
 * @throws {TroubleError} not-closed, not-logged, log-bad, log-forked, offline
 */
export async function readVote(booth) {
  const { base, month, log } = booth;
  await log.refresh();
  const found = {};
  for (const what of ["poll", "slate", "close", "result"]) {
    found[what] = await publicRecord(base, month, `vote/${what}`);
    if (found[what] !== null) await log.find(found[what].text);
  }
  if (found.poll === null) throw new TroubleError("not-closed");
  if (found.close === null) throw await hiddenOrNotYet(booth, found.poll);
  const { id, record: poll } = found.poll;
  for (const what of ["slate", "close", "result"]) {
    if (found[what] !== null && found[what].record.poll !== id) throw new TroubleError("log-bad");
  }
  const closeIndex = await log.find(found.close.text);
  return {
    id,
    poll,
    close: found.close.record,
    slate: found.slate?.record ?? null,
    ballots: await ballotsOf(booth, found.close.record.ballots),
    secrets: await openings(booth, id, poll, closeIndex),
    outcome: found.result !== null ? "counted" : await voidOrWaiting(booth, id, closeIndex),
  };
}

/** A close that stands in the log and is kept from us is a lie, not a poll that is still open. */
async function hiddenOrNotYet({ log }, poll) {
  const start = await log.find(poll.text);
  const entries = await log.entries(start + 1, log.checkpoint.size);
  const isClose = (entry) => typeOf(entry) === "close" && parse("close", entry).poll === poll.id;
  return new TroubleError(entries.some(isClose) ? "log-bad" : "not-closed");
}

async function voidOrWaiting(booth, pollId, closeIndex) {
  const entries = await booth.log.entries(closeIndex + 1, booth.log.checkpoint.size);
  const isVoid = (entry) => typeOf(entry) === "void" && parse("void", entry).poll === pollId;
  return entries.some(isVoid) ? "void" : "waiting";
}

/**
 * One own credential in a closed vote: {slot, entry, state, ticks, reason, receipt}. Ballots are
 * found by their key, so that those cast from another phone are found as well. `state` is "read",
 * "void", "there" (in the log, not opened), "missing" (a receipt was given for a ballot that is not
 * in the log) or "unsent" (nothing with this key is there). `entry` counts from 0, as the log does.
 */
export async function ownEntry(vote, record) {
  const found = { slot: record.slot, entry: null, state: "unsent", ticks: [], reason: null };
  const mine = vote.ballots.filter((ballot) => ballot.key === record.key);
  const there = new Set(mine.map((ballot) => ballot.leaf));
  const dropped = record.casts.find((cast) => cast.receipt !== null && !there.has(cast.leaf));
  found.receipt = dropped?.receipt ?? null;
  if (dropped !== undefined) return { ...found, state: "missing" };
  const [counted] = countedPerKey(mine);
  if (counted === undefined) return found;
  found.entry = counted.index;
  if (vote.outcome !== "counted" || vote.secrets.size < vote.poll.threshold) {
    return { ...found, state: "there" };
  }
  try {
    const candidates = vote.slate.candidate.length;
    const ticks = await openBallot(counted.text, vote.poll, vote.secrets, candidates);
    return { ...found, state: "read", ticks };
  } catch (error) {
    if (!(error instanceof VoidError)) throw error;
    return { ...found, state: "void", reason: error.reason };
  }
}

/**
 * Every credential of an own line in the vote, and afterwards its keys are erased: they can cast no
 * more. Without a line (it is kept for 90 days only) all that this browser holds of that vote.
 * `progress(done, all)` is told after each.
 */
export async function ownEntries(booth, vote, line, progress = () => {}) {
  const all = booth.store.credentials(vote.id);
  // What came from paper names no line: whoever brought it here may look at it.
  const own = (record) => record.member === line || record.member === "";
  const records = line === null ? all : all.filter(own);
  const found = [];
  progress(0, records.length);
  for (const record of records) {
    found.push(await ownEntry(vote, record));
    booth.store.forgetKeys(record);
    progress(found.length, records.length);
  }
  return found.sort((a, b) => (a.entry ?? Infinity) - (b.entry ?? Infinity));
}

/** The nominating poll of a closed vote, as far as its takes are concerned: {id, close}, or null. */
export async function nominating(booth) {
  const found = [];
  for (const what of ["poll", "close"]) {
    const record = await publicRecord(booth.base, booth.month, `nominate/${what}`);
    if (record === null) return null;
    await booth.log.find(record.text);
    found.push(record);
  }
  const [{ id }, { record: close }] = found;
  if (close.poll !== id) throw new TroubleError("log-bad");
  return { id, close };
}

/**
 * Takes made in an own line's name that this browser did not make: their leaf hashes. Null where
 * the takes are no longer kept or not yet published.
 * @param poll {id, close} of the purpose
 * @throws {TroubleError} takes-bad if the file is not the one the close record names
 */
export async function strangeTakes(booth, purpose, poll, line) {
  const url = `${booth.base}/rounds/${booth.month}/${purpose}/takes`;
  let answer;
  try {
    answer = await fetch(url, { credentials: "same-origin", cache: "no-store" });
  } catch {
    throw new TroubleError("offline");
  }
  if (!answer.ok) return null;
  const text = await answer.text();
  if ((await leafId(text)) !== poll.close.takes.hash) throw new TroubleError("takes-bad");
  const own = new Set(
    booth.store.credentials(poll.id).filter((r) => r.member === line).map((r) => r.takeLeaf),
  );
  const strange = [];
  for (const encoded of parse("takes", text).take) {
    const bytes = bytesOf(encoded);
    const leaf = await leafId(bytes);
    if (parse("take", bytes).member === line && !own.has(leaf)) strange.push(leaf);
  }
  return strange;
}
