import { describe, expect, test } from "vitest";
import {
  convolveProgram,
  direct,
  randomConvolution,
  tensorOf,
  toWords,
  transfer,
  withValues,
} from "../../../test/helpers/engine-convolutions.js";
import {
  convolution,
  type HandConvolution,
  type HandDescriptor,
  type HandTensor,
  handProgram,
  type LayerValues,
} from "../../../test/helpers/engine-program.js";
import { createRng } from "../../core/index.js";
import { engineConfig, engineShape } from "../config.js";
import { SPACES } from "../isa/index.js";
import { interpretProgram } from "./index.js";

const sizes = [
  { cPar: 4, kPar: 4 },
  { cPar: 8, kPar: 16 },
  { cPar: 16, kPar: 8, weightBits: 9 as const },
  { cPar: 16, kPar: 16 },
  { cPar: 64, kPar: 32 },
];

describe("interpretProgram", () => {
  for (const size of sizes) {
    const config = engineConfig({ ...size, stripePixels: 16, weightBufferBytes: 64 * 1024 });
    test(`${size.cPar}×${size.kPar}: convolutions of all channels and of each channel are those of the definition`, () => {
      const rng = createRng(100 * size.cPar + size.kPar);
      for (let i = 0; i < 12; i++) {
        const given = randomConvolution(rng, config);
        const source = tensorOf(rng, given.source);
        const expected = direct(source, given, given.values?.padding ?? 0);
        const { wordBytes } = engineShape(config);
        const bytes = toWords(source, given.source.channels, wordBytes, rng);
        const run = interpretProgram({
          config,
          program: convolveProgram(config, given),
          image: { bytes, stride: 0 },
          seed: i,
        });
        expect(run.activations.tensor(given.target)).toEqual(expected);
        const pixelBytes = Math.ceil(given.target.channels / wordBytes) * wordBytes;
        const { bytes: stored } = run.external.result;
        const pixels = Array.from({ length: given.target.height * given.target.width }, (_, pixel) =>
          stored.subarray(pixel * pixelBytes, pixel * pixelBytes + given.target.channels),
        );
        expect(Uint8Array.from(pixels.flatMap((pixel) => [...pixel]))).toEqual(expected);
      }
    });
  }

  const config = engineConfig({ cPar: 8, kPar: 8, stripePixels: 16 });
  const source: HandTensor = { height: 4, width: 4, channels: 8, start: 0 };
  const target: HandTensor = { ...source, start: 4 };
  const identity: HandConvolution = {
    windowed: true,
    source,
    target,
    kernel: { rows: 1, columns: 1 },
    stride: 1,
    before: 0,
    stripe: { rows: 2, columns: 4 },
    weight: () => 1,
    parameters: () => ({ bias: 0, multiplier: 1, shift: 0 }),
  };
  const random = (seed: number): Uint8Array => tensorOf(createRng(seed), source);
  const image = random(5);
  const load = transfer("load", source, config, { space: SPACES.image });
  const end: HandDescriptor = { kind: "end" };
  const runOf = (descriptors: readonly HandDescriptor[], on = config) =>
    interpretProgram({
      config: on,
      program: handProgram(on, descriptors),
      image: { bytes: image, stride: 0 },
    });

  test("planes add sources, scaled by 256 where asked, and wrap around in 32 bits", () => {
    const second: HandTensor = { ...source, start: 8 };
    const layer = convolution(config, {
      ...identity,
      weight: () => 3,
      values: { planes: 2, planeSource: 2, planeScale: 2, sourceBStart: 8 },
      parameters: () => ({ bias: 0, multiplier: 1, shift: 10 }),
    });
    const other = random(6);
    const run = interpretProgram({
      config,
      program: handProgram(config, [
        load,
        transfer("load", second, config, { space: SPACES.image, offset: 256 }),
        withValues(layer, { waitTransfers: 2 }),
        end,
      ]),
      image: { bytes: Uint8Array.from([...image, ...new Uint8Array(128), ...other]), stride: 0 },
    });
    const expected = image.map((byte, i) =>
      Math.min(255, Math.floor((768 * byte + 3 * other[i]! + 512) / 1024)),
    );
    expect(run.activations.tensor(target)).toEqual(expected);
    const overflow = convolution(config, {
      ...identity,
      weight: () => 127,
      values: { planes: 8, planeScale: 254 },
      parameters: () => ({ bias: 0, multiplier: 1, shift: 8 }),
    });
    const wrapped = image.map((byte) => {
      let sum = 0;
      for (let i = 0; i < 8; i++) sum = (Math.imul(sum, 256) + 127 * byte) | 0;
      return Math.max(0, Math.min(255, Math.floor((sum + 128) / 256)));
    });
    const wraps = runOf([load, withValues(overflow, { waitTransfers: 1 }), end]);
    expect(wraps.activations.tensor(target)).toEqual(wrapped);
  });

  test("maximum keeps the largest tap", () => {
    const pool = convolution(config, {
      ...identity,
      kernel: { rows: 2, columns: 2 },
      stride: 2,
      target: { ...target, height: 2, width: 2 },
      values: { maximum: 1 },
    });
    // A tap a pass: one row and one column each.
    const values = {
      columns: 1,
      lastColumns: 1,
      columnPasses: 2,
      passes: 4,
      columnStep: 2,
      columnStepWords: 2,
      emitEvery: 1,
    };
    const block = pool.weights.subarray(0, 8 * 16);
    const taps = new Uint8Array(4 * 64);
    for (let i = 0; i < taps.length; i += 8) taps[i] = 1;
    const weights = Uint8Array.from([...block, ...taps]);
    const layer = withValues({ ...pool, weights }, { ...values, kernelColumnWords: 1, waitTransfers: 1 });
    const run = runOf([load, layer, end]);
    const expected = Uint8Array.from({ length: 32 }, (_, i) => {
      const [y, x, c] = [Math.floor(i / 16), Math.floor(i / 8) % 2, i % 8];
      const tap = (r: number, k: number): number => image[((2 * y + r) * 4 + 2 * x + k) * 8 + c]!;
      return Math.max(tap(0, 0), tap(0, 1), tap(1, 0), tap(1, 1));
    });
    expect(run.activations.tensor({ ...target, height: 2, width: 2 })).toEqual(expected);
  });

  test("groups share weights, and a layer leaves them to the next one", () => {
    const wide: HandTensor = { ...source, channels: 24 };
    const values = tensorOf(createRng(9), wide);
    const there: HandTensor = { ...wide, start: 12 };
    const shared = convolution(config, {
      ...identity,
      source: wide,
      target: there,
      weight: () => 1,
      values: { weightsShared: 1 },
    });
    const keeps = withValues(shared, { weightsKeep: 1, waitTransfers: 1 });
    const back = convolution(config, {
      ...identity,
      source: there,
      target: { ...wide, start: 24 },
      values: { weightsShared: 1 },
    });
    const run = interpretProgram({
      config,
      program: handProgram(config, [
        transfer("load", wide, config, { space: SPACES.image }),
        keeps,
        { ...back, weights: new Uint8Array(0) },
        end,
      ]),
      image: { bytes: values, stride: 0 },
    });
    expect(run.activations.tensor({ ...wide, start: 24 })).toEqual(values);
    expect(run.traffic[0]!.weights).toBe(8 * 16 + 64);
  });

  test("images of the stream input come in turn into their slots", () => {
    const input = { height: 4, width: 4, channels: 3 };
    const streaming = engineConfig({ cPar: 8, kPar: 8, stripePixels: 16, input });
    const layer = convolution(streaming, {
      ...identity,
      source: { ...input, start: 0 },
      target: { ...input, start: 20 },
      values: { sourceAInput: 1, waitInput: 1, releaseInput: 1 },
    });
    const images = [1, 2, 3, 4, 5].map((seed) => tensorOf(createRng(seed), input));
    const program = handProgram(streaming, [layer, end]);
    const seen: Uint8Array[] = [];
    const run = interpretProgram({
      config: streaming,
      program,
      images,
      onDescriptor: (_, __, activations) => seen.push(activations.tensor({ ...input, start: 20 })),
    });
    expect(seen).toEqual(images);
    expect(run.layers.map(({ frame }) => frame)).toEqual([0, 1, 2, 3, 4]);
    const failing =
      (values: Partial<LayerValues>, frames = 1) =>
      () =>
        interpretProgram({
          config: streaming,
          program: handProgram(streaming, [withValues(layer, values), end]),
          images: images.slice(0, 1),
          frames,
        });
    expect(failing({}, 2)).toThrow(/FX5120|waits for image 1 of 1/);
    expect(failing({ waitInput: 0 })).toThrow(/without waiting|no layer has waited/);
  });

  test("counts what was done and moved", () => {
    const run = runOf([load, withValues(convolution(config, identity), { waitTransfers: 1 }), end]);
    expect(run.totals).toEqual({ passes: 2, fetches: 16, outputs: 16, macs: 16 * 64, nonzeroMacs: 16 * 8 });
    expect(run.traffic).toEqual([
      { descriptors: 4 * 128, weightList: 16, weights: 8 * 16 + 64, loads: 128, stores: 0 },
    ]);
  });
});
