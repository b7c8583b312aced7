import { describe, expect, it } from "vitest";
import { checkInVerilator, checkReadBack } from "../../test/helpers/check-emitted.js";
import { checkFront, randomImages } from "../../test/helpers/check-front.js";
import { quantType, singleLayerNetwork } from "../../test/helpers/quant-networks.js";
import { type ResidualChoices, randomResidual } from "../../test/helpers/random-front.js";
import { sky130Cells } from "../arith/index.js";
import { createRng, type Rng } from "../core/index.js";
import { type NodeName, nodeName } from "../graph/index.js";
import type { QuantNetwork } from "../quant/index.js";
import { elementCount } from "../tensor/index.js";
import { sizeJoins } from "./fold/joins.js";
import type { LayerParallelism } from "./fold/parallelism.js";
import { compileFrontEnd, scheduleOf } from "./front.js";
import { frontGraph } from "./front-graph.js";
import { compileLayer, weightedNodeOf } from "./layer.js";

const modes = ["lean", "tflite", "shift"] as const;

/** A random parallelism for most layers with weights. */
function randomFolding(rng: Rng, network: QuantNetwork): ReadonlyMap<NodeName, LayerParallelism> {
  const layers = new Map<NodeName, LayerParallelism>();
  for (const { node, inputs } of frontGraph(network, network.output)) {
    const weighted = weightedNodeOf(node, inputs[0]!);
    if (weighted === undefined || rng.integer(4) === 0) continue;
    const outputs = weighted.output.shape.at(-1)!;
    const lanes = 1 + rng.integer(outputs);
    const inputsAtOnce = rng.integer(3) === 0 ? 1 : 1 + rng.integer(weighted.weights.data.length / outputs);
    const fifo = rng.integer(3) === 0 ? { fifo: 1 + rng.integer(5) } : {};
    layers.set(node.name, { kind: "folded", lanes, inputs: inputsAtOnce, ...fifo });
  }
  return layers;
}

describe("residual fronts", () => {
  for (const mode of modes) {
    it(`compute what the integer network computes: ${mode}, any graph, any pauses, at the schedule's rate`, () => {
      for (let seed = 0; seed < 6; seed++) {
        const rng = createRng(4000 + seed);
        const network = randomResidual(rng, { mode, blocks: 1 + rng.integer(2), tail: seed % 2 === 1 });
        const front = compileFrontEnd(network, network.output, {
          clock: { periodPs: 1500 + rng.integer(6000), cells: sky130Cells },
        });
        checkFront(network, front, seed);
      }
    });

    it(`do so folded, any parallelism: ${mode}`, () => {
      for (let seed = 0; seed < 5; seed++) {
        const rng = createRng(5000 + seed);
        const network = randomResidual(rng, { mode, blocks: 1, tail: seed % 2 === 1 });
        const layers = randomFolding(rng, network);
        checkFront(
          network,
          compileFrontEnd(network, network.output, { folding: { kind: "given", layers } }),
          seed,
        );
      }
    });
  }

  it("take any kernel from 1 to 7, odd sizes, and up to 17 channels", () => {
    const seeds = process.env["FIXYNN_FULL"] === "1" ? 40 : 4;
    for (let seed = 0; seed < seeds; seed++) {
      const rng = createRng(6000 + seed);
      const size: ResidualChoices = { mode: modes[seed % 3]!, blocks: 1, kernel: 7, channels: 17, side: 9 };
      const network = randomResidual(rng, { ...size, tail: seed % 2 === 0 });
      checkFront(network, compileFrontEnd(network, network.output), seed);
    }
  });

  it("compute a mean that is given by thresholds, of a line or of any step function", () => {
    for (let seed = 0; seed < 6; seed++) {
      const rng = createRng(6500 + seed);
      const input = quantType([2 + rng.integer(3), 2 + rng.integer(3), 2], { zeroPoint: rng.integer(256) });
      const pixels = elementCount(input.shape) / 2;
      const centred = (x: number): number => (x - input.zeroPoint) * pixels;
      const steps = Array.from({ length: 255 }, (_, i) => (seed % 2 === 0 ? i + 0.7 : rng.integer(256)));
      const thresholds = Int32Array.from(steps, (x) => centred(x)).sort();
      const clamp = { low: -128, high: 127 };
      const network = singleLayerNetwork(input, {
        kind: "globalAveragePool2d",
        name: nodeName("mean"),
        input: nodeName("image"),
        output: quantType([2], { signed: true, zeroPoint: 3 }),
        requantization: { mode: "steps", thresholds },
        clamp,
      });
      checkFront(network, compileFrontEnd(network, network.output), seed);
    }
  });

  it("are folded so that they keep the rate that they may have, in less area", () => {
    for (let seed = 0; seed < 4; seed++) {
      const network = randomResidual(createRng(7000 + seed), {
        mode: "tflite",
        blocks: 2,
        channels: 6,
        tail: true,
      });
      const parallel = compileFrontEnd(network, network.output);
      for (const cyclesPerInputPixel of [1, 5]) {
        const front = compileFrontEnd(network, network.output, {
          folding: { kind: "auto", cyclesPerInputPixel },
        });
        const slowest = Math.max(...parallel.layers.map(({ stats }) => stats.cyclesPerFrame));
        expect(front.cyclesPerFrame).toBeLessThanOrEqual(slowest * cyclesPerInputPixel);
        checkFront(network, front, seed);
      }
    }
  });

  it("stop where a residual sum's memory is cut down, and the simulation says so", () => {
    let cut = 0;
    for (let seed = 0; cut < 2; seed++) {
      const network = randomResidual(createRng(8000 + seed), { mode: "lean", blocks: 1, side: 7 });
      const front = compileFrontEnd(network, network.output);
      for (const [at, { needed }] of sizeJoins(scheduleOf(front))) {
        // A memory shows one pixel beside those that it holds, and two layers' output registers hold some.
        if (Math.max(...needed) < 8) continue;
        const { node, inputs, name: moduleName, timing } = front.layers[at]!;
        const fifos = timing.fifos.map((depth) => Math.min(depth, 1));
        const small = compileLayer(node, inputs, { moduleName, fifos });
        const layers = front.layers.with(at, small);
        expect(() => checkFront(network, { ...front, layers }, seed)).toThrow(/nothing moves any more/);
        cut++;
      }
    }
  });

  const makeFront = (seed: number) => {
    const rng = createRng(seed);
    const network = randomResidual(rng, { mode: "tflite", blocks: 1, side: 5, tail: true });
    const layers = randomFolding(rng, network);
    const front = compileFrontEnd(network, network.output, { folding: { kind: "given", layers } });
    const count = 4;
    const images = randomImages(seed, count * elementCount(front.input.shape));
    return { network, front, count, images };
  };

  it("give the integer network's bytes when their Verilog is read back by Yosys", async () => {
    for (const seed of [31, 32]) await checkReadBack(makeFront(seed));
  });

  it("are clean under Verilator's lint and pass their testbench there, with random pauses", async (context) => {
    await checkInVerilator(context, makeFront(33));
  }, 240_000);
});
