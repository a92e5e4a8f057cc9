// The practice ballot: the same steps as the real one, with a box that is made up in this page.

import { BallotForm, wordsFor } from "./ballot-form.js";
import {
  clearTrouble,
  dots,
  every,
  fromButton,
  one,
  pageData,
  progressIn,
  showPart,
  showTrouble,
  whatIsMissing,
} from "./page.js";
import * as practice from "./practice.js";

const data = pageData();
const { words } = data;
const form = new BallotForm(words, data.ticks);
const box = [];
let made = null;
let own = [];
let seq = 0;

/** What the real page asks of a browser but for the storage: nothing is kept here. */
const nothingKept = { probe() {} };

function go(name) {
  clearTrouble();
  showPart(name);
}

async function collect() {
  const progress = progressIn(one("[data-progress-collect]"), words.collected);
  progress(0, data.ballots);
  made = await practice.round({ ...data.vote, asks: new Map(data.vote.asks) });
  for (let slot = 0; slot < data.ballots; slot += 1) {
    own.push(await practice.collect(made, slot));
    progress(slot + 1, data.ballots);
  }
  return true;
}

async function send() {
  seq += 1;
  await practice.put(made, box, await practice.sealAll(made, own, form.flat(), seq));
  return true;
}

/** The neighbours vote, the box is opened. */
async function count() {
  const progress = progressIn(one("[data-progress-count]"), words.neighbours);
  progress(0, data.neighbours);
  const all = [...box];
  for (let i = 0; i < data.neighbours; i += 1) {
    const theirs = [];
    for (let slot = 0; slot < data.ballots; slot += 1) theirs.push(await practice.collect(made, slot));
    const ticks = practice.madeUpTicks(data.ballots, made.asks.size);
    await practice.put(made, all, await practice.sealAll(made, theirs, ticks));
    progress(i + 1, data.neighbours);
  }
  return practice.count(made, all);
}

function nameOf(tick) {
  return one(`[data-candidate="${tick}"] h3`).textContent;
}

function showCount({ entries, totals, awards, carriedMinor }) {
  const keys = new Set(own.map((credential) => credential.key));
  const list = one("[data-totals]");
  list.replaceChildren();
  for (const [candidate, ticks] of totals) {
    const item = one("template[data-tally]").content.cloneNode(true).firstElementChild;
    one("h3", item).textContent = nameOf(candidate);
    one(".num", item).textContent = wordsFor(words.ticks, ticks) || words.none;
    if (ticks > 0) item.append(dots(ticks));
    const got = awards.get(candidate);
    if (got !== undefined) item.append(awarded(got));
    list.append(item);
  }
  one("[data-carried]").textContent = words.carried.replace("{amount}", money(carriedMinor));
  const mine = one("[data-mine]");
  mine.replaceChildren();
  for (const { place, key, ticks } of entries) {
    if (!keys.has(key)) continue;
    const item = one("template[data-entry]").content.cloneNode(true).firstElementChild;
    const kind = ticks.length === 0 ? words.readBlank : words.read;
    one("b", item).textContent = kind
      .replace("{entry}", String(place))
      .replace("{what}", ticks.map(nameOf).join(""));
    mine.append(item);
  }
}

function money(minor) {
  const { lang } = document.documentElement;
  const { currency } = data;
  const digits = new Intl.NumberFormat(lang, { style: "currency", currency });
  return digits.format(minor / 10 ** digits.resolvedOptions().maximumFractionDigits);
}

function awarded(minor) {
  const line = document.createElement("p");
  line.textContent = words.gets.replace("{amount}", money(minor));
  return line;
}

async function step(button, work, part) {
  const done = await fromButton(button, work);
  for (const bar of every("[data-progress-collect], [data-progress-count]")) bar.hidden = true;
  if (done === null) return;
  if (part === "counted") showCount(done);
  go(part);
}

function wire() {
  one("[data-collect]").addEventListener("click", (e) => step(e.currentTarget, collect, "tick"));
  one("[data-form]").addEventListener("change", () => form.count());
  one("[data-form]").addEventListener("submit", (event) => {
    event.preventDefault();
    if (form.lookOver()) go("look");
  });
  one("[data-send]").addEventListener("click", (e) => step(e.currentTarget, send, "sent"));
  one("[data-count]").addEventListener("click", (e) => step(e.currentTarget, count, "counted"));
  for (const back of every("[data-back]")) back.addEventListener("click", () => go("tick"));
  one("[data-again]").addEventListener("click", () => {
    [box.length, own, seq] = [0, [], 0];
    one("[data-form]").reset();
    form.count();
    go("start");
  });
}

const missing = await whatIsMissing(nothingKept);
if (missing === null) {
  wire();
  form.count();
  for (const part of every("[data-needs-script], [data-needs-ticks]")) part.hidden = false;
} else {
  showTrouble(missing);
}
