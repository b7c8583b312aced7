import { describe, expect, test } from "vitest";
import { wordOfBytes } from "../../../test/helpers/bit-fields.js";
import { ModuleBench } from "../../../test/helpers/module-bench.js";
import { sky130Cells } from "../../arith/index.js";
import { createRng, type Rng } from "../../core/index.js";
import { type EngineConfig, engineConfig, engineShape, PARAMETER_BYTES } from "../config.js";
import { DESCRIPTOR_BYTES, encodeFields, layerFields, type Values } from "../isa/index.js";
import { buildFeeder, feederLatency, PARAMETER_BITS } from "./feeder.js";

const clock = { periodPs: 5000, cells: sky130Cells };
const SWAP_DELAY = 2;

type Layer = {
  readonly groups: number;
  readonly rowStripes: number;
  readonly columnStripes: number;
  readonly passes: number;
  readonly weightZero: number;
  readonly mode: "plain" | "stream" | "shared" | "keep";
};

function descriptorOf(layer: Layer): bigint {
  const values = Object.fromEntries(Object.keys(layerFields).map((name) => [name, 0])) as Values<
    typeof layerFields
  >;
  const { mode, ...fields } = layer;
  const bytes = new Uint8Array(DESCRIPTOR_BYTES);
  const flags = {
    weightsStream: Number(mode === "stream"),
    weightsShared: Number(mode === "shared"),
    weightsKeep: Number(mode === "keep"),
  };
  encodeFields(layerFields, { ...values, ...fields, ...flags }, bytes);
  return wordOfBytes(bytes);
}

/** Bytes that the weight reader delivers for a layer, and where the feeder takes its entries and blocks from in them. */
function streamOf(layer: Layer, config: EngineConfig) {
  const { cPar, kPar } = config;
  const [entry, block] = [kPar * PARAMETER_BYTES, kPar * cPar];
  const stripes = layer.rowStripes * layer.columnStripes;
  const copies = layer.mode === "stream" ? stripes : 1;
  const section = entry + copies * layer.passes * block;
  const parameters: number[] = [];
  const blocks: number[] = [];
  for (let g = 0; g < layer.groups; g++) {
    const start = layer.mode === "shared" ? 0 : g * section;
    parameters.push(start);
    for (let s = 0; s < stripes; s++)
      for (let p = 0; p < layer.passes; p++)
        blocks.push(start + entry + ((layer.mode === "stream" ? s : 0) * layer.passes + p) * block);
  }
  return { bytes: layer.mode === "shared" ? section : layer.groups * section, parameters, blocks };
}

