// The purchases of fair-shares (Method of Equal Shares, cost satisfaction), exactly, and the raising
// of shares for add1. Twin of protocol/rules/shares.py and add1.py. Everybody's money is a BigInt
// over one common denominator; here it is a line as well: `value` now, `slope` for each step more.

function gcd(a, b) {
  let [x, y] = [a < 0n ? -a : a, b < 0n ? -b : b];
  while (y > 0n) [x, y] = [y, x % y];
  return x;
}

function lowest(amount, over) {
  const common = gcd(amount, over);
  return [String(amount / common), String(over / common)];
}

function sign(a) {
  if (a === 0n) return 0;
  return a > 0n ? 1 : -1;
}

/** What every ballot holds. `holds` is for how many steps every comparison so far stays as it is. */
export class Purse {
  constructor(ballots, fund, slope = 0n) {
    const common = gcd(gcd(fund, slope), BigInt(ballots));
    this.over = BigInt(ballots) / common;
    this.value = Array(ballots).fill(fund / common);
    this.slope = Array(ballots).fill(slope / common);
    this.holds = null;
  }

  bound(steps) {
    if (this.holds === null || steps < this.holds) this.holds = steps;
  }

  /** Whether [value, slope] is at least the other, now. */
  reaches(one, other) {
    const [ahead, nearer] = [one[0] - other[0], other[1] - one[1]];
    if (ahead >= 0n) {
      if (nearer > 0n) this.bound(ahead / nearer);
      return true;
    }
    if (nearer < 0n) this.bound((-ahead - 1n) / -nearer);
    return false;
  }

  /** {rest, payers, price, poor} of an item, or null if its supporters cannot cover it. */
  offer({ priceMinor, supporters }) {
    const line = (b) => [this.value[b], this.slope[b]];
    const sorted = [...supporters].sort(
      (a, b) => sign(this.value[a] - this.value[b]) || sign(this.slope[a] - this.slope[b]),
    );
    for (let i = 1; i < sorted.length; i += 1) this.reaches(line(sorted[i]), line(sorted[i - 1]));
    const price = BigInt(priceMinor) * this.over;
    const together = [0n, 0n];
    for (const b of sorted) {
      together[0] += this.value[b];
      together[1] += this.slope[b];
    }
    if (!this.reaches(together, [price, 0n])) return null;
    let rest = [price, 0n];
    let payers = BigInt(sorted.length);
    const poor = new Set();
    for (const b of sorted) {
      if (this.reaches([this.value[b] * payers, this.slope[b] * payers], rest)) break;
      rest = [rest[0] - this.value[b], rest[1] - this.slope[b]];
      payers -= 1n;
      poor.add(b);
    }
    return { rest, payers, price, poor };
  }

  /** Takes the price of an item; what the ballots paid, [ballots, [minor units, divisor]]. */
  pay({ supporters }, { rest, payers, poor }) {
    const times = payers / gcd(gcd(rest[0], rest[1]), payers);
    if (times > 1n) {
      this.over *= times;
      this.value = this.value.map((held) => held * times);
      this.slope = this.slope.map((held) => held * times);
    }
    const payment = rest.map((part) => (part * times) / payers);
    const given = new Map();
    for (const b of supporters) {
      const pays = poor.has(b) ? [this.value[b], this.slope[b]] : payment;
      const said = String(pays[0]);
      if (pays[0] > 0n) given.set(said, (given.get(said) ?? 0) + 1);
      this.value[b] -= pays[0];
      this.slope[b] -= pays[1];
    }
    const rows = [...given].map(([amount, ballots]) => [BigInt(amount), ballots]);
    rows.sort((a, b) => sign(a[0] - b[0]));
    return rows.map(([amount, ballots]) => ({ ballots, each: lowest(amount, this.over) }));
  }

  /** Of the offers the one to take: the highest payment is the smallest part of its price. */
  first(offers) {
    const gap = (a, b) => {
      const [mine, others] = [a.offer.payers * a.offer.price, b.offer.payers * b.offer.price];
      return [0, 1].map((i) => b.offer.rest[i] * mine - a.offer.rest[i] * others);
    };
    let first = offers[0];
    for (const one of offers) {
      const [ahead] = gap(one, first);
      if (ahead > 0n || (ahead === 0n && one.item.rank < first.item.rank)) first = one;
    }
    for (const other of offers) {
      if (other === first) continue;
      const [ahead, slope] = gap(first, other);
      const wins = first.item.rank < other.item.rank;
      if (slope < 0n) this.bound((wins ? ahead : ahead - 1n) / -slope);
    }
    return first;
  }
}

/**
 * All purchases in their order.
 * @param items list of {number, priceMinor, supporters: ballots' indexes, rank in a dead heat}
 * @returns {bought: list of {item, shares}, purse}
 */
export function buy(ballots, fund, items, slope = 0n) {
  const purse = new Purse(ballots, fund, slope);
  const bought = [];
  let waiting = items.filter((item) => item.supporters.length > 0);
  for (;;) {
    const offers = waiting.map((item) => ({ item, offer: purse.offer(item) }));
    const open = offers.filter(({ offer }) => offer !== null);
    if (open.length === 0) return { bought, purse };
    const { item, offer } = purse.first(open);
    bought.push({ item, shares: purse.pay(item, offer) });
    waiting = waiting.filter((one) => one !== item);
  }
}

/** What all shares together begin with under add1, in minor units: the fund raised by steps. */
export function raised(ballots, fundMinor, inPlay, stepMinor, items) {
  const each = BigInt(ballots) * BigInt(stepMinor);
  let good = 0n;
  let steps = 0n;
  for (;;) {
    const fund = BigInt(fundMinor) + each * steps;
    const { bought, purse } = buy(ballots, fund, items, each);
    const left = bought.reduce((sum, { item }) => sum - BigInt(item.priceMinor), BigInt(inPlay));
    if (left < 0n) return BigInt(fundMinor) + each * good;
    const done = new Set(bought.map(({ item }) => item));
    const fits = (item) => item.supporters.length > 0 && BigInt(item.priceMinor) <= left;
    if (!items.some((item) => !done.has(item) && fits(item))) return fund;
    good = steps + (purse.holds ?? 0n);
    steps = good + 1n;
  }
}
