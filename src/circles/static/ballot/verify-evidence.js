// Steps 1, 5 and 8 with what a person kept: checkpoints, roll, takes, own takes, receipts.
// Twin of protocol/verify/evidence.py.

import { bigFromBytes, bytesOf, utf8Text } from "./bytes.js";
import { NOTE_BYTES_MAX, readNote, signedByAny } from "./note.js";
import { FILE_BYTES_MAX, leafId, parse } from "./text.js";
import { checkKept } from "./verify-log.js";
import { at } from "./verify-report.js";
import { UNUSABLE, hashOf, readOrUnusable } from "./verify-source.js";

const OWN_BYTES_MAX = 1 << 20;
const KEY_BYTES_MAX = 1024;

/** The kept log key, or null. */
export function keptKey(kept) {
  return readOrUnusable(kept, "key", KEY_BYTES_MAX);
}

/** Step 1: the log goes on from every checkpoint that was kept. */
export async function checkCheckpoints(kept, keys, leaves, report) {
  for (const name of await kept.names("checkpoints")) {
    const path = `checkpoints/${name}`;
    const bytes = (await readOrUnusable(kept, path, NOTE_BYTES_MAX)) ?? UNUSABLE;
    await checkKept(bytes, at.kept(path), keys, leaves, report);
  }
}

/** Step 8: each receipt is the log's, and what it promised stands in the log. */
export async function checkReceipts(kept, keys, walk, report) {
  for (const name of await kept.names("receipts")) {
    const where = at.kept(`receipts/${name}`);
    const bytes = (await readOrUnusable(kept, `receipts/${name}`, NOTE_BYTES_MAX)) ?? UNUSABLE;
    let receipt = null;
    try {
      const note = readNote(utf8Text(bytes));
      if (await signedByAny(note, keys.all)) receipt = parse("receipt", note.text);
    } catch {
      // What cannot be read is no receipt; that is said below.
    }
    const state = receipt === null ? undefined : walk.polls.get(receipt.poll);
    if (!report.expect(state !== undefined, "8.receipt", where)) continue;
    const there = state.close === null || state.cast.some(({ leaf }) => leaf === receipt.leaf);
    report.expect(there, "8.receipt", where);
  }
}

/** Step 5: roll and takes are those of the log, and nobody collected in an own name. */
export async function checkFiles(kept, walk, report) {
  const rolls = new Map();
  const takes = new Map();
  for (const state of walk.polls.values()) {
    const roll = await readRoll(kept, state, report);
    if (roll !== null) rolls.set(state.leaf, roll);
    const found = await readTakes(kept, state, report);
    if (found === null) continue;
    takes.set(state.leaf, found);
    checkTakes(found, roll, state, report);
  }
  const own = await readOrUnusable(kept, "own", OWN_BYTES_MAX);
  if (own !== null) checkOwn(own, walk, rolls, takes, report);
}

async function readRoll(kept, state, report) {
  const bytes = await readOrUnusable(kept, `roll/${state.leaf}`, FILE_BYTES_MAX);
  if (bytes === null) return null;
  let roll;
  try {
    roll = parse("roll", bytes);
  } catch {
    report.fail("5.roll", at.poll(state));
    return null;
  }
  const { hash, members } = state.poll.roll;
  const same = (await leafId(bytes)) === hash && roll.member.length === members;
  report.expect(same, "5.roll", at.poll(state));
  return roll;
}

/** The takes of a poll: {poll, takes: [{take, leaf}]}, or null. */
async function readTakes(kept, state, report) {
  const bytes = await readOrUnusable(kept, `takes/${state.leaf}`, FILE_BYTES_MAX);
  if (bytes === null || state.close === null) return null;
  const found = [];
  let file;
  try {
    file = parse("takes", bytes);
    for (const encoded of file.take) {
      const line = bytesOf(encoded);
      found.push({ take: parse("take", line), leaf: await leafId(line) });
    }
  } catch {
    report.fail("5.takes", at.poll(state));
    return null;
  }
  const same = (await leafId(bytes)) === state.close.message.takes.hash && file.poll === state.leaf;
  report.expect(same, "5.takes", at.poll(state));
  return found;
}

function takeFits(take, { leaf, poll }) {
  return (
    take.poll === leaf &&
    take.slot < poll.slots &&
    take.blinded.length === poll.issuer.length &&
    take.blinded.every(
      ({ value }, i) => bigFromBytes(bytesOf(value)) < bigFromBytes(bytesOf(poll.issuer[i].value)),
    )
  );
}

function checkTakes(found, roll, state, report) {
  const where = at.poll(state);
  const members = roll === null ? null : new Set(roll.member);
  for (const { take } of found) {
    report.expect(takeFits(take, state), "5.takes", where);
    report.expect(members === null || members.has(take.member), "5.takes", where);
  }
  const close = state.close.message;
  const voters = new Set(found.map(({ take }) => take.member)).size;
  const slots = new Set(found.map(({ take }) => `${take.member} ${take.slot}`)).size;
  const same =
    found.length === close.takes.count &&
    found.length - slots === close.takes.reissued &&
    voters === close.voters;
  report.expect(same, "5.takes", where);
}

/** Own take leaves by "<poll> <member>". @throws {Error} for a line twice or against another */
function parseOwn(bytes) {
  const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  if (!/^[\x00-\x7f]*$/.test(text) || (text !== "" && !text.endsWith("\n"))) throw new Error("own");
  const own = new Map();
  for (const line of text === "" ? [] : text.slice(0, -1).split("\n")) {
    const [poll, member, leaf, ...rest] = line.split(" ");
    const known = leaf === "-" || hashOf(leaf ?? "", 32) !== null;
    const fits = hashOf(poll, 32) !== null && hashOf(member ?? "", 16) !== null && known;
    if (!fits || rest.length > 0) throw new Error("own");
    const leaves = own.get(`${poll} ${member}`) ?? new Set();
    if (leaves.has(leaf) || leaves.has("-") || (leaf === "-" && leaves.size > 0)) throw new Error("own");
    own.set(`${poll} ${member}`, leaves.add(leaf));
  }
  return own;
}

function checkOwn(bytes, walk, rolls, takes, report) {
  const where = at.kept("own");
  let own;
  try {
    own = parseOwn(bytes);
  } catch {
    report.fail("5.own", where);
    return;
  }
  for (const [which, leaves] of own) {
    const [poll, member] = which.split(" ");
    const state = walk.polls.get(poll);
    if (!report.expect(state !== undefined, "5.own", where)) continue;
    const roll = rolls.get(poll);
    report.expect(roll === undefined || roll.member.includes(member), "5.own", at.poll(state));
    for (const { take, leaf } of takes.get(poll) ?? []) {
      report.expect(take.member !== member || leaves.has(leaf), "5.own", at.poll(state));
    }
    if (!takes.has(poll) && state.close !== null) report.remarks.push("no-takes");
  }
}
