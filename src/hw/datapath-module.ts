import { type AdderNodeId, wordFormat } from "../arith/index.js";
import { invariant } from "../core/index.js";
import type { Clamp } from "../quant/index.js";
import { concat, ModuleBuilder, sliceOf } from "./builder.js";
import { addCellCounts, type CellCounts, countCells, NO_CELL_COUNTS } from "./cell-counts.js";
import { clampWord } from "./clamp.js";
import {
  addCounts,
  type DatapathCounts,
  isSaturation,
  lowerDatapath,
  NO_CELLS,
  type PlanPart,
  type TreePlan,
  wholePlan,
} from "./datapath.js";
import { type Module, type Signal, signalWidth } from "./netlist.js";
import type { SplitPlan } from "./split.js";

const range = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i);

/** Cut a signal into words, lowest first. */
function unpack(signal: Signal, widths: readonly number[]): readonly Signal[] {
  let low = 0;
  return widths.map((width) => {
    const word = sliceOf(signal, low, width);
    low += width;
    return word;
  });
}

/** One module of a datapath, or several below one. */
export type BuiltPart = {
  readonly module: Module;
  readonly inner: readonly Module[];
  readonly latency: number;
  readonly counts: readonly DatapathCounts[];
  readonly other: CellCounts;
};

/** What all modules of a layer's datapath have in common. */
export type PartContext = {
  readonly clamp: Clamp;
  readonly outputBits: number;
  readonly plan: TreePlan;
  readonly doc: readonly string[];
  readonly inputBits: number;
  readonly stages: readonly number[];
  readonly levelsPerStage: number;
};

/** Lower some outputs with their clamps. */
function addOutputs(
  b: ModuleBuilder,
  { clamp, outputBits, plan, stages, levelsPerStage }: PartContext,
  words: readonly Signal[],
  { enable, part }: { readonly enable: Signal; readonly part: PlanPart },
): { readonly y: Signal } & Omit<BuiltPart, "module" | "inner"> {
  const lowered = lowerDatapath(b, plan, words, { enable, stages, levelsPerStage, part });
  const before = b.build().cells.length;
  const y = part.outputs.map((id, o) =>
    clampWord(b, `y${o}`, lowered.outputs[o]!, {
      range: plan.graph.nodes[id]!.interval,
      ...clamp,
      bits: outputBits,
    }),
  );
  const { cells } = b.build();
  const constants = cells.filter((cell) => cell.kind === "constant");
  const saturations = cells.slice(0, before).filter(isSaturation);
  const other = countCells([...constants, ...saturations, ...cells.slice(before)]);
  return { y: concat(y), latency: lowered.latency, counts: lowered.counts, other };
}

/** Build a layer's datapath as one module. */
export function buildPart(name: string, context: PartContext): BuiltPart {
  const b = new ModuleBuilder(name, context.doc);
  b.clock("aclk");
  const enable = b.input("advance", 1, "all registers move on");
  const part = wholePlan(context.plan);
  const { inputBits } = context;
  const x = b.input(
    "x",
    part.inputs.length * inputBits,
    `${part.inputs.length} integers of ${inputBits} bits, registered`,
  );
  const inputs = range(0, part.inputs.length).map((i) => sliceOf(x, i * inputBits, inputBits));
  const { y, ...built } = addOutputs(b, context, inputs, { enable, part });
  b.output("y", y, `${part.outputs.length} integers of ${context.outputBits} bits`);
  return { module: b.build(), inner: [], ...built };
}

/** As {@link buildPart}, in several modules of bounded size and one that joins them. */
export function buildSplitPart(name: string, context: PartContext, split: SplitPlan): BuiltPart {
  const { plan, doc, inputBits, outputBits } = context;
  const { graph } = plan;
  const b = new ModuleBuilder(name, [
    ...doc,
    `In ${split.shared.length + split.groups.length} modules of bounded size.`,
  ]);
  b.clock("aclk");
  const enable = b.input("advance", 1, "all registers move on");
  const { inputs } = wholePlan(plan);
  const x = b.input(
    "x",
    inputs.length * inputBits,
    `${inputs.length} integers of ${inputBits} bits, registered`,
  );
  const widthOf = (id: AdderNodeId): number => wordFormat(graph.nodes[id]!.interval).width;
  const words = new Map(inputs.map((id, i) => [id, sliceOf(x, i * inputBits, widthOf(id))]));
  const inner: Module[] = [];
  const instance = (module: Module, part: PlanPart, y: Signal, clocked: boolean): void => {
    const [slice] = y;
    invariant(slice?.kind === "net", "an output is a net");
    const signals = [{ port: "x", signal: concat(part.inputs.map((id) => words.get(id)!)) }];
    b.add({
      kind: "instance",
      name: `u_${module.name}`,
      module: module.name,
      inputs: clocked ? [{ port: "advance", signal: enable }, ...signals] : signals,
      outputs: [{ port: "y", net: slice.net }],
    });
    inner.push(module);
  };
  const wordsOf = (m: ModuleBuilder, part: PlanPart): readonly Signal[] => {
    const port = m.input(
      "x",
      part.inputs.reduce((sum, id) => sum + widthOf(id), 0),
      `${part.inputs.length} words`,
    );
    return unpack(port, part.inputs.map(widthOf));
  };
  let counts: readonly DatapathCounts[] = [];
  let other = NO_CELL_COUNTS;
  let latency = 0;
  const join = (more: readonly DatapathCounts[]): void => {
    counts = range(0, Math.max(counts.length, more.length)).map((p) =>
      addCounts(counts[p] ?? NO_CELLS, more[p] ?? NO_CELLS),
    );
  };
  for (const [k, part] of split.shared.entries()) {
    const m = new ModuleBuilder(`${name}_shared${k}`, [
      `Sums of inputs that several outputs of ${name} read; combinational.`,
    ]);
    const lowered = lowerDatapath(m, plan, wordsOf(m, part), { ...context, enable: [], part });
    m.output("y", concat(lowered.outputs), `${part.outputs.length} words`);
    join(lowered.counts);
    const y = b.signal(b.net(`shared${k}`, signalWidth(concat(lowered.outputs))));
    instance(m.build(), part, y, false);
    for (const [i, word] of unpack(y, part.outputs.map(widthOf)).entries()) words.set(part.outputs[i]!, word);
  }
  const results = split.groups.map((part, k) => {
    const m = new ModuleBuilder(`${name}_outputs${k}`, [
      `Outputs of ${name}, group ${k} of ${split.groups.length}.`,
    ]);
    m.clock("aclk");
    const advance = m.input("advance", 1, "all registers move on");
    const built = addOutputs(m, context, wordsOf(m, part), { enable: advance, part });
    m.output("y", built.y, `${part.outputs.length} integers of ${outputBits} bits`);
    join(built.counts);
    other = addCellCounts(other, built.other);
    latency = Math.max(latency, built.latency);
    const y = b.signal(b.net(`y_group${k}`, signalWidth(built.y)));
    instance(m.build(), part, y, true);
    return y;
  });
  b.output("y", concat(results), `${graph.outputs.length} integers of ${outputBits} bits`);
  return { module: b.build(), inner, latency, counts, other };
}
