// The ballot page in one file: it casts with what the member brings, from a disk or from the host,
// without signing in. From a disk it keeps nothing; at the host, only until it is told to forget,
// so that several pictures can be scanned one after the other.

import { BallotForm, wordsFor } from "./ballot-form.js";
import { recordsOf, textIn, understand } from "./bring.js";
import { checkWords, compareWithPublic, pending, sealVote, sendAll } from "./cast.js";
import { LogView, TroubleError, publicRecord } from "./log.js";
import {
  clearTrouble,
  every,
  fromButton,
  one,
  pageData,
  progressIn,
  saveAs,
  showPart,
  showTrouble,
  whatIsMissing,
} from "./page.js";
import { lastSeq, load, Store, toFile } from "./store.js";
import { parse, typeOf } from "./text.js";

const { words } = pageData();
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const WHERE = /^(https?:\/\/[^/?#]+)(\/c\/[^/?#]+)\/?$/;

/** localStorage's shape, in memory: gone with the page. */
class Memory {
  #held = new Map();

  get length() {
    return this.#held.size;
  }

  key(i) {
    return [...this.#held.keys()][i] ?? null;
  }

  getItem(name) {
    return this.#held.get(name) ?? null;
  }

  setItem(name, value) {
    this.#held.set(name, String(value));
  }

  removeItem(name) {
    this.#held.delete(name);
  }
}

// Any page on the same disk could read what a page from a disk stores.
const storage = location.protocol === "file:" ? new Memory() : globalThis.localStorage;

/** The circle's address where this page was opened at it; null from a disk. */
function addressHere() {
  const found = /^(\/c\/[^/]+)\/ballot\.html$/.exec(location.pathname);
  return location.protocol === "file:" || !found ? null : location.origin + found[1];
}

function boothAt(address) {
  const found = WHERE.exec(address ?? "");
  if (!found) throw new TroubleError("no-address");
  const [, host, base] = found;
  const store = new Store(`${base}#brought`, storage);
  const log = new LogView(host + base, store);
  return { base: host + base, host, scope: base, store, log, slate: "logged", polls: {} };
}

let booth = null;
let form = null;

// ---- what is brought

/** What was kept of the log before, in the file of the command line, is held against it here. */
function rememberLog({ store }, file) {
  if (typeof file["log-key"] !== "string" || store.read("log-key") !== null) return;
  store.write("log-key", file["log-key"]);
  if (file["log-last"]) store.write("log-last", file["log-last"]);
}

async function bring(text) {
  const understood = await understand(text);
  const typed = one("#address").value.trim();
  const at = boothAt(understood.address ?? (typed || addressHere()));
  const { file } = understood;
  if (file !== undefined) rememberLog(at, file);
  await at.log.refresh();
  const polls = new Map();
  const pollOf = async (month, purpose) => {
    const name = `${month}/${purpose}`;
    const found = polls.get(name) ?? (await publicRecord(at.base, month, `${purpose}/poll`));
    if (found === null) throw new TroubleError("code-other-poll");
    await at.log.find(found.text);
    polls.set(name, found);
    return found;
  };
  const all = await recordsOf(understood, at.scope, pollOf);
  const records = all.filter((r) => r.purpose === "vote" && r.tokens !== null && r.seed !== null);
  if (records.length === 0) throw new TroubleError("no-credentials");
  const month = records.map((record) => record.month).sort().at(-1);
  const poll = await pollOf(month, "vote");
  const fit = records.filter((record) => record.poll === poll.id);
  if (fit.length === 0) throw new TroubleError("code-other-poll");
  load(at.store, fit);
  at.store.write("open", { month, poll: poll.id });
  if (file !== undefined) at.store.write("beside", besideOf(file, month));
  await open(at);
}

/** The words of the requests and the currency, if the file has them for this month. */
function besideOf(file, month) {
  const documents = file.words?.month === month ? file.words.documents : null;
  const usable = Array.isArray(documents) && documents.length < 1000;
  return { currency: String(file.currency ?? ""), documents: usable ? documents : null };
}

/** What can vote, one for each slot; two members' credentials at once are refused. */
function held() {
  const all = booth.store.credentials(booth.polls.vote).filter((record) => record.tokens !== null);
  if (new Set(all.map((record) => record.member).filter(Boolean)).size > 1) {
    throw new TroubleError("line-changed");
  }
  const own = all.filter((record) => record.member !== "");
  const paper = all.filter((r) => r.member === "" && !own.some((o) => o.key === r.key));
  return [...own, ...paper].sort((a, b) => a.slot - b.slot);
}

// ---- the form

async function open(at) {
  const { month, poll: id } = at.store.read("open");
  const poll = await publicRecord(at.base, month, "vote/poll");
  if (poll === null || poll.id !== id) throw new TroubleError("poll-differs");
  await at.log.find(poll.text);
  booth = { ...at, month, polls: { vote: id }, cast: castAddress(at, month) };
  const slate = await publicRecord(at.base, month, "vote/slate");
  if (slate === null) throw new TroubleError("not-open");
  if (slate.record.poll !== id) throw new TroubleError("log-bad");
  await at.log.find(slate.text);
  const requests = await requestsOf(slate.record);
  await draw(poll.record, requests);
  const [here, all] = [held().length, poll.record.slots];
  one("[data-brought]").hidden = here === 0;
  one("[data-brought-says]").textContent = words.brought
    .replace("{n}", String(here))
    .replace("{all}", String(all));
  one("[data-brought-more]").hidden = here >= all;
  one("[data-go-on]").hidden = here === 0;
  if (here >= all) go("tick");
}

const castAddress = ({ host, scope }, month) => `${host}/cast/${scope.split("/").at(-1)}/${month}`;

/** Each candidate's ask from the log, and its words where they were brought and are those. */
async function requestsOf(slate) {
  const { log, store } = booth;
  const documents = store.read("beside")?.documents ?? [];
  const known = new Map(documents.map((one_) => [one_.leaf, one_]));
  const found = [];
  for (const candidate of slate.candidate) {
    const { number, value } = candidate;
    const index = await log.indexOf(value);
    if (index === null) throw new TroubleError("log-bad");
    const [entry] = await log.entries(index, index + 1);
    const { ask } = parse("nomination", entry);
    const words_ = known.get(value);
    if (words_ !== undefined) await checkWords(booth, [words_]);
    found.push({ number, ask, text: words_?.text ?? null });
  }
  return found;
}

/** The currency of the books, as the newest seal of the log names it, else what the file said. */
async function currency() {
  const said = booth.store.read("beside")?.currency;
  if (said) return said;
  const { size } = booth.log.checkpoint;
  const entries = await booth.log.entries(Math.floor((size - 1) / 256) * 256, size);
  const seal = entries.reverse().find((entry) => typeOf(entry) === "seal");
  return seal === undefined ? null : parse("seal", seal).fund.currency;
}

function moneyIn(code) {
  if (code === null) return (minor) => words.coins.replace("{amount}", String(minor));
  const { lang } = document.documentElement;
  const probe = new Intl.NumberFormat(lang, { style: "currency", currency: code });
  const digits = probe.resolvedOptions().maximumFractionDigits;
  return (minor) => probe.format(minor / 10 ** digits);
}

function asks({ amount, ceiling, part }, money) {
  if (amount === "any") {
    return ceiling === null ? words.any : words.anyUpTo.replace("{amount}", money(ceiling));
  }
  const said = words.asks.replace("{amount}", money(amount));
  return part === "part" ? `${said} · ${words.part}` : said;
}

function letterOf(number) {
  const [rest, last] = [Math.floor((number - 1) / 26), (number - 1) % 26];
  return (rest > 0 ? LETTERS[rest - 1] : "") + LETTERS[last];
}

function radios(line, name, most) {
  const set = one(".set", line);
  for (let n = 0; n <= most; n += 1) {
    const label = one("template[data-tick]").content.cloneNode(true).firstElementChild;
    const input = one("input", label);
    [input.name, input.value, input.checked] = [name, String(n), n === 0];
    one("span", label).textContent = String(n);
    set.append(label);
  }
}

function ticket({ number, ask, text }, most, money) {
  const line = one("template[data-ticket]").content.cloneNode(true).firstElementChild;
  const [first, ...rest] = (text ?? "").split("\n").map((part) => part.trim());
  const title = first || words.request.replace("{letter}", letterOf(number));
  line.dataset.candidate = String(number);
  one(".letter", line).textContent = letterOf(number);
  one("h3", line).textContent = title;
  one("legend span", line).textContent = ` ${title}`;
  one(".asks", line).textContent = asks(ask, money);
  for (const part of rest.filter(Boolean)) {
    const paragraph = document.createElement("p");
    paragraph.textContent = part;
    one("div", line).append(paragraph);
  }
  radios(line, `n${number}`, most);
  return line;
}

async function draw(poll, requests) {
  const records = held();
  const most = records.length;
  const money = moneyIn(await currency());
  const list = one("[data-nominees]");
  const keep = one('[data-candidate="keep"]', list);
  one("fieldset", keep)?.remove();
  list.replaceChildren(...requests.map((request) => ticket(request, most, money)), keep);
  const set = one("template[data-ticket]").content.cloneNode(true).querySelector("fieldset");
  one("span", set).textContent = ` ${one("h3", keep).textContent}`;
  keep.append(set);
  radios(keep, "nkeep", most);
  form = new BallotForm(words, most * poll.maxChoices);
  form.count();
  one("[data-no-words]").hidden = requests.every((request) => request.text !== null);
  one("[data-have]").textContent = wordsFor(words.have, form.ticks);
  one("[data-where]").textContent = booth.base.replace(/^https?:\/\//, "");
  one("[data-circle]").textContent = booth.scope.split("/").at(-1);
  const when = new Date(poll.closes).toLocaleString(document.documentElement.lang, {
    dateStyle: "full",
    timeStyle: "short",
  });
  one("[data-closes]").textContent = words.closes.replace("{when}", when);
  one("#before").value = String(Math.max(0, ...records.map(lastSeq)));
  for (const part of every("[data-needs-ticks]")) part.hidden = false;
}

function go(name) {
  clearTrouble();
  showPart(name);
}

// ---- send

async function sealAndSend() {
  const progress = progressIn(one("[data-progress]"), words.sent);
  const checked = await compareWithPublic(booth, "vote");
  const before = Number(one("#before").value);
  if (!Number.isInteger(before) || before < 0 || before > 19) throw new TroubleError("seq-exhausted");
  const sealed = await sealVote(booth, checked, held(), form.flat(), { before });
  return sendAll(booth, "vote", sealed, progress);
}

async function sendAgain() {
  await compareWithPublic(booth, "vote");
  return sendAll(booth, "vote", pending(held()), progressIn(one("[data-progress]"), words.sent));
}

async function send(button, work) {
  const done = await fromButton(button, work);
  one("[data-progress]").hidden = true;
  one("[data-again]").hidden = pending(held()).length === 0;
  one("#before").value = String(Math.max(0, ...held().map(lastSeq)));
  if (done === null) return;
  form.showReceipts(held());
  go("sent");
}

function save() {
  const { store, scope, base, month } = booth;
  const beside = store.read("beside") ?? {};
  const more = { address: base, "log-key": store.read("log-key"), "log-last": store.read("log-last") };
  if (beside.currency) more.currency = beside.currency;
  if (beside.documents) more.words = { month, documents: beside.documents };
  const name = `circles-${scope.split("/").at(-1)}-${month}.json`;
  saveAs(name, toFile(scope, held(), more), "application/json");
}

function forget() {
  const { prefix } = booth.store;
  const names = Array.from({ length: storage.length }, (_, i) => storage.key(i));
  for (const name of names) if (name.startsWith(prefix)) storage.removeItem(name);
  location.reload();
}

// ---- beginning

async function bringIn(button, texts) {
  const bar = progressIn(one("[data-progress-bring]"), words.sent);
  bar(0, 1);
  await fromButton(button, async () => {
    for (const text of await texts()) await bring(text);
    return true;
  });
  one("[data-progress-bring]").hidden = true;
}

function wire() {
  one("[data-bring-file]").addEventListener("change", async ({ currentTarget: field }) => {
    const files = [...field.files];
    await bringIn(field, () => Promise.all(files.map(textIn)));
    field.value = "";
  });
  one("[data-bring-form]").addEventListener("submit", (event) => {
    event.preventDefault();
    bringIn(event.submitter ?? one("button", event.currentTarget), async () => [one("#letters").value]);
  });
  one("[data-go-on]").addEventListener("click", () => go("tick"));
  one("[data-form]").addEventListener("change", () => form.count());
  one("[data-form]").addEventListener("submit", (event) => {
    event.preventDefault();
    if (form.lookOver()) go("look");
  });
  one("[data-send]").addEventListener("click", (e) => send(e.currentTarget, sealAndSend));
  one("[data-send-again]").addEventListener("click", (e) => send(e.currentTarget, sendAgain));
  for (const back of every("[data-back]")) back.addEventListener("click", () => go("tick"));
  one("[data-save-file]").addEventListener("click", save);
  one("[data-forget]").addEventListener("click", forget);
}

/** What a scanned picture put behind the address, and at once out of the address again. */
function scanned() {
  const code = location.hash.slice(1);
  if (!/^[0-9A-Z]{100,}$/.test(code)) return null;
  const text = `${location.origin}${location.pathname}#${code}`;
  history.replaceState(null, "", location.pathname);
  return text;
}

const code = scanned();
const missing = await whatIsMissing(new Store("probe", storage));
if (missing === null) {
  wire();
  for (const part of every("[data-needs-script]")) part.hidden = false;
  if (code !== null) await bringIn(one("[data-go-on]"), async () => [code]);
} else {
  showTrouble(missing);
}
