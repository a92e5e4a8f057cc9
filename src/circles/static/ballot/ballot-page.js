// The ballot in three steps on one page: tick, look over, send: now, or by itself over time.

import { BallotForm, wordsFor } from "./ballot-form.js";
import { checkWords, compareWithPublic, pending, sealVote, sendAll, usable } from "./cast.js";
import { TroubleError } from "./log.js";
import {
  alone,
  boothOf,
  clearTrouble,
  every,
  fromButton,
  one,
  pageData,
  progressIn,
  showPart,
  showTrouble,
  whatIsMissing,
  wireFile,
} from "./page.js";
import { wirePaper } from "./paper.js";
import { Spreading, dueOf, missedAgain, moments, withDue } from "./spread.js";

const data = pageData();
const booth = boothOf(data);
const { words } = data;
const poll = data.polls.vote;
const form = new BallotForm(words, data.ticks);
// The close by this browser's clock: the page says how long it is until then, not what time it is.
const closes = Date.now() + data.closesIn * 1000;

function credentials() {
  return usable(booth.store, poll, data.lines.vote);
}

/** What waits for its moment, and what waits for the member to press a button. */
const timed = () => pending(credentials()).filter((record) => dueOf(record) !== null);
const stuck = () => pending(credentials()).filter((record) => dueOf(record) === null);

function goTo(name) {
  clearTrouble();
  showPart(name);
}

function lookOver(event) {
  event.preventDefault();
  if (form.lookOver()) goTo("look");
}

// ---- send

const span = () => Number(one("input[name=when]:checked")?.value ?? "0") * 1000;

async function sealAndSend() {
  const progress = progressIn(one("[data-progress]"), words.sent);
  const checked = await compareWithPublic(booth, "vote");
  await checkWords(booth, data.documents);
  const held = credentials();
  if (held.length < data.ballots) throw new TroubleError("no-credentials");
  const now = Date.now();
  const due = span() === 0 ? undefined : moments(held.length, now, span(), closes);
  const sealed = await sealVote(booth, checked, held, form.flat(), { due });
  if (due === undefined) await sendAll(booth, "vote", sealed, progress);
  return sealed;
}

async function sendWaiting() {
  const progress = progressIn(one("[data-progress-again]"), words.sent);
  await compareWithPublic(booth, "vote");
  return sendAll(booth, "vote", pending(credentials()), progress);
}

async function send(button, work) {
  spreading.stop();
  const done = await fromButton(button, work);
  for (const bar of every("[data-progress], [data-progress-again]")) bar.hidden = true;
  showState();
  spreading.start();
  if (done === null) return;
  if (timed().length > 0) goTo("later");
  else sent();
}

function sent() {
  form.showReceipts(credentials());
  goTo("sent");
}

// ---- by itself, over time

const spreading = new Spreading({
  closes,
  waiting: timed,
  send: (records) =>
    alone(async () => {
      await compareWithPublic(booth, "vote");
      // Another window may have sent some meanwhile.
      const still = new Set(timed().map((record) => record.key));
      await sendAll(booth, "vote", records.filter((record) => still.has(record.key)));
    }),
  tell: told,
});

const MAY_PASS = new Set(["offline", "not-sent"]);

/** No answer: the same goes out again in a while, at another moment left to chance. */
function tryAgainLater() {
  const records = timed().filter((record) => dueOf(record) <= Date.now());
  for (const record of records) {
    const [due] = moments(1, Date.now() + 60_000, 240_000, closes);
    booth.store.keep(withDue(record, due));
  }
  spreading.start();
}

function told(what) {
  const watching = !one('[data-part="later"]').hidden;
  showState();
  if (what === "sent" && watching) sent();
  if (what === "closed") showTrouble(new TroubleError("closed-unsent"));
  if (!(what instanceof Error)) return;
  if (what instanceof TroubleError && MAY_PASS.has(what.code)) {
    tryAgainLater();
    return;
  }
  for (const record of timed()) booth.store.keep(withDue(record, null));
  showState();
  showTrouble(what);
}

// ---- the state of things

function showWaiting() {
  const [later, held] = [timed().length, credentials()];
  one("[data-waiting]").hidden = stuck().length === 0;
  for (const notice of every("[data-later]")) notice.hidden = later === 0;
  const done = held.length - pending(held).length;
  for (const says of every("[data-later-says]")) says.textContent = wordsFor(words.later, done);
}

function showState() {
  const held = credentials();
  const ready = held.length >= data.ballots;
  one("[data-not-here]").hidden = ready;
  for (const part of every("[data-needs-ticks]")) part.hidden = !ready;
  const cast = held.some((record) => record.casts.length > 0);
  one("[data-cast-before]").hidden = !cast || pending(held).length > 0;
  showWaiting();
}

function wire() {
  one("[data-form]").addEventListener("change", () => form.count());
  one("[data-form]").addEventListener("submit", lookOver);
  one("[data-send]").addEventListener("click", (e) => send(e.currentTarget, sealAndSend));
  for (const again of every("[data-send-again]")) {
    again.addEventListener("click", (e) => send(e.currentTarget, sendWaiting));
  }
  for (const back of every("[data-back]")) back.addEventListener("click", () => goTo("tick"));
  for (const show of every("[data-show-receipts]")) show.addEventListener("click", sent);
  wirePaper(booth, words.papers, credentials, () => goTo("tick"));
  wireFile(booth, showState);
}

const missing = await whatIsMissing(booth.store);
if (missing === null) {
  wire();
  form.count();
  for (const record of missedAgain(timed(), Date.now(), closes)) booth.store.keep(record);
  showState();
  spreading.start();
} else {
  showTrouble(missing);
}
