// After the count: is my ballot in the log, and what does it read? (protocol.md, 4.5)

import { bytesOf, utf8 } from "./bytes.js";
import { VoidError, openBallot } from "./ballot.js";
import { TroubleError, publicRecord } from "./log.js";
import { leafHash } from "./merkle.js";
import * as seal from "./seal.js";
import { lastSeq } from "./store.js";
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
    const publicKey = await seal.publicOf(bytesOf(opening.secret));
    const wanted = bytesOf(trustee.value);
    if (!publicKey.every((byte, i) => byte === wanted[i])) throw new TroubleError("log-bad");
    secrets.set(opening.trustee, opening.secret);
  }
  return secrets;
}

/**
 * What a closed vote left in the log: {poll, close, slate, closeIndex, secrets, outcome}.
 * `outcome` is "counted", "void" or "waiting".
 * @throws {TroubleError} not-logged, log-bad, log-forked, offline
 */
export async function readVote(booth) {
  const { base, month, log } = booth;
  await log.refresh();
  const found = {};
  for (const what of ["poll", "slate", "close", "result"]) {
    found[what] = await publicRecord(base, month, `vote/${what}`);
    if (found[what] !== null) await log.find(found[what].text);
  }
  if (found.poll === null || found.close === null) throw new TroubleError("not-closed");
  const { id, record: poll } = found.poll;
  for (const what of ["slate", "close", "result"]) {
    if (found[what] !== null && found[what].record.poll !== id) throw new TroubleError("log-bad");
  }
  const closeIndex = await log.find(found.close.text);
  const secrets = await openings(booth, id, poll, closeIndex);
  const outcome = found.result !== null ? "counted" : await voidOrWaiting(booth, id, closeIndex);
  return { id, poll, close: found.close.record, slate: found.slate?.record ?? null, closeIndex, secrets, outcome };
}

async function voidOrWaiting(booth, pollId, closeIndex) {
  const entries = await booth.log.entries(closeIndex + 1, booth.log.checkpoint.size);
  const isVoid = (entry) => typeOf(entry) === "void" && parse("void", entry).poll === pollId;
  return entries.some(isVoid) ? "void" : "waiting";
}

/**
 * One own credential in a closed vote: {slot, entry, state, ticks, reason, receipt}. `state` is
 * "read", "void", "there" (in the log, not opened), "missing" (a receipt, but no entry) or
 * "unsent" (nothing was cast, or never receipted, and it is not there). `entry` counts from 0.
 */
export async function ownEntry(booth, vote, record) {
  const cast = record.casts.find((held) => held.seq === lastSeq(record));
  const found = { slot: record.slot, entry: null, state: "unsent", ticks: [], reason: null };
  found.receipt = cast?.receipt ?? null;
  if (cast === undefined) return found;
  const index = await booth.log.indexOf(cast.leaf);
  const { first, count } = vote.close.ballots;
  if (index === null || index < first || index >= first + count) {
    return { ...found, state: cast.receipt === null ? "unsent" : "missing" };
  }
  await booth.log.prove(index, bytesOf(cast.leaf));
  const [entry] = await booth.log.entries(index, index + 1);
  found.entry = index;
  if (vote.outcome !== "counted" || vote.secrets.size < vote.poll.threshold) {
    return { ...found, state: "there" };
  }
  try {
    const ticks = await openBallot(entry, vote.poll, vote.secrets, vote.slate.candidate.length);
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
  const records = line === null ? all : all.filter((record) => record.member === line);
  const found = [];
  progress(0, records.length);
  for (const record of records) {
    found.push(await ownEntry(booth, vote, record));
    booth.store.forgetKeys(record);
    progress(found.length, records.length);
  }
  return found;
}

/**
 * Takes made in an own line's name that this browser did not make: their leaf hashes. Null where
 * the takes are no longer kept or not yet published.
 * @throws {TroubleError} takes-bad if the file is not the one the close record names
 */
export async function strangeTakes(booth, vote, line) {
  const url = `${booth.base}/rounds/${booth.month}/vote/takes`;
  let answer;
  try {
    answer = await fetch(url, { credentials: "same-origin", cache: "no-store" });
  } catch {
    throw new TroubleError("offline");
  }
  if (!answer.ok) return null;
  const text = await answer.text();
  if ((await leafId(text)) !== vote.close.takes.hash) throw new TroubleError("takes-bad");
  const own = new Set(
    booth.store.credentials(vote.id).filter((r) => r.member === line).map((r) => r.takeLeaf),
  );
  const strange = [];
  for (const encoded of parse("takes", text).take) {
    const bytes = bytesOf(encoded);
    const leaf = await leafId(bytes);
    if (parse("take", bytes).member === line && !own.has(leaf)) strange.push(leaf);
  }
  return strange;
}

/** Whether a leaf hash is that of a text; for those who check by hand. */
export async function isLeafOf(leaf, text) {
  const made = await leafHash(utf8(text));
  return bytesOf(leaf).every((byte, i) => byte === made[i]);
}
