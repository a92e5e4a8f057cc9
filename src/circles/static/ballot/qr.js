// Draws a QR code (ISO/IEC 18004) in this page, so that what it holds is never sent anywhere.

import {
  ALPHANUMERIC,
  EXP,
  Grid,
  MASKS,
  VERSION_MAX,
  blocksOf,
  fixedPatterns,
  formatBits,
  formatPlaces,
  path,
  sizeOf,
  times,
} from "./qr-shape.js";
import { utf8 } from "./bytes.js";

class Bits {
  constructor() {
    this.list = [];
  }

  add(value, count) {
    for (let i = count - 1; i >= 0; i -= 1) this.list.push((value >>> i) & 1);
  }
}

/** Whether a text can stand in the denser kind of segment: digits, capitals, a few signs. */
const isDense = (text) => [...text].every((letter) => ALPHANUMERIC.includes(letter));

const span = (version) => (version < 10 ? 0 : version < 27 ? 1 : 2);

function addSegment(bits, text, version) {
  if (isDense(text)) {
    bits.add(2, 4);
    bits.add(text.length, [9, 11, 13][span(version)]);
    for (let i = 0; i < text.length; i += 2) {
      const first = ALPHANUMERIC.indexOf(text[i]);
      if (i + 1 < text.length) bits.add(first * 45 + ALPHANUMERIC.indexOf(text[i + 1]), 11);
      else bits.add(first, 6);
    }
    return;
  }
  const bytes = utf8(text);
  bits.add(4, 4);
  bits.add(bytes.length, [8, 16, 16][span(version)]);
  for (const byte of bytes) bits.add(byte, 8);
}

/** The smallest version that takes the segments, and their data codewords. */
function dataOf(segments, level) {
  for (let version = 1; version <= VERSION_MAX; version += 1) {
    const bits = new Bits();
    for (const text of segments) addSegment(bits, text, version);
    const room = blocksOf(version, level).data.reduce((sum, n) => sum + n, 0);
    if (bits.list.length > room * 8) continue;
    bits.add(0, Math.min(4, room * 8 - bits.list.length));
    bits.add(0, (8 - (bits.list.length % 8)) % 8);
    for (let pad = 0xec; bits.list.length < room * 8; pad ^= 0xec ^ 0x11) bits.add(pad, 8);
    const data = new Uint8Array(room);
    bits.list.forEach((bit, i) => {
      data[i >> 3] |= bit << (7 - (i & 7));
    });
    return { version, data };
  }
  throw new RangeError("This is too much for one QR code.");
}

function generator(degree) {
  let found = [1];
  for (let i = 0; i < degree; i += 1) {
    const next = [...found, 0];
    found.forEach((value, k) => {
      next[k + 1] ^= times(value, EXP[i]);
    });
    found = next;
  }
  return found.slice(1);
}

function correctionOf(data, divisor) {
  const rest = new Uint8Array(divisor.length);
  for (const byte of data) {
    const factor = byte ^ rest[0];
    rest.copyWithin(0, 1);
    rest[rest.length - 1] = 0;
    divisor.forEach((value, i) => {
      rest[i] ^= times(value, factor);
    });
  }
  return rest;
}

/** Data with its correction, the blocks' codewords in turn. */
function interleaved(data, version, level) {
  const { data: lengths, correction } = blocksOf(version, level);
  const divisor = generator(correction);
  let at = 0;
  const blocks = lengths.map((length) => {
    const own = data.slice(at, at + length);
    at += length;
    return { own, extra: correctionOf(own, divisor) };
  });
  const out = [];
  for (let i = 0; i < Math.max(...lengths); i += 1) {
    for (const { own } of blocks) if (i < own.length) out.push(own[i]);
  }
  for (let i = 0; i < correction; i += 1) for (const { extra } of blocks) out.push(extra[i]);
  return out;
}

function withFormat(grid, level, mask) {
  const bits = formatBits(level, mask);
  formatPlaces(grid.size).forEach((pair, i) => {
    for (const [x, y] of pair) grid.set(x, y, (bits >>> i) & 1);
  });
}

function masked(grid, taken, mask, level) {
  const made = new Grid(grid.size);
  for (let y = 0; y < grid.size; y += 1) {
    for (let x = 0; x < grid.size; x += 1) {
      const turn = !taken.at(x, y) && MASKS[mask](x, y) ? 1 : 0;
      made.set(x, y, grid.at(x, y) ^ turn);
    }
  }
  withFormat(made, level, mask);
  return made;
}

const LIKE_A_FINDER = [0b10111010000, 0b00001011101];

/** How hard one line is to read: long runs, and what looks like a corner. */
function linePenalty(line) {
  let sum = 0;
  let run = 1;
  let window = 0;
  for (let i = 0; i < line.length; i += 1) {
    window = ((window << 1) | line[i]) & 0x7ff;
    if (i >= 10 && LIKE_A_FINDER.includes(window)) sum += 40;
    run = i > 0 && line[i] === line[i - 1] ? run + 1 : 1;
    if (run === 5) sum += 3;
    if (run > 5) sum += 1;
  }
  return sum;
}

function penalty(grid) {
  const { size } = grid;
  const numbers = Array.from({ length: size }, (_, i) => i);
  let sum = 0;
  for (const i of numbers) {
    sum += linePenalty(numbers.map((k) => grid.at(k, i)));
    sum += linePenalty(numbers.map((k) => grid.at(i, k)));
  }
  for (let y = 1; y < size; y += 1) {
    for (let x = 1; x < size; x += 1) {
      const four = grid.at(x, y) + grid.at(x - 1, y) + grid.at(x, y - 1) + grid.at(x - 1, y - 1);
      if (four % 4 === 0) sum += 3;
    }
  }
  const dark = grid.cells.reduce((count, cell) => count + cell, 0) / (size * size);
  return sum + 10 * Math.floor(Math.abs(dark - 0.5) * 20);
}

/**
 * The code of some texts, one segment each, in the smallest version that takes them.
 * @param mask which of the eight masks; the one that reads best where none is given
 * @returns {grid: Grid of 1 for dark, version, mask}
 * @throws {RangeError} if it is too much
 */
export function qrCode(segments, level = "M", mask = null) {
  const { version, data } = dataOf(segments, level);
  const { grid, taken } = fixedPatterns(version);
  const words = interleaved(data, version, level);
  let at = 0;
  for (const [x, y] of path(sizeOf(version), taken)) {
    if (at < words.length * 8) grid.set(x, y, (words[at >> 3] >>> (7 - (at & 7))) & 1);
    at += 1;
  }
  const tried = mask === null ? MASKS.map((_, i) => i) : [mask];
  const made = tried.map((i) => ({ mask: i, grid: masked(grid, taken, i, level) }));
  const sums = made.map((one) => penalty(one.grid));
  return { ...made[sums.indexOf(Math.min(...sums))], version };
}

/** The path of a drawing: a stroke of width 1 for each row's dark runs, four cells of margin. */
export function qrPath({ grid }, margin = 4) {
  const parts = [];
  for (let y = 0; y < grid.size; y += 1) {
    for (let x = 0; x < grid.size; x += 1) {
      if (!grid.at(x, y)) continue;
      const start = x;
      while (x + 1 < grid.size && grid.at(x + 1, y)) x += 1;
      parts.push(`M${start + margin} ${y + margin}.5h${x + 1 - start}`);
    }
  }
  return parts.join("");
}
