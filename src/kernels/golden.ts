// Layers of the integer executor, one call a layer and image (docs/quant.md, "Fast form").
//
// Values are int16 less their zero point, so that padding is 0; pixels of some stride, rows of some stride, borders of zeros
// around the image. Sums are int32 modulo 2^32, eight output channels at a time. Every function takes the address of a
// record of int32 words that the caller (src/quant/execute/fast) wrote; the words are listed at the function.
//
// Constants of eight output channels: 8 int32 bias, 8 float64 factor, 8 float64 offset, 8 float64 nudge.
const CONSTANTS_BYTES: i32 = 224;
const FACTOR: i32 = 32;
const OFFSET: i32 = 96;
const NUDGE: i32 = 160;
// 1.5 · 2^52: adding it rounds a float64 to the nearest integer, which is then the low word.
const MAGIC: f64 = 6755399441055744.0;
// Words of the record that all layers share: where the output lies and the bounds of its integers.
const OUTPUT: i32 = 0;
const OUTPUT_PIXEL: i32 = 4;
const OUTPUT_ROW: i32 = 8;
const OUTPUT_WIDTH: i32 = 12;
const OUTPUT_HEIGHT: i32 = 16;
const BLOCKS: i32 = 20;
const LOW: i32 = 24;
const HIGH: i32 = 28;
const CONSTANTS: i32 = 32;
// Words of the record after these: the input's first tap, and its steps in bytes.
const INPUT: i32 = 36;
const INPUT_PIXEL: i32 = 40;
const INPUT_ROW: i32 = 44;

// @ts-ignore: decorator
@inline
function scaled(sums: v128, at: i32, q: i32, signed: bool): v128 {
  let t = f64x2.mul(f64x2.convert_low_i32x4_s(sums), v128.load(q + at, FACTOR));
  if (signed) {
    // Ties go away from zero: the nudge bears the sign of the product.
    const nudge = v128.or(v128.and(t, i64x2.splat(i64.MIN_VALUE)), v128.load(q + at, NUDGE));
    t = f64x2.add(f64x2.add(t, v128.load(q + at, OFFSET)), nudge);
  } else {
    t = f64x2.add(t, v128.load(q + at, OFFSET));
  }
  return f64x2.add(t, f64x2.splat(MAGIC));
}

// @ts-ignore: decorator
@inline
function fourScaled(sums: v128, at: i32, q: i32, signed: bool): v128 {
  const first = scaled(sums, at, q, signed);
  const second = scaled(v128.shuffle<i32>(sums, sums, 2, 3, 2, 3), at + 16, q, signed);
  return v128.shuffle<i32>(first, second, 0, 2, 4, 6);
}

/** Requantize eight sums and clamp. */
// @ts-ignore: decorator
@inline
function finish(first: v128, second: v128, q: i32, low: v128, high: v128, signed: bool): v128 {
  const eight = i16x8.narrow_i32x4_s(fourScaled(first, 0, q, signed), fourScaled(second, 32, q, signed));
  return i16x8.min_s(i16x8.max_s(eight, low), high);
}

// @ts-ignore: decorator
@inline
function mac(sum: v128, x: v128, w: v128): v128 {
  return i32x4.add(sum, i32x4.dot_i16x8_s(x, w));
}

