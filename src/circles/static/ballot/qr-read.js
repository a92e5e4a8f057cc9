// Reads QR codes out of a picture, in this page: what they hold is never sent anywhere.
//
// Dark and light are told apart by each place's surroundings; three corner patterns in a right angle
// are a code; the small mark in the fourth corner says how the paper was tilted.

import { correct } from "./qr-correct.js";
import {
  ALPHANUMERIC,
  Grid,
  MASKS,
  VERSION_MAX,
  blocksOf,
  fixedPatterns,
  formatBits,
  formatPlaces,
  path,
  sizeOf,
} from "./qr-shape.js";

const CANDIDATES_MAX = 24;
const VERSION_STEPS = [0, -1, 1, -2, 2, -3, 3];

/** A picture of 0 for light and 1 for dark: {width, height, at(x, y)}, light outside. */
export function blackAndWhite({ width, height, data }) {
  const gray = new Float64Array(width * height);
  for (let i = 0; i < gray.length; i += 1) {
    gray[i] = 0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2];
  }
  const sums = new Float64Array((width + 1) * (height + 1));
  for (let y = 0; y < height; y += 1) {
    let row = 0;
    for (let x = 0; x < width; x += 1) {
      row += gray[y * width + x];
      sums[(y + 1) * (width + 1) + x + 1] = sums[y * (width + 1) + x + 1] + row;
    }
  }
  const reach = Math.max(8, Math.floor(Math.max(width, height) / 24));
  const cells = new Uint8Array(width * height);
  for (let y = 0; y < height; y += 1) {
    const [top, bottom] = [Math.max(0, y - reach), Math.min(height, y + reach + 1)];
    for (let x = 0; x < width; x += 1) {
      const [left, right] = [Math.max(0, x - reach), Math.min(width, x + reach + 1)];
      const sum = sums[bottom * (width + 1) + right] - sums[top * (width + 1) + right]
        - sums[bottom * (width + 1) + left] + sums[top * (width + 1) + left];
      const mean = sum / ((bottom - top) * (right - left));
      cells[y * width + x] = gray[y * width + x] < mean * 0.92 ? 1 : 0;
    }
  }
  const at = (x, y) => (x < 0 || y < 0 || x >= width || y >= height ? 0 : cells[y * width + x]);
  return { width, height, at };
}

// ---- the three corners

/** Whether five runs are 1:1:3:1:1; the width of one module, or 0. */
function moduleOf(runs) {
  const module = runs.reduce((sum, n) => sum + n, 0) / 7;
  const fits = runs.every((run, i) => {
    const wanted = i === 2 ? 3 : 1;
    return Math.abs(run - wanted * module) < (i === 2 ? 1.2 : 0.7) * module;
  });
  return module >= 1 && fits ? module : 0;
}

/** The five runs through (x, y) along a line, and where the middle one's centre is; or null. */
function through(image, x, y, dx, dy) {
  const runs = [0, 0, 0, 0, 0];
  const walk = (sign, from) => {
    let [i, dark, step] = [from, 1, sign > 0 ? 0 : 1];
    for (let k = 0; k < 3; k += 1) {
      let length = 0;
      while (length <= image.width && image.at(x + sign * dx * step, y + sign * dy * step) === dark) {
        length += 1;
        step += 1;
        if (x + sign * dx * step < 0 || y + sign * dy * step < 0) break;
        if (x + sign * dx * step >= image.width || y + sign * dy * step >= image.height) break;
      }
      runs[i] += length;
      if (k === 0) walk.ends[sign] = length;
      i += sign;
      dark ^= 1;
    }
  };
  walk.ends = {};
  walk(1, 2);
  walk(-1, 2);
  const module = moduleOf(runs);
  if (module === 0) return null;
  // The middle run reaches `ends[1]` cells from here on and `ends[-1]` before.
  return { module, shift: (walk.ends[1] - walk.ends[-1] - 1) / 2 };
}

