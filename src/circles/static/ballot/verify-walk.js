// Step 2: every entry in turn. What belongs together is gathered by poll for the later steps; the
// check of a single nomination or ballot (step 4) is made here too. Twin of protocol/verify/walk.py.

import { base64url, bytesOf, utf8 } from "./bytes.js";
import { checkTokens } from "./ballot.js";
import * as ed25519 from "./ed25519.js";
import { parse, signedText, typeOf } from "./text.js";
import { at } from "./verify-report.js";

const OF_VOTE = new Set(["slate", "opening", "result", "void", "payout"]);
const LOGGED = new Set([...OF_VOTE, "poll", "event", "close", "seal", "rotation", "ballot", "nomination"]);

/** A poll record and all that follows it in the log, each {index, message}. */
class PollState {
  constructor(index, leaf, poll) {
    Object.assign(this, { index, leaf, poll, events: [], cast: [], openings: [] });
    Object.assign(this, { close: null, slate: null, slateLeaf: null, result: null, void: null });
  }

  /** Credentials issued anew, by the last event. */
  get reissued() {
    return this.events.at(-1)?.reissued ?? 0;
  }

  /** take-from, opens and closes, by the last event. */
  get times() {
    const { takeFrom, opens, closes } = this.events.at(-1) ?? this.poll;
    return [takeFrom, opens, closes];
  }

  /** Distinct ballot keys. */
  get keys() {
    return new Set(this.cast.map((cast) => cast.key)).size;
  }
}

export class Walk {
  constructor(report) {
    this.report = report;
    this.polls = new Map();
    this.rounds = new Map();
    this.seals = new Map();
    this.payouts = [];
    this.rotations = [];
    this.circle = null;
    this.issuers = new Set();
    this.trustees = new Set();
    this.seen = new Set();
  }

  /** Looks at one entry; `hash` is its leaf hash. */
  async entry(index, hash, bytes) {
    const where = at.entry(index);
    const type = typeOf(bytes);
    let message;
    try {
      if (!LOGGED.has(type)) throw new Error("This is no record of a log.");
      message = parse(type, bytes);
    } catch {
      this.report.fail("2.parse", where);
      return;
    }
    const leaf = base64url(hash);
    if (type !== "event") {
      if (!this.report.expect(!this.seen.has(leaf), "2.once", where)) return;
      this.seen.add(leaf);
    }
    if (type === "ballot" || type === "nomination") await this.#cast(index, leaf, bytes, type, message);
    else this.#record(index, leaf, type, message);
  }

  /** What can be said only at the end: both purposes, and their times side by side. */
  finish() {
    for (const [month, { nominate, vote }] of this.rounds) {
      const where = at.round(month);
      const both = nominate !== undefined && vote !== undefined;
      if (!this.report.expect(both, "2.round", where)) continue;
      this.report.expect(nominate.times[2] <= vote.times[1], "2.times", where);
    }
  }

  /** All hashes of served scripts, in the order of their first mention. */
  clients() {
    const states = [...this.polls.values()];
    return [...new Set(states.flatMap(({ poll, events }) => [poll, ...events].flatMap((r) => r.client)))];
  }

  #record(index, leaf, type, message) {
    if (type === "poll") this.#poll(index, leaf, message);
    else if (type === "event") this.#event(index, message);
    else if (type === "close") this.#close(index, message);
    else if (type === "rotation") this.rotations.push({ index, message });
    else if (type === "seal") {
      this.#oneCircle(index, message.circle);
      this.seals.set(leaf, { index, message });
    } else this.#ofVote(index, leaf, type, message);
  }

  #oneCircle(index, circle) {
    this.circle ??= circle;
    this.report.expect(circle === this.circle, "2.circle", at.entry(index));
  }

  #poll(index, leaf, poll) {
    const where = at.entry(index);
    this.#oneCircle(index, poll.circle);
    const state = new PollState(index, leaf, poll);
    this.polls.set(leaf, state);
    const purposes = this.rounds.get(poll.round) ?? {};
    this.rounds.set(poll.round, purposes);
    purposes[poll.purpose] ??= state;
    this.report.expect(purposes[poll.purpose] === state, "2.round", where);
    for (const { value } of poll.issuer) {
      const n = bytesOf(value);
      this.report.expect(n[0] >= 0x80 && n.at(-1) % 2 === 1, "2.issuer", where);
      this.report.expect(!this.issuers.has(value), "2.issuer", where);
      this.issuers.add(value);
    }
    for (const { value } of poll.trustee) {
      this.report.expect(!this.trustees.has(value), "2.trustee", where);
      this.trustees.add(value);
    }
    this.report.expect(poll.threshold <= poll.trustee.length, "2.trustee", where);
    this.#timesInOrder(where, state);
  }

  #timesInOrder(where, { times: [takeFrom, opens, closes] }) {
    this.report.expect(takeFrom <= opens && opens < closes, "2.times", where);
  }

  /** The poll that an entry names, of that purpose; null with a problem noted. */
  #state(index, poll, purpose = null) {
    const state = this.polls.get(poll) ?? null;
    const where = at.entry(index);
    if (!this.report.expect(state !== null, "2.follows", where)) return null;
    const fits = purpose === null || state.poll.purpose === purpose;
    return this.report.expect(fits, "2.purpose", where) ? state : null;
  }

  #event(index, event) {
    const state = this.#state(index, event.poll);
    if (state === null) return;
    const where = at.entry(index);
    this.report.expect(state.close === null, "2.event", where);
    this.report.expect(event.reissued >= state.reissued, "2.event", where);
    state.events.push(event);
    this.#timesInOrder(where, state);
  }

  #close(index, message) {
    const state = this.#state(index, message.poll);
    if (state === null) return;
    const where = at.entry(index);
    if (!this.report.expect(state.close === null, "2.close", where)) return;
    const vote = state.poll.purpose === "vote";
    this.report.expect((message.fund !== null) === vote, "2.close", where);
    state.close = { index, message };
  }

  #ofVote(index, leaf, type, message) {
    const state = this.#state(index, message.poll, "vote");
    if (state === null) return;
    const where = at.entry(index);
    const held = { index, message };
    if (type === "opening") state.openings.push(held);
    else if (type === "payout") this.payouts.push(held);
    else if (type === "slate") {
      if (!this.report.expect(state.slate === null, "3.slate", where)) return;
      Object.assign(state, { slate: held, slateLeaf: leaf });
    } else {
      const first = state.result === null && state.void === null;
      if (this.report.expect(first, "6.ending", where)) state[type] = held;
    }
  }

  async #cast(index, leaf, bytes, type, message) {
    const where = at.entry(index);
    const state = this.#state(index, message.poll, type === "ballot" ? "vote" : "nominate");
    if (state === null) return;
    if (type === "ballot") {
      const fits = state.slate !== null && message.slate === state.slateLeaf;
      this.report.expect(fits, "4.slate", where);
      const shares = message.share.length === state.poll.trustee.length;
      this.report.expect(shares, "4.share", where);
    }
    const text = new TextDecoder().decode(bytes);
    this.report.expect(await tokensHold(state.poll, message), "4.token", where);
    const covered = utf8(signedText(text));
    const signed = await ed25519.verify(bytesOf(message.key), covered, bytesOf(message.sig));
    this.report.expect(signed, "4.signature", where);
    const { key, seq, ask = null, share = [] } = message;
    state.cast.push({ index, leaf, key, seq, ask, shares: share.length });
  }
}

async function tokensHold(poll, message) {
  try {
    await checkTokens(message, poll);
    return true;
  } catch {
    return false;
  }
}
