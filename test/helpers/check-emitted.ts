import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, type TestContext } from "vitest";
import {
  emitFrontEnd,
  emitVerilog,
  type FrontEnd,
  TESTBENCH_MODULE,
  TOP_MODULE,
} from "../../src/hw/index.js";
import { executeQuantNetwork, type QuantNetwork } from "../../src/quant/index.js";
import { runVerilator, verifyFrontEnd } from "../../src/sim/index.js";
import { requireTool } from "./environment.js";

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

/** Lint a front's files and run its testbench in Verilator, with random pauses. */
export async function checkInVerilator(
  context: TestContext,
  { network, front, images, count }: FrontCase,
): Promise<void> {
  const verilator = requireTool(context, "verilator");
  const outputs = executeQuantNetwork(network, images, count).get(network.output)!;
  const folder = mkdtempSync(join(tmpdir(), "fixynn-front-"));
  try {
    const files = emitFrontEnd(front, { vectors: { count, inputs: images, outputs, network } });
    for (const [name, text] of files) writeFileSync(join(folder, name), text);
    const sources = [...files.keys()].filter((name) => name.endsWith(".sv"));
    const options = ["--lint-only", "-Wall", "--timing", ...sources, "--top-module", TESTBENCH_MODULE];
    expect(spawnSync(verilator, options, { cwd: folder, encoding: "utf8" }).stderr).toBe("");
    const verdict = await runVerilator({ folder, top: TESTBENCH_MODULE });
    expect(verdict.output).toMatch(/PASS/);
    expect(verdict.passed).toBe(true);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
