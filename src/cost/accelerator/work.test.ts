import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { shapeConfig } from "./shapes.js";
import { layerCycles } from "./timeline.js";
import { networkTraffic, totalTraffic } from "./traffic.js";
import type { AcceleratorLayer } from "./types.js";
import { layerWork } from "./work.js";

const engine = shapeConfig({ cPar: 32, kPar: 32 });
/** First layer of MobileNetV1 at 224×224, at full width, a depthwise and a pointwise layer. */
const first: AcceleratorLayer = {
  name: "first",
  kind: "conv2d",
  inputShape: [224, 224, 3],
  outputShape: [112, 112, 32],
  kernel: [3, 3],
  macs: 112 * 112 * 27 * 32,
  weightBytes: 27 * 32,
};
const depthwise: AcceleratorLayer = {
  name: "depthwise",
  kind: "depthwiseConv2d",
  inputShape: [112, 112, 32],
  outputShape: [112, 112, 32],
  kernel: [3, 3],
  macs: 112 * 112 * 9 * 32,
  weightBytes: 9 * 32,
};
const pointwise: AcceleratorLayer = {
  name: "pointwise",
  kind: "conv2d",
  inputShape: [112, 112, 32],
  outputShape: [112, 112, 64],
  macs: 112 * 112 * 32 * 64,
  weightBytes: 32 * 64,
};
const small: AcceleratorLayer = {
  ...pointwise,
  inputShape: [14, 14, 128],
  outputShape: [14, 14, 128],
  macs: 14 * 14 * 128 * 128,
  weightBytes: 128 * 128,
};
const layers = [first, depthwise, pointwise];
const worksOf = (own: typeof engine, of: readonly AcceleratorLayer[] = layers) =>
  of.map((layer) => layerWork(layer, own));

describe("a layer's loops", () => {
  test("channels mode fetches pixels × taps × channel passes × lane groups, and makes a sum of each", () => {
    const { events } = layerWork(small, shapeConfig({ cPar: 16, kPar: 16 }));
    const fetches = 14 * 14 * (128 / 16) * (128 / 16);
    expect(events).toMatchObject({
      products: small.macs,
      channelFetches: fetches,
      windowFetches: 0,
      emits: fetches,
      drainedPixels: 14 * 14 * 8,
      parameterLoads: 128,
    });
    expect(events.laneLoads).toBe(events.passes * 16);
  });

  test("an RGB image fills 3 of 32 multipliers, a 3×3 depthwise layer 9 of 16", () => {
    const wide = layerWork(first, engine);
    expect(wide.events.products / (wide.events.channelFetches * 32 * 32)).toBeCloseTo(3 / 32, 6);
    const deep = layerWork(depthwise, shapeConfig({ cPar: 16, kPar: 16 }));
    expect(deep.events.windowFetches).toBeGreaterThan(112 * 112 * 2);
    expect(deep.events.emits).toBe(112 * 112 * 2);
    expect(deep.cycles).toBeLessThan(1.4 * 112 * 112 * 2);
  });

  test("few requantizers bound layers with short sums", () => {
    const few = layerWork(pointwise, { ...engine, requantizers: 8 });
    expect(few.cycles).toBeGreaterThan((112 * 112 * 64) / 8);
    expect(few.cycles).toBeLessThan(1.02 * ((112 * 112 * 64) / 8));
    expect(few.events).toEqual(layerWork(pointwise, engine).events);
  });

  test("short passes wait for the next block of weights", () => {
    const dense: AcceleratorLayer = {
      name: "dense",
      kind: "dense",
      inputShape: [256],
      outputShape: [16],
      macs: 4096,
      weightBytes: 4096,
    };
    const { cycles, events } = layerWork(dense, shapeConfig({ cPar: 16, kPar: 16 }));
    expect(events.passes).toBe(16);
    expect(cycles).toBeGreaterThan(16 * (16 + 5));
  });

  test("what costs nothing costs nothing", () => {
    const { cycles, events } = layerWork({ ...pointwise, kind: "other" }, engine);
    expect(cycles).toBe(0);
    expect(Object.values(events).every((count) => count === 0)).toBe(true);
  });

  test("more multipliers never do more fetches", () => {
    const sizes = fc.constantFrom(4, 8, 16);
    fc.assert(
      fc.property(sizes, sizes, fc.constantFrom(...layers, small), (cPar, kPar, layer) => {
        const fetches = (c: number, k: number): number => {
          const { channelFetches, windowFetches } = layerWork(
            layer,
            shapeConfig({ cPar: c, kPar: k }),
          ).events;
          return channelFetches + windowFetches;
        };
        expect(fetches(cPar, 2 * kPar)).toBeLessThanOrEqual(fetches(cPar, kPar));
        if (layer.kind === "conv2d") expect(fetches(2 * cPar, kPar)).toBeLessThanOrEqual(fetches(cPar, kPar));
      }),
      { seed: 3 },
    );
  });
});

