// What a verification found: every failed check, and the counts a reader wants to see.
// Twin of protocol/verify/report.py. A problem names its check, <step of protocol.md 6>.<name>, and
// where; the words for both stand on the page.

/** The archive cannot be read at all: nothing was checked. */
export class UnreadableError extends Error {
  constructor(message) {
    super(message);
    this.name = "UnreadableError";
  }
}

/** One file of the archive is of no use: too long, damaged. The rest may be read. */
export class FileError extends Error {
  constructor(message) {
    super(message);
    this.name = "FileError";
  }
}

/** Places, as problems name them. */
export const at = Object.freeze({
  entry: (number) => ({ kind: "entry", name: String(number) }),
  file: (name) => ({ kind: "file", name }),
  kept: (name) => ({ kind: "kept", name }),
  round: (month) => ({ kind: "round", name: month }),
  poll: ({ poll }) => ({ kind: poll.purpose, name: poll.round }),
});

export class Report {
  constructor() {
    this.origin = "";
    this.size = 0;
    this.root = null;
    this.note = "";
    this.key = "";
    this.problems = [];
    this.polls = [];
    this.clients = [];
    this.remarks = [];
  }

  get holds() {
    return this.problems.length === 0;
  }

  /** Notes a failed check. */
  fail(check, where) {
    this.problems.push({ check, where });
  }

  /** Notes a failed check unless it holds; the answer is whether it did. */
  expect(holds, check, where) {
    if (!holds) this.fail(check, where);
    return holds;
  }

  /** Whether a check of that step has failed so far. */
  failedAt(step) {
    return this.problems.some(({ check }) => check.startsWith(`${step}.`));
  }

  /** Puts the problems in the order of the steps, each once. */
  settle() {
    const once = new Map();
    for (const problem of this.problems) {
      const { check, where } = problem;
      once.set(`${check} ${where.kind} ${where.name}`, problem);
    }
    this.problems = [...once.values()].sort((a, b) => Number(a.check[0]) - Number(b.check[0]));
  }
}
