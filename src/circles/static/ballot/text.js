// The strict text form of every record and message of protocol version 1 (protocol.md, 2 and 3).
// Twin of protocol/text.py: both answer to the same vectors.
//
// A message is printable ASCII, each line ended by LF, the type first, then its lines in the one
// order that exists. `parse` reads, writes again and compares: what differs is malformed.

import { base64url, bytesOf, concat, fromBase64url, sha256, utf8 } from "./bytes.js";

export const POSTED_BYTES_MAX = 8192;
export const ENTRY_BYTES_MAX = 65535;
export const FILE_BYTES_MAX = 4 * 1024 * 1024;

/** The text is not a message of this protocol. What was read must be thrown away. */
export class MalformedError extends Error {
  constructor(message) {
    super(message);
    this.name = "MalformedError";
  }
}

function refuse(why) {
  throw new MalformedError(why);
}

// ---- values: each reads its text or refuses it, and writes it again -----------------------

const same = (value) => String(value);

/** Canonical base64url of exactly `length` bytes; kept as text. */
function binary(length) {
  const letters = Math.ceil((length * 4) / 3);
  return {
    read(text) {
      if (text.length !== letters || fromBase64url(text) === null) {
        refuse(`A value of ${length} bytes in base64url was expected.`);
      }
      return text;
    },
    write: same,
  };
}

const rsa = {
  read(text) {
    const value = binary(384).read(text);
    if (/^A+$/.test(value)) refuse("An RSA value is above zero.");
    return value;
  },
  write: same,
};

const anyBinary = {
  read(text) {
    if (text === "" || fromBase64url(text) === null) refuse("Canonical base64url was expected.");
    return text;
  },
  write: same,
};

/** A decimal without leading zeros, at most 15 digits, between the bounds. */
function integer(least = 0, most = 999999999999999) {
  return {
    read(text) {
      if (!/^(?:0|[1-9][0-9]{0,14})$/.test(text)) refuse("A whole number was expected.");
      const value = Number(text);
      if (value < least || value > most) refuse(`A number from ${least} to ${most} was expected.`);
      return value;
    },
    write: same,
  };
}

function pattern(regex, what) {
  return {
    read(text) {
      if (!regex.test(text)) refuse(`${what} was expected.`);
      return text;
    },
    write: same,
  };
}

const oneOf = (...words) => pattern(new RegExp(`^(?:${words.join("|")})$`), words.join(" or "));

function dayExists(year, month, day) {
  if (year < 1 || month < 1 || month > 12 || day < 1) return false;
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return day <= [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1];
}

const time = {
  read(text) {
    const found = /^([0-9]{4})-([0-9]{2})-([0-9]{2})T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$/.exec(text);
    if (!found || !dayExists(Number(found[1]), Number(found[2]), Number(found[3]))) {
      refuse("A time that exists, in UTC, was expected.");
    }
    return text;
  },
  write: same,
};

const day = {
  read(text) {
    const found = /^([0-9]{4})-([0-9]{2})-([0-9]{2})$/.exec(text);
    if (!found || !dayExists(Number(found[1]), Number(found[2]), Number(found[3]))) {
      refuse("A day that exists was expected.");
    }
    return text;
  },
  write: same,
};

const month = {
  read(text) {
    const found = /^([0-9]{4})-(0[1-9]|1[0-2])$/.exec(text);
    if (!found || Number(found[1]) < 1) refuse("A month was expected.");
    return text;
  },
  write: same,
};

const id = binary(16);
const hash = binary(32);
const signature = binary(64);
const amount = integer(0);
const someAmount = integer(1);
const currency = pattern(/^[A-Z]{3}$/, "A currency of three capitals");
const candidateOrKeep = {
  read: (text) => (text === "keep" ? text : integer(1, 999).read(text)),
  write: same,
};

/** A value that may also be absent, written "-" and read as null. */
function orDash(value) {
  return {
    read: (text) => (text === "-" ? null : value.read(text)),
    write: (held) => (held === null ? "-" : value.write(held)),
  };
}