function corners(image) {
  const found = [];
  for (let y = 0; y < image.height; y += 1) {
    let runs = [];
    let start = 0;
    for (let x = 1; x <= image.width; x += 1) {
      if (x < image.width && image.at(x, y) === image.at(start, y)) continue;
      runs.push(x - start);
      const dark = image.at(start, y) === 1;
      if (runs.length > 5) runs = runs.slice(-5);
      if (dark && runs.length === 5 && moduleOf(runs) > 0) {
        const middle = x - runs[4] - runs[3] - runs[2] / 2;
        keepCorner(image, found, Math.floor(middle), y);
      }
      start = x;
    }
  }
  const good = found.filter((corner) => corner.hits >= 2);
  return good.sort((a, b) => b.hits - a.hits).slice(0, CANDIDATES_MAX);
}

function keepCorner(image, found, x, y) {
  const down = through(image, x, y, 0, 1);
  if (down === null) return;
  const cy = y + down.shift;
  const across = through(image, x, Math.round(cy), 1, 0);
  if (across === null) return;
  const cx = x + across.shift;
  const module = (down.module + across.module) / 2;
  const ratio = down.module / across.module;
  if (ratio > 1.6 || ratio < 0.62) return;
  const near = found.find((f) => Math.hypot(f.x - cx, f.y - cy) < 2.5 * module);
  if (near === undefined) {
    found.push({ x: cx, y: cy, module, hits: 1 });
    return;
  }
  const n = near.hits + 1;
  near.x += (cx - near.x) / n;
  near.y += (cy - near.y) / n;
  near.module += (module - near.module) / n;
  near.hits = n;
}

/** Threes that may be one code, the likeliest first: {a: the corner, b: right, c: below, error}. */
function threes(all) {
  const found = [];
  for (const a of all) {
    for (const [i, p] of all.entries()) {
      for (const q of all.slice(i + 1)) {
        if (p === a || q === a) continue;
        const [px, py, qx, qy] = [p.x - a.x, p.y - a.y, q.x - a.x, q.y - a.y];
        const [u, v] = [Math.hypot(px, py), Math.hypot(qx, qy)];
        const angle = Math.abs((px * qx + py * qy) / (u * v));
        const modules = [a.module, p.module, q.module];
        const uneven = Math.max(...modules) / Math.min(...modules) - 1;
        const error = Math.abs(u - v) / Math.max(u, v) + angle + uneven / 2;
        if (error > 0.9 || Math.min(u, v) < 10 * a.module) continue;
        const turned = px * qy - py * qx > 0;
        found.push({ a, b: turned ? p : q, c: turned ? q : p, error });
      }
    }
  }
  return found.sort((x, y) => x.error - y.error);
}

// ---- from the picture to the grid

/** The projective map that takes four points of the code to four of the picture. */
function mapOf(from, to) {
  const rows = [];
  from.forEach(([x, y], i) => {
    const [u, v] = to[i];
    rows.push([x, y, 1, 0, 0, 0, -u * x, -u * y, u], [0, 0, 0, x, y, 1, -v * x, -v * y, v]);
  });
  for (let i = 0; i < 8; i += 1) {
    const best = rows.slice(i).reduce((k, row, n) => (
      Math.abs(row[i]) > Math.abs(rows[k][i]) ? n + i : k), i);
    [rows[i], rows[best]] = [rows[best], rows[i]];
    for (let k = 0; k < 8; k += 1) {
      if (k === i) continue;
      const factor = rows[k][i] / rows[i][i];
      for (let n = i; n < 9; n += 1) rows[k][n] -= factor * rows[i][n];
    }
  }
  const h = rows.map((row, i) => row[8] / row[i]);
  return (x, y) => {
    const w = h[6] * x + h[7] * y + 1;
    return [(h[0] * x + h[1] * y + h[2]) / w, (h[3] * x + h[4] * y + h[5]) / w];
  };
}

