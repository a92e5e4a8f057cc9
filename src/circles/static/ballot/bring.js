// Credentials brought from elsewhere: the saved file, letters from paper, a picture of the codes.

import { base64url, bytesOf, concat, utf8 } from "./bytes.js";
import { credentialText } from "./ballot.js";
import * as blind from "./blind.js";
import { CodeError, readCodes } from "./codes.js";
import * as ed25519 from "./ed25519.js";
import { TroubleError } from "./log.js";
import { readCodesInFile } from "./qr-read.js";
import { fromFile, openFile } from "./store.js";

/** What a file holds, as text: a picture's codes are read out of it. @throws {CodeError} */
export async function textIn(file) {
  if (!file.type.startsWith("image/")) return file.text();
  let found = [];
  try {
    found = await readCodesInFile(file);
  } catch {
    // No picture that this browser can open: said in the same words.
  }
  if (found.length === 0) throw new CodeError("picture-unreadable");
  return found.join("\n");
}

/**
 * What was brought, before any of it is believed: {address, file} of a saved file, or
 * {address, codes}. `address` is the circle's, null where it is not named.
 * @throws {FileError|CodeError}
 */
export async function understand(text) {
  if (text.trimStart().startsWith("{")) {
    const file = openFile(text);
    return { address: typeof file.address === "string" ? file.address : null, file };
  }
  const { address, credentials } = await readCodes(text);
  return { address, codes: credentials };
}

/** A code's credential as a record, if its tokens fit that poll. @throws {TroubleError} */
async function recordOf(code, { id, record: poll }) {
  const key = base64url(await ed25519.publicOf(bytesOf(code.seed)));
  const text = utf8(credentialText(id, key));
  if (code.tokens.length !== poll.issuer.length) throw new TroubleError("code-other-poll");
  for (const [i, { value }] of poll.issuer.entries()) {
    const input = concat(bytesOf(code.prefixes[i]), text);
    if (!(await blind.verify(bytesOf(value), input, bytesOf(code.tokens[i])))) {
      throw new TroubleError("code-other-poll");
    }
  }
  const { month, purpose, slot, seed, prefixes, tokens } = code;
  const none = { member: "", inverses: [], take: "", takeLeaf: "", title: "", casts: [] };
  return { poll: id, month, purpose, slot, seed, key, prefixes, tokens, ...none };
}

/**
 * The records of what was understood, each checked.
 * @param pollOf gives {id, record} of the poll of a month and purpose
 * @throws {FileError|CodeError|TroubleError}
 */
export async function recordsOf({ file, codes }, scope, pollOf) {
  if (file !== undefined) return fromFile(scope, JSON.stringify(file));
  const records = [];
  for (const code of codes) {
    records.push(await recordOf(code, await pollOf(code.month, code.purpose)));
  }
  return records;
}