// @ts-ignore: decorator
@inline
function convolution(d: i32, signed: bool): void {
  const outPixel = load<i32>(d, OUTPUT_PIXEL);
  const width = load<i32>(d, OUTPUT_WIDTH);
  const total = width * load<i32>(d, OUTPUT_HEIGHT);
  const outJump = load<i32>(d, OUTPUT_ROW) - (width - 1) * outPixel;
  const blocks = load<i32>(d, BLOCKS);
  const low = v128.load16_splat(d, LOW);
  const high = v128.load16_splat(d, HIGH);
  const inPixel = load<i32>(d, INPUT_PIXEL);
  const inJump = load<i32>(d, INPUT_ROW) - (width - 1) * inPixel;
  const tapRow = load<i32>(d, 48);
  const kernelRows = load<i32>(d, 52);
  const rowBytes = load<i32>(d, 56) << 2;
  const weightBytes = (rowBytes << 3) * kernelRows;
  const tile = load<i32>(d, 64);
  let tileX = 0;
  let tileIn = load<i32>(d, INPUT);
  let tileOut = load<i32>(d, OUTPUT);
  for (let done = 0; done < total; done += tile) {
    const count = min(tile, total - done);
    let x = 0;
    let p = 0;
    let o = 0;
    let weights = load<i32>(d, 60);
    let q = load<i32>(d, CONSTANTS);
    for (let b = 0; b < blocks; b++, weights += weightBytes, q += CONSTANTS_BYTES) {
      x = tileX;
      p = tileIn;
      o = tileOut + (b << 4);
      const bias0 = v128.load(q);
      const bias1 = v128.load(q, 16);
      let left = count;
      for (; left >= 4; left -= 4) {
        let p0 = p;
        const o0 = o;
        let p1: i32, p2: i32, p3: i32, o1: i32, o2: i32, o3: i32;
        if (x + 4 < width) {
          x += 4;
          p1 = p0 + inPixel;
          p2 = p1 + inPixel;
          p3 = p2 + inPixel;
          p = p3 + inPixel;
          o1 = o0 + outPixel;
          o2 = o1 + outPixel;
          o3 = o2 + outPixel;
          o = o3 + outPixel;
        } else {
          let end = ++x == width;
          p1 = p + (end ? inJump : inPixel);
          o1 = o + (end ? outJump : outPixel);
          x = end ? 1 : x + 1;
          end = x == width;
          p2 = p1 + (end ? inJump : inPixel);
          o2 = o1 + (end ? outJump : outPixel);
          x = end ? 1 : x + 1;
          end = x == width;
          p3 = p2 + (end ? inJump : inPixel);
          o3 = o2 + (end ? outJump : outPixel);
          x = end ? 1 : x + 1;
          end = x == width;
          p = p3 + (end ? inJump : inPixel);
          o = o3 + (end ? outJump : outPixel);
          x = end ? 0 : x;
        }
        let a0 = bias0, a1 = bias0, a2 = bias0, a3 = bias0;
        let b0 = bias1, b1 = bias1, b2 = bias1, b3 = bias1;
        let w = weights;
        for (let ky = kernelRows; ky > 0; ky--) {
          const end = p0 + rowBytes;
          while (p0 < end) {
            const w0 = v128.load(w);
            const w1 = v128.load(w, 16);
            w += 32;
            const x0 = v128.load32_splat(p0);
            a0 = mac(a0, x0, w0);
            b0 = mac(b0, x0, w1);
            const x1 = v128.load32_splat(p1);
            a1 = mac(a1, x1, w0);
            b1 = mac(b1, x1, w1);
            const x2 = v128.load32_splat(p2);
            a2 = mac(a2, x2, w0);
            b2 = mac(b2, x2, w1);
            const x3 = v128.load32_splat(p3);
            a3 = mac(a3, x3, w0);
            b3 = mac(b3, x3, w1);
            p0 += 4;
            p1 += 4;
            p2 += 4;
            p3 += 4;
          }
          const skip = tapRow - rowBytes;
          p0 += skip;
          p1 += skip;
          p2 += skip;
          p3 += skip;
        }
        v128.store(o0, finish(a0, b0, q, low, high, signed));
        v128.store(o1, finish(a1, b1, q, low, high, signed));
        v128.store(o2, finish(a2, b2, q, low, high, signed));
        v128.store(o3, finish(a3, b3, q, low, high, signed));
      }
      for (; left > 0; left--) {
        let p0 = p;
        const o0 = o;
        const last = ++x == width;
        p += last ? inJump : inPixel;
        o += last ? outJump : outPixel;
        x = last ? 0 : x;
        let a0 = bias0;
        let b0 = bias1;
        let w = weights;
        for (let ky = kernelRows; ky > 0; ky--) {
          const end = p0 + rowBytes;
          while (p0 < end) {
            const x0 = v128.load32_splat(p0);
            a0 = mac(a0, x0, v128.load(w));
            b0 = mac(b0, x0, v128.load(w, 16));
            w += 32;
            p0 += 4;
          }
          p0 += tapRow - rowBytes;
        }
        v128.store(o0, finish(a0, b0, q, low, high, signed));
      }
    }
    tileX = x;
    tileIn = p;
    tileOut = o - ((blocks - 1) << 4);
  }
}

