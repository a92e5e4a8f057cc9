// The ballot as a form: ticks given and left, looked over as a list, receipts as rows. Shared by the
// page of a member, the page that casts from a file, and the one for practice.

import { dots, every, one, saveAs, shortCode } from "./page.js";
import { lastSeq } from "./store.js";

/** The words for `n` in a list of them; beyond its end the last one, with the number in it. */
export function wordsFor(list, n) {
  return (list[n] ?? list.at(-1) ?? "").replace("{n}", String(n));
}

export class BallotForm {
  /** @param words lists of the page's words by count: left, tooMany, tooManySays, ticks, summary */
  constructor(words, ticks) {
    this.words = words;
    this.ticks = ticks;
  }

  /** [number or "keep", ticks] of every line, in the order of the page. */
  ticked() {
    return every("[data-candidate]").map((line) => {
      const value = one("input:checked", line)?.value ?? "0";
      const name = line.dataset.candidate;
      return [name === "keep" ? name : Number(name), Number(value)];
    });
  }

  given() {
    return this.ticked().reduce((sum, [, count]) => sum + count, 0);
  }

  /** The candidates and "keep", each as often as it was ticked. */
  flat() {
    return this.ticked().flatMap(([candidate, count]) => Array(count).fill(candidate));
  }

  /** Says how many are left, or too many. */
  count() {
    const left = this.ticks - this.given();
    const { words } = this;
    one("[data-left] span").textContent =
      left >= 0 ? wordsFor(words.left, left) : wordsFor(words.tooMany, -left);
    one("[data-left] svg")?.remove();
    if (left > 0) one("[data-left]").append(" ", dots(left));
    one("[data-too-many]").hidden = left >= 0;
    one("[data-too-many] [data-says]").textContent =
      left >= 0 ? "" : wordsFor(words.tooManySays, -left);
  }

  /** Fills the list to look over; false, with the focus on why, where there are too many. */
  lookOver() {
    if (this.given() > this.ticks) {
      one("[data-too-many]").focus();
      return false;
    }
    const list = one("[data-yours]");
    list.replaceChildren();
    for (const [candidate, count] of this.ticked()) {
      if (count > 0) list.append(this.#line(candidate, count));
    }
    one("[data-summary]").textContent = wordsFor(this.words.summary, this.given());
    return true;
  }

  #line(candidate, count) {
    const item = one("template[data-tally]").content.cloneNode(true).firstElementChild;
    one("h3", item).textContent = one(`[data-candidate="${candidate}"] h3`).textContent;
    one(".num", item).textContent = wordsFor(this.words.ticks, count);
    item.append(dots(count));
    return item;
  }

  /** A row and a button for each receipt of the newest casts. */
  showReceipts(records) {
    const list = one("[data-receipts]");
    const saves = one("[data-receipt-saves]");
    list.replaceChildren();
    every("[data-receipt-save]", saves).forEach((item) => item.remove());
    for (const [i, record] of records.entries()) {
      const cast = record.casts.find((held) => held.seq === lastSeq(record));
      if (cast?.receipt == null) continue;
      list.append(this.#receipt(i, cast));
      one("[data-saves-end]", saves).before(this.#saver(i, cast));
    }
  }

  #receipt(i, cast) {
    const row = one("template[data-receipt]").content.cloneNode(true).firstElementChild;
    one("dt", row).textContent = this.words.receipts[i];
    one("dd", row).textContent = shortCode(cast.leaf);
    return row;
  }

  #saver(i, cast) {
    const item = one("template[data-saver]").content.cloneNode(true).firstElementChild;
    const button = one("button", item);
    button.textContent = this.words.saveReceipts[i];
    button.addEventListener("click", () => saveAs(`receipt-${cast.leaf}.txt`, cast.receipt));
    return item;
  }
}