function cornerMap({ a, b, c }, size, fourth, at) {
  const from = [[3.5, 3.5], [size - 3.5, 3.5], [3.5, size - 3.5], [at, at]];
  return mapOf(from, [[a.x, a.y], [b.x, b.y], [c.x, c.y], fourth]);
}

/** How many of a small mark's 25 cells are as they must be, with its centre at (cx, cy). */
function likeMark(image, map, cx, cy) {
  let same = 0;
  for (let dy = -2; dy <= 2; dy += 1) {
    for (let dx = -2; dx <= 2; dx += 1) {
      const [x, y] = map(cx + dx, cy + dy);
      const wanted = Math.max(Math.abs(dx), Math.abs(dy)) === 1 ? 0 : 1;
      if (image.at(Math.floor(x), Math.floor(y)) === wanted) same += 1;
    }
  }
  return same;
}

/** The map of a code of that size, with the small mark near its fourth corner if it is found. */
function mapFor(image, three, size) {
  const { a, b, c } = three;
  const flat = cornerMap(three, size, [b.x + c.x - a.x, b.y + c.y - a.y], size - 3.5);
  if (size < 25) return flat;
  const reach = Math.max(4, size / 10);
  let best = { score: 19, distance: Infinity, at: null };
  for (let dy = -reach; dy <= reach; dy += 0.5) {
    for (let dx = -reach; dx <= reach; dx += 0.5) {
      const score = likeMark(image, flat, size - 6.5 + dx, size - 6.5 + dy);
      const distance = Math.hypot(dx, dy);
      const better = score > best.score || (score === best.score && distance < best.distance);
      if (better) best = { score, distance, at: [size - 6.5 + dx, size - 6.5 + dy] };
    }
  }
  if (best.at === null) return flat;
  return cornerMap(three, size, centred(image, flat, best), size - 6.5);
}

/** The middle of all places near the best one where the mark fits as well. */
function centred(image, map, { at, score }) {
  const good = [];
  for (let dy = -1; dy <= 1; dy += 0.25) {
    for (let dx = -1; dx <= 1; dx += 0.25) {
      const place = [at[0] + dx, at[1] + dy];
      if (likeMark(image, map, ...place) >= score) good.push(map(...place));
    }
  }
  const sum = good.reduce(([x, y], [u, v]) => [x + u, y + v], [0, 0]);
  return good.length > 0 ? sum.map((value) => value / good.length) : map(...at);
}

function sampled(image, map, size) {
  const grid = new Grid(size);
  for (let y = 0; y < size; y += 1) {
    for (let x = 0; x < size; x += 1) {
      let dark = 0;
      for (const [dx, dy] of [[0.5, 0.5], [0.35, 0.5], [0.65, 0.5], [0.5, 0.35], [0.5, 0.65]]) {
        const [u, v] = map(x + dx, y + dy);
        dark += image.at(Math.floor(u), Math.floor(v));
      }
      grid.set(x, y, dark >= 3);
    }
  }
  return grid;
}

// ---- from the grid to the text

function bitsApart(a, b) {
  let count = 0;
  for (let rest = a ^ b; rest > 0; rest >>>= 1) count += rest & 1;
  return count;
}

function formatOf(grid) {
  const read = [0, 0];
  formatPlaces(grid.size).forEach((pair, i) => {
    pair.forEach(([x, y], which) => {
      read[which] |= grid.at(x, y) << i;
    });
  });
  let best = { apart: 4 };
  for (const level of ["L", "M"]) {
    for (let mask = 0; mask < 8; mask += 1) {
      const wanted = formatBits(level, mask);
      const apart = Math.min(...read.map((bits) => bitsApart(bits, wanted)));
      if (apart < best.apart) best = { apart, level, mask };
    }
  }
  return best.level === undefined ? null : best;
}

