import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, type TestContext } from "vitest";
import type { Rng } from "../../src/core/index.js";
import { type Module, printVerilog, verifyDesign, verilogLibrary } from "../../src/hw/index.js";
import { createSimulator, flatten, lowerDesign, type SimModule, WORDS_PER_BIT } from "../../src/sim/index.js";
import { requireTool } from "./environment.js";

/** A module under test, driven and read by words. */
export type WordSimulator = {
  readonly module: SimModule;
  /** Drive an input alike in all lanes. */
  set(port: string, value: number | bigint): void;
  /** Drive an input with a value of its own in each lane. */
  setLanes(port: string, values: readonly bigint[]): void;
  settle(): void;
  tick(): void;
  /** Read an output of one lane. */
  get(port: string, lane?: number): bigint;
  /** Read an output of at most 32 bits that all lanes must agree on. */
  number(port: string): number;
};

/** Make a simulator of a module's verified design; start values are random, `aresetn` is 0 for two cycles. */
export function wordSimulator(
  module: Module,
  options: { readonly rng: Rng; readonly lanes?: number; readonly dataPorts?: readonly string[] },
): WordSimulator {
  const { rng, lanes = 2, dataPorts = [] } = options;
  const flat = flatten(lowerDesign(verifyDesign({ kind: "design", modules: [module] })));
  const sim = createSimulator(flat, { lanes, dataPorts, randomStart: rng });
  const width = new Map(flat.ports.map((port) => [port.name, port.bits.length]));
  const lastSet = new Map<string, number | bigint>();
  const drive = (port: string, values: readonly bigint[]): void => {
    const planes = new Uint32Array(width.get(port)! * WORDS_PER_BIT);
    for (let lane = 0; lane < lanes; lane++) {
      let rest = values[Math.min(lane, values.length - 1)]!;
      for (let i = 0; rest !== 0n; i++, rest >>= 1n)
        if ((rest & 1n) === 1n) planes[i * WORDS_PER_BIT]! |= 1 << lane;
    }
    sim.setWord(port, planes);
  };
  const get = (port: string, lane = 0): bigint => {
    const planes = sim.readWord(port);
    let bits = "";
    for (let i = planes.length / WORDS_PER_BIT - 1; i >= 0; i--)
      bits += (planes[i * WORDS_PER_BIT]! >>> lane) & 1;
    return BigInt(`0b${bits}`);
  };
  const wrapper: WordSimulator = {
    module: flat,
    set: (port, value) => {
      if (lastSet.get(port) === value) return;
      lastSet.set(port, value);
      drive(port, [BigInt(value)]);
    },
    setLanes: (port, values) => {
      lastSet.delete(port);
      drive(port, values);
    },
    settle: () => sim.settle(),
    tick: () => sim.tick(),
    get,
    number: (port) => {
      const planes = sim.readWord(port);
      let value = 0;
      for (let i = planes.length / WORDS_PER_BIT - 1; i >= 0; i--) {
        const word = planes[i * WORDS_PER_BIT]! & (2 ** lanes - 1);
        // Called for every bit, so no matcher unless it fails.
        if (word !== 0 && word !== 2 ** lanes - 1) expect.fail(`${port} differs between lanes`);
        value = value * 2 + (word & 1);
      }
      return value;
    },
  };
  for (const { name, direction } of flat.ports)
    if (direction === "input" && name !== "aclk") wrapper.set(name, 0);
  for (let cycle = 0; cycle < 2; cycle++) {
    wrapper.settle();
    wrapper.tick();
  }
  wrapper.set("aresetn", 1);
  return wrapper;
}

/** Lint the printed text of modules with all warnings on. */
export function lintModules(context: TestContext, modules: readonly Module[]): void {
  const verilator = requireTool(context, "verilator");
  const folder = mkdtempSync(join(tmpdir(), "fixynn-lint-"));
  try {
    const byName = new Map(modules.map((module) => [module.name, module]));
    const texts = modules.map((module): readonly [string, string] => [
      `${module.name}.sv`,
      printVerilog(module, byName),
    ]);
    const used = [...verilogLibrary].filter(([name]) =>
      texts.some(([, text]) => text.includes(`${name.replace(".sv", "")} `)),
    );
    const files = [...used, ...texts];
    for (const [name, text] of files) writeFileSync(join(folder, name), text);
    const top = modules.at(-1)!.name;
    const names = files.map(([name]) => name);
    const run = ["--lint-only", "-Wall", "--timing", ...names, "--top-module", top];
    expect(spawnSync(verilator, run, { cwd: folder, encoding: "utf8" }).stderr).toBe("");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
