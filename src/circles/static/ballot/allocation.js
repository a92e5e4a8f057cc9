// most-ticks/1: from totals to awards, in whole minor units, with a working that a reader can redo.
// Twin of protocol/allocation.py. BigInt where a product could pass 2^53, so that all is exact.

import { ruleParameters } from "./text.js";

/** Of "any" its ceiling, without one the largest. */
function request([amount, ceiling]) {
  if (amount !== "any") return amount;
  return ceiling === "-" ? Number.POSITIVE_INFINITY : ceiling;
}

/** More ticks first, then the smaller request, then the number. */
function inOrder(totals, asks) {
  return [...asks.keys()].sort((a, b) => {
    if (totals.get(a) !== totals.get(b)) return totals.get(b) - totals.get(a);
    const [first, second] = [request(asks.get(a)), request(asks.get(b))];
    if (first === second) return a - b;
    return first < second ? -1 : 1;
  });
}

function passedOver(ticks, minTicks, keep) {
  if (ticks === 0) return "no-tick";
  if (ticks < minTicks) return "under-min-ticks";
  return ticks < keep ? "under-keep" : null;
}

function pay([amount, ceiling], share, left, least) {
  if (share === null) return amount <= left ? [amount, "paid"] : [0, "does-not-fit"];
  const given = Math.min(share, left, ceiling === "-" ? left : ceiling);
  // An award is above 0 even where `least` is 0.
  return given >= Math.max(least, 1) ? [given, "paid"] : [0, "under-least"];
}

/**
 * Awards by most-ticks/1.
 * @param parameters the text `least=<minor units>,min-ticks=<n>` of the poll record
 * @param fundMinor the fund, minor units
 * @param totals Map of candidate number and "keep" to ticks
 * @param asks Map of candidate number to [amount or "any", ceiling or "-", "whole" or "part"]
 * @returns {awards: Map of candidate to minor units above 0, ascending; carriedMinor; working}; a
 *   row of `working`: {place, number, ticks, ask, shareMinor, leftBeforeMinor, paidMinor, outcome}
 */
export function mostTicks(parameters, fundMinor, totals, asks) {
  const values = ruleParameters(parameters);
  const [least, minTicks] = [Number(values.least), Number(values["min-ticks"])];
  const allTicks = [...totals.values()].reduce((sum, ticks) => sum + ticks, 0);
  const working = [];
  let left = fundMinor;
  for (const [i, number] of inOrder(totals, asks).entries()) {
    const [ticks, ask] = [totals.get(number), asks.get(number)];
    const share =
      ask[0] === "any" && ticks > 0
        ? Number((BigInt(fundMinor) * BigInt(ticks)) / BigInt(allTicks))
        : null;
    const passed = passedOver(ticks, minTicks, totals.get("keep"));
    const [paidMinor, outcome] = passed === null ? pay(ask, share, left, least) : [0, passed];
    const row = { place: i + 1, number, ticks, ask, shareMinor: share, leftBeforeMinor: left };
    working.push({ ...row, paidMinor, outcome });
    left -= paidMinor;
  }
  const paid = working.filter((row) => row.paidMinor > 0);
  const awards = new Map(
    paid.map((row) => [row.number, row.paidMinor]).sort((a, b) => a[0] - b[0]),
  );
  return { awards, carriedMinor: left, working };
}
