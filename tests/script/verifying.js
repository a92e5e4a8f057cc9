// The whole verification over the files of an archive that the Python side hands over.

import { fromBase64 } from "/static/ballot/bytes.js";
import { UnreadableError } from "/static/ballot/verify-report.js";
import { MemorySource } from "/static/ballot/verify-source.js";
import { verify } from "/static/ballot/verify.js";

function below(files, prefix) {
  const found = [...files].filter(([name]) => name.startsWith(prefix));
  return new MemorySource(new Map(found.map(([name, data]) => [name.slice(prefix.length), data])));
}

/** {failed: check ids in order, places, remarks, polls} of an archive given as base64 by name. */
export async function verifyFiles(given) {
  const files = new Map(Object.entries(given).map(([name, data]) => [name, fromBase64(data)]));
  try {
    const report = await verify(new MemorySource(files), below(files, "evidence/"));
    const { polls, remarks } = report;
    const failed = [...new Set(report.problems.map(({ check }) => check))].sort();
    return { failed, remarks, polls, places: report.problems.map(({ where }) => where.kind) };
  } catch (error) {
    if (error instanceof UnreadableError) return { failed: ["unreadable"] };
    throw error;
  }
}
