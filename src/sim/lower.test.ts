import { describe, expect, it } from "vitest";
import { randomStreamDesign } from "../../test/helpers/random-design.js";
import { createRng } from "../core/index.js";
import { printVerilog, verifyDesign, verilogLibrary } from "../hw/index.js";
import { createSimulator, flatten, lowerDesign, printSimModule, readBack, simulateStream } from "./index.js";

describe("lowerDesign", () => {
  it.each([1, 2, 3, 4, 5, 6])(
    "agrees with Yosys' reading of the printed Verilog, random design %i",
    async (seed) => {
      const rng = createRng(seed);
      const widths = { input: 5 + rng.integer(20), output: 5 + rng.integer(25) };
      const design = verifyDesign(randomStreamDesign(rng, widths));
      const modules = new Map(design.modules.map((module) => [module.name, module]));
      const files = new Map(verilogLibrary);
      for (const module of design.modules) files.set(`${module.name}.sv`, printVerilog(module, modules));
      const direct = flatten(lowerDesign(design));
      const read = flatten(await readBack(files, "random_stream"));
      const inputs = Array.from({ length: 33 }, () =>
        Int32Array.from({ length: 60 }, () => rng.integer(2 ** widths.input)),
      );
      const job = {
        inputs,
        frames: 1,
        outputBeatsPerFrame: 60,
        valuesPerBeat: { input: 1, output: 1 },
        bits: widths,
      };
      const run = (module: typeof direct, salt: number | null) => {
        const randomStart = salt === null ? {} : { randomStart: createRng(salt) };
        const backpressure =
          salt === null ? {} : { backpressure: { rng: createRng(salt), idle: 0.3, stall: 0.3 } };
        const simulator = createSimulator(module, { lanes: 33, ...randomStart });
        return simulateStream(simulator, { ...job, ...backpressure }).outputs;
      };
      const expected = run(direct, null);
      expect(new Set(expected.flatMap((lane) => [...lane])).size).toBeGreaterThan(2);
      expect(run(read, null)).toEqual(expected);
      expect(run(direct, 7)).toEqual(expected);
      expect(run(read, 8)).toEqual(expected);
    },
  );

  it("prints what it lowered", () => {
    const text = printSimModule(
      lowerDesign(randomStreamDesign(createRng(1), { input: 8, output: 8 })).modules.get("random_stream")!,
    );
    expect(text).toMatch(/^module random_stream\n {2}input aclk\[1\]\n/);
    expect(text).toMatch(/register m_axis_tvalid <= valid2 if s_axis_tready reset by aresetn to 0/);
    expect(text).toMatch(/memory line: 5 × 8/);
    expect(text).toMatch(/random_child u_child \.x\(/);
  });
});
