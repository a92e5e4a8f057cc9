// split/1: the fund is divided by ticks, nobody gets more than it asked. Twin of
// protocol/rules/split.py, where it is said why the division ends.

import { Working, allTicks, inOrder, limitOf, partOf, underFloor } from "./rules.js";

/** The pool while it is divided: who is inside, who was paid in full, who is out and why. */
class Division {
  constructor({ least, minTicks }, fundMinor, totals, asks) {
    this.least = BigInt(least);
    this.totals = totals;
    this.asks = asks;
    this.pool = BigInt(fundMinor);
    this.poolTicks = BigInt(totals.get("keep"));
    this.paid = new Map();
    this.out = new Map();
    this.steps = [];
    this.inside = [];
    for (const number of inOrder(totals, asks)) {
      const [ticks, ask] = [totals.get(number), asks.get(number)];
      const tooLow = ask[0] === "any" && ask[1] !== "-" && ask[1] < least;
      const passed = underFloor(ticks, minTicks) ?? (tooLow ? "under-least" : null);
      if (passed !== null) {
        this.out.set(number, passed);
        continue;
      }
      this.inside.push(number);
      this.poolTicks += BigInt(ticks);
    }
    // Who gets all it asked as soon as a tick is worth little comes first.
    this.full = this.inside.filter((number) => limitOf(asks.get(number)) !== null);
    const rank = new Map(this.inside.map((number, i) => [number, i]));
    const worth = (a, b) =>
      BigInt(limitOf(asks.get(a))) * BigInt(totals.get(b)) -
      BigInt(limitOf(asks.get(b))) * BigInt(totals.get(a));
    this.full.sort((a, b) => Number(worth(a, b)) || rank.get(a) - rank.get(b));
  }

  run() {
    this.payFull();
    for (const number of [...this.inside].reverse()) {
      if (this.paid.has(number)) continue;
      const [amount, , part] = this.asks.get(number);
      const whole = amount !== "any" && part === "whole";
      if (!whole && this.partTimes(number) >= this.least * this.poolTicks) continue;
      this.out.set(number, whole ? "part-too-small" : "under-least");
      this.step("drop", number, 0);
      this.poolTicks -= BigInt(this.totals.get(number));
      this.payFull();
    }
    if (this.poolTicks > 0n) this.round();
  }

  /** A candidate's part of the pool, times the pool's ticks. */
  partTimes(number) {
    return this.pool * BigInt(this.totals.get(number));
  }

  step(what, number, paidMinor) {
    const [poolMinor, poolTicks] = [Number(this.pool), Number(this.poolTicks)];
    this.steps.push({ what, number, poolMinor, poolTicks, paidMinor });
  }

  payFull() {
    while (this.full.length > 0) {
      const number = this.full[0];
      if (!this.out.has(number)) {
        const most = limitOf(this.asks.get(number));
        if (this.partTimes(number) < BigInt(most) * this.poolTicks) return;
        this.paid.set(number, most);
        this.step("full", number, most);
        this.pool -= BigInt(most);
        this.poolTicks -= BigInt(this.totals.get(number));
      }
      this.full.shift();
    }
  }

  /** Largest remainder; `keep` has its part and comes last. */
  round() {
    const inside = this.inside.filter((n) => !this.paid.has(n) && !this.out.has(n));
    const parts = inside.map((n) => [n, this.partTimes(n)]);
    parts.push([Number.POSITIVE_INFINITY, this.pool * BigInt(this.totals.get("keep"))]);
    const whole = new Map(parts.map(([n, part]) => [n, part / this.poolTicks]));
    const odd = Number([...whole.values()].reduce((left, part) => left - part, this.pool));
    const rests = parts.map(([n, part]) => [part % this.poolTicks, n]);
    rests.sort((a, b) => {
      if (a[0] !== b[0]) return a[0] > b[0] ? -1 : 1;
      return a[1] < b[1] ? -1 : 1;
    });
    const lucky = new Set(rests.slice(0, odd).map(([, n]) => n));
    for (const number of inside) {
      const paid = Number(whole.get(number)) + (lucky.has(number) ? 1 : 0);
      this.step("part", number, paid);
      if (paid > 0) this.paid.set(number, paid);
    }
  }
}

/** Awards by split/1. Parameters and answer as `allocation.allocate`. */
export function split(values, fundMinor, totals, asks) {
  const division = new Division(values, fundMinor, totals, asks);
  division.run();
  const all = allTicks(totals);
  const working = new Working(fundMinor, totals, asks);
  for (const number of inOrder(totals, asks)) {
    const ticks = totals.get(number);
    const share = ticks > 0 ? partOf(fundMinor, ticks, all) : null;
    const paid = division.paid.get(number) ?? 0;
    const outcome = division.out.get(number) ?? (paid > 0 ? "paid" : "under-least");
    working.add(number, share, paid, outcome);
  }
  return working.done({ steps: division.steps });
}
