// "Check this month yourself": the whole verification, its progress, and what it found.

import { base64url } from "./bytes.js";
import * as ed25519 from "./ed25519.js";
import { every, one, pageData, saveAs } from "./page.js";
import * as seal from "./seal.js";
import { Store } from "./store.js";
import { UnreadableError } from "./verify-report.js";
import { AddressSource, keptHere } from "./verify-source.js";
import { verify } from "./verify.js";

const data = pageData();
const { words } = data;
const store = new Store(data.base);
const PHASES = ["read", "entries", "keys", "polls", "open", "kept", "books"];
// Of each step, the first and the last phase that look at it.
const SPANS = [[0, 2], [1, 1], [3, 3], [1, 3], [3, 5], [3, 4], [3, 4], [5, 5], [6, 6]];
const PAINT_MS = 60;
const SPEAK_MS = 1500;
const PLACES_SHOWN = 3;

let running = null;
let report = null;

function filled(text, values) {
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

function show(state) {
  for (const part of every("[data-state]")) part.hidden = !part.dataset.state.split(" ").includes(state);
  one("[data-stopped]").hidden = true;
  for (const notice of every("[data-trouble]")) notice.hidden = true;
}

function mark(number, state) {
  const item = one(`[data-step="${number}"]`);
  item.className = { holds: "", unsure: "waiting" }[state] ?? state;
  one("[data-how]", item).textContent = words.states[state];
}

/** Marks the steps as they stand when the phase of that number is under way. */
function markAll(phase, found) {
  for (const [i, [first, last]] of SPANS.entries()) {
    const done = phase > last ? "holds" : phase >= first ? "running" : "waiting";
    mark(i + 1, found.failedAt(i + 1) ? "failed" : done);
  }
}

/** Draws the progress now and then, lets the page breathe, and ends the work after "Stop". */
function progressOf(signal) {
  const bar = one("progress");
  const says = one("[data-says]");
  let [painted, spoken, last] = [-Infinity, -Infinity, ""];
  return async (phase, done, all, found) => {
    signal.throwIfAborted();
    const now = performance.now();
    if (phase === last && now - painted < PAINT_MS) return;
    const at = PHASES.indexOf(phase);
    bar.value = (at + (all > 0 ? done / all : 0)) / PHASES.length;
    if (phase !== last || now - spoken > SPEAK_MS) {
      says.textContent = filled(words.phases[phase], { done, all });
      spoken = now;
    }
    markAll(at, found);
    [painted, last] = [now, phase];
    await new Promise((resolve) => {
      setTimeout(resolve);
    });
  };
}

function trouble(code) {
  show("start");
  markAll(-1, { failedAt: () => false });
  const notice = one(`[data-trouble="${code}"]`);
  notice.hidden = false;
  notice.focus();
}

/** The log's key and newest sheet are kept where the booth looks for them, as far as it lasts. */
function remember() {
  try {
    store.write("log-key", report.key);
    const { note, size, root } = report;
    store.write("log-last", { note, size, root: base64url(root) });
  } catch {
    // A window that keeps nothing has still checked everything.
  }
}

function placeOf({ kind, name }) {
  return filled(words.places[kind], { name });
}

/** One line for each check that failed, with the first places where it did. */
function drawProblems() {
  const list = one("[data-problems]");
  list.replaceChildren();
  for (const check of new Set(report.problems.map((problem) => problem.check))) {
    const places = report.problems.filter((p) => p.check === check).map((p) => placeOf(p.where));
    const more = places.length - PLACES_SHOWN;
    const shown = places.slice(0, PLACES_SHOWN);
    if (more > 0) shown.push(filled(words.more, { n: more }));
    const item = one("template[data-problem]").content.cloneNode(true).firstElementChild;
    one("b", item).textContent = words.checks[check];
    one("p", item).textContent = `${shown.join(", ")} (${check})`;
    list.append(item);
  }
}

/** Where the record itself is broken, what rests on it and did not fail is not thereby sound. */
function markFound() {
  const base = report.failedAt(1) || report.failedAt(2);
  for (const number of SPANS.keys()) {
    const step = number + 1;
    const rest = base && step > 2 ? "unsure" : "holds";
    mark(step, report.failedAt(step) ? "failed" : rest);
  }
}

function reportText() {
  const { origin, size, key, root, polls, problems } = report;
  const lines = [
    filled(words.report.title, data),
    filled(words.report.log, { origin, size, key, root: root === null ? "-" : base64url(root) }),
    ...polls.map((poll) => filled(words.report.poll, { ...poll, takes: poll.takes ?? "-" })),
    ...problems.map(({ check, where }) => `${check}: ${placeOf(where)}: ${words.checks[check]}`),
    report.holds ? words.report.holds : words.report.wrong,
  ];
  return `${lines.join("\n")}\n`;
}

function finish(found) {
  report = found;
  markFound();
  drawProblems();
  const votes = report.polls.filter(({ purpose }) => purpose === "vote");
  const ballots = votes.reduce((sum, { keys }) => sum + keys, 0);
  one("[data-holds]").textContent = filled(words.holds, { entries: report.size, ballots });
  show(report.holds ? "holds" : "wrong");
  const first = report.holds && report.remarks.includes("no-key");
  one("[data-first-time]").hidden = !first;
  if (report.holds) remember();
  one("h1").focus();
}

async function begin() {
  show("running");
  one("[data-stop]").focus();
  running = new AbortController();
  const { signal } = running;
  try {
    const source = new AddressSource(data.base, data.documents, signal);
    finish(await verify(source, keptHere(store), progressOf(signal)));
  } catch (error) {
    if (error.name === "AbortError") stopped();
    else if (error instanceof UnreadableError) trouble("unreadable");
    else {
      console.error(error);
      trouble("unknown");
    }
  } finally {
    running = null;
  }
}

function stopped() {
  show("start");
  markAll(-1, { failedAt: () => false });
  one("[data-stopped]").hidden = false;
  one("[data-begin]").focus();
}

async function ready() {
  for (const part of every("[data-needs-script]")) part.hidden = false;
  one("[data-without-script]").hidden = true;
  if (!globalThis.isSecureContext || globalThis.crypto?.subtle === undefined) trouble("insecure");
  else if (!(await ed25519.available()) || !(await seal.available())) trouble("old-browser");
  else {
    for (const button of every("[data-begin], [data-again]")) button.addEventListener("click", begin);
    one("[data-stop]").addEventListener("click", () => running?.abort());
    for (const button of every("[data-save]")) {
      button.addEventListener("click", () => saveAs(words.report.name, reportText()));
    }
  }
}

await ready();
