// Collecting: a member, signed in, has fresh ballot keys signed blindly (protocol.md, 4.2).

import { base64url, bytesOf, utf8 } from "./bytes.js";
import { credentialText } from "./ballot.js";
import * as blind from "./blind.js";
import * as ed25519 from "./ed25519.js";
import { TroubleError, ask, publicRecord } from "./log.js";
import { encode, leafId, parse } from "./text.js";

const SIGNED_IN = Object.freeze({ credentials: "same-origin", cache: "no-store", redirect: "error" });
const KNOWN_CODES = new Set([
  "sign-in",
  "not-on-roll",
  "unknown-poll",
  "not-open",
  "slot-used",
  "closed",
]);

/** The stable code of a problem answer; "" where it has none. */
export async function problemCode(answer) {
  try {
    return String((await answer.json()).code ?? "");
  } catch {
    return "";
  }
}

async function refused(answer) {
  const code = await problemCode(answer);
  if (answer.status === 401) return new TroubleError("sign-in");
  if (KNOWN_CODES.has(code)) return new TroubleError(code);
  // Anything else may pass: the same bytes can be sent again without harm.
  return new TroubleError(answer.status >= 500 ? "offline" : "refused", code || String(answer.status));
}

async function member(url) {
  const answer = await ask(url, SIGNED_IN);
  if (!answer.ok) throw await refused(answer);
  return answer;
}

function rsaIsSound(issuer) {
  const bytes = bytesOf(issuer.value);
  return bytes.length === 384 && bytes[0] >= 0x80 && bytes.at(-1) % 2 === 1;
}

/**
 * The member's own line in a poll: on the roll that the record names, and always the same.
 * @throws {TroubleError} roll-bad, line-changed, sign-in, not-on-roll
 */
async function ownLine({ base, month, store, who }, purpose, id, poll) {
  const url = `${base}/rounds/${month}/${purpose}`;
  const { member: line } = await (await member(`${url}/line`)).json();
  const rollText = await (await member(`${url}/roll`)).text();
  let roll;
  try {
    roll = parse("roll", rollText);
  } catch (error) {
    throw new TroubleError("roll-bad", error.message);
  }
  const fits = (await leafId(rollText)) === poll.roll.hash && roll.member.length === poll.roll.members;
  if (!fits || !roll.member.includes(line)) throw new TroubleError("roll-bad");
  const known = store.line(id, who);
  if (known !== null && known !== line) throw new TroubleError("line-changed");
  store.keepLine(id, who, line);
  return line;
}

/**
 * A poll checked as the contract demands: logged, as the signed-in page named it, sound keys, the
 * roll its own. Gives {id, poll, line}; null where the poll is not logged yet.
 * @param booth {base, month, store, log, who, polls}; `polls[purpose]` is the id the page was given
 */
export async function checkPoll(booth, purpose) {
  const found = await publicRecord(booth.base, booth.month, `${purpose}/poll`);
  if (found === null) return null;
  const { text, id, record: poll } = found;
  const named = booth.polls?.[purpose] ?? null;
  if (named !== null && named !== id) throw new TroubleError("poll-differs");
  if (poll.round !== booth.month || poll.purpose !== purpose) throw new TroubleError("log-bad");
  // A round has one poll of each purpose: who shows a second one can tell by it who came.
  const other = booth.store
    .credentials()
    .find((held) => held.month === poll.round && held.purpose === purpose && held.poll !== id);
  if (other !== undefined) throw new TroubleError("poll-differs");
  await booth.log.find(text);
  const moduli = new Set(poll.issuer.map((issuer) => issuer.value));
  if (!poll.issuer.every(rsaIsSound) || moduli.size !== poll.issuer.length) {
    throw new TroubleError("poll-bad");
  }
  return { id, poll, line: await ownLine(booth, purpose, id, poll) };
}

/** A fresh record for a slot: key, blinding, the take's text. Nothing is sent yet. */
async function prepared(month, { id, poll, line }, slot) {
  const { seed, publicKey } = await ed25519.generate();
  const key = base64url(publicKey);
  const text = utf8(credentialText(id, key));
  const [prefixes, inverses, blinded] = [[], [], []];
  for (const { number, value } of poll.issuer) {
    const input = blind.prepare(text);
    const made = await blind.blind(bytesOf(value), input);
    prefixes.push(base64url(input.slice(0, blind.PREFIX_BYTES)));
    inverses.push(base64url(made.inverse));
    blinded.push({ number, value: base64url(made.blinded) });
  }
  const take = encode("take", { poll: id, member: line, slot, blinded });
  return {
    poll: id,
    month,
    purpose: poll.purpose,
    member: line,
    slot,
    seed: base64url(seed),
    key,
    prefixes,
    inverses,
    take,
    takeLeaf: await leafId(take),
    tokens: null,
    title: "",
    casts: [],
  };
}

/** The tokens out of the issuers' answer. @throws {TroubleError} answer-bad */
async function tokensOf(record, poll, answerText) {
  const text = utf8(credentialText(record.poll, record.key));
  try {
    const taken = parse("taken", answerText);
    if (taken.take !== record.takeLeaf || taken.signed.length !== poll.issuer.length) {
      throw new Error("The answer is for another take.");
    }
    const tokens = [];
    for (const [i, { value }] of taken.signed.entries()) {
      const input = blind.prepare(text, bytesOf(record.prefixes[i]));
      const modulus = bytesOf(poll.issuer[i].value);
      const inverse = bytesOf(record.inverses[i]);
      tokens.push(base64url(await blind.finalize(modulus, input, bytesOf(value), inverse)));
    }
    return tokens;
  } catch (error) {
    throw new TroubleError("answer-bad", error.message);
  }
}

/**
 * One slot: prepared and STORED, then posted; the token checked and stored. A record that was
 * stored but never answered is posted again, the same bytes.
 */
export async function takeSlot(booth, checked, slot) {
  const { store } = booth;
  let record = store.credential(checked.id, checked.line, slot);
  if (record !== null && record.tokens !== null) return record;
  if (record === null) {
    record = await prepared(booth.month, checked, slot);
    store.keep(record);
  }
  const answer = await ask(`${booth.base}/rounds/${booth.month}/${checked.poll.purpose}/take`, {
    ...SIGNED_IN,
    method: "POST",
    headers: { "Content-Type": "text/plain" },
    body: record.take,
  });
  if (!answer.ok) throw await refused(answer);
  const tokens = await tokensOf(record, checked.poll, await answer.text());
  const done = { ...record, tokens, inverses: [] };
  store.keep(done);
  return done;
}

/**
 * All slots of the polls in `purposes` that are logged. `progress(done, all)` is told after each.
 * A slot that was used elsewhere does not keep the others from being taken; it is told at the end.
 * @returns the records, usable ones
 */
export async function collect(booth, purposes, progress = () => {}) {
  booth.store.probe();
  await booth.log.refresh();
  const polls = [];
  for (const purpose of purposes) {
    const checked = await checkPoll(booth, purpose);
    if (checked !== null) polls.push(checked);
  }
  const all = polls.reduce((sum, { poll }) => sum + poll.slots, 0);
  const records = [];
  let used = null;
  progress(0, all);
  for (const checked of polls) {
    for (let slot = 0; slot < checked.poll.slots; slot += 1) {
      try {
        records.push(await takeSlot(booth, checked, slot));
      } catch (error) {
        if (error.code !== "slot-used") throw error;
        used = error;
      }
      progress(records.length, all);
    }
  }
  if (used !== null) throw used;
  return records;
}
