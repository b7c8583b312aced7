import { describe, expect, it } from "vitest";
import { quantType, randomWeighted, singleLayerNetwork } from "../../../test/helpers/quant-networks.js";
import { createRng } from "../../core/index.js";
import { nodeName } from "../../graph/index.js";
import type { QuantNetwork, QuantNode } from "../../quant/index.js";
import { type EngineConfig, engineConfig } from "../index.js";
import { compileEngine, type EngineProgram } from "./index.js";

const padding = { top: 1, bottom: 1, left: 1, right: 1 };
const same = { kernel: { height: 3, width: 3 }, stride: { height: 1, width: 1 }, padding };

function convolution(channels: number, outputs: number, side = 16): QuantNetwork {
  const input = quantType([side, side, channels], { zeroPoint: 9 });
  return singleLayerNetwork(input, randomWeighted(createRng(1), "conv2d", input, outputs, same));
}

const layersOf = ({ program }: EngineProgram) =>
  program.instructions.flatMap((one) => (one.kind === "layer" ? [one.fields] : []));
const build = (network: QuantNetwork, config: Partial<EngineConfig> = {}): EngineProgram =>
  compileEngine({ network, config: engineConfig({ cPar: 8, kPar: 8, ...config }) });

describe("weights", () => {
  it("stay in the ring over stripes where a group fits", () => {
    const made = build(convolution(16, 16));
    expect(layersOf(made)).toMatchObject([{ weightsStream: 0, weightsKeep: 0, weightsShared: 0, groups: 2 }]);
    expect(made.program.weightEntries).toMatchObject([{ repeat: 1 }]);
  });

  it("come again for every stripe where it does not", () => {
    const made = build(convolution(64, 8), { weightBufferBytes: 1024 });
    const [layer] = layersOf(made);
    expect(layer).toMatchObject({ weightsStream: 1, groups: 1 });
    expect(made.program.weightEntries.map(({ repeat }) => repeat)).toEqual([
      1,
      layer!.rowStripes * layer!.columnStripes,
    ]);
  });

  it("are kept over tiles where the layer fits, and released by the last", () => {
    const made = build(convolution(8, 8), { activationBufferBytes: 4 * 8 * 16 * 6 });
    const layers = layersOf(made);
    expect(layers.length).toBeGreaterThan(1);
    expect(layers.map(({ weightsKeep }) => weightsKeep)).toEqual(
      layers.map((_, i) => (i < layers.length - 1 ? 1 : 0)),
    );
    expect(made.program.weightEntries).toHaveLength(1);
  });

  it("are shared by the groups of a pool, and alike runs lie once in the image", () => {
    const input = quantType([8, 8, 24]);
    const output = quantType([4, 4, 24]);
    const node: QuantNode = {
      kind: "maxPool2d",
      name: nodeName("pool"),
      input: nodeName("image"),
      output,
      window: { height: 2, width: 2 },
      stride: { height: 2, width: 2 },
      padding: { top: 0, bottom: 0, left: 0, right: 0 },
    };
    const made = build(singleLayerNetwork(input, node));
    expect(layersOf(made)).toMatchObject([{ weightsShared: 1, groups: 3, maximum: 1 }]);
    expect(made.program.weightEntries).toMatchObject([{ beats: (8 * 16 + 4 * 64) / 16 }]);
  });
});

describe("transfers", () => {
  it("begin at bursts whatever the width", () => {
    const input = quantType([20, 5, 5]);
    const network = singleLayerNetwork(input, randomWeighted(createRng(2), "conv2d", input, 6, same));
    const made = build(network, { activationBufferBytes: 4 * 8 * 5 * 6 });
    expect(made.layers[0]!.tiles).toBeGreaterThan(1);
    expect(made.result.rowPitchBytes).toBe(256);
    for (const one of made.program.instructions)
      if (one.kind === "load" || one.kind === "store") expect(one.fields.offset % 256).toBe(0);
  });

  it("of a tile's outputs wait behind the next tile, whose inputs are there", () => {
    const made = build(convolution(8, 8, 32), { activationBufferBytes: 4 * 8 * 32 * 6 });
    const kinds = made.program.instructions.map(({ kind }) => kind).slice(0, 8);
    expect(kinds).toEqual(["load", "load", "layer", "layer", "store", "load", "layer", "store"]);
  });
});

describe("compileEngine", () => {
  it("gives the same bytes again", () => {
    expect(build(convolution(16, 24)).bytes).toEqual(build(convolution(16, 24)).bytes);
  });

  it("names the layer without room, and the bytes", () => {
    expect(() => build(convolution(8, 8), { activationBufferBytes: 4 * 8 * 4 })).toThrow(
      expect.objectContaining({
        code: "FX5111",
        place: "layer layer",
        message: expect.stringMatching(/\d+ bytes needed, 128 available/),
      }),
    );
  });

  it("refuses tensors of more than 8 bits", () => {
    const input = quantType([4, 4, 8]);
    const layer = randomWeighted(createRng(1), "conv2d", input, 8, same);
    const wide = { ...layer, output: { ...layer.output, bits: 12 } };
    expect(() => build(singleLayerNetwork(input, wide))).toThrow(expect.objectContaining({ code: "FX5114" }));
  });

  it("names the field that a network exceeds", () => {
    const input = quantType([70, 70, 1]);
    const layer = randomWeighted(createRng(1), "conv2d", input, 1, {
      kernel: { height: 70, width: 70 },
      stride: { height: 1, width: 1 },
      padding: { top: 0, bottom: 0, left: 0, right: 0 },
    });
    expect(() => build(singleLayerNetwork(input, layer))).toThrow(
      expect.objectContaining({ code: "FX5115", message: expect.stringMatching(/rowPasses/) }),
    );
  });
});
