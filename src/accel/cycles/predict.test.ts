import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  convolution,
  type HandDescriptor,
  handProgram,
  type LayerValues,
  unweighted,
} from "../../../test/helpers/engine-program.js";
import { CheckFailedError } from "../../core/index.js";
import { type EngineConfig, engineConfig, engineShape } from "../config.js";
import { interpretProgram } from "../interpret/index.js";
import { type LayerCycles, predictCycles } from "./index.js";

const config = engineConfig({ cPar: 8, kPar: 8, stripePixels: 64 });
const memory = { latencyCycles: 10, bytesPerCycle: 16 };
const end: HandDescriptor = { kind: "end" };

const layer = (values: Partial<LayerValues>, engine: EngineConfig = config) => unweighted(engine, values);

/** A 1×1 layer over 8 × 8 pixels in one stripe, so many passes of channels. */
const pointwise = (channelPasses: number, values: Partial<LayerValues> = {}): Partial<LayerValues> => ({
  channelPasses,
  passes: channelPasses,
  height: 8,
  width: 8,
  pixelWords: channelPasses,
  rowWords: 8 * channelPasses,
  columnStepWords: channelPasses,
  lastStripeRows: 8,
  lastStripeColumns: 8,
  ...values,
});

const run = (
  descriptors: readonly HandDescriptor[],
  options: Partial<Parameters<typeof predictCycles>[0]> = {},
) =>
  predictCycles({ config, program: handProgram(options.config ?? config, descriptors), memory, ...options });

const sumOf = ({ fetchCycles, stalls, tailCycles }: LayerCycles): number =>
  Object.values(stalls).reduce((sum, cycles) => sum + cycles, fetchCycles + tailCycles);

