// most-ticks/1 and one-winner/1: down a list with the most ticks first. Twin of
// protocol/rules/most_ticks.py.

import { Working, allTicks, inOrder, limitOf, partOf, underFloor } from "./rules.js";

function passedOver(ticks, minTicks, keep) {
  return underFloor(ticks, minTicks) ?? (ticks < keep ? "under-keep" : null);
}

function pay([amount, ceiling], share, left, least) {
  if (share === null) return amount <= left ? [amount, "paid"] : [0, "does-not-fit"];
  const given = Math.min(share, left, ceiling === "-" ? left : ceiling);
  // An award is above 0 even where `least` is 0.
  return given >= Math.max(least, 1) ? [given, "paid"] : [0, "under-least"];
}

/** Requests are paid in order while they fit. Parameters and answer as `allocation.allocate`. */
export function mostTicks({ least, minTicks }, fundMinor, totals, asks) {
  const all = allTicks(totals);
  const working = new Working(fundMinor, totals, asks);
  for (const number of inOrder(totals, asks)) {
    const [ticks, ask] = [totals.get(number), asks.get(number)];
    const share = ask[0] === "any" && ticks > 0 ? partOf(fundMinor, ticks, all) : null;
    const passed = passedOver(ticks, minTicks, totals.get("keep"));
    const [paid, outcome] =
      passed === null ? pay(ask, share, working.left, least) : [0, passed];
    working.add(number, share, paid, outcome);
  }
  return working.done();
}

function payOne(ask, fundMinor, least) {
  const given = Math.min(limitOf(ask) ?? fundMinor, fundMinor);
  const enough = given === ask[0] || given >= Math.max(least, 1);
  return enough ? [given, "paid"] : [0, "under-least"];
}

/** The first gets what it asked, or the whole fund. */
export function oneWinner({ least, minTicks }, fundMinor, totals, asks) {
  const working = new Working(fundMinor, totals, asks);
  for (const number of inOrder(totals, asks)) {
    const passed = passedOver(totals.get(number), minTicks, totals.get("keep"));
    const taken = working.left < fundMinor ? "not-first" : null;
    const why = passed ?? taken;
    const [paid, outcome] =
      why === null ? payOne(asks.get(number), fundMinor, least) : [0, why];
    working.add(number, null, paid, outcome);
  }
  return working.done();
}
