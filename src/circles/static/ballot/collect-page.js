// The page for collecting: one button, never by itself (phones forget, and a take is for keeps).

import {
  boothOf,
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
import { usable } from "./cast.js";
import { wirePaper } from "./paper.js";
import { askToPersist } from "./store.js";
import { collect } from "./take.js";

const data = pageData();
const booth = boothOf(data);
const button = one("[data-collect]");

/** What is here already of the polls that the page names. */
function held() {
  const own = ([purpose, id]) => usable(booth.store, id, data.lines[purpose]);
  return Object.entries(data.polls).flatMap(own).length;
}

/** All that this month gives, a part of it, or nothing yet. */
function showState() {
  const count = held();
  const state = count === 0 ? "start" : count < data.all ? "some" : "done";
  showPart(state === "done" ? "done" : "start", { focus: false });
  one("[data-some]").hidden = state !== "some";
}

async function run() {
  const progress = progressIn(one("[data-progress]"), data.words.collected);
  await askToPersist();
  booth.store.forgetOld(data.month);
  const records = await collect(booth, Object.keys(data.polls), progress);
  return records.length;
}

button.addEventListener("click", async () => {
  const count = await fromButton(button, run);
  one("[data-progress]").hidden = true;
  if (count !== null) showPart("done");
  else one("[data-some]").hidden = held() === 0;
});

wirePaper(
  booth,
  data.words.papers,
  () => usable(booth.store, data.polls.vote, data.lines.vote),
  () => showPart("done"),
);
wireFile(booth, () => {
  showState();
  one("h1:not([hidden])")?.focus();
});

const missing = await whatIsMissing(booth.store);
if (missing === null) {
  for (const part of every("[data-needs-script]")) part.hidden = false;
  showState();
} else {
  showTrouble(missing);
}