describe("predictCycles", () => {
  test("agrees with a layer worked out by hand", () => {
    const [frame] = run([layer({ height: 4, width: 8, lastStripeRows: 4, lastStripeColumns: 8 }), end]);
    // Header: asked for in 2, address in 3, beats 13 to 20. Descriptor: 25, 26, beats 36 to 43, in its slot in 45, with the walker in 48.
    // List: granted in 27, its beat behind the descriptor's in 44. The end: asked for in 47, beats 58 to 65. Weights: asked for in 50, beats behind
    // these, 66 to 77: 8 of parameters, 4 of the block. Parameters are read from 66 + 3 on, a lane a cycle, till 76; the block till 84, so that the pass
    // can start in 85: 29 cycles after it stood (48 + 8). 32 fetches end in 117, sums are complete in 117 + 6 + 4 + 2 = 129, drained from 130 on, 2 steps
    // a pixel, till 194; 12 later they are in memory. Three later they are counted.
    expect(frame?.layers).toEqual([
      {
        frame: 0,
        descriptor: 0,
        start: 48,
        end: 206,
        fetchCycles: 32,
        stalls: { input: 0, weights: 29, drain: 0, stores: 0, sequence: 8, transfers: 0 },
        tailCycles: 89,
        utilization: undefined,
        weightBytes: 192,
      },
    ]);
    expect(frame).toMatchObject({ start: 0, end: 209 });
  });

  test("a pass a block: long passes hide the weights, short ones wait for them", () => {
    const [long] = run([layer(pointwise(40)), end])[0]!.layers;
    expect(long).toMatchObject({ fetchCycles: 40 * 64 });
    expect(long!.stalls.weights).toBeLessThan(60);
    // 4 pixels: a block takes 8 lanes, and 5 cycles pass between claim and first lane.
    const short = pointwise(40, { lastStripeRows: 2, lastStripeColumns: 2 });
    const fast = { latencyCycles: 1, bytesPerCycle: 16 };
    const [waits] = run([layer(short), end], { memory: fast })[0]!.layers;
    const { sequence, weights } = waits!.stalls;
    expect(waits!.fetchCycles + sequence + weights).toBeGreaterThanOrEqual(40 * (8 + 5));
    expect(waits!.fetchCycles + sequence + weights).toBeLessThan(40 * (8 + 5) + 60);
  });

  test("a slow memory gives its rate, and no more", () => {
    const slow = { latencyCycles: 10, bytesPerCycle: 2 };
    const descriptor = layer(pointwise(100, { lastStripeRows: 2 }));
    const [only] = run([descriptor, end], { memory: slow })[0]!.layers;
    const least = descriptor.weights.length / 2;
    expect(only!.weightBytes).toBe(descriptor.weights.length);
    expect(only!.end - only!.start).toBeGreaterThan(least);
    expect(only!.end - only!.start).toBeLessThan(least * 1.05 + 200);
  });

  test("few requantizers make the array wait for a bank of sums", () => {
    const one = { ...config, requantizers: 1 };
    const stripes = { rowStripes: 6, stripeRows: 8, height: 48, stripeSourceRows: 8 };
    const work = layer(pointwise(1, stripes), one);
    const [waits] = run([work, end], { config: one })[0]!.layers;
    const drain = 6 * 64 * 8 * 2;
    expect(waits!.stalls.drain).toBeGreaterThan(0.5 * drain);
    expect(waits!.end - waits!.start).toBeGreaterThan(drain);
    expect(waits!.end - waits!.start).toBeLessThan(drain + 200);
  });

  test("weights of the next layer come while the array works", () => {
    const descriptors = [layer(pointwise(20)), layer({ ...pointwise(20), waitLayers: 1 }), end];
    const [first, second] = run(descriptors, { macs: new Map([[1, 20 * 64 * 64]]) })[0]!.layers;
    expect(first!.stalls.weights).toBeGreaterThan(20);
    expect(second!.stalls).toMatchObject({ weights: 0, sequence: 8 });
    expect(second!.start - first!.end).toBe(3);
    expect(second!.utilization).toBeCloseTo(1280 / (second!.end - second!.start), 10);
  });

  test("a layer waits for its load, a store takes cycles of the layer beside it", () => {
    const words = { start: 100, rows: 4, rowWords: 100 };
    const descriptors: HandDescriptor[] = [
      { kind: "load", values: words },
      layer({ ...pointwise(20), waitTransfers: 1 }),
      { kind: "store", values: { ...words, waitLayers: 1 } },
      layer({ ...pointwise(20), waitLayers: 1 }),
      end,
    ];
    const { layers, end: frameEnd } = run(descriptors)[0]!;
    // 400 words of 8 bytes, two a beat, written one a cycle; the 176 beats of both layers' weights go before most of them.
    expect(layers[0]!.stalls.transfers).toBeGreaterThan(400);
    expect(layers[0]!.stalls.transfers).toBeLessThan(400 + 176 + 20);
    expect(layers[0]!.stalls.stores).toBe(0);
    expect(layers[1]!.stalls.stores).toBeGreaterThan(390);
    expect(layers[1]!.stalls.stores).toBeLessThanOrEqual(400);
    expect(frameEnd).toBeGreaterThan(layers[1]!.end);
  });

  test("frames of the stream input: two slots let the next one come meanwhile", () => {
    const input = { height: 8, width: 8, channels: 8 };
    const frames = 4;
    const wall = (inputSlots: 1 | 2): number => {
      const engine: EngineConfig = { ...config, input, inputSlots };
      const work = layer({ ...pointwise(10), waitInput: 1, releaseInput: 1, sourceAInput: 1 }, engine);
      const program = handProgram(engine, [work, end]);
      const timing = { cyclesPerFrame: 600 };
      const results = predictCycles({ config: engine, program, memory, frames, input: timing });
      expect(results).toHaveLength(frames);
      return results.at(-1)!.end;
    };
    const frameOf = run([layer(pointwise(10)), end])[0]!.end;
    expect(wall(1)).toBeGreaterThan(frames * (600 + 640));
    expect(wall(2)).toBeLessThan(600 + frames * (frameOf + 10));
  });

  test("says so when a frame does not end", () => {
    const short = layer(pointwise(4));
    const starved: HandDescriptor = { ...short, weights: short.weights.subarray(0, 256) };
    expect(() => run([starved, end])).toThrow(CheckFailedError);
    expect(() => run([layer(pointwise(4, { waitTransfers: 1 })), end])).toThrow("does not end");
  });
});

