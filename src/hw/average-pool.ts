import {
  AdderGraphBuilder,
  type AdderNodeId,
  addSharedMatrix,
  type Interval,
  interval,
  stepFunction,
  wordFormat,
} from "../arith/index.js";
import { invariant } from "../core/index.js";
import {
  accumulatorInterval,
  type Clamp,
  type QuantAveragePool2d,
  type QuantGlobalAveragePool2d,
  type QuantType,
  roundedMean,
} from "../quant/index.js";
import { NO_PADDING } from "../tensor/index.js";
import { concat, literal, type ModuleBuilder, repeat, sliceOf } from "./builder.js";
import { addWindow, type Control } from "./controller.js";
import type { LayerHardware } from "./layer.js";
import { DATAPATH_NAMES, type DatapathOptions, graphDatapath } from "./layer-datapath.js";
import { type Operands, parallelLayer } from "./layer-top.js";
import type { Signal } from "./netlist.js";
import {
  addPlannedRequantization,
  addRequantizer,
  planRequantization,
  type RequantizationPlan,
} from "./requantize-graph.js";
import { addComparisons, planSteps, type StepPlan } from "./step-form.js";
import { streamOf } from "./streams.js";
import { planWindow, type WindowPlan } from "./window-plan.js";

/** A layer that averages, and what it reads. */
export type AverageJob = {
  readonly name: string;
  readonly node: QuantAveragePool2d | QuantGlobalAveragePool2d;
  readonly inputs: readonly [QuantType];
  /** Integers that the input can be. */
  readonly range: Clamp;
};

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** Tell whether a layer averages whole images, so that sums need no window. */
export function isWholeImage(node: QuantAveragePool2d | QuantGlobalAveragePool2d, input: QuantType): boolean {
  if (node.kind === "globalAveragePool2d") return true;
  const { top, bottom, left, right } = node.padding;
  const { height, width } = node.window;
  return top + bottom + left + right === 0 && height === input.shape[0] && width === input.shape[1];
}

/** Plan the walk over a frame whose pixels are summed as they come: one window that is one row of all pixels. */
export function wholeImagePlan(input: QuantType, place: string): WindowPlan {
  const one = { height: 1, width: 1 };
  const line = { height: 1, width: streamOf(input).beats };
  return planWindow({ input: line, output: one, kernel: line, stride: one, padding: NO_PADDING }, place);
}

/** The division by a number of pixels, rounded half away from zero, equal on all sums that can occur. */
export function planMean(count: number, sums: Clamp, means: Clamp): StepPlan {
  return planSteps(stepFunction((sum) => roundedMean(sum, count), sums, means));
}

/** Bounds of the sum of some of an input's integers. */
const sumsOf = ({ low, high }: Clamp, count: number): Clamp => ({ low: low * count, high: high * count });

type Context = AverageJob & { readonly options: DatapathOptions };

/** Compile an average over windows or over whole images. */
export function compileAverage(
  job: AverageJob,
  options: DatapathOptions,
): Omit<LayerHardware, "kind" | "name" | "node" | "inputs"> {
  const context = { ...job, options };
  return isWholeImage(job.node, job.inputs[0]) ? wholeImage(context) : windowed(context);
}

/** Sums in one register a channel; the last pixel of a frame sends them to the division. */
function wholeImage(context: Context): ReturnType<typeof compileAverage> {
  const { name, node, inputs, options } = context;
  const [input] = inputs;
  const { channels, beats } = streamOf(input);
  const planned = range(channels).map((c) => planWhole(context, c, beats));
  const { low, high } = sumsOf(context.range, beats);
  // What a sum begins with is free: the zero points and the division's offset.
  const sums = planned.map(({ start }) => interval(low + start, high + start));
  const formats = sums.map(wordFormat);
  const bits = Math.max(...formats.map(({ width }) => width), input.bits);
  const graph = new AdderGraphBuilder();
  const accumulators = sums.map((bounds, c) => graph.input(`sum${c}`, bounds));
  const outputs = planned.map(({ finish }, c) => finish(graph, accumulators[c]!));
  const datapath = graphDatapath(name, graph.build(name, outputs), {
    ...options,
    clamp: planned[0]!.clamp,
    outputBits: node.output.bits,
    inputBits: bits,
    inputChannels: channels,
    doc: (registers) => [
      `Mean of layer "${node.name}": sums of ${beats} pixels, divided and rounded. ${registers} pipeline register(s) in a row.`,
      DATAPATH_NAMES,
    ],
  });
  const operandsOf = (
    b: ModuleBuilder,
    { control, pixels, resetN }: { control: Control; pixels: readonly Signal[]; resetN: Signal },
  ): Operands => ({
    taps: [
      runningSums(b, {
        control,
        pixel: pixels[0]!,
        resetN,
        bits,
        input,
        starts: planned.map(({ start }) => start),
      }),
    ],
    bits,
  });
  return parallelLayer({
    name,
    node,
    inputs,
    plan: wholeImagePlan(input, node.name),
    datapath,
    fifos: [0],
    about: `${node.kind} over the whole image, ${beats} pixels`,
    operandsOf,
    macs: 0,
  });
}

