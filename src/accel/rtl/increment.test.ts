import { describe, expect, it } from "vitest";
import { lintModules } from "../../../test/helpers/lint-modules.js";
import { ModuleBench } from "../../../test/helpers/module-bench.js";
import { sky130Cells } from "../../arith/index.js";
import { createRng } from "../../core/index.js";
import { ModuleBuilder } from "../../hw/index.js";
import { decrement, increment } from "./increment.js";
import { Kit } from "./kit.js";

const steps = (width: number) => {
  const b = new ModuleBuilder("steps", []);
  b.clock("aclk");
  const kit = new Kit(b, { periodPs: 5000, cells: sky130Cells }, b.input("aresetn", 1));
  const a = b.input("a", width);
  b.output("up", kit.delay("up_q", increment(kit, "plus", a), 1));
  b.output("down", kit.delay("down_q", decrement(kit, "minus", a), 1));
  return b.build();
};

describe("steps of one", () => {
  it.each([1, 2, 3, 5, 8])("count all words of %i bits up and down", (width) => {
    const sim = new ModuleBench([steps(width)], { rng: createRng(width) });
    for (let a = 0; a < 2 ** width; a++) {
      sim.set({ a });
      sim.tick();
      expect([sim.number("up"), sim.number("down")]).toEqual([
        (a + 1) % 2 ** width,
        (a + 2 ** width - 1) % 2 ** width,
      ]);
    }
  });

  it("carry through runs of 32 bits", (context) => {
    const module = steps(32);
    const sim = new ModuleBench([module], { rng: createRng(1) });
    for (let i = 0; i <= 32; i++) {
      for (const a of [2 ** i - 1, 2 ** i % 2 ** 32, (2 ** i * 5) % 2 ** 32]) {
        sim.set({ a });
        sim.tick();
        expect([sim.number("up"), sim.number("down")]).toEqual([(a + 1) >>> 0, (a - 1) >>> 0]);
      }
    }
    lintModules(context, [module]);
  });
});
