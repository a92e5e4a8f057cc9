// most-ticks/1: from totals to amounts, in whole minor units. Twin of protocol/allocation.py.
// In BigInt where a product could pass 2^53, so that every amount is exact.

import { ruleParameters } from "./text.js";

/**
 * The order in which requests are looked at: more ticks, then the smaller request (of "any" its
 * ceiling, without one the largest), then the number.
 */
function placed(totals, asks) {
  const size = ([amount, ceiling]) => {
    if (amount !== "any") return amount;
    return ceiling === "-" ? Number.POSITIVE_INFINITY : ceiling;
  };
  return [...asks.keys()].sort((a, b) => {
    if (totals.get(a) !== totals.get(b)) return totals.get(b) - totals.get(a);
    const [first, second] = [size(asks.get(a)), size(asks.get(b))];
    return first === second ? a - b : first - second;
  });
}

function part(fund, ticks, allTicks) {
  return Number((BigInt(fund) * BigInt(ticks)) / BigInt(allTicks));
}

/**
 * Awards by most-ticks/1.
 * @param parameters the text `least=<minor units>,min-ticks=<n>` of the poll record
 * @param fund minor units
 * @param totals Map of candidate number and "keep" to ticks
 * @param asks Map of candidate number to [amount or "any", ceiling or "-", "whole" or "part"]
 * @returns {awards: Map of candidate to minor units above 0, carried, working}; `working` has one
 *   row a request in the order looked at: {candidate, ticks, left, outcome, amount}
 */
export function mostTicks(parameters, fund, totals, asks) {
  const values = ruleParameters(parameters);
  const [least, minTicks] = [Number(values.least), Number(values["min-ticks"])];
  const allTicks = [...totals.values()].reduce((sum, ticks) => sum + ticks, 0);
  const awards = new Map();
  const working = [];
  let left = fund;
  for (const candidate of placed(totals, asks)) {
    const ticks = totals.get(candidate);
    const [asked, ceiling] = asks.get(candidate);
    const row = { candidate, ticks, left, outcome: "paid", amount: 0 };
    const share = () =>
      Math.min(part(fund, ticks, allTicks), left, ceiling === "-" ? left : ceiling);
    if (ticks === 0) row.outcome = "no-ticks";
    else if (ticks < minTicks) row.outcome = "under-min-ticks";
    else if (ticks < totals.get("keep")) row.outcome = "under-keep";
    else if (asked === "any") {
      row.amount = share();
      if (row.amount < least || row.amount === 0) [row.outcome, row.amount] = ["under-least", 0];
    } else if (asked <= left) row.amount = asked;
    else row.outcome = "does-not-fit";
    if (row.amount > 0) awards.set(candidate, row.amount);
    left -= row.amount;
    working.push(row);
  }
  return { awards, carried: left, working };
}
