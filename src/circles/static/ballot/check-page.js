// After the count: "entry 17 reads: one tick for ...", found, proven and opened in this browser.

import { nominating, ownEntries, readVote, strangeTakes } from "./check.js";
import {
  boothOf,
  every,
  fromButton,
  one,
  pageData,
  progressIn,
  saveAs,
  showPart,
  showTrouble,
  whatIsMissing,
  wireFile,
} from "./page.js";

const data = pageData();
const booth = boothOf(data);
const { words } = data;

/** Words with {entry} and {what} in them, filled. */
function filled(text, values) {
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

function reads(entry) {
  if (entry.ticks.length === 0) return words.blank;
  return entry.ticks.map((tick) => data.names[tick] ?? String(tick)).join(words.and);
}

function lineOf(entry) {
  const number = entry.entry === null ? "" : String(entry.entry);
  const what = entry.state === "read" ? reads(entry) : "";
  const kind = entry.state === "read" && entry.ticks.length === 0 ? "readBlank" : entry.state;
  return filled(words[kind], { entry: number, what });
}

function draw(entries, strange) {
  const list = one("[data-entries]");
  list.replaceChildren();
  for (const entry of entries) {
    const item = one("template[data-entry]").content.cloneNode(true).firstElementChild;
    item.classList.toggle("failed", ["missing", "void"].includes(entry.state));
    one("b", item).textContent = lineOf(entry);
    list.append(item);
  }
  const missing = entries.filter((entry) => entry.state === "missing");
  one("[data-missing]").hidden = missing.length === 0;
  one("[data-save-missing]").addEventListener("click", () => {
    for (const entry of missing) saveAs(`receipt-${entry.slot + 1}.txt`, entry.receipt);
  });
  one("[data-strange]").hidden = strange.length === 0;
  one("[data-none]").hidden = entries.length > 0;
  return missing.length === 0 && strange.length === 0;
}

async function run() {
  const vote = await readVote(booth);
  const progress = progressIn(one("[data-progress]"), words.checked);
  const line = data.lines.vote ?? booth.store.line(vote.id, data.who);
  const entries = await ownEntries(booth, vote, line, progress);
  const strange = line === null ? [] : ((await strangeTakes(booth, "vote", vote, line)) ?? []);
  return { vote, entries, strange: [...strange, ...(await strangeNominating())] };
}

/** The same for the nominating poll, where somebody else could have named with an own tick. */
async function strangeNominating() {
  const line = data.lines.nominate;
  const poll = line ? await nominating(booth) : null;
  return poll === null ? [] : ((await strangeTakes(booth, "nominate", poll, line)) ?? []);
}

async function check(button) {
  const found = await fromButton(button, run);
  one("[data-progress]").hidden = true;
  if (found === null) return;
  const holds = draw(found.entries, found.strange);
  for (const headline of every("[data-outcome]")) {
    const fits = holds ? found.vote.outcome : "wrong";
    headline.hidden = headline.dataset.outcome !== fits;
  }
  showPart("found");
}

const missing = await whatIsMissing(booth.store);
if (missing === null) {
  const button = one("[data-check]");
  for (const part of every("[data-needs-script]")) part.hidden = false;
  button.addEventListener("click", () => check(button));
  wireFile(booth, () => check(button));
} else {
  showTrouble(missing);
}
