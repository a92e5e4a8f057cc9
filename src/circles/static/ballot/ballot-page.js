// The ballot in three steps on one page: tick, look over, send.

import { checkWords, compareWithPublic, pending, sealVote, sendAll, usable } from "./cast.js";
import { TroubleError } from "./log.js";
import {
  boothOf,
  clearTrouble,
  dots,
  every,
  fromButton,
  one,
  pageData,
  progressIn,
  saveAs,
  shortCode,
  showPart,
  showTrouble,
  whatIsMissing,
  wireFile,
} from "./page.js";
import { lastSeq } from "./store.js";

const data = pageData();
const booth = boothOf(data);
const { words } = data;
const poll = data.polls.vote;

function credentials() {
  return usable(booth.store, poll, data.lines.vote);
}

/** [number or "keep", ticks] of every line, in the order of the page. */
function ticked() {
  return every("[data-candidate]").map((line) => {
    const value = one("input:checked", line)?.value ?? "0";
    const name = line.dataset.candidate;
    return [name === "keep" ? name : Number(name), Number(value)];
  });
}

function given() {
  return ticked().reduce((sum, [, count]) => sum + count, 0);
}

// ---- tick

function drawLeft(left) {
  const picture = one("[data-left] svg");
  picture?.remove();
  if (left > 0) one("[data-left]").append(" ", dots(left));
}

function countTicks() {
  const left = data.ticks - given();
  one("[data-left] span").textContent = left >= 0 ? words.left[left] : words.tooMany[-left];
  drawLeft(left);
  one("[data-too-many]").hidden = left >= 0;
  one("[data-too-many] [data-says]").textContent = left >= 0 ? "" : words.tooManySays[-left];
}

function goTo(name) {
  clearTrouble();
  showPart(name);
}

function lookOver(event) {
  event.preventDefault();
  if (given() > data.ticks) {
    one("[data-too-many]").focus();
    return;
  }
  const list = one("[data-yours]");
  list.replaceChildren();
  for (const [candidate, count] of ticked()) {
    if (count > 0) list.append(line(candidate, count));
  }
  one("[data-summary]").textContent = words.summary[given()];
  goTo("look");
}

function line(candidate, count) {
  const item = one("template[data-tally]").content.cloneNode(true).firstElementChild;
  one("h3", item).textContent = one(`[data-candidate="${candidate}"] h3`).textContent;
  one(".num", item).textContent = words.ticks[count];
  item.append(dots(count));
  return item;
}

// ---- send

async function sealAndSend() {
  const progress = progressIn(one("[data-progress]"), words.sent);
  const checked = await compareWithPublic(booth, "vote");
  await checkWords(booth, data.documents);
  const held = credentials();
  if (held.length < data.ballots) throw new TroubleError("no-credentials");
  const flat = ticked().flatMap(([candidate, count]) => Array(count).fill(candidate));
  const sealed = await sealVote(booth, checked, held, flat);
  return sendAll(booth, "vote", sealed, progress);
}

async function sendAgain() {
  const progress = progressIn(one("[data-progress-again]"), words.sent);
  await compareWithPublic(booth, "vote");
  return sendAll(booth, "vote", pending(credentials()), progress);
}

function showReceipts() {
  const list = one("[data-receipts]");
  const saves = one("[data-receipt-saves]");
  list.replaceChildren();
  every("[data-receipt-save]", saves).forEach((item) => item.remove());
  for (const [i, record] of credentials().entries()) {
    const cast = record.casts.find((held) => held.seq === lastSeq(record));
    if (cast?.receipt == null) continue;
    list.append(receipt(words.receipts[i], cast));
    one("[data-saves-end]", saves).before(saver(words.saveReceipts[i], cast));
  }
}

function receipt(name, cast) {
  const row = one("template[data-receipt]").content.cloneNode(true).firstElementChild;
  one("dt", row).textContent = name;
  one("dd", row).textContent = shortCode(cast.leaf);
  return row;
}

function saver(name, cast) {
  const item = one("template[data-saver]").content.cloneNode(true).firstElementChild;
  const button = one("button", item);
  button.textContent = name;
  button.addEventListener("click", () => saveAs(`receipt-${cast.leaf}.txt`, cast.receipt));
  return item;
}

async function send(button, work) {
  const done = await fromButton(button, work);
  for (const bar of every("[data-progress], [data-progress-again]")) bar.hidden = true;
  showWaiting();
  if (done === null) return;
  showReceipts();
  goTo("sent");
}

// ---- the state of things

function showWaiting() {
  one("[data-waiting]").hidden = pending(credentials()).length === 0;
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
  one("[data-form]").addEventListener("change", countTicks);
  one("[data-form]").addEventListener("submit", lookOver);
  one("[data-send]").addEventListener("click", (e) => send(e.currentTarget, sealAndSend));
  one("[data-send-again]").addEventListener("click", (e) => send(e.currentTarget, sendAgain));
  for (const back of every("[data-back]")) back.addEventListener("click", () => goTo("tick"));
  for (const print of every("[data-print]")) print.addEventListener("click", () => window.print());
  for (const show of every("[data-show-receipts]")) {
    show.addEventListener("click", () => {
      showReceipts();
      goTo("sent");
    });
  }
  wireFile(booth, showState);
}

const missing = await whatIsMissing(booth.store);
if (missing === null) {
  wire();
  countTicks();
  showState();
} else {
  showTrouble(missing);
}