describe("external traffic", () => {
  const KB = 1024;
  const at = (activationKb: number, of: readonly AcceleratorLayer[] = layers) => {
    const own = { ...engine, activationBufferBytes: activationKb * KB };
    return networkTraffic(of, worksOf(own, of), own);
  };

  test("weights come in every frame, in blocks of whole lanes, with their parameters", () => {
    const traffic = at(4096, [pointwise])!;
    expect(traffic.layers[0]!.weightBytes).toBe(2 * (32 * 16 + 32 * 32));
  });

  test("two frames of a small input fit the stream's slots; nothing goes out", () => {
    const traffic = at(512, [small])!;
    expect(traffic).toMatchObject({ input: "stream", inputBytes: 0 });
    expect(totalTraffic(traffic).activations).toBe(0);
  });

  test("a large image comes by memory, in words as wide as the array", () => {
    const traffic = at(512, [first])!;
    expect(traffic).toMatchObject({ input: "memory", inputBytes: 224 * 224 * 3 });
    expect(traffic.layers[0]!.loadBytes).toBeGreaterThanOrEqual(224 * 224 * 32);
    expect(traffic.layers[0]!.tiles).toBeGreaterThan(1);
  });

  test("larger buffers never move more, and no room for a row is no engine", () => {
    fc.assert(
      fc.property(fc.integer({ min: 64, max: 1024 }), (kb) => {
        const [less, more] = [at(kb), at(2 * kb)];
        if (less === undefined) return;
        expect(totalTraffic(more!).total).toBeLessThanOrEqual(totalTraffic(less).total * 1.001);
      }),
      { seed: 4, numRuns: 60 },
    );
    expect(at(4)).toBeUndefined();
  });

  test("a residual sum keeps its second operand until it is read", () => {
    const block = (inputs: readonly string[]): readonly AcceleratorLayer[] => [
      { ...small, name: "a" },
      { ...small, name: "b" },
      { ...small, name: "sum", kind: "add", macs: 0, weightBytes: 0, inputs },
    ];
    // Three tensors of 4 blocks · 14 · 4 words, four banks of 32 bytes, behind the two slots.
    const tensor = 4 * 14 * 4 * 4 * 32;
    const bytes = (tensors: number, inputs: readonly string[]) => {
      const own = { ...engine, activationBufferBytes: tensors * tensor };
      const of = block(inputs);
      return networkTraffic(of, worksOf(own, of), own)!;
    };
    expect(totalTraffic(bytes(5, ["b", "a"])).activations).toBe(0);
    expect(bytes(4, ["b", "b"]).layers.every(({ storeBytes }) => storeBytes === 0)).toBe(true);
    expect(totalTraffic(bytes(3, ["b", "a"])).activations).toBeGreaterThan(0);
  });
});

describe("time", () => {
  test("a narrow channel makes DRAM the bound", () => {
    const own = { ...engine, activationBufferBytes: 512 * 1024 };
    const works = worksOf(own);
    const traffic = networkTraffic(layers, works, own)!;
    const at = (dramBytesPerSecond: number): number =>
      layerCycles(works, traffic, { engine: own, clockMhz: 500, dramBytesPerSecond }).reduce((a, b) => a + b);
    const bytes = totalTraffic(traffic).total - traffic.inputBytes;
    expect(at(1e6)).toBeGreaterThan((bytes / 1e6) * 500e6);
    expect(at(8e9)).toBeLessThan(at(1e6));
    expect(at(8e9)).toBeGreaterThanOrEqual(works.reduce((sum, { cycles }) => sum + cycles, 0));
  });
});
