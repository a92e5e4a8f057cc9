// Everything that outsiders recompute of a circle, in the nine steps of protocol.md, 6, in this
// browser. Twin of protocol/verify/: on every archive both find the same failed checks.

import { checkDocuments, checkPayouts, checkSeals } from "./verify-books.js";
import * as evidence from "./verify-evidence.js";
import { checkSignature, checkTree, leavesOf, readHead, readLog } from "./verify-log.js";
import { checkEnding, checkOpenings, checkResult } from "./verify-opening.js";
import { checkCounts, checkRange, checkSlate, counts } from "./verify-polls.js";
import { Report } from "./verify-report.js";
import { Walk } from "./verify-walk.js";

/**
 * Checks a whole archive, and what was kept of it in `kept`. Nothing stops at the first failed
 * check. `progress(phase, done, all, report)` is awaited often; what it throws ends the check.
 * Phases: read, entries, keys, polls, open, kept, books.
 * @returns {Promise<Report>}
 * @throws {UnreadableError} where the archive cannot be read at all
 */
export async function verify(source, kept, progress = async () => {}) {
  const report = new Report();
  const tell = (phase, done = 0, all = 0) => progress(phase, done, all, report);

  // 1: the log
  const head = await readHead(source, report);
  if (head === null) return report;
  const entries = await readLog(source, head.checkpoint.size, report, tell);
  const leaves = await leavesOf(entries);
  await checkTree(source, leaves, head.checkpoint, report);

  // 2: every entry (and 4, of each nomination and ballot by itself)
  const walk = new Walk(report);
  for (const [index, bytes] of entries.entries()) {
    await tell("entries", index, entries.length);
    await walk.entry(index, leaves[index], bytes);
  }
  walk.finish();
  report.clients = walk.clients();

  // 1 again, now that the rotations are known
  await tell("keys");
  const key = await evidence.keptKey(kept);
  const keys = await checkSignature(source, key, head.note, walk.rotations, report);
  if (keys !== null) await evidence.checkCheckpoints(kept, keys, leaves, report);

  await tell("polls");
  await checkPolls(walk, entries, report, tell);

  // 5 with files, 8: what was kept
  await tell("kept");
  await evidence.checkFiles(kept, walk, report);
  if (keys !== null) await evidence.checkReceipts(kept, keys, walk, report);

  // 9: the books
  await tell("books");
  checkPayouts(walk, report);
  checkSeals(walk, report);
  await checkDocuments(source, report);
  report.polls = [...walk.polls.values()].map(counts);
  report.settle();
  return report;
}

async function checkPolls(walk, entries, report, tell) {
  for (const { nominate, vote } of walk.rounds.values()) {
    // 3: the slate
    if (nominate !== undefined && vote !== undefined) await checkSlate(nominate, vote, report);
  }
  for (const state of walk.polls.values()) {
    // 4: where they stand; 5: the counts
    checkRange(state, report);
    checkCounts(state, report);
    if (state.poll.purpose !== "vote") continue;
    // 6: the openings; 7: the result
    const usable = await checkOpenings(state, report);
    checkEnding(state, usable, report);
    const { nominate } = walk.rounds.get(state.poll.round);
    await checkResult(state, nominate, usable, entries, report, tell);
  }
}
