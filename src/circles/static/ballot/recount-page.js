// "Check this result" on a month's public page. Nothing is kept in the browser, nothing is sent.

import { LogView } from "./log.js";
import { every, one } from "./page.js";
import { recount } from "./recount.js";

const data = JSON.parse(one("#recount").textContent);
const { words } = data;
const nothingKept = { read: () => null, write: () => {} };
const booth = { base: data.base, month: data.month, log: new LogView(data.base, nothingKept) };
// As the figures above it on the page: the unit is named there once.
const format = new Intl.NumberFormat(data.locale, {
  minimumFractionDigits: data.digits,
  maximumFractionDigits: data.digits,
});

function money(minor) {
  return format.format(minor / 10 ** data.digits);
}

/** An exact part, cut to the minor unit; "…" where that is not all of it. */
function exact([amount, over]) {
  const [whole, rest] = [BigInt(amount) / BigInt(over), BigInt(amount) % BigInt(over)];
  return money(Number(whole)) + (rest === 0n ? "" : "…");
}

function filled(text, values) {
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

function rowWords(row) {
  const what = data.names[row.number] ?? String(row.number);
  if (row.paidMinor === 0) return filled(words.notPaid, { what });
  const left = money(row.leftBeforeMinor - row.paidMinor);
  const said = [filled(words.paid, { what, paid: money(row.paidMinor), left })];
  for (const { ballots, each } of row.shares) {
    said.push(filled(ballots === 1 ? words.share : words.shares, { n: ballots, paid: exact(each) }));
  }
  return said.join("; ");
}

/** Every step of the count, in words. */
function stepsOf(found) {
  const ticks = [...found.totals].map(([tick, n]) => {
    const what = tick === "keep" ? words.keep : data.names[tick];
    return filled(n === 1 ? words.tick : words.ticks, { what, n });
  });
  return [
    filled(words.log, { n: found.size }),
    filled(words.ballots, { n: found.counted, void: found.voids }),
    ...ticks,
    ...found.made.working.map(rowWords),
    filled(words.stays, { left: money(found.made.carriedMinor) }),
  ];
}

function show(state, steps = []) {
  const box = one("[data-found]");
  for (const name of ["same", "differs", "failed"]) {
    one(`[data-${name}]`, box).hidden = name !== state;
  }
  const list = one("[data-steps]", box);
  list.replaceChildren();
  for (const step of steps) {
    const item = document.createElement("li");
    item.textContent = step;
    list.append(item);
  }
  box.hidden = false;
  box.focus();
}

async function check(button) {
  const box = one("[data-recount] [data-progress]");
  button.disabled = true;
  try {
    const found = await recount(booth, (done, all) => {
      box.hidden = false;
      one("progress", box).max = Math.max(all, 1);
      one("progress", box).value = done;
      one("[data-says]", box).textContent = filled(words.opened, { n: done, all });
    });
    show(found.differs.length === 0 ? "same" : "differs", stepsOf(found));
  } catch (error) {
    console.error(error);
    show("failed");
  }
  box.hidden = true;
  button.disabled = false;
}

for (const part of every("[data-recount]")) part.hidden = false;
const button = one("[data-recount-go]");
button.addEventListener("click", () => check(button));
