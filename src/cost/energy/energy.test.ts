import { describe, expect, test } from "vitest";
import {
  quantType,
  randomIntegers,
  randomWeighted,
  singleLayerNetwork,
} from "../../../test/helpers/quant-networks.js";
import { createRng } from "../../core/index.js";
import { compileFrontEnd, type FrontEnd, type FrontFolding, layerDesign, streamOf } from "../../hw/index.js";
import { executeQuantNetwork, type QuantConv2d } from "../../quant/index.js";
import {
  createSimulator,
  flatten,
  lowerDesign,
  type SimModule,
  simModuleOf,
  simulateStream,
} from "../../sim/index.js";
import { NO_PADDING } from "../../tensor/index.js";
import { costFrontEnd, countsOf } from "../structural/index.js";
import { readTechnology } from "../technology.js";
import { measuredTotalPj } from "./measure.js";
import { measuredLayers, measureFront } from "./measure-front.js";
import { structuralPriced } from "./structural-priced.js";

const technology = readTechnology("sky130hd");
const SIDE = 8;
const CHANNELS = 3;
const IMAGES = 4;

function front(stride: number, side: number, folding: FrontFolding, kernel = 1): FrontEnd {
  const input = quantType([side, side, CHANNELS]);
  const layer = randomWeighted(createRng(5), "conv2d", input, 6, {
    kernel: { height: kernel, width: kernel },
    stride: { height: stride, width: stride },
    padding: NO_PADDING,
  }) as QuantConv2d;
  return compileFrontEnd(singleLayerNetwork(input, layer), layer.name, { folding });
}
const images = Uint8Array.from(randomIntegers(createRng(6), IMAGES * SIDE * SIDE * CHANNELS, 0, 255));

function run(module: SimModule, { layers: [layer] }: FrontEnd, pixels: Uint8Array) {
  const simulator = createSimulator(module, { lanes: IMAGES, countToggles: true });
  const size = pixels.length / IMAGES;
  const output = streamOf(layer!.node.output);
  return simulateStream(simulator, {
    inputs: Array.from({ length: IMAGES }, (_, i) => pixels.subarray(i * size, (i + 1) * size)),
    valuesPerBeat: { input: CHANNELS, output: output.channels },
    bits: { input: 8, output: 8 },
    frames: 1,
    outputBeatsPerFrame: output.beats,
  });
}

describe("the structural netlist", () => {
  test("computes what the integer network computes, gates folded, registers behind clock gates, ROMs as tables", () => {
    const folded = { kind: "folded" as const, lanes: 2, inputs: 3 };
    for (const [stride, kernel, folding] of [
      [1, 3, undefined],
      [2, 2, undefined],
      [2, 3, folded],
    ] as const) {
      const base = front(stride, SIDE, { kind: "none" }, kernel);
      const name = base.layers[0]!.node.name;
      const made =
        folding === undefined
          ? base
          : front(stride, SIDE, { kind: "given", layers: new Map([[name, folding]]) }, kernel);
      const { netlist } = structuralPriced(layerDesign(made.layers[0]!), technology);
      const { outputs } = run(simModuleOf(netlist), made, images);
      const golden = executeQuantNetwork(made.network, images, IMAGES).get(name)!;
      expect(outputs.flatMap((values) => [...values])).toEqual([...golden]);
      expect(netlist.groups.some(({ gated }) => gated)).toBe(true);
    }
  });
});

