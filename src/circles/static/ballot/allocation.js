// From ballots to awards: every rule there is, by name and version, with a working that a reader
// can redo. Twin of protocol/allocation.py.

import { fairShares } from "./fair-shares.js";
import { mostTicks, oneWinner } from "./most-ticks.js";
import { RuleError } from "./rules.js";
import { split } from "./split.js";
import { ruleParameters } from "./text.js";

export { RuleError };

const COMPLETIONS = ["none", "ticks", "add1"];
const WHOLE = /^(0|[1-9][0-9]{0,14})$/;
const TOTALS_KEYS = ["least", "min-ticks"];
const RULES = new Map([
  ["most-ticks/1", [TOTALS_KEYS, mostTicks]],
  ["split/1", [TOTALS_KEYS, split]],
  ["one-winner/1", [TOTALS_KEYS, oneWinner]],
  ["fair-shares/1", [["completion", ...TOTALS_KEYS, "step"], fairShares]],
]);

function valuesOf(name, keys, parameters) {
  const given = parameters === "-" ? {} : ruleParameters(parameters);
  if (Object.keys(given).join() !== keys.join()) throw new RuleError(`${name} has ${keys}.`);
  const values = {};
  for (const key of keys) {
    const words = key === "completion";
    const fits = words ? COMPLETIONS.includes(given[key]) : WHOLE.test(given[key]);
    if (!fits) throw new RuleError(`${name}: ${key} is not right.`);
    values[key === "min-ticks" ? "minTicks" : key] = words ? given[key] : Number(given[key]);
  }
  if (name === "fair-shares/1" && values.completion === "add1" !== values.step > 0) {
    throw new RuleError(`${name}: step goes with add1.`);
  }
  return values;
}

/**
 * Awards by the rule of a poll record.
 * @param rule its name and version
 * @param parameters their text, `key=value,key=value`
 * @param fundMinor the fund, minor units
 * @param totals Map of candidate number and "keep" to ticks
 * @param asks Map of candidate number to [amount or "any", ceiling or "-", "whole" or "part"]
 * @param ballots the ticks of each counted ballot that opened, blank ones included
 * @returns {awards: Map of candidate to minor units above 0, ascending; carriedMinor; working;
 *   ballots, share: what each held at first, [minor units, divisor]; steps of a division}. A row of
 *   `working`: {place, number, ticks, ask, shareMinor, leftBeforeMinor, paidMinor, outcome, shares}
 * @throws {RuleError}
 */
export function allocate({ rule, parameters, fundMinor, totals, asks, ballots = [] }) {
  const known = RULES.get(rule);
  if (known === undefined) throw new RuleError(`The rule ${rule} is not known here.`);
  const [keys, decide] = known;
  return decide(valuesOf(rule, keys, parameters), fundMinor, totals, asks, ballots);
}
