// What all rules share: the order of dead heats and the shape of a working. Twin of
// protocol/rules/base.py. Amounts are whole minor units; products are made with BigInt.

/** A poll's rule is not known here, or its parameters are not those of the rule. */
export class RuleError extends Error {
  constructor(message) {
    super(message);
    this.name = "RuleError";
  }
}

/** The most that a request can get: its amount or its ceiling; null without one. */
export function limitOf([amount, ceiling]) {
  if (amount !== "any") return amount;
  return ceiling === "-" ? null : ceiling;
}

/** Below 0 if candidate a comes before b: more ticks, then the smaller request, then the number. */
export function before(a, b, totals, asks) {
  if (totals.get(a) !== totals.get(b)) return totals.get(b) - totals.get(a);
  const [first, second] = [a, b].map((n) => limitOf(asks.get(n)) ?? Number.POSITIVE_INFINITY);
  if (first === second) return a - b;
  return first < second ? -1 : 1;
}

/** The candidates' numbers, most ticks first. */
export function inOrder(totals, asks) {
  return [...asks.keys()].sort((a, b) => before(a, b, totals, asks));
}

/** Why a candidate is not looked at whatever the rule, or null. */
export function underFloor(ticks, minTicks) {
  if (ticks === 0) return "no-tick";
  return ticks < minTicks ? "under-min-ticks" : null;
}

/** All ticks, those of `keep` too. */
export function allTicks(totals) {
  return [...totals.values()].reduce((sum, ticks) => sum + ticks, 0);
}

/** `a x b / c`, rounded down, of whole numbers up to 2^53. */
export function partOf(a, b, c) {
  return Number((BigInt(a) * BigInt(b)) / BigInt(c));
}

/** A working while it grows, and the answer of a rule when it is whole. */
export class Working {
  constructor(fundMinor, totals, asks) {
    this.left = fundMinor;
    this.rows = [];
    this.totals = totals;
    this.asks = asks;
  }

  add(number, shareMinor, paidMinor, outcome, shares = []) {
    const row = { place: this.rows.length + 1, number, ticks: this.totals.get(number) };
    const amounts = { shareMinor, leftBeforeMinor: this.left, paidMinor };
    this.rows.push({ ...row, ask: this.asks.get(number), ...amounts, outcome, shares });
    this.left -= paidMinor;
  }

  done(more = {}) {
    const paid = this.rows.filter((row) => row.paidMinor > 0);
    const pairs = paid.map((row) => [row.number, row.paidMinor]);
    const awards = new Map(pairs.sort((a, b) => a[0] - b[0]));
    const rest = { ballots: 0, share: ["0", "1"], steps: [], ...more };
    return { awards, carriedMinor: this.left, working: this.rows, ...rest };
  }
}