const ruleName = pattern(/^[a-z][a-z0-9-]*\/[1-9][0-9]{0,2}$/, "A rule and its version");

/** `key=value,...` sorted by key, or "-"; kept as text, see `ruleParameters`. */
const parameters = {
  read(text) {
    if (text === "-") return text;
    let last = "";
    for (const part of text.split(",")) {
      const found = /^([a-z][a-z0-9-]*)=([a-z0-9-]+)$/.exec(part);
      if (!found || found[1] <= last) refuse("Parameters sorted by key were expected.");
      last = found[1];
    }
    return text;
  },
  write: same,
};

/** The parameters of a rule as an object of texts. */
export function ruleParameters(text) {
  if (text === "-") return {};
  return Object.fromEntries(text.split(",").map((part) => part.split("=")));
}

const askAmount = {
  read: (text) => (text === "any" ? text : someAmount.read(text)),
  write: same,
};

// ---- lines ---------------------------------------------------------------------------------

/** One line: its name, its fields as [name, value] pairs, and how often it stands. */
function line(name, fields, often = "once") {
  const key = name.replace(/-(.)/g, (_, letter) => letter.toUpperCase());
  return { name, key, fields, often };
}
const single = (name, value, often) => line(name, [[null, value]], often);

const numbered = (name, most, value, often) =>
  ({ ...line(name, [["number", integer(1, most)], ["value", value]], often), counted: true });

const pollHash = single("poll", hash);
const pollTimes = [single("take-from", time), single("opens", time), single("closes", time)];
const clients = single("client", hash, "any");
const castHead = [
  single("key", hash),
  numbered("prefix", 4, hash, "some"),
  numbered("token", 4, rsa, "some"),
  single("seq", integer(1, 20)),
];
const sig = single("sig", signature);

const LINES = {
  poll: [
    single("circle", id),
    single("round", month),
    single("purpose", oneOf("nominate", "vote")),
    line("roll", [["hash", hash], ["members", integer()]]),
    single("slots", integer(1, 5)),
    numbered("issuer", 4, rsa, "some"),
    numbered("trustee", 9, hash, "any"),
    single("threshold", integer(0, 9)),
    line("rule", [["name", ruleName], ["parameters", parameters]]),
    single("max-choices", integer(0, 20)),
    single("min-voters", integer()),
    single("draw-commit", orDash(hash)),
    ...pollTimes,
    clients,
  ],
  event: [pollHash, single("reissued", integer()), ...pollTimes, clients],
  slate: [
    pollHash,
    single("draw-salt", hash),
    numbered("candidate", 999, hash, "any"),
    line(
      "omit",
      [["leaf", hash], ["reason", oneOf("duplicate", "withdrawn", "unlawful", "out-of-rules")]],
      "any",
    ),
  ],
  close: [
    pollHash,
    line("takes", [["hash", hash], ["count", integer()], ["reissued", integer()]]),
    single("voters", integer()),
    line("ballots", [["first", integer()], ["count", integer()]]),
    single("keys", integer()),
    line("fund", [["amount", amount], ["currency", currency]], "maybe"),
    single("ledger", hash, "maybe"),
  ],
  opening: [pollHash, single("trustee", integer(1, 9)), single("secret", hash)],
  result: [
    pollHash,
    single("counted", integer()),
    line("void", [["leaf", hash], ["reason", oneOf("share", "commit", "body", "choice")]], "any"),
    line("total", [["candidate", candidateOrKeep], ["ticks", integer()]], "some"),
    line("award", [["candidate", integer(1, 999)], ["amount", someAmount]], "any"),
    single("carried", amount),
  ],
  ballot: [
    pollHash,
    single("slate", hash),
    ...castHead,
    single("commit", hash),
    numbered("share", 9, binary(80), "some"),
    single("body", binary(272)),
    sig,
  ],
  nomination: [
    pollHash,
    ...castHead,
    line("ask", [
      ["amount", askAmount],
      ["ceiling", orDash(someAmount)],
      ["part", oneOf("whole", "part")],
    ]),
    single("doc", hash),
    sig,
  ],
  roll: [single("salt", id), single("member", id, "any")],
  take: [pollHash, single("member", id), single("slot", integer(0, 4)), numbered("blinded", 4, rsa, "some")],
  taken: [single("take", hash), numbered("signed", 4, rsa, "some")],
  takes: [pollHash, { ...single("take", anyBinary, "any"), ownOrder: true }],
  credential: [pollHash, single("key", hash)],
  receipt: [pollHash, single("leaf", hash)],
  choice: [single("nonce", id), single("tick", candidateOrKeep, "any")],
  void: [pollHash, single("reason", oneOf("few-voters", "not-opened", "no-candidates"))],
  seal: [
    single("circle", id),
    single("month", month),
    single("transfers", integer()),
    single("head", hash),
    line("fund", [["amount", amount], ["currency", currency]]),
  ],
  payout: [
    pollHash,
    single("candidate", integer(1, 999)),
    single("amount", someAmount),
    single("day", day),
    single("ledger", hash),
  ],
  rotation: [
    single("old", hash),
    single("new", hash),
    single("sig-old", signature),
    single("sig-new", signature),
  ],
};

