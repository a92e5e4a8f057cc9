// Taking, casting and checking as the pages do, with answers that survive JSON.

import * as cast from "/static/ballot/cast.js";
import * as check from "/static/ballot/check.js";
import { LogView } from "/static/ballot/log.js";
import * as storing from "/static/ballot/store.js";
import * as take from "/static/ballot/take.js";

const SCOPE = "/c/maple-row";
const MONTH = "2026-10";

function boothOf(ids) {
  const store = new storing.Store(SCOPE);
  return {
    base: SCOPE,
    cast: `/cast/maple-row/${MONTH}`,
    month: MONTH,
    who: "me",
    store,
    log: new LogView(SCOPE, store),
    ...ids,
  };
}

/** What `work` gives, or {trouble: code} where it throws one of ours. */
async function told(work) {
  try {
    return await work();
  } catch (error) {
    return { trouble: error.code ?? `${error.name}: ${error.message}` };
  }
}

const quick = () => Promise.resolve();

export function collect(ids, purposes = ["nominate", "vote"]) {
  return told(async () => {
    const steps = [];
    const records = await take.collect(boothOf(ids), purposes, (n, all) => steps.push([n, all]));
    return { records, steps };
  });
}

export function stored(poll = null) {
  return new storing.Store(SCOPE).credentials(poll);
}

export function vote(ids, ticks) {
  return told(async () => {
    const booth = boothOf(ids);
    const checked = await cast.compareWithPublic(booth, "vote");
    const line = booth.store.line(checked.poll.id, booth.who);
    const records = cast.usable(booth.store, checked.poll.id, line);
    const sealed = await cast.sealVote(booth, checked, records, ticks);
    return { records: await cast.sendAll(booth, "vote", sealed, undefined, quick) };
  });
}

export function sendPending(ids) {
  return told(async () => {
    const booth = boothOf(ids);
    await booth.log.refresh();
    const waiting = cast.pending(booth.store.credentials(ids.polls.vote));
    return { records: await cast.sendAll(booth, "vote", waiting, undefined, quick) };
  });
}

export function nominate(ids, slot, nomination) {
  return told(async () => {
    const booth = boothOf(ids);
    const { poll } = await cast.compareWithPublic(booth, "nominate");
    const records = cast.usable(booth.store, poll.id, booth.store.line(poll.id, booth.who));
    const kept = await cast.prepareNomination(booth, records[slot], nomination);
    return { record: await cast.send(booth, "nominate", kept, quick) };
  });
}

export function ownEntries(ids) {
  return told(async () => {
    const booth = boothOf(ids);
    const seen = await check.readVote(booth);
    const line = booth.store.line(seen.id, booth.who);
    const entries = await check.ownEntries(booth, seen, line);
    return { entries, strange: await check.strangeTakes(booth, "vote", seen, line), outcome: seen.outcome };
  });
}

export function save() {
  return storing.toFile(SCOPE, new storing.Store(SCOPE).credentials());
}

export function load(text, scope = SCOPE) {
  return told(async () => {
    const store = new storing.Store(SCOPE);
    return { usable: storing.load(store, await storing.fromFile(scope, text)) };
  });
}

export function forgetOld(month) {
  const store = new storing.Store(SCOPE);
  store.forgetOld(month);
  return store.credentials().map((record) => record.seed !== null);
}

export function clear() {
  localStorage.clear();
}

export function deals(ticks, count, most) {
  return told(async () => ({ hands: cast.deal(ticks, count, most) }));
}

export function brokenStorage() {
  const full = {
    setItem() {
      throw new DOMException("full", "QuotaExceededError");
    },
    getItem: () => null,
    removeItem() {},
  };
  const forgetful = { setItem() {}, getItem: () => null, removeItem() {} };
  return Promise.all(
    [full, forgetful].map((storage) => told(async () => new storing.Store(SCOPE, storage).probe())),
  );
}