/** The data of a grid; null where its errors are too many. */
function dataOf(grid, version, { level, mask }) {
  const { taken } = fixedPatterns(version);
  const { data: lengths, correction } = blocksOf(version, level);
  const words = new Uint8Array(lengths.reduce((sum, n) => sum + n + correction, 0));
  let at = 0;
  for (const [x, y] of path(grid.size, taken)) {
    if (at >> 3 >= words.length) break;
    const bit = grid.at(x, y) ^ (MASKS[mask](x, y) ? 1 : 0);
    words[at >> 3] |= bit << (7 - (at & 7));
    at += 1;
  }
  const blocks = lengths.map(() => []);
  at = 0;
  for (let i = 0; i < Math.max(...lengths); i += 1) {
    for (const [k, length] of lengths.entries()) if (i < length) blocks[k].push(words[at++]);
  }
  for (let i = 0; i < correction; i += 1) for (const block of blocks) block.push(words[at++]);
  const whole = blocks.map((block) => correct(Uint8Array.from(block), correction));
  if (whole.includes(null)) return null;
  return whole.flatMap((block, k) => [...block.slice(0, lengths[k])]);
}

function textOf(data, version) {
  const span = version < 10 ? 0 : version < 27 ? 1 : 2;
  let at = 0;
  const take = (count) => {
    let value = 0;
    for (let i = 0; i < count; i += 1, at += 1) {
      value = (value << 1) | ((data[at >> 3] >>> (7 - (at & 7))) & 1);
    }
    return value;
  };
  const left = () => data.length * 8 - at;
  let text = "";
  while (left() >= 4) {
    const mode = take(4);
    if (mode === 0) break;
    if (mode === 2) {
      const letters = take([9, 11, 13][span]);
      for (let i = 0; i + 1 < letters; i += 2) {
        const pair = take(11);
        text += ALPHANUMERIC[Math.floor(pair / 45)] + ALPHANUMERIC[pair % 45];
      }
      if (letters % 2 === 1) text += ALPHANUMERIC[take(6)];
    } else if (mode === 4) {
      const bytes = Uint8Array.from({ length: take([8, 16, 16][span]) }, () => take(8));
      text += new TextDecoder().decode(bytes);
    } else {
      return null;
    }
    if (left() < 0) return null;
  }
  return text;
}

function readThree(image, three) {
  const { a, b, c } = three;
  const side = (Math.hypot(b.x - a.x, b.y - a.y) + Math.hypot(c.x - a.x, c.y - a.y)) / 2;
  const module = (a.module + b.module + c.module) / 3;
  const guess = Math.round((side / module + 7 - 17) / 4);
  for (const step of VERSION_STEPS) {
    const version = guess + step;
    if (version < 1 || version > VERSION_MAX) continue;
    const size = sizeOf(version);
    const grid = sampled(image, mapFor(image, three, size), size);
    const format = formatOf(grid);
    if (format === null) continue;
    const data = dataOf(grid, version, format);
    const text = data === null ? null : textOf(data, version);
    if (text !== null) return text;
  }
  return null;
}

/**
 * The texts of all codes in a picture, none where none can be read.
 * @param picture {width, height, data}: RGBA, as a canvas gives it
 */
export function readCodesIn(picture) {
  const image = blackAndWhite(picture);
  const found = [];
  const used = new Set();
  for (const three of threes(corners(image))) {
    const own = [three.a, three.b, three.c];
    if (own.some((corner) => used.has(corner))) continue;
    const text = readThree(image, three);
    if (text === null) continue;
    own.forEach((corner) => used.add(corner));
    if (!found.includes(text)) found.push(text);
  }
  return found;
}

const SIDES = [1600, 1000, 2400];

/** The texts of all codes in a picture's file; tried at several sizes. */
export async function readCodesInFile(file) {
  const bitmap = await createImageBitmap(file);
  for (const side of SIDES) {
    const scale = Math.min(1, side / Math.max(bitmap.width, bitmap.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(bitmap.width * scale);
    canvas.height = Math.round(bitmap.height * scale);
    const pen = canvas.getContext("2d");
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    const found = readCodesIn(pen.getImageData(0, 0, canvas.width, canvas.height));
    if (found.length > 0) return found;
  }
  return [];
}
