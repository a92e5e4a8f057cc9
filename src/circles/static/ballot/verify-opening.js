// Steps 6 and 7: the trustees' secrets, the ballots opened, the count and the awards.
// Twin of protocol/verify/opening.py.

import { allocate, RuleError } from "./allocation.js";
import { VoidError, openBallot } from "./ballot.js";
import { bytesOf, equal } from "./bytes.js";
import * as seal from "./seal.js";
import { countedPerKey, totals } from "./tally.js";
import { at } from "./verify-report.js";

async function fits(poll, { trustee, secret }) {
  const held = poll.trustee[trustee - 1];
  return held !== undefined && equal(await seal.publicOf(bytesOf(secret)), bytesOf(held.value));
}

/** Step 6: a Map of the secrets that stand between the close and the result or void. */
export async function checkOpenings(state, report) {
  const end = state.result ?? state.void;
  const usable = new Map();
  const met = new Set();
  for (const { index, message } of state.openings) {
    const where = at.entry(index);
    const right = report.expect(await fits(state.poll, message), "6.opening", where);
    report.expect(!met.has(message.trustee), "6.opening", where);
    met.add(message.trustee);
    const after = state.close !== null && index > state.close.index;
    report.expect(after, "6.opening", where);
    const inTime = end === null || index < end.index;
    if (right && after && inTime && !usable.has(message.trustee)) {
      usable.set(message.trustee, message.secret);
    }
  }
  return usable;
}

function shutReason(state) {
  if (state.slate !== null && state.slate.message.candidate.length === 0) return "no-candidates";
  const { voters, takes } = state.close.message;
  const { minVoters, slots } = state.poll;
  const few = voters < minVoters || state.keys <= slots * (minVoters - 1) + takes.reissued;
  return few ? "few-voters" : null;
}

/** Step 6: whether the vote had to end in a result or in a void, and why. */
export function checkEnding(state, usable, report) {
  const empty = state.slate !== null && state.slate.message.candidate.length === 0;
  report.expect(!(empty && state.cast.length > 0), "6.shut", at.poll(state));
  const end = state.result ?? state.void;
  if (state.close === null) {
    report.expect(end === null, "6.ending", at.poll(state));
    return;
  }
  if (end !== null) report.expect(end.index > state.close.index, "6.ending", at.entry(end.index));
  const shut = shutReason(state);
  if (shut !== null && state.openings.length > 0) report.fail("6.shut", at.poll(state));
  const missing = usable.size < state.poll.threshold;
  if (state.result !== null) {
    const where = at.entry(state.result.index);
    report.expect(shut === null, "6.shut", where);
    report.expect(!missing, "6.opening", where);
  }
  if (state.void !== null) {
    const ground = shut ?? (missing ? "not-opened" : null);
    report.expect(state.void.message.reason === ground, "6.void", at.entry(state.void.index));
  }
}

/** Steps 6 and 7: every counted ballot opened again, totals and awards made anew. */
export async function checkResult(state, nominate, usable, entries, report, progress) {
  if (state.result === null || state.slate === null || usable.size < state.poll.threshold) return;
  const where = at.entry(state.result.index);
  const candidates = state.slate.message.candidate.length;
  const choices = [];
  const voids = new Map();
  const counted = countedPerKey(state.cast);
  for (const [done, cast] of counted.entries()) {
    const opened = await open(state, cast, entries, usable, candidates);
    if (typeof opened === "string") voids.set(cast.leaf, opened);
    else choices.push(opened);
    await progress("open", done + 1, counted.length);
  }
  const sums = totals(choices, candidates);
  compareCount(where, state.result.message, choices.length, voids, sums, report);
  const asks = asksOf(state.slate.message, nominate);
  if (state.close !== null && asks !== null) checkAwards(state, asks, sums, choices, report);
}

/** The ticks of a ballot, or why it is void. */
async function open(state, cast, entries, usable, candidates) {
  const { poll } = state;
  const numbers = [...usable.keys()].sort((a, b) => a - b).slice(0, poll.threshold);
  if (numbers.at(-1) > cast.shares) return "share";
  const text = new TextDecoder().decode(entries[cast.index]);
  try {
    return await openBallot(text, poll, usable, candidates);
  } catch (error) {
    if (error instanceof VoidError) return error.reason;
    throw error;
  }
}

function compareCount(where, result, counted, voids, sums, report) {
  report.expect(result.counted === counted, "7.counted", where);
  const said = new Map(result.void.map(({ leaf, reason }) => [leaf, reason]));
  const leaves = new Set([...said.keys(), ...voids.keys()]);
  const same = [...leaves].every((leaf) => said.get(leaf) === voids.get(leaf));
  report.expect(same, "7.voids", where);
  const listed = new Map(result.total.map(({ candidate, ticks }) => [candidate, ticks]));
  const equalTotals =
    listed.size === sums.size && [...sums].every(([who, ticks]) => listed.get(who) === ticks);
  report.expect(equalTotals, "7.totals", where);
}

/** What each candidate asks for, by number; null where one is no nomination (step 3 said so). */
function asksOf(slate, nominate) {
  const known = new Map((nominate?.cast ?? []).map(({ leaf, ask }) => [leaf, ask]));
  const asks = new Map();
  for (const { number, value } of slate.candidate) {
    const ask = known.get(value) ?? null;
    if (ask === null) return null;
    asks.set(number, [ask.amount, ask.ceiling ?? "-", ask.part]);
  }
  return asks;
}

function checkAwards(state, asks, sums, ballots, report) {
  const { fund } = state.close.message;
  if (fund === null) return;
  const where = at.entry(state.result.index);
  const { award, carried } = state.result.message;
  const { name: rule, parameters } = state.poll.rule;
  let found;
  try {
    found = allocate({ rule, parameters, fundMinor: fund.amount, totals: sums, asks, ballots });
  } catch (error) {
    if (!(error instanceof RuleError)) throw error;
    report.fail("7.rule", where);
    return;
  }
  const same =
    award.length === found.awards.size &&
    award.every(({ candidate, amount }) => found.awards.get(candidate) === amount);
  report.expect(same, "7.awards", where);
  report.expect(carried === found.carriedMinor, "7.carried", where);
}
