// Codes as pictures that a camera might take of them.

import { qrCode } from "/static/ballot/qr.js";
import { readCodesIn } from "/static/ballot/qr-read.js";

export function drawn(segments, level, mask) {
  const { grid } = qrCode(segments, level, mask);
  const row = (y) => Array.from({ length: grid.size }, (_, x) => grid.at(x, y));
  return Array.from({ length: grid.size }, (_, y) => row(y));
}

export function tooMuch(text) {
  try {
    qrCode([text], "L");
    return null;
  } catch (error) {
    return error.constructor.name;
  }
}

/** Always the same chance, so that a failure can be looked at again. */
function chances(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** How light each point is, 0 to 1, of a picture of `grids` beside one another. */
function picture(width, height, lightAt, { shade = 0, noise = 0, blur = 0 }) {
  const chance = chances(7);
  let light = new Float64Array(width * height);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) light[y * width + x] = lightAt(x + 0.5, y + 0.5);
  }
  for (let i = 0; i < blur; i += 1) light = blurred(light, width, height);
  const data = new Uint8ClampedArray(width * height * 4);
  for (let i = 0; i < light.length; i += 1) {
    const white = 240 - (shade * (i % width)) / width;
    const value = 25 + (white - 25) * light[i] + (chance() - 0.5) * noise;
    data.set([value, value, value, 255], 4 * i);
  }
  return { width, height, data };
}

function blurred(light, width, height) {
  const out = new Float64Array(light.length);
  for (let y = 1; y < height - 1; y += 1) {
    for (let x = 1; x < width - 1; x += 1) {
      let sum = 0;
      for (let dy = -1; dy <= 1; dy += 1) {
        for (let dx = -1; dx <= 1; dx += 1) sum += light[(y + dy) * width + x + dx];
      }
      out[y * width + x] = sum / 9;
    }
  }
  return out;
}

export function photographed(segments, { scale, turn = 0, tilt = [0, 0], stain = 0, ...how }) {
  const { grid } = qrCode(segments);
  const side = Math.ceil(grid.size * scale * 1.5);
  const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
  const lightAt = (x, y) => {
    const [dx, dy] = [(x - side / 2) / scale, (y - side / 2) / scale];
    const w = 1 + tilt[0] * dx + tilt[1] * dy;
    const u = Math.floor((dx * cos - dy * sin) / w + grid.size / 2);
    const v = Math.floor((dx * sin + dy * cos) / w + grid.size / 2);
    if (u < 0 || v < 0 || u >= grid.size || v >= grid.size) return 1;
    const stained = Math.hypot(u - grid.size * 0.6, v - grid.size * 0.5) < stain * grid.size;
    return stained || grid.at(u, v) ? 0 : 1;
  };
  return readCodesIn(picture(side, side, lightAt, how));
}

export function sheet(all) {
  const grids = all.map((segments) => qrCode(segments).grid);
  const scale = 4;
  const step = (grids[0].size + 12) * scale;
  const lightAt = (x, y) => {
    const [i, u, v] = [Math.floor(y / step), Math.floor(x / scale) - 6, Math.floor((y % step) / scale) - 6];
    const grid = grids[i];
    if (grid === undefined || u < 0 || v < 0 || u >= grid.size || v >= grid.size) return 1;
    return grid.at(u, v) ? 0 : 1;
  };
  return readCodesIn(picture(step, step * grids.length, lightAt, { noise: 10 }));
}

export function nothing() {
  const chance = chances(3);
  return readCodesIn(picture(300, 300, () => chance(), {}));
}
