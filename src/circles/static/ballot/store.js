// What this browser keeps of a member's credentials: in localStorage, written and read back.
//
// A record is one credential of one slot: who may cast with it is whoever holds it, so it never
// leaves this page but as a file the member saves. Ticks are never kept, not even here.

import { bytesOf } from "./bytes.js";
import * as ed25519 from "./ed25519.js";
import { MalformedError, leafId, parse } from "./text.js";

const FILE_KIND = "circles/credentials/v1";

/** This browser does not keep what is written: private window, full, or switched off. */
export class StoreError extends Error {
  constructor(message = "This browser keeps nothing.") {
    super(message);
    this.name = "StoreError";
  }
}

/** The credentials, receipts and log memory of one circle (`scope`, such as "/c/maple-row"). */
export class Store {
  constructor(scope, storage = globalThis.localStorage) {
    this.prefix = `circles:${scope}:`;
    this.storage = storage;
  }

  read(name) {
    try {
      const held = this.storage.getItem(this.prefix + name);
      return held === null ? null : JSON.parse(held);
    } catch {
      return null;
    }
  }

  /** Writes and reads back. @throws {StoreError} if it does not stand there afterwards */
  write(name, value) {
    const text = JSON.stringify(value);
    try {
      this.storage.setItem(this.prefix + name, text);
      if (this.storage.getItem(this.prefix + name) === text) return;
    } catch {
      // Full, or not allowed at all: both are said in one way below.
    }
    throw new StoreError();
  }

  /** A key is written and read back before anything is collected. @throws {StoreError} */
  probe() {
    const value = { at: Math.random() };
    this.write("probe", value);
    this.storage.removeItem(`${this.prefix}probe`);
  }

