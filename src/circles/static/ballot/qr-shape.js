// What the drawing and the reading of a QR code (ISO/IEC 18004) share: sizes, the fixed patterns,
// the path of the codewords, and the field in which errors are corrected. Levels L and M only.

// By level: how many codewords of correction a block has, and how many blocks there are, for each
// version from 1 to 40.
const CORRECTION = {
  L: [7, 10, 15, 20, 26, 18, 20, 24, 30, 18, 20, 24, 26, 30, 22, 24, 28, 30, 28, 28, 28, 28, 30, 30,
    26, 28, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30],
  M: [10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26, 26, 28, 28, 28,
    28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28],
};
const BLOCKS = {
  L: [1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 4, 6, 6, 6, 6, 7, 8, 8, 9, 9, 10, 12, 12, 12, 13, 14,
    15, 16, 17, 18, 19, 19, 20, 21, 22, 24, 25],
  M: [1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16, 17, 17, 18, 20, 21, 23, 25,
    26, 28, 29, 31, 33, 35, 37, 38, 40, 43, 45, 47, 49],
};
export const LEVEL_BITS = { M: 0, L: 1 };
export const VERSION_MAX = 40;
export const ALPHANUMERIC = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";

export const sizeOf = (version) => version * 4 + 17;

/** How many codewords there are in all. */
function allCodewords(version) {
  let modules = (16 * version + 128) * version + 64;
  if (version >= 2) {
    const marks = Math.floor(version / 7) + 2;
    modules -= (25 * marks - 10) * marks - 55;
    if (version >= 7) modules -= 36;
  }
  return Math.floor(modules / 8);
}

/** The lengths of a version's blocks: [data codewords of each block], and those of correction. */
export function blocksOf(version, level) {
  const count = BLOCKS[level][version - 1];
  const correction = CORRECTION[level][version - 1];
  const all = allCodewords(version);
  const short = Math.floor(all / count) - correction;
  const longer = all % count;
  const data = Array.from({ length: count }, (_, i) => short + (i >= count - longer ? 1 : 0));
  return { data, correction };
}

/** Where the centres of the small marks stand, in rows and columns alike. */
export function markPlaces(version) {
  if (version === 1) return [];
  const count = Math.floor(version / 7) + 2;
  const step = version === 32 ? 26 : Math.ceil((version * 4 + 4) / (count * 2 - 2)) * 2;
  const places = Array.from({ length: count - 1 }, (_, i) => sizeOf(version) - 7 - i * step);
  return [6, ...places.reverse()];
}

export class Grid {
  constructor(size) {
    this.size = size;
    this.cells = new Uint8Array(size * size);
  }

  at(x, y) {
    return this.cells[y * this.size + x];
  }

  set(x, y, value) {
    this.cells[y * this.size + x] = value ? 1 : 0;
  }
}

/** The fifteen bits that name level and mask. */
export function formatBits(level, mask) {
  const data = (LEVEL_BITS[level] << 3) | mask;
  let rest = data;
  for (let i = 0; i < 10; i += 1) rest = (rest << 1) ^ ((rest >>> 9) * 0x537);
  return ((data << 10) | rest) ^ 0x5412;
}

function versionBits(version) {
  let rest = version;
  for (let i = 0; i < 12; i += 1) rest = (rest << 1) ^ ((rest >>> 11) * 0x1f25);
  return (version << 12) | rest;
}

/** Both places of the format's bits, each the lowest bit first: [[x, y], [x, y]] by bit. */
export function formatPlaces(size) {
  const places = [];
  for (let i = 0; i < 15; i += 1) {
    const near = i < 6 ? [8, i] : i < 8 ? [8, i + 1] : i === 8 ? [7, 8] : [14 - i, 8];
    const far = i < 8 ? [size - 1 - i, 8] : [8, size - 15 + i];
    places.push([near, far]);
  }
  return places;
}

/** The fixed patterns of a version, and which cells they take: {grid, taken}. */
export function fixedPatterns(version) {
  const size = sizeOf(version);
  const grid = new Grid(size);
  const taken = new Grid(size);
  const put = (x, y, value) => {
    if (x < 0 || y < 0 || x >= size || y >= size) return;
    grid.set(x, y, value);
    taken.set(x, y, 1);
  };
  for (let i = 0; i < size; i += 1) {
    put(6, i, i % 2 === 0);
    put(i, 6, i % 2 === 0);
  }
  const rings = (cx, cy, reach, light) => {
    for (let dy = -reach; dy <= reach; dy += 1) {
      for (let dx = -reach; dx <= reach; dx += 1) {
        put(cx + dx, cy + dy, !light.includes(Math.max(Math.abs(dx), Math.abs(dy))));
      }
    }
  };
  for (const [x, y] of [[3, 3], [size - 4, 3], [3, size - 4]]) rings(x, y, 4, [2, 4]);
  const places = markPlaces(version);
  const last = places.at(-1);
  const corners = new Set([`6,6`, `6,${last}`, `${last},6`]);
  for (const x of places) {
    for (const y of places) if (!corners.has(`${x},${y}`)) rings(x, y, 2, [1]);
  }
  for (const pair of formatPlaces(size)) for (const [x, y] of pair) put(x, y, 0);
  put(8, size - 8, 1);
  if (version >= 7) {
    const bits = versionBits(version);
    for (let i = 0; i < 18; i += 1) {
      const [a, b] = [size - 11 + (i % 3), Math.floor(i / 3)];
      put(a, b, (bits >>> i) & 1);
      put(b, a, (bits >>> i) & 1);
    }
  }
  return { grid, taken };
}

/** The free cells in the order in which codewords run, two columns up, two columns down. */
export function* path(size, taken) {
  for (let right = size - 1; right >= 1; right -= 2) {
    if (right === 6) right = 5;
    for (let i = 0; i < size; i += 1) {
      const y = ((right + 1) & 2) === 0 ? size - 1 - i : i;
      for (const x of [right, right - 1]) if (!taken.at(x, y)) yield [x, y];
    }
  }
}

export const MASKS = [
  (x, y) => (x + y) % 2 === 0,
  (x, y) => y % 2 === 0,
  (x) => x % 3 === 0,
  (x, y) => (x + y) % 3 === 0,
  (x, y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2 === 0,
  (x, y) => ((x * y) % 2) + ((x * y) % 3) === 0,
  (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2 === 0,
  (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2 === 0,
];

// ---- the field of 256, polynomial 0x11d

export const EXP = new Uint8Array(510);
export const LOG = new Uint8Array(256);
for (let i = 0, x = 1; i < 255; i += 1) {
  EXP[i] = x;
  EXP[i + 255] = x;
  LOG[x] = i;
  x = (x << 1) ^ (x >> 7 ? 0x11d : 0);
}

export const times = (a, b) => (a === 0 || b === 0 ? 0 : EXP[LOG[a] + LOG[b]]);
