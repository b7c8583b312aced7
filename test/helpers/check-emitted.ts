import { expect, type TestContext } from "vitest";
import {
  emitFrontEnd,
  emitVerilog,
  type FrontEnd,
  TESTBENCH_MODULE,
  TOP_MODULE,
} from "../../src/hw/index.js";
import { executeQuantNetwork, type QuantNetwork } from "../../src/quant/index.js";
import { SHORT_RUNS, verifyFrontEnd } from "../../src/sim/index.js";
import { requireTool } from "./environment.js";
import { buildFiles, lintFiles } from "./verilator.js";

/** A whole network as a front, and images for it. */
export type FrontCase = {
  readonly network: QuantNetwork;
  readonly front: FrontEnd;
  readonly images: Uint8Array;
  readonly count: number;
};

/** Have Yosys read a front's Verilog back, and compare every layer and the linked whole with the network. */
export async function checkReadBack({ network, front, images, count }: FrontCase): Promise<void> {
  const verdict = await verifyFrontEnd({
    files: emitVerilog(front),
    network,
    layers: front.layers.map(({ node, name }) => ({ node: node.name, module: name })),
    images,
    count,
    whole: { module: TOP_MODULE, images: 2 },
    registers: front.registers,
  });
  expect(verdict.mismatches).toBe(0);
  expect(verdict.whole?.mismatches).toBe(0);
}

/** Lint a front's files and run its testbench in Verilator, with random pauses: on the given network, and on further ones that share the netlist. */
export async function checkInVerilator(
  context: TestContext,
  { network, front, images, count }: FrontCase,
  further: readonly QuantNetwork[] = [],
): Promise<void> {
  requireTool(context, "verilator");
  const emit = (one: QuantNetwork): ReadonlyMap<string, string> => {
    const outputs = executeQuantNetwork(one, images, count).get(one.output)!;
    return emitFrontEnd(front, { vectors: { count, inputs: images, outputs, network: one } });
  };
  const files = emit(network);
  lintFiles(context, files, TESTBENCH_MODULE);
  const build = await buildFiles(files, TESTBENCH_MODULE, { flags: SHORT_RUNS });
  try {
    for (const one of [network, ...further]) {
      const vectors = emit(one);
      // Another network is no other hardware.
      for (const [name, text] of vectors) if (name.endsWith(".sv")) expect(text, name).toBe(files.get(name));
      build.write(vectors);
      const verdict = await build.run();
      expect(verdict.output).toMatch(/PASS/);
      expect(verdict.passed).toBe(true);
    }
  } finally {
    build.dispose();
  }
}