  #name(poll, member, slot) {
    return `credential:${poll}:${member}:${slot}`;
  }

  /** The record of one slot, or null. */
  credential(poll, member, slot) {
    return this.read(this.#name(poll, member, slot));
  }

  /** Keeps a record. @throws {StoreError} */
  keep(record) {
    this.write(this.#name(record.poll, record.member, record.slot), record);
  }

  /** Every record, or those of one poll, by member and slot. */
  credentials(poll = null) {
    const start = `${this.prefix}credential:${poll === null ? "" : `${poll}:`}`;
    const names = [];
    for (let i = 0; i < this.storage.length; i += 1) {
      const name = this.storage.key(i);
      if (name.startsWith(start)) names.push(name.slice(this.prefix.length));
    }
    return names.sort().map((name) => this.read(name)).filter((record) => record !== null);
  }

  /**
   * The line in a poll that a reader was first shown; null before. Two people may share a browser:
   * `who` tells them apart and says nothing else.
   */
  line(poll, who) {
    return this.read(`line:${poll}:${who}`);
  }

  keepLine(poll, who, member) {
    this.write(`line:${poll}:${who}`, member);
  }

  /** Keys of rounds before the last one cast nothing any more: they are erased. */
  forgetOld(month) {
    const [year, number] = month.split("-").map(Number);
    const last = number > 1 ? [year, number - 1] : [year - 1, 12];
    const before = `${String(last[0]).padStart(4, "0")}-${String(last[1]).padStart(2, "0")}`;
    for (const record of this.credentials()) {
      if (record.month < before && record.seed !== null) this.forgetKeys(record);
    }
  }

  /** Erases what could still cast or be misused; leaves and receipts stay as evidence. */
  forgetKeys(record) {
    this.keep({ ...record, seed: null, prefixes: [], tokens: null, inverses: [] });
  }
}

/** Asks the browser not to clear this away; true, false, or null where it cannot say. */
export async function askToPersist() {
  try {
    return (await navigator.storage?.persist?.()) ?? null;
  } catch {
    return null;
  }
}

/**
 * The credentials as the text of a file. `more` stands beside them, for who reads it elsewhere: the
 * circle's address, its currency, the words of the requests.
 */
export function toFile(scope, records, more = {}) {
  return `${JSON.stringify({ kind: FILE_KIND, circle: scope, ...more, records }, null, 1)}\n`;
}

/** The file is none of ours, of another circle, or damaged. */
export class FileError extends Error {
  constructor(code) {
    super(`The file cannot be used: ${code}.`);
    this.name = "FileError";
    this.code = code;
  }
}

const FILE_CHARS_MAX = 1024 * 1024;

/** What a file says, its records not yet checked. @throws {FileError} file-unreadable */
export function openFile(text) {
  let file;
  try {
    if (text.length > FILE_CHARS_MAX) throw new RangeError("too long");
    file = JSON.parse(text);
  } catch {
    throw new FileError("file-unreadable");
  }
  if (file?.kind !== FILE_KIND || !Array.isArray(file.records)) throw new FileError("file-unreadable");
  return file;
}

/**
 * The records of a file, each checked: its take reads, its key belongs to its seed.
 * @throws {FileError} file-unreadable, file-other-circle
 */
export async function fromFile(scope, text) {
  const file = openFile(text);
  if (file.circle !== scope) throw new FileError("file-other-circle");
  const records = [];
  for (const record of file.records) {
    try {
      records.push(await checked(record));
    } catch {
      throw new FileError("file-unreadable");
    }
  }
  return records;
}

/** Poll, line and slot of a record; one that came from paper has neither line nor take. */
function placeOf(record) {
  if (record.take === "" && record.member === "" && Number.isInteger(record.slot)) return record;
  const take = parse("take", record.take);
  const { poll, member, slot } = take;
  const same = poll === record.poll && member === record.member && slot === record.slot;
  if (!same) throw new MalformedError("The record does not fit its take.");
  return take;
}

async function checked(record) {
  const { poll, member, slot } = placeOf(record);
  parse("credential", `circles/credential/v1\npoll ${poll}\nkey ${record.key}\n`);
  if (record.seed !== null) {
    const publicKey = await ed25519.publicOf(bytesOf(record.seed));
    if (!publicKey.every((byte, i) => byte === bytesOf(record.key)[i])) {
      throw new MalformedError("The key does not belong to its seed.");
    }
  }
  const list = (values) => values.map((value) => String(value));
  return {
    poll,
    member,
    slot,
    month: String(record.month),
    purpose: String(record.purpose),
    seed: record.seed,
    key: record.key,
    prefixes: list(record.prefixes),
    inverses: list(record.inverses),
    tokens: record.tokens === null ? null : list(record.tokens),
    take: record.take,
    takeLeaf: record.take === "" ? "" : await leafId(record.take),
    title: typeof record.title === "string" ? record.title.slice(0, 200) : "",
    casts: record.casts.map((cast) => ({
      seq: Number(cast.seq),
      leaf: String(cast.leaf),
      text: cast.text === null ? null : String(cast.text),
      receipt: cast.receipt === null ? null : String(cast.receipt),
    })),
  };
}

/** Newest seq used with a credential, 0 if none. */
export function lastSeq(record) {
  return record.casts.reduce((most, cast) => Math.max(most, cast.seq), 0);
}

function joined(mine, theirs) {
  const casts = new Map();
  for (const cast of [...theirs.casts, ...mine.casts]) {
    const held = casts.get(cast.leaf);
    if (held === undefined || held.receipt === null) casts.set(cast.leaf, cast);
  }
  const sorted = [...casts.values()].sort((a, b) => a.seq - b.seq);
  return { ...mine, tokens: mine.tokens ?? theirs.tokens, casts: sorted };
}

/**
 * Puts a file's records into the store. A slot that is already here with another key stays as it
 * is, unless that one was never answered. Gives the number of usable credentials loaded.
 */
export function load(store, records) {
  let usable = 0;
  for (const record of records) {
    const held = store.credential(record.poll, record.member, record.slot);
    // A paper says less than what is here: of the same key the fuller record stays.
    const known = store.credentials(record.poll).some((r) => r.key === record.key && r !== held);
    if (record.member === "" && known && held === null) {
      usable += 1;
      continue;
    }
    if (held !== null && held.key === record.key) store.keep(joined(held, record));
    else if (held === null || held.tokens === null) store.keep(record);
    else continue;
    if (record.tokens !== null) usable += 1;
  }
  return usable;
}