/**
 * Convolution, pointwise and dense layers. Words 12 on: bytes between rows of taps, rows of taps, pairs of values in a row of
 * taps, weights, pixels a tile. Weights: for each eight outputs, row and pair two vectors of four outputs' two weights.
 */
export function convolve(d: i32): void {
  convolution(d, false);
}

/** As {@link convolve}, ties away from zero below zero too. */
export function convolveSigned(d: i32): void {
  convolution(d, true);
}

// @ts-ignore: decorator
@inline
function lowPairs(a: v128, b: v128): v128 {
  return v128.shuffle<i16>(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
}

// @ts-ignore: decorator
@inline
function highPairs(a: v128, b: v128): v128 {
  return v128.shuffle<i16>(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
}

// @ts-ignore: decorator
@inline
function depthwiseLayer(d: i32, signed: bool): void {
  const outPixel = load<i32>(d, OUTPUT_PIXEL);
  const outRow = load<i32>(d, OUTPUT_ROW);
  const width = load<i32>(d, OUTPUT_WIDTH);
  const height = load<i32>(d, OUTPUT_HEIGHT);
  const blocks = load<i32>(d, BLOCKS);
  const low = v128.load16_splat(d, LOW);
  const high = v128.load16_splat(d, HIGH);
  const inPixel = load<i32>(d, INPUT_PIXEL);
  const inRow = load<i32>(d, INPUT_ROW);
  const pairs = load<i32>(d, 48);
  const offsets = load<i32>(d, 52);
  let row = load<i32>(d, INPUT);
  let out = load<i32>(d, OUTPUT);
  for (let y = 0; y < height; y++, row += inRow, out += outRow) {
    let weights = load<i32>(d, 56);
    let q = load<i32>(d, CONSTANTS);
    for (let b = 0; b < blocks; b++, q += CONSTANTS_BYTES) {
      const bias0 = v128.load(q);
      const bias1 = v128.load(q, 16);
      let p = row + (b << 4);
      let o = out + (b << 4);
      for (let x = 0; x < width; x++, p += inPixel, o += outPixel) {
        let sum0 = bias0;
        let sum1 = bias1;
        for (let i = 0; i < pairs; i++) {
          const first = v128.load(p + load<i32>(offsets + (i << 3)));
          const second = v128.load(p + load<i32>(offsets + (i << 3), 4));
          sum0 = mac(sum0, lowPairs(first, second), v128.load(weights + (i << 5)));
          sum1 = mac(sum1, highPairs(first, second), v128.load(weights + (i << 5), 16));
        }
        v128.store(o, finish(sum0, sum1, q, low, high, signed));
      }
      weights += pairs << 5;
    }
  }
}

/**
 * Depthwise convolution of multiplier 1. Words 12 on: pairs of taps, their byte offsets (two a pair), weights: for each eight
 * channels and pair two vectors of four channels' two weights.
 */
export function depthwise(d: i32): void {
  depthwiseLayer(d, false);
}

/** As {@link depthwise}, ties away from zero below zero too. */
export function depthwiseSigned(d: i32): void {
  depthwiseLayer(d, true);
}

// @ts-ignore: decorator
@inline
function depthwise3x3Layer(d: i32, signed: bool): void {
  const outPixel = load<i32>(d, OUTPUT_PIXEL);
  const outRow = load<i32>(d, OUTPUT_ROW);
  const width = load<i32>(d, OUTPUT_WIDTH);
  const height = load<i32>(d, OUTPUT_HEIGHT);
  const blocks = load<i32>(d, BLOCKS);
  const low = v128.load16_splat(d, LOW);
  const high = v128.load16_splat(d, HIGH);
  const inPixel = load<i32>(d, INPUT_PIXEL);
  const inRow = load<i32>(d, INPUT_ROW);
  const column = load<i32>(d, 60);
  const tapRow = load<i32>(d, 64);
  let row = load<i32>(d, INPUT);
  let out = load<i32>(d, OUTPUT);
  for (let y = 0; y < height; y++, row += inRow, out += outRow) {
    let w = load<i32>(d, 56);
    let q = load<i32>(d, CONSTANTS);
    for (let b = 0; b < blocks; b++, q += CONSTANTS_BYTES, w += 160) {
      const bias0 = v128.load(q);
      const bias1 = v128.load(q, 16);
      let p = row + (b << 4);
      let o = out + (b << 4);
      for (let x = 0; x < width; x++, p += inPixel, o += outPixel) {
        const middle = p + tapRow;
        const bottom = middle + tapRow;
        let s = v128.load(p);
        let t = v128.load(p + column);
        let sum0 = mac(bias0, lowPairs(s, t), v128.load(w));
        let sum1 = mac(bias1, highPairs(s, t), v128.load(w, 16));
        s = v128.load(p + 2 * column);
        t = v128.load(middle);
        sum0 = mac(sum0, lowPairs(s, t), v128.load(w, 32));
        sum1 = mac(sum1, highPairs(s, t), v128.load(w, 48));
        s = v128.load(middle + column);
        t = v128.load(middle + 2 * column);
        sum0 = mac(sum0, lowPairs(s, t), v128.load(w, 64));
        sum1 = mac(sum1, highPairs(s, t), v128.load(w, 80));
        s = v128.load(bottom);
        t = v128.load(bottom + column);
        sum0 = mac(sum0, lowPairs(s, t), v128.load(w, 96));
        sum1 = mac(sum1, highPairs(s, t), v128.load(w, 112));
        s = v128.load(bottom + 2 * column);
        sum0 = i32x4.add(sum0, i32x4.dot_i16x8_s(i32x4.extend_low_i16x8_s(s), v128.load(w, 128)));
        sum1 = i32x4.add(sum1, i32x4.dot_i16x8_s(i32x4.extend_high_i16x8_s(s), v128.load(w, 144)));
        v128.store(o, finish(sum0, sum1, q, low, high, signed));
      }
    }
  }
}

/** Depthwise 3x3: as {@link depthwise}, the taps unrolled. Words 15 on: bytes between columns and between rows of taps. */
export function depthwise3x3(d: i32): void {
  depthwise3x3Layer(d, false);
}

/** As {@link depthwise3x3}, ties away from zero below zero too. */
export function depthwise3x3Signed(d: i32): void {
  depthwise3x3Layer(d, true);
}

/**
 * Max pool (mean = 0) and average pool (mean = 1). The input's address is that of its first pixel. Words 12 on: window height and
 * width, stride height and width, padding at the top and left, input height and width, mean, zero point.
 */
export function pool(d: i32): void {
  const outPixel = load<i32>(d, OUTPUT_PIXEL);
  const outRow = load<i32>(d, OUTPUT_ROW);
  const width = load<i32>(d, OUTPUT_WIDTH);
  const height = load<i32>(d, OUTPUT_HEIGHT);
  const blocks = load<i32>(d, BLOCKS);
  const inPixel = load<i32>(d, INPUT_PIXEL);
  const inRow = load<i32>(d, INPUT_ROW);
  const mean = load<i32>(d, 80);
  const zeroPoint = load<i32>(d, 84);
  for (let oy = 0; oy < height; oy++) {
    const topTap = oy * load<i32>(d, 56) - load<i32>(d, 64);
    const top = max(topTap, 0);
    const bottom = min(topTap + load<i32>(d, 48), load<i32>(d, 72));
    for (let ox = 0; ox < width; ox++) {
      const leftTap = ox * load<i32>(d, 60) - load<i32>(d, 68);
      const left = max(leftTap, 0);
      const right = min(leftTap + load<i32>(d, 52), load<i32>(d, 76));
      const corner = load<i32>(d, INPUT) + top * inRow + left * inPixel;
      const out = load<i32>(d, OUTPUT) + oy * outRow + ox * outPixel;
      for (let b = 0; b < blocks; b++) {
        if (!mean) {
          let largest = i16x8.splat(i16.MIN_VALUE);
          for (let y = top, line = corner + (b << 4); y < bottom; y++, line += inRow) {
            for (let x = left, p = line; x < right; x++, p += inPixel) {
              largest = i16x8.max_s(largest, v128.load(p));
            }
          }
          v128.store(out + (b << 4), largest);
          continue;
        }
        const pixels = (bottom - top) * (right - left);
        let sum0 = i32x4.splat(pixels * zeroPoint);
        let sum1 = sum0;
        for (let y = top, line = corner + (b << 4); y < bottom; y++, line += inRow) {
          for (let x = left, p = line; x < right; x++, p += inPixel) {
            const values = v128.load(p);
            sum0 = i32x4.add(sum0, i32x4.extend_low_i16x8_s(values));
            sum1 = i32x4.add(sum1, i32x4.extend_high_i16x8_s(values));
          }
        }
        const eight = i16x8.narrow_i32x4_s(
          i32x4.sub(means(sum0, pixels), i32x4.splat(zeroPoint)),
          i32x4.sub(means(sum1, pixels), i32x4.splat(zeroPoint)),
        );
        v128.store(out + (b << 4), eight);
      }
    }
  }
}

/** Quotients of two sums, ties away from zero. */
// @ts-ignore: decorator
@inline
function twoMeans(sums: v128, pixels: i32): v128 {
  const s = f64x2.convert_low_i32x4_s(sums);
  const half = v128.or(v128.and(s, i64x2.splat(i64.MIN_VALUE)), f64x2.splat(<f64>(pixels >> 1)));
  return i32x4.trunc_sat_f64x2_s_zero(f64x2.div(f64x2.add(s, half), f64x2.splat(<f64>pixels)));
}

// @ts-ignore: decorator
@inline
function means(sums: v128, pixels: i32): v128 {
  const first = twoMeans(sums, pixels);
  const second = twoMeans(v128.shuffle<i32>(sums, sums, 2, 3, 2, 3), pixels);
  return v128.shuffle<i32>(first, second, 0, 1, 4, 5);
}

/** Global average pool: sums over the image, requantized. Words 12 on: input height and width. */
export function globalAverage(d: i32): void {
  const blocks = load<i32>(d, BLOCKS);
  const low = v128.load16_splat(d, LOW);
  const high = v128.load16_splat(d, HIGH);
  const height = load<i32>(d, 48);
  const width = load<i32>(d, 52);
  const inPixel = load<i32>(d, INPUT_PIXEL);
  let q = load<i32>(d, CONSTANTS);
  for (let b = 0; b < blocks; b++, q += CONSTANTS_BYTES) {
    let sum0 = v128.load(q);
    let sum1 = v128.load(q, 16);
    let line = load<i32>(d, INPUT) + (b << 4);
    for (let y = 0; y < height; y++, line += load<i32>(d, INPUT_ROW)) {
      for (let x = 0, p = line; x < width; x++, p += inPixel) {
        const values = v128.load(p);
        sum0 = i32x4.add(sum0, i32x4.extend_low_i16x8_s(values));
        sum1 = i32x4.add(sum1, i32x4.extend_high_i16x8_s(values));
      }
    }
    v128.store(load<i32>(d, OUTPUT) + (b << 4), finish(sum0, sum1, q, low, high, true));
  }
}

// @ts-ignore: decorator
@inline
function operand(table: i32, p: i32, lane: i32): i32 {
  return load<i32>(table + (<i32>load<i16>(p + (lane << 1)) << 2));
}

// @ts-ignore: decorator
@inline
function fourSums(tableA: i32, a: i32, tableB: i32, b: i32): v128 {
  let sums = i32x4.splat(operand(tableA, a, 0) + operand(tableB, b, 0));
  sums = i32x4.replace_lane(sums, 1, operand(tableA, a, 1) + operand(tableB, b, 1));
  sums = i32x4.replace_lane(sums, 2, operand(tableA, a, 2) + operand(tableB, b, 2));
  return i32x4.replace_lane(sums, 3, operand(tableA, a, 3) + operand(tableB, b, 3));
}

/**
 * Residual sum: scaled operands from tables, requantized. Words 12 on: second operand's address, pixel and row bytes; tables of the
 * first and the second operand, at the entry of 0.
 */
export function addition(d: i32): void {
  const blocks = load<i32>(d, BLOCKS);
  const low = v128.load16_splat(d, LOW);
  const high = v128.load16_splat(d, HIGH);
  const tableA = load<i32>(d, 60);
  const tableB = load<i32>(d, 64);
  for (let y = 0; y < load<i32>(d, OUTPUT_HEIGHT); y++) {
    for (let x = 0; x < load<i32>(d, OUTPUT_WIDTH); x++) {
      let a = load<i32>(d, INPUT) + y * load<i32>(d, INPUT_ROW) + x * load<i32>(d, INPUT_PIXEL);
      let c = load<i32>(d, 48) + y * load<i32>(d, 56) + x * load<i32>(d, 52);
      let o = load<i32>(d, OUTPUT) + y * load<i32>(d, OUTPUT_ROW) + x * load<i32>(d, OUTPUT_PIXEL);
      let q = load<i32>(d, CONSTANTS);
      for (let b = 0; b < blocks; b++, a += 16, c += 16, o += 16, q += CONSTANTS_BYTES) {
        const first = fourSums(tableA, a, tableB, c);
        const second = fourSums(tableA, a + 8, tableB, c + 8);
        v128.store(o, finish(first, second, q, low, high, true));
      }
    }
  }
}

// Storage of values outside: unsigned bytes, signed bytes, 16 bits.
const UINT8: i32 = 0;
const INT8: i32 = 1;

function packRun(from: i32, to: i32, count: i32, zeroPoint: i32, storage: i32): void {
  const zero = i16x8.splat(<i16>zeroPoint);
  for (; count >= 8; count -= 8, to += 16) {
    let values: v128;
    if (storage == UINT8) values = v128.load8x8_u(from);
    else if (storage == INT8) values = v128.load8x8_s(from);
    else values = v128.load(from);
    from += storage <= INT8 ? 8 : 16;
    v128.store(to, i16x8.sub(values, zero));
  }
  for (; count > 0; count--, to += 2) {
    let value: i32;
    if (storage == UINT8) value = <i32>load<u8>(from);
    else if (storage == INT8) value = <i32>load<i8>(from);
    else value = <i32>load<i16>(from);
    from += storage <= INT8 ? 1 : 2;
    store<i16>(to, <i16>(value - zeroPoint));
  }
}

function unpackRun(from: i32, to: i32, count: i32, zeroPoint: i32, storage: i32): void {
  const zero = i16x8.splat(<i16>zeroPoint);
  for (; count >= 8; count -= 8, from += 16) {
    const values = i16x8.add(v128.load(from), zero);
    if (storage == UINT8) v128.store64_lane(to, i8x16.narrow_i16x8_u(values, values), 0);
    else if (storage == INT8) v128.store64_lane(to, i8x16.narrow_i16x8_s(values, values), 0);
    else v128.store(to, values);
    to += storage <= INT8 ? 8 : 16;
  }
  for (; count > 0; count--, from += 2) {
    const value = <i32>load<i16>(from) + zeroPoint;
    if (storage <= INT8) store<i8>(to, <i8>value);
    else store<i16>(to, <i16>value);
    to += storage <= INT8 ? 1 : 2;
  }
}

/**
 * Bring values from outside (dense, at `outside`) into the layout of the kernels, or back. Words: first pixel, pixel bytes, row bytes,
 * width, height, channels, zero point, storage (0 unsigned bytes, 1 signed bytes, 2 sixteen bits).
 */
export function pack(d: i32, outside: i32): void {
  move(d, outside, true);
}

/** The way back of {@link pack}. */
export function unpack(d: i32, outside: i32): void {
  move(d, outside, false);
}

// @ts-ignore: decorator
@inline
function move(d: i32, outside: i32, inwards: bool): void {
  const pixelBytes = load<i32>(d, 4);
  const width = load<i32>(d, 12);
  const channels = load<i32>(d, 20);
  const zeroPoint = load<i32>(d, 24);
  const storage = load<i32>(d, 28);
  // Pixels without gaps make one run a row.
  const isDense = pixelBytes == channels << 1;
  const runs = isDense ? 1 : width;
  const values = isDense ? channels * width : channels;
  const bytes = storage <= INT8 ? values : values << 1;
  let line = load<i32>(d);
  for (let y = 0; y < load<i32>(d, 16); y++, line += load<i32>(d, 8)) {
    for (let i = 0, p = line; i < runs; i++, p += pixelBytes, outside += bytes) {
      if (inwards) packRun(outside, p, values, zeroPoint, storage);
      else unpackRun(p, outside, values, zeroPoint, storage);
    }
  }
}
