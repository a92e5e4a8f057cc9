// Step 9: payouts, seals of the books, and the documents of the archive.
// Twin of protocol/verify/books.py.

import { DOCUMENT_BYTES_MAX } from "./ballot.js";
import { base64url, concat, sha256, utf8 } from "./bytes.js";
import { hashOf, readOrUnusable } from "./verify-source.js";
import { at } from "./verify-report.js";

const HASH_BYTES = 32;

/** Payouts follow a result, stay within its awards, and name an earlier seal. */
export function checkPayouts(walk, report) {
  const paid = new Map();
  for (const { index, message } of walk.payouts) {
    const where = at.entry(index);
    const { result } = walk.polls.get(message.poll);
    if (!report.expect(result !== null && result.index < index, "9.payout", where)) continue;
    const name = `${message.poll} ${message.candidate}`;
    paid.set(name, (paid.get(name) ?? 0) + message.amount);
    const award = result.message.award.find(({ candidate }) => candidate === message.candidate);
    report.expect(paid.get(name) <= (award?.amount ?? 0), "9.payout", where);
    const seal = walk.seals.get(message.ledger);
    report.expect(seal !== undefined && seal.index < index, "9.payout", where);
  }
}

/** The books only grow, in one currency; each vote's close names a seal with its fund. */
export function checkSeals(walk, report) {
  let before = null;
  for (const { index, message } of walk.seals.values()) {
    const where = at.entry(index);
    if (before !== null) {
      report.expect(message.fund.currency === before.fund.currency, "9.seal", where);
      report.expect(message.transfers >= before.transfers, "9.seal", where);
      const same = message.head === before.head && message.fund.amount === before.fund.amount;
      report.expect(same || message.transfers !== before.transfers, "9.seal", where);
    }
    before = message;
  }
  for (const { close } of walk.polls.values()) {
    if (close === null || close.message.ledger === null) continue;
    const { fund, ledger } = close.message;
    const sealed = walk.seals.get(ledger);
    const holds =
      sealed !== undefined &&
      sealed.index < close.index &&
      sealed.message.fund.amount === fund.amount &&
      sealed.message.fund.currency === fund.currency;
    report.expect(holds, "9.fund", at.entry(close.index));
  }
}

/** Each document hashes to its name. */
export async function checkDocuments(source, report) {
  for (const name of await source.names("documents")) {
    const path = `documents/${name}`;
    const bytes = await readOrUnusable(source, path, HASH_BYTES + DOCUMENT_BYTES_MAX);
    let same = false;
    if (bytes !== null && bytes.length > HASH_BYTES && hashOf(name, HASH_BYTES) !== null) {
      const hash = await sha256(concat(utf8("circles/doc/v1\n"), bytes));
      same = base64url(hash) === name;
    }
    report.expect(same, "9.document", at.file(path));
  }
}
