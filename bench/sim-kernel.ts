import { cpus } from "node:os";
import { createRng, type Rng } from "../src/core/index.js";
import {
  concat,
  type Design,
  type Module,
  ModuleBuilder,
  printVerilog,
  type Signal,
  sliceOf,
  verilogLibrary,
} from "../src/hw/index.js";
import { createSimulator, flatten, LANES, lowerDesign, readBack, simulateStream } from "../src/sim/index.js";
import type { BenchRow, BenchTable } from "./table.js";

/** Take `width` bits of a word from a random place, going round. */
function slide(word: Signal, width: number, rng: Rng): Signal {
  const size = word.reduce((sum, slice) => sum + (slice.kind === "net" ? slice.width : slice.bits.length), 0);
  const low = rng.integer(size);
  return sliceOf(concat([word, word]), low, width);
}

/** A pipeline of full-adder rows: `stages` stages of `rows` rows of `width` adders, registers after each stage. */
function adderPipeline(stages: number, rows: number, width: number): Design {
  const rng = createRng(1);
  const b = new ModuleBuilder("adder_pipeline", ["Rows of full adders for measuring."]);
  b.clock("aclk");
  const resetN = b.input("aresetn", 1);
  const data = b.input("s_axis_tdata", width);
  const valid = b.input("s_axis_tvalid", 1);
  const ready = b.input("m_axis_tready", 1);
  const last = b.net("valid_last", 1);
  const advance = b.logic("or", "advance", [b.not("empty", b.signal(last)), ready]);
  let word: Signal = data;
  let moving = valid;
  for (let s = 0; s < stages; s++) {
    for (let r = 0; r < rows; r++) {
      const [sum, carry] = [b.net(`sum_${s}_${r}`, width), b.net(`carry_${s}_${r}`, width)];
      const [x, y, z] = [slide(word, width, rng), slide(word, width, rng), slide(word, width, rng)];
      b.add({ kind: "fullAdders", name: `row_${s}_${r}`, a: x, b: y, c: z, sum, carry });
      word = concat([b.signal(sum), b.signal(carry)]);
    }
    word = b.register(`stage_${s}`, word, { enable: advance, role: "datapath" });
    if (s + 1 < stages)
      moving = b.register(`valid_${s}`, moving, { enable: advance, resetN, role: "control" });
    else b.registerInto(last, "valid_last", moving, { enable: advance, resetN, role: "control" });
  }
  b.output("s_axis_tready", advance);
  b.output("m_axis_tvalid", b.signal(last));
  b.output("m_axis_tdata", sliceOf(word, 0, width));
  return { kind: "design", modules: [b.build()] };
}

function filesOf(design: Design): Map<string, string> {
  const modules = new Map<string, Module>(design.modules.map((module) => [module.name, module]));
  const files = new Map(verilogLibrary);
  for (const module of design.modules) files.set(`${module.name}.sv`, printVerilog(module, modules));
  return files;
}

/** The simulation kernel alone, on pipelines of full adders: read-back by Yosys, busy and idle, with and without toggle counting. */
export async function run(): Promise<BenchTable> {
  const rows: BenchRow[] = [];
  const design = adderPipeline(10, 30, 100);
  const files = filesOf(design);
  await readBack(filesOf(adderPipeline(1, 1, 4)), "adder_pipeline");
  const started = performance.now();
  const netlist = await readBack(files, "adder_pipeline");
  rows.push({
    name: "30,000 full adders in rows of 100",
    metric: "read-back",
    value: (performance.now() - started) / 1000,
    unit: "s",
  });
  const beats = 300;
  for (const [name, stages, perRow] of [
    ["30,000 full adders", 10, 100],
    ["300,000 full adders", 10, 1000],
  ] as const) {
    const flat =
      stages * 30 * perRow === 30000 ? flatten(netlist) : flatten(lowerDesign(adderPipeline(10, 30, perRow)));
    const rng = createRng(2);
    const frame = (changing: boolean): Int32Array => {
      const values = new Int32Array(beats * 4);
      for (let i = 0; i < values.length; i++)
        values[i] = changing || i < 4 ? rng.integer(256) : values[i - 4]!;
      return values;
    };
    for (const [mode, changing, countToggles] of [
      ["all nets change", true, false],
      ["all nets change, toggles counted", true, true],
      ["nothing changes", false, false],
    ] as const) {
      const prepared = performance.now();
      const simulator = createSimulator(flat, { countToggles });
      const preparation = (performance.now() - prepared) / 1000;
      const inputs = Array.from({ length: LANES }, () => frame(changing));
      const begun = performance.now();
      simulateStream(simulator, {
        inputs,
        frames: 1,
        outputBeatsPerFrame: beats,
        valuesPerBeat: { input: 4, output: 4 },
        bits: { input: 8, output: 8 },
      });
      const seconds = (performance.now() - begun) / 1000;
      const work = simulator.gateCount * simulator.cycles * LANES;
      rows.push({
        name: `${name}, ${mode}`,
        metric: "speed",
        value: work / seconds / 1e9,
        unit: "G gate·cycle·lane/s",
      });
      rows.push({ name: `${name}, ${mode}`, metric: "preparation", value: preparation, unit: "s" });
    }
  }
  return { bench: "sim-kernel", machine: cpus()[0]?.model ?? "unknown", rows };
}
