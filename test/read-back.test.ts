import { describe, expect, it } from "vitest";
import { createRng } from "../src/core/index.js";
import { compileFrontEnd, emitFrontEnd, emitVerilog, TESTBENCH_MODULE, TOP_MODULE } from "../src/hw/index.js";
import { executeQuantNetwork, quantInput, valuesPerImage } from "../src/quant/index.js";
import { SHORT_RUNS, verifyFrontEnd } from "../src/sim/index.js";
import { requireTool } from "./helpers/environment.js";
import { randomFront } from "./helpers/random-front.js";
import { runFiles } from "./helpers/verilator.js";

function makeFront(seed: number, mode: "lean" | "tflite") {
  const rng = createRng(seed);
  const network = randomFront(rng, { layers: 3, mode });
  const front = compileFrontEnd(network, network.output);
  const count = 40;
  const images = Uint8Array.from({ length: count * valuesPerImage(quantInput(network)) }, () =>
    rng.integer(256),
  );
  const layers = front.layers.map(({ node, name }) => ({ node: node.name, module: name }));
  return { network, front, count, images, layers };
}

describe("emitted Verilog, read back by Yosys", () => {
  it.each(["lean", "tflite"] as const)(
    "computes every value of every layer, alone and linked: %s",
    async (mode) => {
      for (const seed of [41, 42]) {
        const { network, front, count, images, layers } = makeFront(seed, mode);
        const whole = { module: TOP_MODULE, images: 6 };
        const verdict = await verifyFrontEnd({
          files: emitVerilog(front),
          network,
          layers,
          images,
          count,
          whole,
        });
        expect(verdict.mismatches).toBe(0);
        expect(verdict.layers).toHaveLength(front.layers.length);
        expect(verdict.cyclesPerFrame).toBe(front.cyclesPerFrame);
        expect(verdict.whole?.values).toBeGreaterThan(0);
        const golden = executeQuantNetwork(network, images, count).get(network.output)!;
        expect(Array.from(verdict.outputs)).toEqual(Array.from(golden));
      }
    },
  );

  it("shows one changed literal in the text, in the right layer", async () => {
    const { network, front, count, images, layers } = makeFront(41, "lean");
    const files = new Map(emitVerilog(front));
    const second = front.layers[1]!;
    const part = second.modules[0]!.name;
    const text = files.get(`${part}.sv`)!;
    // Some digit in the middle of a sum's constant.
    const broken = text.replace(
      /(constant_c0 = \d+'h\w)(\w)/,
      (_, before, digit) => `${before}${(Number.parseInt(digit, 16) ^ 5).toString(16)}`,
    );
    expect(broken).not.toBe(text);
    files.set(`${part}.sv`, broken);
    const verdict = await verifyFrontEnd({ files, network, layers, images, count });
    expect(verdict.layers[0]!.mismatches).toBe(0);
    expect(verdict.layers[1]!.mismatches).toBeGreaterThan(0);
    expect(verdict.layers[1]!.firstMismatch).not.toBeNull();
  });

  it("passes its own testbench in Verilator", async (context) => {
    requireTool(context, "verilator");
    const { network, front, images } = makeFront(42, "lean");
    const count = 2;
    const inputs = images.subarray(0, count * valuesPerImage(quantInput(network)));
    const outputs = executeQuantNetwork(network, inputs, count).get(network.output)!;
    const files = emitFrontEnd(front, { vectors: { count, inputs, outputs } });
    const verdict = await runFiles(files, TESTBENCH_MODULE, { flags: SHORT_RUNS });
    expect(verdict.output).toMatch(/PASS/);
    expect(verdict.passed).toBe(true);
  }, 240_000);
});
