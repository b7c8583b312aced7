import { describe, expect, it } from "vitest";
import { checkInVerilator, checkReadBack } from "../../../test/helpers/check-emitted.js";
import { checkFront } from "../../../test/helpers/check-front.js";
import { randomFolding, randomFront, sizesOf } from "../../../test/helpers/random-front.js";
import { sky130Cells } from "../../arith/index.js";
import { createRng } from "../../core/index.js";
import { quantInput, valuesPerImage } from "../../quant/index.js";
import { compileFrontEnd } from "../front.js";
import { planWindow } from "../window-plan.js";
import { foldedCycles } from "./cycles.js";
import { foldedSteps } from "./parallelism.js";

describe("folded layers", () => {
  for (const mode of ["lean", "tflite"] as const) {
    it(`give the integer network's bytes, any geometry, parallelism and pauses, in the cycles that the formula says: ${mode}`, () => {
      for (let seed = 0; seed < 40; seed++) {
        const rng = createRng(500 + seed);
        const network = randomFront(rng, { layers: 1, mode, channels: 7 });
        const layers = randomFolding(rng, network);
        const front = compileFrontEnd(network, network.output, {
          clock: { periodPs: 1500 + rng.integer(6000), cells: sky130Cells },
          folding: { kind: "given", layers },
        });
        const { cyclesPerFrame } = checkFront(network, front, seed);
        const node = network.nodes[1]!;
        const own = layers.get(node.name);
        if (own?.kind !== "folded" || node.kind === "reshape") continue;
        const { outputs, taps } = sizesOf(node)!;
        expect(front.layers[0]!.stats.parallelism).toEqual(own);
        expect(front.layers[0]!.stats.romBits > 0).toBe(foldedSteps(own, outputs, taps).steps > 1);
        if (node.kind !== "conv2d" && node.kind !== "depthwiseConv2d") continue;
        const [height, width] = [node.weights.shape[0]!, node.weights.shape[1]!];
        const shapeOf = (shape: readonly number[]) => ({ height: shape[0]!, width: shape[1]! });
        const plan = planWindow(
          {
            input: shapeOf(front.input.shape),
            output: shapeOf(node.output.shape),
            kernel: { height, width },
            stride: node.stride,
            padding: node.padding,
          },
          node.name,
        );
        const steps = foldedSteps(own, outputs, taps);
        if (own.fifo !== undefined) continue;
        if (own.inputs > 1 || taps === 1 || node.kind === "conv2d" || node.weights.shape[3] !== 1)
          expect(cyclesPerFrame * 3).toBe(foldedCycles(plan, steps.steps, 3));
      }
    });
    it(`chain with each other and with parallel layers: ${mode}`, () => {
      for (let seed = 0; seed < 8; seed++) {
        const rng = createRng(700 + seed);
        const network = randomFront(rng, { layers: 3, mode, channels: 5 });
        const layers = randomFolding(rng, network);
        checkFront(
          network,
          compileFrontEnd(network, network.output, { folding: { kind: "given", layers } }),
          seed,
        );
      }
    });
  }

  it("keep a depthwise layer's window in a memory, any geometry, group size and pauses", () => {
    let serial = 0;
    for (let seed = 0; serial < 24; seed++) {
      const rng = createRng(2000 + seed);
      const network = randomFront(rng, {
        layers: 2,
        mode: seed % 2 === 0 ? "lean" : "tflite",
        channels: 7,
        side: 7,
      });
      const node = network.nodes[2]!;
      if (node.kind !== "depthwiseConv2d" || node.weights.shape[3] !== 1) continue;
      const { outputs, taps } = sizesOf(node)!;
      if (taps === 1) continue;
      const lanes = 1 + rng.integer(outputs);
      const layers = new Map([[node.name, { kind: "folded" as const, lanes, inputs: 1 }]]);
      const front = compileFrontEnd(network, network.output, { folding: { kind: "given", layers } });
      checkFront(network, front, seed);
      const { stats } = front.layers[1]!;
      expect(stats.registerBits.window).toBe(0);
      expect(stats.sramBits).toBeGreaterThan(0);
      serial++;
    }
  });

  it("are chosen so that a chain keeps the rate that it may have, in less area", () => {
    for (let seed = 0; seed < 6; seed++) {
      const network = randomFront(createRng(900 + seed), { layers: 3, mode: "lean", channels: 9, side: 9 });
      const parallel = compileFrontEnd(network, network.output);
      for (const cyclesPerInputPixel of [1, 6]) {
        const folding = { kind: "auto", cyclesPerInputPixel } as const;
        const front = compileFrontEnd(network, network.output, { folding });
        const slowest = Math.max(...parallel.layers.map(({ stats }) => stats.cyclesPerFrame));
        expect(front.cyclesPerFrame).toBeLessThanOrEqual(slowest * cyclesPerInputPixel);
        checkFront(network, front, seed);
      }
    }
    const network = randomFront(createRng(900), { layers: 1, mode: "lean" });
    const bad = { kind: "auto", cyclesPerInputPixel: 0.5 } as const;
    expect(() => compileFrontEnd(network, network.output, { folding: bad })).toThrow(/at least 1/);
  });

  const makeFront = (seed: number, layers: number) => {
    const rng = createRng(seed);
    const network = randomFront(rng, { layers, mode: "lean", channels: 6, side: 7 });
    const folding = { kind: "given", layers: randomFolding(rng, network) } as const;
    const front = compileFrontEnd(network, network.output, { folding });
    const count = 4;
    const images = Uint8Array.from({ length: count * valuesPerImage(quantInput(network)) }, () =>
      rng.integer(256),
    );
    return { network, front, count, images };
  };

  it("give the integer network's bytes when their Verilog is read back by Yosys", async () => {
    for (const seed of [3, 4, 5]) await checkReadBack(makeFront(seed, 3));
  });

  it("are clean under Verilator's lint and pass their testbench there, with random pauses", async (context) => {
    await checkInVerilator(context, makeFront(3, 3));
  }, 240_000);
});