type PlannedMean = {
  /** What the sum begins with. */
  readonly start: number;
  readonly clamp: Clamp;
  readonly finish: (graph: AdderGraphBuilder, sum: AdderNodeId) => AdderNodeId;
};

function planWhole(
  { node, inputs: [input], range: values }: Context,
  channel: number,
  beats: number,
): PlannedMean {
  const name = `c${channel}`;
  if (node.kind === "averagePool2d") {
    const plan = planMean(beats, sumsOf(values, beats), values);
    return {
      start: startOf(plan),
      clamp: values,
      finish: (graph, sum) => finishMean(graph, sum, plan, name),
    };
  }
  const bounds = accumulatorInterval(node, { ...input, range: values });
  const sums = { low: bounds.low[channel]!, high: bounds.high[channel]! };
  const { requantization, clamp } = node;
  const zero = beats * input.zeroPoint;
  if (requantization.mode === "steps") {
    const { thresholds } = requantization;
    const reached = (a: number): number => {
      const next = thresholds.findIndex((threshold) => threshold > a);
      return clamp.low + (next < 0 ? thresholds.length : next);
    };
    const plan = planSteps(stepFunction(reached, sums, clamp));
    const finish = (graph: AdderGraphBuilder, sum: AdderNodeId) => finishMean(graph, sum, plan, name);
    return { start: startOf(plan) - zero, clamp, finish };
  }
  const task = { requantization, channel, zeroPoint: node.output.zeroPoint, clamp, ...sums };
  const plan = planRequantization(task);
  const finish = (graph: AdderGraphBuilder, sum: AdderNodeId): AdderNodeId =>
    plan.kind === "always"
      ? graph.sum(name, [], BigInt(plan.value))
      : addPlannedRequantization(graph, sum, plan, { ...task, name });
  return { start: startOf(plan) - zero, clamp, finish };
}

const startOf = (plan: RequantizationPlan | StepPlan): number => (plan.kind === "always" ? 0 : plan.offset);

/** Add a planned division. */
function finishMean(graph: AdderGraphBuilder, sum: AdderNodeId, plan: StepPlan, name: string): AdderNodeId {
  if (plan.kind === "always") return graph.sum(name, [], BigInt(plan.value));
  return plan.kind === "compared"
    ? addComparisons(graph, sum, plan.f, name)
    : addRequantizer(graph, sum, plan, name);
}

/** Add a register for each channel's sum so far, and the sums with the present pixel. */
function runningSums(
  b: ModuleBuilder,
  {
    control,
    pixel,
    resetN,
    bits,
    input,
    starts,
  }: {
    readonly control: Control;
    readonly pixel: Signal;
    readonly resetN: Signal;
    readonly bits: number;
    readonly input: QuantType;
    readonly starts: readonly number[];
  },
): Signal {
  const { channels } = streamOf(input);
  const fresh = b.net("fresh", 1, "the next pixel is a frame's first");
  b.registerInto(fresh, "fresh", control.fire, {
    enable: control.step,
    resetN,
    resetValue: 1,
    role: "control",
  });
  const word = channels * bits;
  const kept = b.net("sums", word, `sums of the pixels so far, ${bits} bits a channel`);
  const start = starts.reduce(
    (all, one, c) => all | (BigInt.asUintN(bits, BigInt(one)) << BigInt(c * bits)),
    0n,
  );
  const begin = b.constant("sums_start", start, word, "what each sum begins with");
  const before = b.mux("sums_before", b.signal(fresh), begin, b.signal(kept));
  const sums = range(channels).map((c) => {
    const x = sliceOf(pixel, c * input.bits, input.bits);
    const fill = input.signed ? sliceOf(x, input.bits - 1, 1) : literal(0, 1);
    const wide = bits > input.bits ? concat([x, repeat(fill, bits - input.bits)]) : x;
    return b.arithmetic("add", `sum${c}`, sliceOf(before, c * bits, bits), wide);
  });
  b.registerInto(kept, "sums", concat(sums), { enable: control.step, role: "datapath" });
  return concat(sums);
}

/** Numbers of pixels inside the image that windows have, and for each where. */
type Count = {
  readonly count: number;
  readonly rows: readonly number[];
  readonly columns: readonly number[];
};

/** List how many rows (columns) of a window lie inside the image, for each window row (column) by its counter's value. */
function insideCounts(
  outside: readonly (readonly number[])[],
  values: readonly number[],
): Map<number, number[]> {
  const counts = new Map<number, number[]>();
  for (const value of values) {
    const inside = outside.filter((set) => !set.includes(value)).length;
    counts.set(inside, [...(counts.get(inside) ?? []), value]);
  }
  return counts;
}

const windowRows = ({ output, firstRow, stride }: WindowPlan): number[] =>
  range(output.height).map((i) => firstRow + i * stride.height);
const windowColumns = ({ output, stride }: WindowPlan): number[] =>
  range(output.width).map((i) => i * stride.width);

