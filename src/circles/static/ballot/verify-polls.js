// Steps 3 to 5: the slate, where the cast messages stand, and the counts of each poll.
// Twin of protocol/verify/polls.py.

import { bytesOf, compare } from "./bytes.js";
import { drawCommit, drawOrder } from "./draw.js";
import { countedPerKey } from "./tally.js";
import { at } from "./verify-report.js";

const SEQ_MAX = 20;

/** Step 3: one slate between the two closes, as the counted nominations and the draw say. */
export async function checkSlate(nominate, vote, report) {
  if (vote.slate === null) {
    report.expect(vote.close === null, "3.slate", at.poll(vote));
    return;
  }
  const { index, message: slate } = vote.slate;
  const where = at.entry(index);
  const after = nominate.close !== null && nominate.close.index < index;
  const before = vote.close === null || index < vote.close.index;
  report.expect(after && before, "3.slate", where);
  const candidates = slate.candidate.map(({ value }) => value);
  const listed = [...candidates, ...slate.omit.map(({ leaf }) => leaf)];
  const counted = new Set(countedPerKey(nominate.cast).map(({ leaf }) => leaf));
  const once = new Set(listed);
  const same = listed.length === once.size && once.size === counted.size;
  report.expect(same && listed.every((leaf) => counted.has(leaf)), "3.nominations", where);
  const commit = await drawCommit(slate.drawSalt);
  report.expect(commit === vote.poll.drawCommit, "3.salt", where);
  const drawn = await drawOrder(slate.drawSalt, candidates);
  report.expect(drawn.every((leaf, i) => leaf === candidates[i]), "3.order", where);
}

/** Step 4, the messages together: contiguous, sorted, right before the close, 20 a key. */
export function checkRange(state, report) {
  if (state.close === null) {
    report.expect(state.cast.length === 0, "4.range", at.poll(state));
    return;
  }
  const { index, message: close } = state.close;
  const where = at.entry(index);
  const { first, count } = close.ballots;
  const stand = state.cast.length === count && state.cast.every((cast, i) => cast.index === first + i);
  report.expect(stand && first + count === index, "4.range", where);
  const within = state.cast.filter((cast) => first <= cast.index && cast.index < index);
  const sorted = within.every(
    ({ leaf }, i) => i === 0 || compare(bytesOf(within[i - 1].leaf), bytesOf(leaf)) < 0,
  );
  report.expect(sorted, "4.sorted", where);
  const times = new Map();
  for (const { key } of state.cast) times.set(key, (times.get(key) ?? 0) + 1);
  report.expect([...times.values()].every((n) => n <= SEQ_MAX), "4.many", where);
}

/** Step 5 without files: V <= T <= N x slots + R, and what the close record says of them. */
export function checkCounts(state, report) {
  if (state.close === null) return;
  const { index, message: close } = state.close;
  const { poll, keys, reissued } = state;
  const { count: taken, reissued: again } = close.takes;
  const holds =
    close.keys === keys &&
    close.ballots.count === state.cast.length &&
    keys <= taken &&
    taken <= poll.roll.members * poll.slots + again &&
    close.voters <= poll.roll.members &&
    close.voters <= taken &&
    taken <= close.voters * poll.slots + again &&
    again === reissued;
  report.expect(holds, "5.counts", at.entry(index));
}

/** The counts to show: N, T, V, R of a poll; takes and voters are null before its close. */
export function counts(state) {
  const close = state.close?.message ?? null;
  return {
    month: state.poll.round,
    purpose: state.poll.purpose,
    members: state.poll.roll.members,
    takes: close?.takes.count ?? null,
    voters: close?.voters ?? null,
    keys: state.keys,
    reissued: close?.takes.reissued ?? state.reissued,
  };
}
