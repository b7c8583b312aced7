import type { Rng } from "../core/index.js";

/** Largest relative changes of colour; each factor is drawn evenly from 1 − x to 1 + x, 0 ≤ x ≤ 1. */
export type Jitter = {
  readonly brightness: number;
  /** About the image's mean grey. */
  readonly contrast: number;
  /** About each pixel's grey. */
  readonly saturation: number;
};

/** Bits after the point of the factors. */
const FRACTION = 12;
const ONE = 2 ** FRACTION;
// Grey of ITU-R BT.601 in 256ths: 0.299, 0.587, 0.114.
const RED = 77;
const GREEN = 150;
const BLUE = 29;

const factor = (range: number, rng: Rng): number => 1 + range * (2 * rng.next() - 1);

/** Return the grey of pixel `at`; one channel is its own. */
const greyAt = (image: Uint8Array, at: number, channels: number): number =>
  channels === 1
    ? image[at]!
    : (RED * image[at]! + GREEN * image[at + 1]! + BLUE * image[at + 2]! + 128) >> 8;

/**
 * Change brightness (factor b), contrast (c) and saturation (s) of an RGB or grey image at random: with the pixel's grey g and the
 * image's mean grey m, each value v becomes c·b·(s·v + (1 − s)·g) + (1 − c)·b·m, rounded and clamped to a byte once. (Applied
 * one after the other, the changes would clamp in between.) Factors have 12 bits after the point.
 *
 * @param channels 3 or 1
 * @param target may be the source
 */
export function jitterImage(
  source: Uint8Array,
  channels: number,
  jitter: Jitter,
  target: Uint8Array,
  rng: Rng,
): void {
  const brightness = factor(jitter.brightness, rng);
  const contrast = factor(jitter.contrast, rng);
  const saturation = factor(jitter.saturation, rng);
  let sum = 0;
  for (let at = 0; at < source.length; at += channels) sum += greyAt(source, at, channels);
  const mean = (sum * channels) / source.length;
  const ofValue = Math.round(contrast * brightness * saturation * ONE);
  const ofGrey = Math.round(contrast * brightness * (1 - saturation) * ONE);
  const constant = Math.round((1 - contrast) * brightness * mean * ONE) + ONE / 2;
  for (let at = 0; at < source.length; at += channels) {
    const rest = Math.imul(ofGrey, greyAt(source, at, channels)) + constant;
    for (let c = at; c < at + channels; c++) {
      const value = (Math.imul(ofValue, source[c]!) + rest) >> FRACTION;
      target[c] = Math.max(0, Math.min(value, 255));
    }
  }
}
