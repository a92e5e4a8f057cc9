// The page of a trustee: keys are made, kept twice, handed in; and after the close the box is opened.

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
} from "./page.js";
import { TroubleError } from "./log.js";
import { qrCode, qrPath } from "./qr.js";
import { askToPersist } from "./store.js";
import * as trustee from "./trustee.js";

const data = pageData();
const booth = boothOf(data);
const { words } = data;

/** Keys that are here and may still be needed: fresh ones, those that wait, this month's. */
function pairs() {
  const known = new Set([...data.waiting, data.vote?.key]);
  return trustee.keysHere(booth).filter((pair) => !pair.handed || known.has(pair.public));
}

/** Keys made here that the server does not have: a closed tab, or a lost answer. */
function notHandedIn() {
  return pairs().filter((pair) => !pair.handed).slice(0, data.room);
}

function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

// ---- keys for months to come ---------------------------------------------------------------

function showKeys() {
  const box = one("[data-keys]");
  if (box === null) return;
  const fresh = notHandedIn();
  const here = pairs().length;
  one("[data-make-some]").hidden = fresh.length > 0 || data.room === 0;
  one("[data-made]").hidden = fresh.length === 0;
  one("[data-kept]").hidden = fresh.length > 0 || here === 0;
  one("[data-not-kept]").hidden = fresh.length > 0 || here > 0 || data.waiting.length === 0;
  one("[data-made-says]").textContent = words.made[fresh.length] ?? "";
}

function savedSomewhere() {
  for (const button of every("[data-hand-in]")) button.hidden = false;
  one("[data-first-keep]").hidden = true;
}

function drawing(secret) {
  const code = qrCode([trustee.toPaper(secret).replaceAll(" ", "")]);
  const svg = one("template[data-code]").content.cloneNode(true).firstElementChild;
  const { size, d } = { size: code.grid.size + 8, d: qrPath(code) };
  svg.setAttribute("viewBox", `0 0 ${size} ${size}`);
  one("path", svg).setAttribute("d", d);
  return svg;
}

function showSheet() {
  const list = one("[data-sheet-keys]");
  list.replaceChildren();
  for (const [i, pair] of pairs().entries()) {
    const item = one("template[data-sheet-key]").content.cloneNode(true).firstElementChild;
    one("h2", item).textContent = fill(words.sheetKey, { n: i + 1 });
    one("[data-code-place]", item).append(drawing(pair.secret));
    one("[data-digits]", item).textContent = trustee.toPaper(pair.secret);
    list.append(item);
  }
  showPart("sheet");
}

function wireKeys() {
  const make = one("[data-make]");
  make?.addEventListener("click", () =>
    fromButton(make, async () => {
      await askToPersist();
      await trustee.makeKeys(booth, Math.min(data.room, data.each));
      showKeys();
      one("[data-made]").focus();
    }),
  );
  for (const button of every("[data-save-keys]")) {
    button.addEventListener("click", () => {
      saveAs(data.fileName, trustee.toFile(booth.base, pairs()));
      savedSomewhere();
    });
  }
  for (const button of every("[data-show-sheet]")) button.addEventListener("click", showSheet);
  one("[data-print]")?.addEventListener("click", () => {
    window.print();
    savedSomewhere();
  });
  one("[data-back]")?.addEventListener("click", () => showPart("main"));
  for (const button of every("[data-hand-in]")) {
    button.addEventListener("click", async () => {
      const fresh = notHandedIn().map((pair) => pair.public);
      const done = await fromButton(button, async () => {
        await trustee.handIn(booth, fresh);
        return true;
      });
      if (done) location.reload();
    });
  }
}

// ---- opening -------------------------------------------------------------------------------

function showWhereKeyIs() {
  if (one("[data-open-here]") === null) return;
  const here = trustee.secretHere(booth, data.vote.key) !== null;
  one("[data-key-here]").hidden = !here;
  one("[data-key-away]").hidden = here;
}

async function open(secret) {
  const bar = progressIn(one("[data-opening]"), [words.looking]);
  bar(0, 1);
  const says = one("[data-opening] [data-says]");
  const entry = await trustee.openBox(booth, secret, (done, all) => {
    bar(done, all);
    says.textContent = fill(words.ballots, { n: done, all });
  });
  trustee.forgetKey(booth, data.vote.key);
  one("[data-entry]").textContent = fill(words.entry, { n: entry + 1 });
  showPart("opened");
}

/** The private half of this vote's key in a file or a typed text. */
async function find(text) {
  const found = await trustee.readKeys(booth.base, text);
  const right = found.find((pair) => pair.public === data.vote.key);
  if (right === undefined) throw new TroubleError("not-your-box");
  return right.secret;
}

function wireOpening() {
  const here = one("[data-open-here]");
  if (here === null) return;
  here.addEventListener("click", () =>
    fromButton(here, () => open(trustee.secretHere(booth, data.vote.key))),
  );
  const typed = one("[data-open-typed]");
  typed.addEventListener("click", () =>
    fromButton(typed, async () => open(await find(one("[data-key-text]").value))),
  );
  const field = one("[data-key-file]");
  field.addEventListener("change", async () => {
    const [file] = field.files;
    if (file === undefined) return;
    await fromButton(typed, async () => open(await find(await file.text())));
    field.value = "";
  });
}

// ---- the page ------------------------------------------------------------------------------

const missing = await whatIsMissing(booth.store);
if (missing === null) {
  for (const part of every("[data-needs-script]")) part.hidden = false;
  trustee.markHanded(booth, [...data.waiting, data.vote?.key]);
  wireKeys();
  wireOpening();
  showKeys();
  showWhereKeyIs();
} else {
  showTrouble(missing);
}