export const TYPES = Object.freeze(Object.keys(LINES));
const LOGGED = new Set(
  "poll event slate close result ballot nomination void seal payout rotation opening".split(" "),
);
const POSTED = new Set("ballot nomination take opening".split(" "));

function bytesMax(type) {
  if (type === "roll" || type === "takes") return FILE_BYTES_MAX;
  return LOGGED.has(type) && !POSTED.has(type) ? ENTRY_BYTES_MAX : POSTED_BYTES_MAX;
}

// ---- rules that reach over several lines ---------------------------------------------------

function checkPoll(poll) {
  const vote = poll.purpose === "vote";
  if (vote !== poll.trustee.length > 0) refuse("A vote has trustees, nominating has none.");
  if (vote !== poll.threshold > 0) refuse("The threshold does not fit the purpose.");
  if (vote !== poll.maxChoices > 0) refuse("max-choices does not fit the purpose.");
  if (vote !== (poll.drawCommit !== null)) refuse("draw-commit does not fit the purpose.");
  if (vote !== (poll.rule.name !== "none/1")) refuse("The rule does not fit the purpose.");
  if (!vote && (poll.rule.parameters !== "-" || poll.minVoters !== 0)) {
    refuse("Nominating has no parameters and no least number of voters.");
  }
}

function checkClose(close) {
  if ((close.fund === null) !== (close.ledger === null)) refuse("Fund and ledger stand together.");
}

function checkResult(result) {
  if (result.total.at(-1).candidate !== "keep") refuse("A total for keep is missing.");
}

function checkAsk(nomination) {
  const { amount: asked, ceiling, part } = nomination.ask;
  if (asked === "any" ? part !== "part" : ceiling !== null) refuse("No such request.");
}

function checkTakes(takes) {
  let last = null;
  for (const encoded of takes.take) {
    const take = parse("take", bytesOf(encoded));
    const key = [take.member, take.slot, encoded];
    if (last !== null && !before(last, key)) refuse("The takes are not sorted.");
    last = key;
  }
}

function before(a, b) {
  const at = a.findIndex((value, i) => value !== b[i]);
  return at >= 0 && a[at] < b[at];
}

const CHECKS = {
  poll: checkPoll,
  close: checkClose,
  result: checkResult,
  nomination: checkAsk,
  takes: checkTakes,
};

// ---- reading and writing -------------------------------------------------------------------

function asText(source) {
  if (typeof source === "string") return source;
  let text = "";
  for (const byte of source) text += String.fromCharCode(byte);
  return text;
}

function readLine(spec, text) {
  const parts = text.split(" ");
  if (parts[0] !== spec.name || parts.length !== spec.fields.length + 1) {
    refuse(`A line "${spec.name}" was expected.`);
  }
  const values = spec.fields.map(([, value], i) => value.read(parts[i + 1]));
  if (spec.fields[0][0] === null) return values[0];
  return Object.fromEntries(spec.fields.map(([name], i) => [name, values[i]]));
}