describe("operand isolation", () => {
  // Every second pixel of every second row: what a layer of stride 2 looks at, for one of stride 1.
  const half = SIDE / 2;
  const seen = new Uint8Array(IMAGES * half * half * CHANNELS);
  for (let i = 0; i < IMAGES; i++)
    for (let y = 0; y < half; y++)
      for (let x = 0; x < half; x++)
        for (let c = 0; c < CHANNELS; c++)
          seen[((i * half + y) * half + x) * CHANNELS + c] =
            images[((i * SIDE + 2 * y) * SIDE + 2 * x) * CHANNELS + c]!;
  const adders = (made: FrontEnd, pixels: Uint8Array): number => {
    const { toggles } = run(flatten(lowerDesign(layerDesign(made.layers[0]!))), made, pixels);
    return toggles.fullAdders + toggles.halfAdders;
  };

  test("the adders of a stride-2 layer toggle as often as those of a stride-1 layer of the same content", () => {
    const strided = adders(front(2, SIDE, { kind: "none" }), images);
    expect(strided).toBeGreaterThan(1000);
    expect(strided).toBe(adders(front(1, half, { kind: "none" }), seen));
  });

  test("a folded one adds at most the return to its first weights while it waits", () => {
    const layers = new Map([
      [
        front(1, half, { kind: "none" }).layers[0]!.node.name,
        { kind: "folded" as const, lanes: 2, inputs: 1 },
      ],
    ]);
    const folding = { kind: "given" as const, layers };
    const strided = adders(front(2, SIDE, folding), images);
    const plain = adders(front(1, half, folding), seen);
    // Nine steps a window; waiting costs one more change of the weights.
    expect(strided / plain).toBeLessThan(1 + 1 / 6);
    expect(strided / plain).toBeGreaterThan(0.9);
  });
});

describe("measureFront", () => {
  const sample = { windows: 6, cycles: 8, seed: 3 };

  test("settles alike with and without delays, says its error, and prices every component", async () => {
    const made = front(2, SIDE, { kind: "none" }, 3);
    const measured = measuredLayers(
      await measureFront(made, technology, { images, count: IMAGES }, { sample }),
    );
    const [layer] = made.layers;
    const energy = measured.get(layer!.node.name)!;
    expect(energy.totalGlitchFactor).toBeGreaterThan(1);
    expect(energy.netsPj.datapath).toBeGreaterThan(0);
    expect(energy.netsPj.requantization).toBeGreaterThan(0);
    expect(energy.clockGates).toBeGreaterThan(0);
    // Nine of 64 pixels complete a window.
    expect(energy.clockedShare).toBeLessThan(0.6);
    expect(energy.idleClockPinsPj).toBeLessThan(energy.clockPinsPj / energy.cyclesPerFrame);
    const again = measuredLayers(
      await measureFront(made, technology, { images, count: IMAGES }, { sample, threads: 1 }),
    );
    expect(again.get(layer!.node.name)!.netsPj).toEqual(energy.netsPj);
    const slow = { frontCycles: 10 * energy.cyclesPerFrame, clockTreeFactor: 1 };
    const fast = { ...slow, frontCycles: energy.cyclesPerFrame };
    expect(measuredTotalPj(energy, slow).totalPj - measuredTotalPj(energy, fast).totalPj).toBeCloseTo(
      9 * energy.cyclesPerFrame * energy.idleClockPinsPj,
      6,
    );
    const cost = costFrontEnd({
      layers: [countsOf(layer!.node.name, layer!.stats)],
      technology,
      clockMhz: 100,
      measured,
    });
    expect(cost.tier).toBe("simulated");
    expect(cost.layers[0]!.energyPj.datapath).toBeCloseTo(energy.netsPj.datapath, 9);
    expect(cost.layers[0]!.glitchFactor).toBe(energy.totalGlitchFactor);
    expect(cost.notes.join()).toContain("simulated with delays");
    const { low, nominal, high } = cost.energyPerFrameRangeUj;
    expect(low).toBeLessThan(nominal);
    expect(nominal).toBeLessThan(high);
  });

  test("leaves out what is too large or not wanted, and the cost says what stands in for it", async () => {
    const made = front(1, SIDE, { kind: "none" }, 1);
    const { name } = made.layers[0]!.node;
    const bytes = { images, count: IMAGES };
    const tooLarge = await measureFront(made, technology, bytes, { sample, maximumCells: 10 });
    expect([...tooLarge]).toEqual([[name, null]]);
    const none = await measureFront(made, technology, bytes, { sample, skip: new Set([name]) });
    expect(none.size).toBe(0);
    const cost = costFrontEnd({
      layers: [countsOf(name, made.layers[0]!.stats)],
      technology,
      measured: measuredLayers(tooLarge),
    });
    expect(cost.tier).toBe("modelled");
    expect(cost.notes.join()).toContain("glitches in adder trees assumed × 1.6 (1 to 3)");
  });
});
