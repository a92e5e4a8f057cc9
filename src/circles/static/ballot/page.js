// What the booth's pages share: the page's own data and words, parts shown and hidden, trouble.
// No words stand here: they come from the page, so that they can be translated.

import { recordsOf, textIn, understand } from "./bring.js";
import { CodeError } from "./codes.js";
import * as ed25519 from "./ed25519.js";
import { LogView, TroubleError, publicRecord } from "./log.js";
import * as seal from "./seal.js";
import { FileError, Store, StoreError, load, toFile } from "./store.js";

// A copy that a browser saves holds what stands in the page, and this stands beside it: where the
// script runs, the words for a copy are hidden; in a copy, where it is blocked, they appear.
const here = new CSSStyleSheet();
here.replaceSync("[data-copy-note] { display: none !important; }");
document.adoptedStyleSheets.push(here);

/** The first element that matches. */
export function one(selector, within = document) {
  return within.querySelector(selector);
}

export function every(selector, within = document) {
  return [...within.querySelectorAll(selector)];
}

/** The page's data, as the server wrote it into the block `#booth`. */
export function pageData() {
  return JSON.parse(one("#booth").textContent);
}

/** The booth: page data, this browser's store, the public log. */
export function boothOf(data) {
  const store = new Store(data.scope);
  return { ...data, store, log: new LogView(data.base, store) };
}

/** Shows the named part of the page and hides the others; its headline gets the focus. */
export function showPart(name, { focus = true } = {}) {
  for (const part of every("[data-part]")) part.hidden = part.dataset.part !== name;
  if (!focus) return;
  const headline = one(`[data-part="${name}"] h1`) ?? one("h1");
  headline?.focus();
  headline?.scrollIntoView({ block: "nearest" });
}

/** Hides every trouble notice. */
export function clearTrouble() {
  for (const notice of every("[data-trouble]")) notice.hidden = true;
}

function codeOf(error) {
  const ours = [TroubleError, FileError, CodeError];
  if (ours.some((kind) => error instanceof kind)) return error.code;
  if (error instanceof StoreError) return "no-storage";
  console.error(error);
  return "unknown";
}

/** Shows the words for what went wrong, in the part that is open, and moves there. */
export function showTrouble(error) {
  clearTrouble();
  const code = codeOf(error);
  const notice = one(`[data-trouble~="${CSS.escape(code)}"]`) ?? one('[data-trouble~="unknown"]');
  one("[data-part]:not([hidden]) [data-trouble-place]")?.append(notice);
  const line = one("[data-line]", notice);
  if (line !== null) {
    line.hidden = !Number.isInteger(error.line);
    one("b", line).textContent = String(error.line ?? "");
  }
  notice.hidden = false;
  notice.focus();
}

/** What this browser cannot do, as a TroubleError; null where it can do everything needed. */
export async function whatIsMissing(store) {
  if (!globalThis.isSecureContext || globalThis.crypto?.subtle === undefined) {
    return new TroubleError("insecure");
  }
  if (!(await ed25519.available()) || !(await seal.available())) {
    return new TroubleError("old-browser");
  }
  try {
    store.probe();
  } catch {
    return new TroubleError("no-storage");
  }
  return null;
}

/** Only one page at a time works with the credentials; a second window waits its turn. */
export function alone(work) {
  if (navigator.locks === undefined) return work();
  return navigator.locks.request("circles-booth", work);
}

/**
 * Runs `work` from a button: disabled meanwhile, trouble shown, never twice at once.
 * @returns what work gave, or null where it failed
 */
export async function fromButton(button, work) {
  clearTrouble();
  button.disabled = true;
  try {
    return await alone(work);
  } catch (error) {
    showTrouble(error);
    return null;
  } finally {
    button.disabled = false;
  }
}

/** A progress bar with its count in words: `words[n]` for each n. */
export function progressIn(box, words) {
  const bar = one("progress", box);
  const says = one("[data-says]", box);
  return (done, all) => {
    box.hidden = false;
    bar.max = Math.max(all, 1);
    bar.value = done;
    says.textContent = words[Math.min(done, words.length - 1)] ?? "";
  };
}

/** Offers a text as a file to keep. */
export function saveAs(name, text, kind = "text/plain") {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: kind }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

/** What stands beside the credentials in a saved file, so that it can be used elsewhere. */
function beside(booth) {
  const { currency, documents, month } = booth;
  const more = { address: `${location.origin}${booth.base}`, currency };
  return documents === undefined ? more : { ...more, words: { month, documents } };
}

/** Records of a file, of paper or of a picture, for this page's month. */
async function brought(booth, text) {
  const pollOf = async (month, purpose) => {
    const named = booth.polls[purpose];
    const found = await publicRecord(booth.base, month, `${purpose}/poll`);
    if (found === null || (named !== undefined && found.id !== named)) {
      throw new TroubleError("code-other-poll");
    }
    return found;
  };
  return recordsOf(await understand(text), booth.base, pollOf);
}

/** Buttons that save the credentials, and fields that load them; `after` runs when some came. */
export function wireFile(booth, after) {
  for (const button of every("[data-save-file]")) {
    button.addEventListener("click", () => {
      const records = booth.store.credentials().filter((record) => record.month === booth.month);
      saveAs(booth.fileName, toFile(booth.base, records, beside(booth)), "application/json");
    });
  }
  for (const field of every("[data-load-file]")) {
    field.addEventListener("change", async () => {
      const [file] = field.files;
      if (file === undefined) return;
      clearTrouble();
      try {
        load(booth.store, await brought(booth, await textIn(file)));
        after();
      } catch (error) {
        showTrouble(error);
      } finally {
        field.value = "";
      }
    });
  }
}

/** A line of dots as the page draws them: `full` of them. */
export function dots(count) {
  const line = one("template[data-dots]").content.cloneNode(true).firstElementChild;
  const width = 13 * count;
  line.setAttribute("viewBox", `0 0 ${width} 13`);
  line.setAttribute("width", String(width));
  one("path", line).setAttribute("d", `M6.5 6.5h${13 * (count - 1)}.1`);
  return line;
}

/** A short form of a hash for people: three groups of four. */
export function shortCode(leaf) {
  const letters = leaf.replace(/[^A-Za-z0-9]/g, "").toUpperCase();
  return `${letters.slice(0, 4)} ${letters.slice(4, 8)} ${letters.slice(8, 12)}`;
}
