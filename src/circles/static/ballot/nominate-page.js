// Nominating: three fields, sealed by nobody but signed by a key that carries no name.

import { compareWithPublic, pending, prepareNomination, send, usable } from "./cast.js";
import { TroubleError } from "./log.js";
import {
  boothOf,
  clearTrouble,
  every,
  fromButton,
  one,
  pageData,
  showPart,
  showTrouble,
  whatIsMissing,
  wireFile,
} from "./page.js";

const data = pageData();
const booth = boothOf(data);
const { words } = data;
const poll = data.polls.nominate;
const form = one("[data-form]");

function credentials() {
  return usable(booth.store, poll, data.lines.nominate);
}

/** Minor units of what was written, or null: digits, then perhaps a sign and up to two more. */
function minorUnits(text) {
  const found = /^([0-9]{1,9})(?:[.,]([0-9]+))?$/.exec(text.trim().replace(/[\s\u00a0\u202f]/g, ""));
  const part = found?.[2] ?? "";
  if (!found || part.length > data.minorDigits) return null;
  const minor = Number(found[1] + part.padEnd(data.minorDigits, "0"));
  return minor > 0 ? minor : null;
}

/** The ask of the form, or the name of the field that is not right. */
function askOf() {
  const kind = form.elements.kind.value;
  const amount = minorUnits(form.elements.amount.value);
  if (kind === "any") return { amount: "any", ceiling: null, part: "part" };
  if (amount === null) return null;
  return { amount, ceiling: null, part: form.elements.part.checked ? "part" : "whole" };
}

// ---- trouble under a field

function setWrong(name, wrong) {
  const field = form.elements[name];
  one(`[data-wrong="${name}"]`).hidden = !wrong;
  if (wrong) field.setAttribute("aria-invalid", "true");
  else field.removeAttribute("aria-invalid");
}

function firstWrong() {
  const checks = {
    recipient: form.elements.recipient.value.trim() === "",
    words: form.elements.words.value.trim() === "",
    amount: askOf() === null,
    agreed: !form.elements.agreed.checked,
  };
  for (const [name, wrong] of Object.entries(checks)) setWrong(name, wrong);
  return Object.keys(checks).find((name) => checks[name]) ?? null;
}

// ---- look over and send

function lookOver(event) {
  event.preventDefault();
  const wrong = firstWrong();
  if (wrong !== null) {
    form.elements[wrong].focus();
    return;
  }
  one("[data-see-recipient]").textContent = form.elements.recipient.value.trim();
  one("[data-see-words]").replaceChildren(...paragraphs(form.elements.words.value));
  const any = form.elements.kind.value === "any";
  one("[data-see-ask]").textContent = any ? words.any : form.elements.amount.value.trim();
  clearTrouble();
  showPart("look");
}

function paragraphs(text) {
  const lines = text.split("\n").map((line) => line.trim());
  return lines.filter((line) => line !== "").map((line) => {
    const paragraph = document.createElement("p");
    paragraph.textContent = line;
    return paragraph;
  });
}

function chosen() {
  const held = credentials();
  const fresh = held.find((record) => record.casts.length === 0);
  const slot = form.elements.slot?.value ?? "new";
  const record = slot === "new" ? fresh : held.find((r) => String(r.slot) === slot);
  if (record === undefined) throw new TroubleError("no-credentials");
  return record;
}

async function sealAndSend() {
  const record = chosen();
  await compareWithPublic(booth, "nominate");
  const nomination = {
    recipient: form.elements.recipient.value,
    words: form.elements.words.value,
    ask: askOf(),
  };
  return send(booth, "nominate", await prepareNomination(booth, record, nomination));
}

async function sendAgain() {
  await compareWithPublic(booth, "nominate");
  for (const record of pending(credentials())) await send(booth, "nominate", record);
  return true;
}

async function go(button, work) {
  const done = await fromButton(button, work);
  showState();
  if (done !== null) showPart("sent");
}

// ---- the state of things

/** One choice for each nomination made before, so that it can be taken back by a better one. */
function drawSlots(held) {
  const box = one("[data-slots]");
  every("[data-replace]", box).forEach((choice) => choice.remove());
  const used = held.filter((record) => record.casts.length > 0);
  const fresh = held.length - used.length;
  box.hidden = used.length === 0;
  one("[data-new]", box).hidden = fresh === 0;
  for (const record of used) {
    const choice = one("template[data-choice]").content.cloneNode(true).firstElementChild;
    one("input", choice).value = String(record.slot);
    one("[data-title]", choice).textContent = record.title;
    box.append(choice);
  }
  const first = fresh > 0 ? one("[data-new] input", box) : one("[data-replace] input", box);
  if (first !== null) first.checked = true;
  one("[data-made]").textContent = words.made[used.length];
}

function showState() {
  const held = credentials();
  const ready = held.length > 0;
  one("[data-not-here]").hidden = ready;
  for (const part of every("[data-needs-ticks]")) part.hidden = !ready;
  one("[data-waiting]").hidden = pending(held).length === 0;
  drawSlots(held);
}

function wire() {
  form.addEventListener("submit", lookOver);
  form.addEventListener("change", () => {
    one("[data-fixed]").hidden = form.elements.kind.value === "any";
  });
  one("[data-send]").addEventListener("click", (e) => go(e.currentTarget, sealAndSend));
  one("[data-send-again]").addEventListener("click", (e) => go(e.currentTarget, sendAgain));
  for (const back of every("[data-back]")) back.addEventListener("click", () => showPart("tick"));
  for (const another of every("[data-another]")) {
    another.addEventListener("click", () => {
      form.reset();
      showState();
      showPart("tick");
    });
  }
  wireFile(booth, showState);
}

const missing = await whatIsMissing(booth.store);
if (missing === null) {
  wire();
  showState();
} else {
  showTrouble(missing);
}
