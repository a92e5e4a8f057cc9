// The public log as this page sees it: fetched without credentials, so that nobody can be shown a
// log of their own, and never believed without a signature and a proof.

import { base64url, bytesOf, fromBase64url, utf8, utf8Text } from "./bytes.js";
import { TileReader, checkConsistency, checkInclusion, leafHash } from "./merkle.js";
import { openCheckpoint, openNote, readVerifierKey } from "./note.js";
import { followRotations, keyText } from "./rotation.js";
import { leafId, parse, typeOf } from "./text.js";

/** What stopped us; `code` finds the words on the page. */
export class TroubleError extends Error {
  constructor(code, detail = "") {
    super(`${code}${detail && `: ${detail}`}`);
    this.name = "TroubleError";
    this.code = code;
    this.detail = detail;
  }
}

/** How everything that anyone may see is fetched, and how ballots are posted. */
export const WITHOUT_NAME = Object.freeze({
  credentials: "omit",
  referrerPolicy: "no-referrer",
  cache: "no-store",
  redirect: "error",
});

const ANSWER_MS_MAX = 30_000;

/** A host that never answers is one that is not there: the options of a fetch with an end to it. */
export function inTime(options) {
  return { ...options, signal: AbortSignal.timeout(ANSWER_MS_MAX) };
}

/** A fetch whose failure is a TroubleError("offline"). */
export async function ask(url, options) {
  try {
    return await fetch(url, inTime(options));
  } catch {
    throw new TroubleError("offline", url);
  }
}

/** Bytes of a public file; null where there is none. @throws {TroubleError} offline */
export async function getPublic(url) {
  const answer = await ask(url, WITHOUT_NAME);
  if (answer.status === 404) return null;
  if (!answer.ok) throw new TroubleError("offline", url);
  try {
    return new Uint8Array(await answer.arrayBuffer());
  } catch {
    throw new TroubleError("offline", url);
  }
}

async function getText(url) {
  const bytes = await getPublic(url);
  if (bytes === null) throw new TroubleError("offline", url);
  try {
    return utf8Text(bytes);
  } catch (error) {
    throw new TroubleError("log-bad", error.message);
  }
}

export class LogView {
  constructor(base, store) {
    this.base = base;
    this.store = store;
  }

  /**
   * Reads key and checkpoint anew: the key is the one first seen, or one that the log went over to
   * since, signed by both; the signature holds; and the log only added to what it was when this
   * browser last looked.
   * @throws {TroubleError} offline, log-key, log-bad, log-forked
   */
  async refresh() {
    const shown = (await getText(`${this.base}/log/key`)).replace(/\n$/, "");
    const known = this.store.read("log-key");
    const note = await getText(`${this.base}/log/checkpoint`);
    try {
      this.key = await readVerifierKey(shown);
      this.checkpoint = await openCheckpoint(note, this.key);
    } catch (error) {
      throw new TroubleError("log-bad", error.message);
    }
    this.reader = new TileReader(this.checkpoint.size, (path) => this.#tile(path));
    if (known !== null && known !== shown) await this.#wentOver(known, shown);
    await this.#compareWithLast();
    this.store.write("log-key", shown);
    this.store.write("log-last", {
      note,
      size: this.checkpoint.size,
      root: base64url(this.checkpoint.root),
    });
  }

  async #tile(path) {
    const bytes = await getPublic(`${this.base}/log/${path}`);
    if (bytes === null) throw new TroubleError("offline", path);
    return bytes;
  }

  /** That the log went over from the key known to the one shown. @throws {TroubleError} log-key */
  async #wentOver(known, shown) {
    const first = Math.min(this.store.read("log-last")?.size ?? 0, this.checkpoint.size);
    const texts = await this.entries(first, this.checkpoint.size);
    let heirs;
    try {
      const rotations = texts
        .map((text, i) => ({ index: first + i, text }))
        .filter(({ text }) => typeOf(text) === "rotation")
        .map(({ index, text }) => ({ index, message: parse("rotation", text) }));
      heirs = await followRotations(await readVerifierKey(known), rotations);
    } catch (error) {
      throw new TroubleError("log-key", error.message);
    }
    if (heirs.bad.length > 0 || keyText(heirs.present.at(-1)) !== shown) {
      throw new TroubleError("log-key");
    }
  }

  async #compareWithLast() {
    const last = this.store.read("log-last");
    if (last === null) return;
    const { size, root } = this.checkpoint;
    try {
      if (last.size > size) throw new Error("The log has become shorter.");
      const proof = await this.reader.consistencyProof(last.size);
      await checkConsistency(last.size, size, fromBase64url(last.root), root, proof);
    } catch (error) {
      if (error instanceof TroubleError) throw error;
      throw new TroubleError("log-forked", error.message);
    }
  }

  /** Index of the entry with that leaf hash (base64url), looked for from the newest; null if none. */
  async indexOf(leaf) {
    const wanted = bytesOf(leaf);
    for (let n = Math.floor((this.checkpoint.size - 1) / 256); n >= 0; n -= 1) {
      const tile = await this.reader.tile(0, n);
      for (let at = 0; at + 32 <= tile.length; at += 32) {
        if (wanted.every((byte, i) => byte === tile[at + i])) return n * 256 + at / 32;
      }
    }
    return null;
  }

  /** Proves that a leaf hash stands at that index. @throws {TroubleError} log-bad */
  async prove(index, hash) {
    const { size, root } = this.checkpoint;
    try {
      const proof = await this.reader.inclusionProof(index);
      await checkInclusion(index, size, hash, root, proof);
    } catch (error) {
      if (error instanceof TroubleError) throw error;
      throw new TroubleError("log-bad", error.message);
    }
  }

  /** Index of that very text in the log, proven. @throws {TroubleError} not-logged, log-bad */
  async find(text) {
    const index = await this.indexOf(await leafId(text));
    if (index === null) throw new TroubleError("not-logged");
    await this.prove(index, await leafHash(utf8(text)));
    return index;
  }

  /** The entries from `first` to before `end`, each proven, as text. */
  async entries(first, end) {
    const found = await this.reader.entries(first, end);
    const texts = [];
    for (const [i, entry] of found.entries()) {
      await this.prove(first + i, await leafHash(entry));
      texts.push(new TextDecoder().decode(entry));
    }
    return texts;
  }

  /**
   * That `note` is the log's receipt for that leaf of that poll.
   * @throws {Error} if it is anything else, an empty or friendly answer too
   */
  async checkReceipt(note, poll, leaf) {
    const receipt = parse("receipt", await openNote(note, [this.key]));
    if (receipt.poll !== poll || receipt.leaf !== leaf) throw new Error("A receipt of something else.");
  }
}

/**
 * A record of a round as everyone gets it, {text, id, record}; null before it is logged.
 * @param what "<purpose>/poll", "vote/slate", "vote/close" ...
 */
export async function publicRecord(base, month, what) {
  const bytes = await getPublic(`${base}/rounds/${month}/${what}`);
  if (bytes === null) return null;
  const type = what.split("/")[1];
  try {
    const record = parse(type, bytes);
    const text = new TextDecoder().decode(bytes);
    return { text, id: await leafId(text), record };
  } catch (error) {
    throw new TroubleError("log-bad", error.message);
  }
}
