import { describe, expect, it } from "vitest";
import { checkInVerilator, checkReadBack } from "../../test/helpers/check-emitted.js";
import { checkFront, randomImages } from "../../test/helpers/check-front.js";
import { randomFront, randomResidual } from "../../test/helpers/random-front.js";
import { withOtherValues, withRandomRegisters } from "../../test/helpers/random-registers.js";
import { sky130Cells } from "../arith/index.js";
import { createRng, type Rng } from "../core/index.js";
import type { NodeName } from "../graph/index.js";
import { executeQuantNetwork, type QuantNetwork, quantInput, valuesPerImage } from "../quant/index.js";
import { emitFrontEnd } from "./emit.js";
import type { LayerParallelism } from "./fold/parallelism.js";
import { compileFrontEnd } from "./front.js";
import { registerWrites } from "./registers.js";

/** Some parallelism for each weighted layer. */
function randomFolding(rng: Rng, network: QuantNetwork): ReadonlyMap<NodeName, LayerParallelism> {
  return new Map(
    network.nodes.flatMap((node): [NodeName, LayerParallelism][] => {
      if (!("bias" in node) || rng.integer(5) === 0) return [];
      const outputs = node.bias.data.length;
      const lanes = 1 + rng.integer(outputs);
      const inputs = rng.integer(3) === 0 ? 1 : 1 + rng.integer(node.weights.data.length / outputs);
      return [[node.name, { kind: "folded", lanes, inputs }]];
    }),
  );
}

describe("programmable normalization in hardware", () => {
  it("computes what the integer network computes, for one task and then another on the same netlist: parallel", () => {
    for (let seed = 0; seed < 14; seed++) {
      const rng = createRng(4000 + seed);
      const plain = randomFront(rng, { layers: 1 + (seed % 3), mode: "lean", channels: 6 });
      const network = withRandomRegisters(rng, plain);
      const clock = { periodPs: 1500 + rng.integer(6000), cells: sky130Cells };
      const front = compileFrontEnd(network, network.output, { clock });
      checkFront(network, front, seed);
      checkFront(withOtherValues(rng, network), front, seed);
    }
  }, 240_000);

  it("does so folded, alone and beside parallel layers", () => {
    for (let seed = 0; seed < 24; seed++) {
      const rng = createRng(4100 + seed);
      const plain = randomFront(rng, { layers: 1 + (seed % 3), mode: "tflite", channels: 7 });
      const network = withRandomRegisters(rng, plain);
      const layers = randomFolding(rng, network);
      const front = compileFrontEnd(network, network.output, { folding: { kind: "given", layers } });
      checkFront(network, front, seed);
      checkFront(withOtherValues(rng, network), front, seed);
    }
  }, 240_000);

  it("does so with residual sums and dense layers over images", () => {
    for (let seed = 0; seed < 6; seed++) {
      const rng = createRng(4200 + seed);
      const network = withRandomRegisters(rng, randomResidual(rng, { blocks: 1, mode: "shift", tail: true }));
      const layers = seed % 2 === 0 ? new Map() : randomFolding(rng, network);
      const front = compileFrontEnd(network, network.output, { folding: { kind: "given", layers } });
      if (front.registers === undefined) continue;
      checkFront(network, front, seed);
      checkFront(withOtherValues(rng, network), front, seed);
    }
  }, 240_000);

  const emitted = (seed: number, folded: boolean) => {
    const rng = createRng(seed);
    const network = withRandomRegisters(rng, randomFront(rng, { layers: 3, mode: "lean", channels: 5 }));
    const layers = folded ? randomFolding(rng, network) : new Map();
    const front = compileFrontEnd(network, network.output, { folding: { kind: "given", layers } });
    const count = 4;
    const images = randomImages(seed, count * valuesPerImage(quantInput(network)));
    return { rng, network, front, count, images };
  };

  it("gives the integer network's bytes for both tasks when its Verilog is read back by Yosys", async () => {
    for (const [seed, folded] of [
      [11, false],
      [12, true],
      [13, true],
    ] as const) {
      const { rng, ...one } = emitted(seed, folded);
      await checkReadBack(one);
      await checkReadBack({ ...one, network: withOtherValues(rng, one.network) });
    }
  }, 240_000);

  it("is clean under Verilator's lint, and the testbench writes the registers of either task first", async (context) => {
    const { rng, ...one } = emitted(12, true);
    await checkInVerilator(context, one, [withOtherValues(rng, one.network)]);
  }, 240_000);

  it("is described in the manifest; a network without these registers is refused", () => {
    const { network, front } = emitted(11, false);
    const count = 1;
    const inputs = new Uint8Array(valuesPerImage(quantInput(network)));
    const outputs = executeQuantNetwork(network, inputs, count).get(network.output)!;
    const files = emitFrontEnd(front, { vectors: { count, inputs, outputs } });
    const manifest = JSON.parse(files.get("manifest.json")!);
    expect(manifest.registers).toMatchObject(JSON.parse(JSON.stringify(front.registers)));
    const writes = registerWrites(front.registers!, network)!;
    expect(files.get("ffe_tb_registers.hex")!.trim().split("\n")).toHaveLength(writes.writes.length);
    expect(new Set(writes.writes.map(({ address }) => address)).size).toBe(writes.writes.length);
    const plain = randomFront(createRng(11), { layers: 3, mode: "lean", channels: 5 });
    expect(() => registerWrites(front.registers!, plain)).toThrow(/no registers in this network/);
  });
});
