// Sending by itself over time, while the page is open: when each ballot goes is left to chance.
//
// It keeps a host that writes down times from seeing one member's ballots side by side, or right
// after that member's sign-in. It does not hide the address they come from.

/** Before the close everything that is left goes at once: a page may sleep, a network fail. */
export const LAST_MS = 10 * 60 * 1000;
/** How soon what was missed while the page was closed goes, at most. */
const MISSED_MS = 10 * 60 * 1000;
const LOOK_MS = 15 * 1000;

/** A moment between two, each equally likely (to a 2^32nd); the first where they are the wrong way. */
export function momentBetween(from, until) {
  const chance = crypto.getRandomValues(new Uint32Array(1))[0] / 2 ** 32;
  return until <= from ? from : Math.floor(from + chance * (until - from));
}

/** `count` moments within `span` milliseconds from now, none in the last minutes before the close. */
export function moments(count, now, span, closes) {
  const until = Math.min(now + span, closes - LAST_MS);
  return Array.from({ length: count }, () => momentBetween(now, until));
}

/** The moment a record's newest cast waits for; null where it waits for nobody but the member. */
export function dueOf(record) {
  const newest = record.casts.reduce((best, cast) => (cast.seq > (best?.seq ?? 0) ? cast : best), null);
  return newest?.receipt === null && Number.isFinite(newest.due) ? newest.due : null;
}

/** The record with another moment for its newest cast; none at all with null. */
export function withDue(record, due) {
  const last = Math.max(...record.casts.map((cast) => cast.seq));
  const casts = record.casts.map((cast) => {
    const { due: _, ...rest } = cast;
    return cast.seq !== last || due === null ? rest : { ...rest, due };
  });
  return { ...record, casts };
}

/**
 * New moments for what was due while no page was open: at once would tell when the page came back.
 * @returns the records that changed
 */
export function missedAgain(records, now, closes) {
  return records
    .filter((record) => dueOf(record) !== null && dueOf(record) < now)
    .map((record) => withDue(record, moments(1, now, MISSED_MS, closes)[0]));
}

export class Spreading {
  /**
   * @param closes when the box closes, in milliseconds of this clock
   * @param waiting gives the records whose newest cast waits for its moment
   * @param send sends these records, or throws
   * @param tell is told after each look: "waiting", "sent" (nothing is left), "closed" or an error
   */
  constructor({ closes, waiting, send, tell }) {
    Object.assign(this, { closes, waiting, send, tell });
    this.timer = null;
    this.turn = 0;
  }

  start() {
    this.stop();
    this.#next();
  }

  /** Nothing goes by itself from here on; what is on its way just now still arrives. */
  stop() {
    clearTimeout(this.timer);
    this.turn += 1;
  }

  #next() {
    const now = Date.now();
    const dues = this.waiting().map(dueOf);
    if (dues.length === 0) return;
    const wait = Math.min(...dues, this.closes - LAST_MS) - now;
    const { turn } = this;
    this.timer = setTimeout(() => this.#look(turn), Math.min(Math.max(wait, 0), LOOK_MS));
  }

  async #look(turn) {
    const now = Date.now();
    if (now >= this.closes) {
      this.stop();
      this.tell("closed");
      return;
    }
    const last = now >= this.closes - LAST_MS;
    const due = this.waiting().filter((record) => last || dueOf(record) <= now);
    try {
      if (due.length > 0) await this.send(due);
    } catch (error) {
      if (turn !== this.turn) return;
      this.stop();
      this.tell(error);
      return;
    }
    if (turn !== this.turn) return;
    this.tell(this.waiting().length > 0 ? "waiting" : "sent");
    this.#next();
  }
}