function writeLine(spec, held) {
  const values = spec.fields.map(([name, value]) => value.write(name === null ? held : held[name]));
  return `${spec.name} ${values.join(" ")}\n`;
}

/** Repeated lines ascend strictly by first value: numbers by size and before words. */
function ascends(previous, next) {
  if (typeof previous === typeof next) return previous < next;
  return typeof previous === "number";
}

function checkOrder(spec, rows) {
  if (spec.ownOrder) return;
  const first = spec.fields[0][0];
  const keys = rows.map((row) => (first === null ? row : row[first]));
  for (let i = 0; i < keys.length; i += 1) {
    if (spec.counted && keys[i] !== i + 1) refuse(`The lines "${spec.name}" run 1, 2, 3.`);
    if (i > 0 && !ascends(keys[i - 1], keys[i])) refuse(`The lines "${spec.name}" ascend.`);
  }
}

function readSpec(spec, lines, start) {
  let at = start;
  const rows = [];
  while (at < lines.length && lines[at].startsWith(`${spec.name} `)) {
    rows.push(readLine(spec, lines[at]));
    at += 1;
    if (spec.often === "once" || spec.often === "maybe") break;
  }
  if (rows.length === 0 && (spec.often === "once" || spec.often === "some")) {
    refuse(`A line "${spec.name}" was expected.`);
  }
  if (spec.often === "once" || spec.often === "maybe") return [rows[0] ?? null, at];
  checkOrder(spec, rows);
  return [rows, at];
}

/**
 * The message in `source` (text or bytes) as a plain object: a line's name in camel case gives its
 * value, its object of fields, or a list of these. Binary values stay base64url text, counts and
 * amounts are numbers.
 * @throws {MalformedError} for anything but the one canonical text of such a message
 */
export function parse(type, source) {
  const specs = LINES[type] ?? refuse("There is no such type.");
  if (source.length > bytesMax(type)) refuse("The message is too long.");
  const text = asText(source);
  if (!/^(?:[\x20-\x7e]+\n)+$/.test(text)) refuse("Lines of printable ASCII were expected.");
  const lines = text.slice(0, -1).split("\n");
  if (lines[0] !== `circles/${type}/v1`) refuse(`A message of type "${type}" was expected.`);
  const message = {};
  let at = 1;
  for (const spec of specs) [message[spec.key], at] = readSpec(spec, lines, at);
  if (at !== lines.length) refuse("There are lines too many.");
  CHECKS[type]?.(message);
  if (write(type, message) !== text) refuse("The message does not write back to itself.");
  return message;
}

function write(type, message) {
  let text = `circles/${type}/v1\n`;
  for (const spec of LINES[type]) {
    const held = message[spec.key];
    const rows = Array.isArray(held) ? held : [held];
    for (const row of rows) {
      if (row !== null || spec.often === "once") text += writeLine(spec, row);
    }
  }
  return text;
}

/**
 * The text of a message. It is read again before it is given out, so that nothing malformed
 * leaves this page.
 * @throws {MalformedError} if the values make no message
 */
export function encode(type, message) {
  const text = write(type, message);
  parse(type, text);
  return text;
}

/** The type named in the first line, or null. */
export function typeOf(source) {
  const found = /^circles\/([a-z]+)\/v1\n/.exec(asText(source.slice(0, 40)));
  return found && found[1] in LINES ? found[1] : null;
}

/** leaf(x) = SHA-256(0x00 || x), RFC 6962; also the id of a record, in base64url. */
export async function leafId(source) {
  const bytes = typeof source === "string" ? utf8(source) : source;
  return base64url(await sha256(concat(Uint8Array.of(0), bytes)));
}

/** Everything above the signature's line: what `sig` covers. */
export function signedText(text, name = "sig") {
  return text.slice(0, text.lastIndexOf(`\n${name} `) + 1);
}
