import { FixynnError } from "../core/index.js";
import type { SimNetlist } from "./ir.js";
import { flatten } from "./link.js";
import { createSimulator, WORDS_PER_BIT } from "./simulator.js";
import type { VerilogModule } from "./verilog-split.js";
import type { YosysJob } from "./yosys.js";
import { primitiveModules } from "./yosys-json.js";

/** Width at which the adder cells' own text is proven; three rows show crossed ones too. */
const WIDTH = 3;
const inputsOf: Readonly<Record<string, readonly string[]>> = {
  fx_full_adders: ["a", "b", "c"],
  fx_half_adders: ["a", "b"],
};

/** Make a job that reads an adder cell's own text, for {@link provePrimitive}. */
export function primitiveJob(module: VerilogModule): YosysJob {
  const inputs = inputsOf[module.name] ?? [];
  const ports = inputs.map((name) => `input logic [${WIDTH - 1}:0] ${name}, `).join("");
  const pins = [...inputs, "sum", "carry"].map((name) => `.${name}(${name})`).join(", ");
  const top = `prove_${module.name}`;
  const verilog = [
    module.text.replace(`module ${module.name}`, `module text_of_${module.name}`),
    `module ${top} (${ports}output logic [${WIDTH - 1}:0] sum, output logic [${WIDTH - 1}:0] carry);`,
    `  text_of_${module.name} #(.N(${WIDTH})) u_cell (${pins});`,
    "endmodule",
  ].join("\n");
  return { top, verilog };
}

export const isPrimitive = (module: VerilogModule): boolean => primitiveModules.has(module.name);

/**
 * Show over all inputs that an adder cell's text computes what the simulator takes it for.
 *
 * @throws FixynnError FX6006 when it does not
 */
export function provePrimitive(name: string, netlist: SimNetlist): void {
  const simulator = createSimulator(flatten(netlist));
  const names = inputsOf[name] ?? [];
  const cases = 2 ** (WIDTH * names.length);
  for (let base = 0; base < cases; base += 32) {
    for (const [i, input] of names.entries()) {
      const planes = new Uint32Array(WIDTH * WORDS_PER_BIT);
      for (let lane = 0; lane < 32; lane++) {
        const value = ((base + lane) >>> (i * WIDTH)) & (2 ** WIDTH - 1);
        for (let b = 0; b < WIDTH; b++) planes[b * WORDS_PER_BIT]! |= ((value >>> b) & 1) << lane;
      }
      simulator.setWord(input, planes);
    }
    simulator.settle();
    const sum = simulator.readWord("sum");
    const carry = simulator.readWord("carry");
    for (let lane = 0; lane < 32; lane++) {
      for (let b = 0; b < WIDTH; b++) {
        let total = 0;
        for (let i = 0; i < names.length; i++) total += ((base + lane) >>> (i * WIDTH + b)) & 1;
        const read = (planes: Uint32Array): number => (planes[b * WORDS_PER_BIT]! >>> lane) & 1;
        if (read(sum) + 2 * read(carry) !== total) {
          throw new FixynnError("FX6006", "the cell's text does not add its inputs", {
            place: name,
            hint: `case ${base + lane}, row ${b}`,
          });
        }
      }
    }
  }
}
