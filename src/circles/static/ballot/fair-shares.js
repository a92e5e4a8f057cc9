// fair-shares/1: everyone holds an equal share; who ticked a request pays for it. Twin of
// protocol/rules/fair_shares.py.

import { Working, inOrder, underFloor } from "./rules.js";
import { buy, raised } from "./shares.js";

/** The fund without the shares of those who ticked only "keep". */
function inPlay(fundMinor, ballots) {
  const kept = ballots.filter((ticks) => ticks.length === 1 && ticks[0] === "keep").length;
  return Number((BigInt(fundMinor) * BigInt(ballots.length - kept)) / BigInt(ballots.length));
}

function itemsOf(fixed, ballots, asks) {
  const supporters = new Map(fixed.map((number) => [number, []]));
  for (const [i, ticks] of ballots.entries()) {
    for (const tick of ticks) supporters.get(tick)?.push(i);
  }
  return fixed.map((number, rank) => {
    const priceMinor = asks.get(number)[0];
    return { number, priceMinor, supporters: supporters.get(number), rank };
  });
}

/** What each "any amount" candidate inside gets of what the ballots still hold. */
function partsOf(inside, ballots, held, [times, over], asks) {
  const sums = new Map(inside.map((number) => [number, new Map()]));
  for (const [i, ticks] of ballots.entries()) {
    const ticked = ticks.filter((tick) => sums.has(tick));
    for (const tick of ticked) {
      const by = sums.get(tick);
      by.set(ticked.length, (by.get(ticked.length) ?? 0n) + held[i]);
    }
  }
  const parts = new Map();
  for (const number of inside) {
    // Up to 20 ticks a ballot: 20! / n is whole for each n.
    const common = 2432902008176640000n;
    let sum = 0n;
    for (const [many, amount] of sums.get(number)) sum += (amount * common) / BigInt(many);
    const part = Number((sum * times) / (common * over));
    const [, ceiling] = asks.get(number);
    parts.set(number, ceiling === "-" ? part : Math.min(part, ceiling));
  }
  return parts;
}

function give(working, anyone, ballots, purse, values, asks) {
  const together = purse.value.reduce((sum, held) => sum + held, 0n);
  const worth =
    values.completion === "add1" ? [BigInt(working.left), together] : [1n, purse.over];
  let inside = anyone;
  while (inside.length > 0 && together > 0n) {
    const parts = partsOf(inside, ballots, purse.value, worth, asks);
    const small = inside.filter((number) => parts.get(number) < Math.max(values.least, 1));
    if (small.length === 0) {
      for (const number of inside) working.add(number, null, parts.get(number), "paid");
      return;
    }
    inside = inside.filter((number) => number !== small[small.length - 1]);
  }
}

function missed(ask, completion) {
  if (ask[0] === "any") return "under-least";
  return completion === "ticks" ? "does-not-fit" : "not-covered";
}

/**
 * Awards by fair-shares/1. Parameters and answer as `allocation.allocate`.
 * @param ballots list of lists of ticks, blank ones included
 */
export function fairShares(values, fundMinor, totals, asks, ballots) {
  const working = new Working(fundMinor, totals, asks);
  const listed = inOrder(totals, asks);
  const out = new Map(listed.map((n) => [n, underFloor(totals.get(n), values.minTicks)]));
  const isIn = (n) => out.get(n) === null;
  const fixed = listed.filter((n) => isIn(n) && asks.get(n)[0] !== "any");
  let fund = BigInt(fundMinor);
  if (ballots.length > 0) {
    const items = itemsOf(fixed, ballots, asks);
    if (values.completion === "add1") {
      const play = inPlay(fundMinor, ballots);
      fund = raised(ballots.length, fundMinor, play, values.step, items);
    }
    const { bought, purse } = buy(ballots.length, fund, items);
    for (const { item, shares } of bought) {
      working.add(item.number, null, item.priceMinor, "paid", shares);
    }
    const anyone = listed.filter((n) => isIn(n) && asks.get(n)[0] === "any");
    give(working, anyone, ballots, purse, values, asks);
  }
  const done = new Set(working.rows.map((row) => row.number));
  if (values.completion === "ticks") {
    const reserved = ballots.length > 0 ? fundMinor - inPlay(fundMinor, ballots) : 0;
    for (const number of fixed) {
      const [wanted] = asks.get(number);
      if (done.has(number) || wanted > working.left - reserved) continue;
      working.add(number, null, wanted, "paid");
      done.add(number);
    }
  }
  for (const number of listed) {
    if (done.has(number)) continue;
    working.add(number, null, 0, out.get(number) ?? missed(asks.get(number), values.completion));
  }
  const share = ballots.length > 0 ? [String(fund), String(ballots.length)] : ["0", "1"];
  return working.done({ ballots: ballots.length, share });
}
