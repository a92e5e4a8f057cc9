// Reading a published archive, without trusting it: from a circle's own address, and what this
// browser kept of it. Twin of protocol/archive_source.py.
//
// A source has read(name, bytesMax) -> bytes, or null where there is no such file, and
// names(folder) -> the names of its files, sorted.

import { WITHOUT_NAME } from "./log.js";
import { FileError, UnreadableError } from "./verify-report.js";
import { bytesOf, utf8 } from "./bytes.js";

/** What no format begins with: who reads it names the check that failed, and goes on. */
export const UNUSABLE = Uint8Array.of(0);

/** A file's bytes, null where there is none, UNUSABLE where it is of no use. */
export async function readOrUnusable(source, name, bytesMax) {
  try {
    return await source.read(name, bytesMax);
  } catch (error) {
    if (error instanceof FileError) return UNUSABLE;
    throw error;
  }
}

/** A circle's public address; `documents` are the names it says it has. */
export class AddressSource {
  constructor(base, documents = [], signal = undefined) {
    this.base = base;
    this.documents = documents;
    this.signal = signal;
  }

  async read(name, bytesMax) {
    let answer;
    let data;
    try {
      answer = await fetch(`${this.base}/${name}`, { ...WITHOUT_NAME, signal: this.signal });
      if (answer.status === 404 || answer.status === 410) return null;
      if (answer.ok) data = new Uint8Array(await answer.arrayBuffer());
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new UnreadableError(name);
    }
    if (data === undefined) throw new UnreadableError(`${name}: ${answer.status}`);
    if (data.length > bytesMax) throw new FileError(name);
    return data;
  }

  async names(folder) {
    return folder === "documents" ? [...this.documents].sort() : [];
  }
}

/** Files in memory: a Map of name to bytes. */
export class MemorySource {
  constructor(files = new Map()) {
    this.files = files;
  }

  async read(name, bytesMax) {
    const data = this.files.get(name);
    if (data === undefined) return null;
    if (data.length > bytesMax) throw new FileError(name);
    return data;
  }

  async names(folder) {
    const start = `${folder}/`;
    return [...this.files.keys()]
      .filter((name) => name.startsWith(start) && !name.slice(start.length).includes("/"))
      .map((name) => name.slice(start.length))
      .sort();
  }
}

/** What this browser kept of a circle, as evidence: log key, checkpoint, receipts. */
export function keptHere(store) {
  const files = new Map();
  const key = store.read("log-key");
  if (typeof key === "string") files.set("key", utf8(key));
  const last = store.read("log-last");
  if (typeof last?.note === "string") files.set("checkpoints/last", utf8(last.note));
  for (const record of store.credentials()) {
    for (const { leaf, receipt } of record.casts) {
      if (receipt !== null) files.set(`receipts/${leaf}`, utf8(receipt));
    }
  }
  return new MemorySource(files);
}

/** `length` bytes of a base64url name, or null. */
export function hashOf(name, length) {
  try {
    const bytes = bytesOf(name);
    return bytes.length === length ? bytes : null;
  } catch {
    return null;
  }
}
