import type { AdderNodeId } from "../arith/index.js";
import { invariant } from "../core/index.js";
import type { Clamp } from "../quant/index.js";
import { concat, ModuleBuilder, sliceOf } from "./builder.js";
import { addCellCounts, type CellCounts, countCells, NO_CELL_COUNTS } from "./cell-counts.js";
import { clampWord } from "./clamp.js";
import { isSaturation, lowerDatapath } from "./datapath.js";
import {
  addCounts,
  type DatapathCounts,
  type DatapathPlan,
  datapathCounts,
  isClocked,
  NO_CELLS,
  type PlanPart,
  wholePlan,
} from "./datapath-plan.js";
import { type Module, type Signal, signalWidth } from "./netlist.js";
import type { SplitPlan } from "./split.js";
import { connectEnables, enablePorts, type StageEnables } from "./stage-enables.js";

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

/** Cells of the weighted sums and of their requantization. */
export type PartCounts = { readonly sums: DatapathCounts; readonly requantization: DatapathCounts };

/** One module of a datapath, or several below one. */
export type BuiltPart = {
  readonly module: Module;
  readonly inner: readonly Module[];
  readonly counts: PartCounts;
  readonly other: CellCounts;
};

/** What all modules of a layer's datapath have in common. */
export type PartContext = {
  readonly clamp: Clamp;
  readonly outputBits: number;
  readonly plan: DatapathPlan;
  readonly doc: readonly string[];
  readonly inputBits: number;
  /** Last node of the weighted sums; what follows is requantization. */
  readonly lastSum: AdderNodeId;
};

function countsOf({ plan, lastSum }: PartContext, part: PlanPart): PartCounts {
  return {
    sums: datapathCounts(plan, part, (id) => id <= lastSum),
    requantization: datapathCounts(plan, part, (id) => id > lastSum),
  };
}

/** Lower some outputs with their clamps. */
function addOutputs(
  b: ModuleBuilder,
  context: PartContext,
  words: readonly Signal[],
  { enable, part }: { readonly enable: StageEnables; readonly part: PlanPart },
): { readonly y: Signal } & Omit<BuiltPart, "module" | "inner"> {
  const { clamp, outputBits, plan, lastSum } = context;
  const outputs = lowerDatapath(b, plan, words, { enable, part, lastSum });
  const before = b.build().cells.length;
  const y = part.outputs.map((id, o) =>
    clampWord(b, `y${o}`, outputs[o]!, {
      range: plan.graph.nodes[id]!.interval,
      ...clamp,
      bits: outputBits,
    }),
  );
  const { cells } = b.build();
  const constants = cells.filter((cell) => cell.kind === "constant");
  const saturations = cells.slice(0, before).filter(isSaturation);
  const other = countCells([...constants, ...saturations, ...cells.slice(before)]);
  return { y: concat(y), counts: countsOf(context, part), other };
}

/** Build a layer's datapath as one module. */
export function buildPart(name: string, context: PartContext): BuiltPart {
  const b = new ModuleBuilder(name, context.doc);
  b.clock("aclk");
  const enable = enablePorts(b);
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
  const enable = enablePorts(b);
  const { inputs } = wholePlan(plan);
  const pixels = b.input(
    "x",
    inputs.length * inputBits,
    `${inputs.length} integers of ${inputBits} bits, registered`,
  );
  const widthOf = (id: AdderNodeId): number => plan.netlist.words[id]!.length;
  const words = new Map(inputs.map((id, i) => [id, sliceOf(pixels, i * inputBits, widthOf(id))]));
  const inner: Module[] = [];
  const instance = (module: Module, part: PlanPart, y: Signal): void => {
    const [slice] = y;
    invariant(slice?.kind === "net", "an output is a net");
    const x = concat(part.inputs.map((id) => words.get(id)!));
    const signals = x.length > 0 ? [{ port: "x", signal: x }] : [];
    b.add({
      kind: "instance",
      name: `u_${module.name}`,
      module: module.name,
      inputs: [...connectEnables(module, enable), ...signals],
      outputs: [{ port: "y", net: slice.net }],
    });
    inner.push(module);
  };
  /** The words that a part reads; one that holds only constants has no such port. */
  const wordsOf = (m: ModuleBuilder, part: PlanPart): readonly Signal[] => {
    if (part.inputs.length === 0) return [];
    const port = m.input(
      "x",
      part.inputs.reduce((sum, id) => sum + widthOf(id), 0),
      `${part.inputs.length} words`,
    );
    return unpack(port, part.inputs.map(widthOf));
  };
  let counts: PartCounts = { sums: NO_CELLS, requantization: NO_CELLS };
  let other = NO_CELL_COUNTS;
  const join = (more: PartCounts): void => {
    counts = {
      sums: addCounts(counts.sums, more.sums),
      requantization: addCounts(counts.requantization, more.requantization),
    };
  };
  for (const [k, part] of split.shared.entries()) {
    const m = new ModuleBuilder(`${name}_shared${k}`, [
      `Sums of inputs that several outputs of ${name} read; each bit comes in the stage in which it is made.`,
    ]);
    const clocked = isClocked(plan, part);
    if (clocked) m.clock("aclk");
    const outputs = lowerDatapath(m, plan, wordsOf(m, part), {
      enable: clocked ? enablePorts(m) : null,
      part,
      lastSum: context.lastSum,
    });
    m.output("y", concat(outputs), `${part.outputs.length} words`);
    join(countsOf(context, part));
    const y = b.signal(b.net(`shared${k}`, signalWidth(concat(outputs))));
    instance(m.build(), part, y);
    for (const [i, word] of unpack(y, part.outputs.map(widthOf)).entries()) words.set(part.outputs[i]!, word);
  }
  const results = split.groups.map((part, k) => {
    const m = new ModuleBuilder(`${name}_outputs${k}`, [
      `Outputs of ${name}, group ${k} of ${split.groups.length}.`,
    ]);
    m.clock("aclk");
    const built = addOutputs(m, context, wordsOf(m, part), { enable: enablePorts(m), part });
    m.output("y", built.y, `${part.outputs.length} integers of ${outputBits} bits`);
    join(built.counts);
    other = addCellCounts(other, built.other);
    const y = b.signal(b.net(`y_group${k}`, signalWidth(built.y)));
    instance(m.build(), part, y);
    return y;
  });
  b.output("y", concat(results), `${graph.outputs.length} integers of ${outputBits} bits`);
  return { module: b.build(), inner, counts, other };
}