/** Build "the counter is one of these values, given that it is one of all": by the others where these are most. */
function isAmong(
  b: ModuleBuilder,
  control: Control,
  counter: "row" | "column",
  { values, all }: { readonly values: readonly number[]; readonly all: readonly number[] },
): Signal {
  const others = all.filter((value) => !values.includes(value));
  if (others.length === 0) return literal(1, 1);
  if (others.length >= values.length) return control.isOneOf(counter, values, `${counter}_here`);
  return b.not(`${counter}_not_elsewhere`, control.isOneOf(counter, others, `${counter}_elsewhere`));
}

function countsOf(plan: WindowPlan): readonly Count[] {
  const rows = insideCounts(plan.outsideRows, windowRows(plan));
  const columns = insideCounts(plan.outsideColumns, windowColumns(plan));
  return [...rows].flatMap(([h, atRows]) =>
    [...columns].map(([w, atColumns]) => ({ count: h * w, rows: atRows, columns: atColumns })),
  );
}

/** A window of registers; padding adds nothing, and each number of pixels inside the image has its own division. */
function windowed(context: Context): ReturnType<typeof compileAverage> {
  const { name, node, inputs, range: values, options } = context;
  const [input] = inputs;
  invariant(node.kind === "averagePool2d", "a global average has no window");
  const { channels, bits } = streamOf(input);
  const plan = averagePlan(node, input);
  const places = countsOf(plan);
  const share = (count: number): number =>
    places.reduce((n, p) => n + (p.count === count ? p.rows.length * p.columns.length : 0), 0);
  // The most common one needs no choice.
  const counts = [...new Set(places.map(({ count }) => count))].sort((a, b) => share(b) - share(a));
  const taps = node.window.height * node.window.width;
  const padded = counts.some((count) => count < taps);
  const bounds: Interval = padded
    ? interval(Math.min(0, values.low), Math.max(0, values.high))
    : interval(values.low, values.high);
  const means = counts.map((count) => planMean(count, sumsOf(values, count), values));
  const graph = new AdderGraphBuilder();
  const words = range(taps).map((t) => range(channels).map((c) => graph.input(`x${t}_${c}`, bounds)));
  const variants = range(channels).map((c) => {
    const matrix = {
      name: `c${c}`,
      weights: means.map(({ kind }) => range(taps).map(() => (kind === "always" ? 0 : 1))),
      outputs: means.map((_, k) => `c${c}_${counts[k]}`),
      constants: means.map((mean) => BigInt(mean.kind === "always" ? mean.value : mean.offset)),
    };
    const own = words.map((pixel) => pixel[c]!);
    const sums = addSharedMatrix(graph, matrix, own, { columns: false });
    return means.map((mean, k) =>
      mean.kind === "always" ? sums[k]! : finishMean(graph, sums[k]!, mean, `c${c}_${counts[k]}`),
    );
  });
  const outputs = counts.flatMap((_, k) => variants.map((own) => own[k]!));
  const datapath = graphDatapath(name, graph.build(name, outputs), {
    ...options,
    clamp: values,
    outputBits: node.output.bits,
    inputBits: bits,
    inputChannels: channels,
    doc: (registers) => [
      `Mean of layer "${node.name}": sums of windows, divided by ${counts.join(", ")} and rounded. ${registers} pipeline register(s) in a row.`,
      DATAPATH_NAMES,
    ],
  });
  const { height, width } = plan.kernel;
  const { top, bottom, left, right } = plan.padding;
  return parallelLayer({
    name,
    node,
    inputs,
    plan,
    datapath,
    fifos: [0],
    about:
      `averagePool2d ${height}x${width}, stride ${plan.stride.height}x${plan.stride.width}, padding top ` +
      `${top} bottom ${bottom} left ${left} right ${right}`,
    operandsOf: (b, { control, pixels }) => ({
      taps: addWindow(b, plan, control, pixels[0]!, { channels, bits, padValue: 0 }),
      bits,
      selects: counts.slice(1).map((count) =>
        b.logic(
          "or",
          `inside${count}`,
          places
            .filter((place) => place.count === count)
            .map(({ rows, columns }, i) =>
              b.logic("and", `inside${count}_${i}`, [
                isAmong(b, control, "row", { values: rows, all: windowRows(plan) }),
                isAmong(b, control, "column", { values: columns, all: windowColumns(plan) }),
              ]),
            ),
        ),
      ),
    }),
    macs: 0,
  });
}

/** Plan an average's window, or its walk over the whole image. */
export function averagePlan(
  node: QuantAveragePool2d | QuantGlobalAveragePool2d,
  input: QuantType,
): WindowPlan {
  if (node.kind === "globalAveragePool2d" || isWholeImage(node, input))
    return wholeImagePlan(input, node.name);
  const size = (shape: readonly number[]) => ({ height: shape[0]!, width: shape[1]! });
  const { window: kernel, stride, padding } = node;
  return planWindow(
    { input: size(input.shape), output: size(node.output.shape), kernel, stride, padding },
    node.name,
  );
}