function check(layers: readonly Layer[], config: EngineConfig, rng: Rng): void {
  const { cPar, kPar, weightBits } = config;
  const { ringWordBytes, ringWords } = engineShape(config);
  const bench = new ModuleBench([buildFeeder(config, clock, SWAP_DELAY)], { rng });
  // What the reader sends: kept layers are sent once for the layer after them too.
  const starts: number[] = [];
  let total = 0;
  for (const [i, layer] of layers.entries()) {
    if (i > 0 && layers[i - 1]!.mode === "keep") starts.push(starts[i - 1]!);
    else {
      starts.push(total);
      total += streamOf(layer, config).bytes;
    }
  }
  const sent = Uint8Array.from({ length: total }, () => rng.integer(256));
  const wanted = layers.flatMap((layer, i) =>
    streamOf(layer, config).blocks.map((at) => ({ at: starts[i]! + at, zero: layer.weightZero })),
  );
  const wantedEntries = layers.flatMap((layer, i) =>
    streamOf(layer, config).parameters.map((at) => starts[i]! + at),
  );
  const wordAt = (at: number, bytes: number): bigint => wordOfBytes(sent.subarray(at, at + bytes));
  const shadow = new Map<number, bigint>();
  let [sentWords, released, layer, block, entries] = [0, 0, 0, 0, 0];
  let held = 0;
  let claimedAt = -1;
  const swaps: number[] = [];
  const shadowAt = weightBits === 9 ? 4 : 3;
  expect(feederLatency(config)).toBe(shadowAt);
  for (let cycle = 0; cycle < 100000 && (block < wanted.length || layer < layers.length); cycle++) {
    const write = sentWords * ringWordBytes < total && sentWords - released < ringWords && rng.integer(3) > 0;
    const ready = bench.flag("weights_ready");
    const claim = ready && claimedAt < 0 && rng.integer(3) === 0;
    const swapIssued = claimedAt >= 0 && cycle > claimedAt && rng.integer(3) === 0;
    const free = held > 0 && rng.integer(40) === 0;
    const offer = layer < layers.length && rng.integer(2) === 0;
    bench.set({
      ring_write: write,
      ring_data: write ? wordAt(sentWords * ringWordBytes, ringWordBytes) : 0n,
      claim,
      swap_issued: swapIssued,
      parameters_free: free,
      layer_valid: offer,
      layer: offer ? descriptorOf(layers[layer]!) : 0n,
    });
    if (write) sentWords++;
    if (claim) claimedAt = cycle;
    // The copy is made when the fetch reaches the array: SWAP_DELAY + the feeder's latency later, the moment before a weight may land.
    if (swapIssued) {
      claimedAt = -1;
      swaps.push(cycle + SWAP_DELAY + shadowAt);
    }
    if (free) held--;
    if (offer && bench.flag("layer_ready")) layer++;
    if (bench.flag("ring_release")) released++;
    if (swaps[0] === cycle) {
      swaps.shift();
      const { at, zero } = wanted[block++]!;
      for (let k = 0; k < kPar; k++) {
        let expected = 0n;
        for (let j = cPar - 1; j >= 0; j--) {
          const byte = sent[at + k * cPar + j]!;
          const weight = weightBits === 9 ? byte - zero : byte;
          expected = (expected << BigInt(weightBits)) | BigInt.asUintN(weightBits, BigInt(weight));
        }
        expect(shadow.get(k)).toBe(expected);
      }
      shadow.clear();
    }
    if (bench.flag("weight_load")) {
      const lane = bench.number("weight_lane");
      expect(shadow.has(lane)).toBe(false);
      shadow.set(lane, bench.word("weight_word"));
    }
    if (bench.flag("parameter_write")) {
      const lane = entries % kPar;
      const group = Math.floor(entries / kPar);
      expect(bench.number("parameter_lane")).toBe(lane);
      expect(bench.number("parameter_bank")).toBe(group % 2);
      const mask = (1n << BigInt(PARAMETER_BITS)) - 1n;
      expect(bench.word("parameter_data")).toBe(
        wordAt(wantedEntries[group]! + lane * PARAMETER_BYTES, PARAMETER_BYTES) & mask,
      );
      entries++;
      if (lane === kPar - 1) held++;
      expect(held).toBeLessThanOrEqual(2);
    }
    bench.tick();
  }
  expect(block).toBe(wanted.length);
  expect(entries).toBe(wantedEntries.length * kPar);
  expect(sentWords * ringWordBytes).toBe(total);
  for (let i = 0; i < 8; i++) {
    bench.set({ ring_write: 0, claim: 0, swap_issued: 0, parameters_free: 0, layer_valid: 0 });
    if (bench.flag("ring_release")) released++;
    bench.tick();
  }
  expect(released).toBe(sentWords);
}

describe("feeder", () => {
  const configs = [
    { cPar: 4, kPar: 4, axiDataBytes: 16 },
    { cPar: 8, kPar: 16, weightBits: 9 as const },
    { cPar: 32, kPar: 8 },
    { cPar: 16, kPar: 4, axiDataBytes: 64 },
  ];
  for (const given of configs) {
    const config = engineConfig({ ...given, weightBufferBytes: 4096 });
    test(`${config.cPar}×${config.kPar}: every group's parameters and every pass's block, in order, released when last read`, () => {
      const rng = createRng(config.cPar + 100 * config.kPar);
      const one = (low: number, high: number): number => low + rng.integer(high - low + 1);
      for (let i = 0; i < 4; i++) {
        const layers: Layer[] = Array.from({ length: 4 }, () => ({
          groups: one(1, 3),
          rowStripes: one(1, 3),
          columnStripes: one(1, 2),
          passes: one(1, 3),
          weightZero: one(0, 255),
          mode: (["plain", "stream", "shared"] as const)[rng.integer(3)]!,
        }));
        const plain = layers.findIndex((layer) => layer.mode === "plain");
        if (plain >= 0) layers.splice(plain, 0, { ...layers[plain]!, mode: "keep" });
        check(layers, config, rng);
      }
    });
  }
});
