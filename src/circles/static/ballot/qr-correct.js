// Mends the wrong codewords of a block of a QR code (Reed-Solomon, roots from 2^0 on).

import { EXP, LOG, times } from "./qr-shape.js";

const inverse = (a) => EXP[255 - LOG[a]];

/** A polynomial's value; coefficients from the lowest power up. */
function valueAt(polynomial, x) {
  let sum = 0;
  for (let i = polynomial.length - 1; i >= 0; i -= 1) sum = times(sum, x) ^ polynomial[i];
  return sum;
}

function syndromes(block, count) {
  return Array.from({ length: count }, (_, i) => {
    let sum = 0;
    for (const word of block) sum = times(sum, EXP[i]) ^ word;
    return sum;
  });
}

/** The polynomial whose roots say where errors are (Berlekamp, Massey). */
function locator(syndrome) {
  let now = [1];
  let before = [1];
  let [errors, shift, last] = [0, 1, 1];
  for (let n = 0; n < syndrome.length; n += 1) {
    let gap = syndrome[n];
    for (let i = 1; i <= errors; i += 1) gap ^= times(now[i] ?? 0, syndrome[n - i]);
    if (gap === 0) {
      shift += 1;
      continue;
    }
    const factor = times(gap, inverse(last));
    const next = [...now];
    before.forEach((value, i) => {
      next[i + shift] = (next[i + shift] ?? 0) ^ times(factor, value);
    });
    for (let i = 0; i < next.length; i += 1) next[i] ??= 0;
    if (2 * errors <= n) {
      [errors, before, last, shift] = [n + 1 - errors, now, gap, 1];
    } else {
      shift += 1;
    }
    now = next;
  }
  return { polynomial: now, errors };
}

/** The block with its errors mended, or null where they are too many. */
export function correct(block, count) {
  const syndrome = syndromes(block, count);
  if (syndrome.every((value) => value === 0)) return block;
  const { polynomial, errors } = locator(syndrome);
  if (errors > count / 2) return null;
  const evaluator = Array.from({ length: count }, (_, i) => {
    let sum = 0;
    for (let k = 0; k <= i; k += 1) sum ^= times(polynomial[k] ?? 0, syndrome[i - k]);
    return sum;
  });
  const slope = polynomial.map((value, i) => (i % 2 === 1 ? value : 0)).slice(1);
  const mended = Uint8Array.from(block);
  let found = 0;
  for (let at = 0; at < block.length; at += 1) {
    const power = block.length - 1 - at;
    const x = EXP[(255 - power) % 255];
    if (valueAt(polynomial, x) !== 0) continue;
    const bottom = valueAt(slope, x);
    if (bottom === 0) return null;
    mended[at] ^= times(EXP[power % 255], times(valueAt(evaluator, x), inverse(bottom)));
    found += 1;
  }
  const right = found === errors && syndromes(mended, count).every((value) => value === 0);
  return right ? mended : null;
}
