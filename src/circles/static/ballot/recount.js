// The whole count of a month again, from the public log alone: every ballot checked and opened, the
// ticks, the awards by the rule of the poll record. What differs from the logged result is named.

import { allocate } from "./allocation.js";
import { VoidError, checkCast, openBallot } from "./ballot.js";
import { readVote } from "./check.js";
import { TroubleError, publicRecord } from "./log.js";
import { countedPerKey, totals } from "./tally.js";
import { parse } from "./text.js";

/** What each candidate of a slate asks for: a Map of number to [amount, ceiling, part]. */
async function asksOf(booth, slate) {
  const asks = new Map();
  for (const { number, value } of slate.candidate) {
    const index = await booth.log.indexOf(value);
    if (index === null) throw new TroubleError("not-logged");
    const [entry] = await booth.log.entries(index, index + 1);
    const { amount, ceiling, part } = parse("nomination", entry).ask;
    asks.set(number, [amount, ceiling ?? "-", part]);
  }
  return asks;
}

async function open(vote, ballot, slateId) {
  await checkCast("ballot", ballot.text, { poll: vote.poll, pollId: vote.id, slate: slateId });
  try {
    return await openBallot(ballot.text, vote.poll, vote.secrets, vote.slate.candidate.length);
  } catch (error) {
    if (error instanceof VoidError) return null;
    throw error;
  }
}

function differences(result, opened, sums, made) {
  const said = new Map(result.total.map(({ candidate, ticks }) => [candidate, ticks]));
  const awards = new Map(result.award.map(({ candidate, amount }) => [candidate, amount]));
  const same = (one, other) =>
    one.size === other.size && [...one].every(([key, value]) => other.get(key) === value);
  const holds = {
    counted: result.counted === opened.filter((ticks) => ticks !== null).length,
    totals: same(said, sums),
    awards: same(awards, made.awards),
    carried: result.carried === made.carriedMinor,
  };
  return Object.keys(holds).filter((name) => !holds[name]);
}

/**
 * Counts a month again.
 * @param booth {base, month, log: LogView}
 * @param progress told (ballots done, all of them)
 * @returns {size: entries of the log, counted, voids, totals, made: as allocation.allocate,
 *   differs: names of what is not as the logged result says}
 * @throws {TroubleError|Error} what cannot be read, or is no ballot of this vote
 */
export async function recount(booth, progress = () => {}) {
  const vote = await readVote(booth);
  const [result, slate] = [
    await publicRecord(booth.base, booth.month, "vote/result"),
    await publicRecord(booth.base, booth.month, "vote/slate"),
  ];
  if (vote.outcome !== "counted" || result === null) throw new TroubleError("not-closed");
  const opened = [];
  const counted = countedPerKey(vote.ballots);
  progress(0, counted.length);
  for (const ballot of counted) {
    opened.push(await open(vote, ballot, slate.id));
    progress(opened.length, counted.length);
  }
  const ballots = opened.filter((ticks) => ticks !== null);
  const sums = totals(ballots, vote.slate.candidate.length);
  const made = allocate({
    rule: vote.poll.rule.name,
    parameters: vote.poll.rule.parameters,
    fundMinor: vote.close.fund.amount,
    totals: sums,
    asks: await asksOf(booth, vote.slate),
    ballots,
  });
  return {
    size: booth.log.checkpoint.size,
    counted: ballots.length,
    voids: opened.length - ballots.length,
    totals: sums,
    made,
    differs: differences(result.record, opened, sums, made),
  };
}