describe("properties", () => {
  const { windowColumns } = engineShape(config);
  const shapes = fc.record({
    windowed: fc.boolean(),
    size: fc.integer({ min: 1, max: 12 }),
    channels: fc.constantFrom(8, 16, 40),
    outputs: fc.constantFrom(8, 24),
    kernel: fc.integer({ min: 1, max: windowColumns + 1 }),
    stripe: fc.constantFrom([1, 4], [2, 8], [8, 8], [4, 3]),
    stream: fc.boolean(),
  });
  const programs = fc.array(shapes, { minLength: 1, maxLength: 4 }).map((list) => {
    const descriptors = list.map((shape, i) => {
      const channels = shape.windowed ? shape.outputs : shape.channels;
      const tensor = { height: shape.size, width: shape.size, start: 0 };
      return convolution(config, {
        windowed: shape.windowed,
        fourRows: shape.windowed,
        source: { ...tensor, channels },
        target: { ...tensor, channels: shape.outputs, start: 1000 },
        kernel: { rows: shape.kernel, columns: shape.kernel },
        stride: 1,
        before: 0,
        stripe: { rows: shape.stripe[0]!, columns: shape.stripe[1]! },
        mode: shape.stream ? "stream" : "plain",
        weight: () => 1,
        parameters: () => ({ bias: 0, multiplier: 1, shift: 0 }),
        values: { waitLayers: i },
      });
    });
    return handProgram(config, [...descriptors, end]);
  });
  const total = (
    program: Uint8Array,
    given: { readonly latencyCycles: number; readonly bytesPerCycle: number },
  ) => predictCycles({ config, program, memory: given })[0]!;

  test("fetches are the interpreter's, and every cycle has a cause", () => {
    fc.assert(
      fc.property(programs, (program) => {
        const { layers, external } = total(program, memory);
        const interpreted = interpretProgram({ config, program });
        expect(external).toEqual(interpreted.traffic[0]);
        expect(layers.map(({ fetchCycles }) => fetchCycles)).toEqual(
          interpreted.layers.map(({ fetches }) => fetches),
        );
        for (const one of layers) expect(sumOf(one)).toBe(one.end - one.start);
        for (let i = 1; i < layers.length; i++) expect(layers[i]!.start).toBeGreaterThan(layers[i - 1]!.end);
        const weights = layers.reduce((sum, { weightBytes }) => sum + weightBytes, 0);
        expect(weights).toBe(external.weights);
      }),
      { numRuns: 60 },
    );
  });

  // These programs, that is: in one of some thousands a descriptor comes later, behind weights that a faster memory let the reader ask for sooner. Responses
  // come in order there; docs/accel.md, Limits.
  test("a faster memory makes no program slower", () => {
    fc.assert(
      fc.property(
        programs,
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 15 }),
        (program, latencyCycles, bytesPerCycle) => {
          const slow = total(program, { latencyCycles, bytesPerCycle }).end;
          const wider = { latencyCycles, bytesPerCycle: bytesPerCycle + 1 };
          expect(total(program, wider).end).toBeLessThanOrEqual(slow);
          const sooner = { latencyCycles: latencyCycles - 1, bytesPerCycle };
          expect(total(program, sooner).end).toBeLessThanOrEqual(slow);
        },
      ),
      { numRuns: 60, seed: 6 },
    );
  });

  test("larger stripes need no more cycles where sums have room", () => {
    const big = engineConfig({ cPar: 8, kPar: 8, stripePixels: 256 });
    const stripes = [
      [1, 2],
      [1, 4],
      [1, 8],
      [1, 16],
      [2, 16],
      [4, 16],
      [8, 16],
      [16, 16],
    ] as const;
    const cycles = stripes.map(([rows, columns]) => {
      const tensor = { height: 16, width: 16, channels: 32, start: 0 };
      const work = convolution(big, {
        windowed: false,
        source: tensor,
        target: { ...tensor, start: 1024 },
        kernel: { rows: 3, columns: 3 },
        stride: 1,
        before: 1,
        stripe: { rows, columns },
        weight: () => 1,
        parameters: () => ({ bias: 0, multiplier: 1, shift: 0 }),
      });
      const program = handProgram(big, [work, end]);
      return predictCycles({ config: big, program, memory })[0]!.end;
    });
    // Blocks take 13 cycles: stripes of less than 16 pixels wait for them. Larger ones leave more to drain when the last one is over.
    for (let i = 1; i < cycles.length; i++)
      expect(cycles[i]).toBeLessThanOrEqual(cycles[i - 1]! + stripes[i]![0] * stripes[i]![1]);
    expect(cycles[0]).toBeGreaterThan(4 * cycles[3]!);
  });
});
