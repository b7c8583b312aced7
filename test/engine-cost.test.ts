import { describe, expect, test } from "vitest";
import { predictCycles } from "../src/accel/cycles/index.js";
import { compileEngine, type EngineConfig, networkPackings, packNetwork } from "../src/accel/index.js";
import {
  type AcceleratorLayer,
  bytesPerCycle,
  geometryOfShape,
  layerCycles,
  layerWork,
  MEMORY_LATENCY_CYCLES,
  networkTraffic,
  packedImages,
  shapeConfig,
  totalTraffic,
} from "../src/cost/index.js";
import { acceleratorLayersOf } from "../src/explore/network-layers.js";
import { nodeName } from "../src/graph/index.js";
import { importTfliteFile } from "../src/importers/index.js";
import type { QuantNetwork } from "../src/quant/index.js";
import { requireShared } from "./helpers/environment.js";

const KB = 1024;
const clockMhz = 500;

type Case = readonly [
  cPar: number,
  kPar: number,
  requantizers: number,
  weightKb: number,
  activationKb: number,
];

const tailOf = (network: QuantNetwork, from: string | undefined): readonly AcceleratorLayer[] => {
  const all = acceleratorLayersOf(network);
  return all.slice(from === undefined ? 0 : all.findIndex(({ name }) => name === from) + 1);
};

/** Cycles and bytes by the cost model's loops and by compiler and cycle model, whose error to the RTL is below 0.5 %. */
function compare(
  network: QuantNetwork,
  from: string | undefined,
  given: Partial<EngineConfig>,
  own: Case,
  layers = tailOf(network, from),
) {
  const [cPar, kPar, requantizers, weightKb, activationKb] = own;
  const base = shapeConfig({
    ...{ cPar, kPar, requantizers, ...given },
    weightBufferBytes: weightKb * KB,
    activationBufferBytes: activationKb * KB,
  });
  const works = layers.map((layer) => layerWork(layer, base));
  const traffic = networkTraffic(layers, works, base)!;
  const input = traffic.input === "stream" ? geometryOfShape(layers[0]!.inputShape) : null;
  const engine = { ...base, input };
  const config = { engine, clockMhz, dramBytesPerSecond: 16 * clockMhz * 1e6 };
  const cycles = layerCycles(works, traffic, config).reduce((a, b) => a + b);
  const made = compileEngine({
    ...{ network, config: engine },
    ...(from === undefined ? {} : { from: nodeName(from) }),
  });
  const [frame] = predictCycles({
    config: engine,
    program: made.bytes,
    memory: { latencyCycles: MEMORY_LATENCY_CYCLES, bytesPerCycle: bytesPerCycle(config) },
  });
  const { weights, transfers } = made.externalBytes;
  const { weights: ours, total } = totalTraffic(traffic);
  return {
    frameCycles: frame!.end - frame!.start,
    cycles: cycles / (frame!.end - frame!.start),
    weights: ours / weights,
    bytes: (total - traffic.inputBytes) / (weights + transfers),
  };
}

const arrays: readonly Case[] = [
  [4, 4, 4, 4, 64],
  [8, 8, 8, 32, 128],
  [16, 16, 16, 32, 128],
  [16, 16, 4, 16, 512],
  [32, 16, 16, 32, 128],
  [32, 32, 32, 64, 256],
  [64, 32, 32, 64, 512],
];

describe("the cost model's loops against compiler and cycle model", () => {
  const uint8 = { weightBits: 9, multiplierBits: 32 } as const;
  const mobileNet = "models/mobilenet_v1_025_224_quant/mobilenet_v1_0.25_224_quant.tflite";
  const resNet = "models/resnet8_cifar10/pretrainedResnet_quant.tflite";

  test("MobileNetV1-0.25's tails: cycles within 4 %, weights within 1 %, bytes within 2 %", (context) => {
    const network = importTfliteFile(requireShared(context, mobileNet));
    for (const from of ["Conv2d_6_depthwise", "Conv2d_11_pointwise"])
      for (const own of arrays) {
        const { cycles, weights, bytes } = compare(network, from, uint8, own);
        const shown = `${from} on ${own.join(" ")}: ${cycles}, ${weights}, ${bytes}`;
        expect(Math.abs(cycles - 1), shown).toBeLessThan(0.04);
        expect(Math.abs(weights - 1), shown).toBeLessThan(0.01);
        expect(Math.abs(bytes - 1), shown).toBeLessThan(0.02);
      }
  });

  test("all of MobileNetV1-0.25, tensors in memory: cycles within 10 %, bytes within 18 %", (context) => {
    const network = importTfliteFile(requireShared(context, mobileNet));
    for (const own of arrays) {
      const { cycles, bytes } = compare(network, undefined, uint8, own);
      const shown = `${own.join(" ")}: ${cycles}, ${bytes}`;
      expect(Math.abs(cycles - 1), shown).toBeLessThan(0.1);
      expect(Math.abs(bytes - 1), shown).toBeLessThan(0.18);
    }
  }, 120_000);

  test("all of ResNet-8: cycles within 10 %, bytes within 6 %", (context) => {
    const network = importTfliteFile(requireShared(context, resNet));
    for (const own of arrays) {
      const { cycles, bytes } = compare(network, undefined, { multiplierBits: 32 }, own);
      const shown = `${own.join(" ")}: ${cycles}, ${bytes}`;
      expect(Math.abs(cycles - 1), shown).toBeLessThan(0.1);
      expect(Math.abs(bytes - 1), shown).toBeLessThan(0.06);
    }
  });

  test("images packed in every way: cycles within 10 %, the way that is chosen within 3 % of the best", (context) => {
    const networks = [
      [importTfliteFile(requireShared(context, mobileNet)), uint8],
      [importTfliteFile(requireShared(context, resNet)), { multiplierBits: 32 }],
    ] as const;
    for (const [network, given] of networks)
      for (const own of [arrays[2]!, arrays[6]!]) {
        const layers = packedImages(tailOf(network, undefined));
        const packings = networkPackings(network);
        expect(packings.length).toBe(layers.length);
        const rtl: number[] = [];
        const modelled: number[] = [];
        for (const [i, packing] of packings.entries()) {
          const packed = packNetwork(network, packing).network;
          const { cycles, frameCycles } = compare(packed, undefined, given, own, layers[i]);
          const { rows, columns } = packing;
          const shown = `${network.name} in ${rows.block}×${columns.block} on ${own.join(" ")}: ${cycles}`;
          expect(Math.abs(cycles - 1), shown).toBeLessThan(0.1);
          rtl.push(frameCycles);
          modelled.push(frameCycles * cycles);
        }
        const chosen = modelled.indexOf(Math.min(...modelled));
        expect(rtl[chosen]! / Math.min(...rtl), own.join(" ")).toBeLessThan(1.03);
        expect(rtl[chosen]!).toBeLessThan(rtl[0]!);
      }
  }, 240_000);
});
