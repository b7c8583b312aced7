import {
  type EngineConfig,
  engineShape,
  type Operation,
  PARAMETER_BYTES,
  scheduleOf,
} from "../../accel/index.js";
import { addEvents, type EventCounts, noEvents } from "./events.js";
import { elements, hasOperation, operationOf } from "./operation.js";
import type { AcceleratorLayer } from "./types.js";

/** Accesses of the engine's memories: words read and written. */
export type MemoryAccesses = {
  readonly ringReads: number;
  readonly bankReads: number;
  readonly bankWrites: number;
  readonly sumsReads: number;
  readonly sumsWrites: number;
  readonly parameterReads: number;
  readonly parameterWrites: number;
};

/** What the engine does for one layer in one frame, external memory apart. */
export type LayerWork = {
  /** Cycles that the array needs with its operands and weights at hand, what a layer takes to begin and end included. */
  readonly cycles: number;
  /** Without what goes by traffic: `ringWrites`, `loadWords`, `storeWords`, `streamBeats`, `readBeats`, `cycles`. */
  readonly events: EventCounts;
  readonly accesses: MemoryAccesses;
  readonly operation: Operation | undefined;
  readonly weights: LayerWeights;
};

/** The weight stream of a layer. */
export type LayerWeights = {
  /** Groups of lanes whose weights differ. */
  readonly groups: number;
  /** Requantization parameters of a group, and blocks of all passes, bytes. */
  readonly parameterBytes: number;
  readonly blockBytes: number;
  readonly stripes: number;
};

const NO_ACCESSES: MemoryAccesses = {
  ringReads: 0,
  bankReads: 0,
  bankWrites: 0,
  sumsReads: 0,
  sumsWrites: 0,
  parameterReads: 0,
  parameterWrites: 0,
};

const NO_WORK: LayerWork = {
  cycles: 0,
  events: noEvents,
  accesses: NO_ACCESSES,
  operation: undefined,
  weights: { groups: 0, parameterBytes: 0, blockBytes: 0, stripes: 0 },
};

/** Rows of a window (`src/accel/rtl/lane.ts`). */
const WINDOW_ROWS = 4;
/** Cycles beyond kPar from one block of weights to the next (docs/accel.md, Timing). */
const blockGap = ({ weightBits }: EngineConfig): number => (weightBits === 8 ? 5 : 4);
/** Least cycles from pass to pass while the sequencer works out the next one (`EngineLatencies.passInterval`). */
const PASS_INTERVAL = 7;
/** Of the two banks of sums one is filled, then drained: cycles of a stripe beside its passes and its drain (`src/accel/cycles/latencies.ts`). */
const BANK_CYCLES = 17;
/**
 * Cycles of a layer beside its passes: from its start to the first pass's, from the last fetch through memory, array and accumulators into the drain, through that
 * to memory, and to the next layer's start (`src/accel/cycles/latencies.ts`).
 */
const LAYER_CYCLES = 38;

/** Add up what layers do. */
export function totalWork(works: readonly LayerWork[]): Pick<LayerWork, "events" | "accesses"> {
  const accesses = { ...NO_ACCESSES } as { -readonly [Name in keyof MemoryAccesses]: number };
  for (const work of works)
    for (const name of Object.keys(accesses) as (keyof MemoryAccesses)[])
      accesses[name] += work.accesses[name];
  return { events: addEvents(...works.map(({ events }) => events)), accesses };
}

/** A sum over the stripes of a layer, of which the last row and column may be smaller. */
function overStripes(
  stripes: {
    readonly rows: number;
    readonly columns: number;
    readonly rowStripes: number;
    readonly columnStripes: number;
  },
  { height, width }: { readonly height: number; readonly width: number },
  of: (rows: number, columns: number) => number,
): number {
  const { rows, columns, rowStripes, columnStripes } = stripes;
  const lastRows = height - (rowStripes - 1) * rows;
  const lastColumns = width - (columnStripes - 1) * columns;
  const across = (r: number): number => (columnStripes - 1) * of(r, columns) + of(r, lastColumns);
  return (rowStripes - 1) * across(rows) + across(lastRows);
}

/**
 * Count what a layer takes on an engine, by the loops that the compiler chooses (`scheduleOf`): groups of lanes, stripes of pixels, passes. A pass takes as long as its
 * fetches, or as the next block of weights takes to be loaded; a stripe as long as its passes, as its sums take to be requantized, or half of both
 * one after the other, since there are two banks of sums.
 *
 * @throws FixynnError FX5100 for an engine that cannot be built
 */
export function layerWork(layer: AcceleratorLayer, config: EngineConfig): LayerWork {
  if (!hasOperation(layer)) return NO_WORK;
  const operation = operationOf(layer);
  const { cPar, kPar, requantizers } = config;
  const { wordBytes, ringWordBytes } = engineShape(config);
  const { cut, stripes, passes, stripeCount } = scheduleOf(operation, operation.rectangle, config);
  const { output, kernel, source, windowed } = operation;
  const groups = Math.ceil(output.channels / kPar);
  const emitEvery = cut.columns === 1 || output.width === 1 ? 1 : operation.stride.width;
  const rounds = passes / cut.columnPasses;
  const drainSteps = kPar / requantizers;
  const fetchesOf = (r: number, c: number, columns: number): number => r * ((c - 1) * emitEvery + columns);
  const least = Math.max(kPar + blockGap(config), PASS_INTERVAL);
  const all =
    (of: (fetches: number) => number) =>
    (r: number, c: number): number =>
      rounds *
      ((cut.columnPasses - 1) * of(fetchesOf(r, c, cut.columns)) + of(fetchesOf(r, c, cut.lastColumns)));
  const compute = all((fetches) => Math.max(fetches, least));
  const groupCycles = overStripes(stripes, output, (r, c) => {
    const drain = r * c * drainSteps;
    return Math.max(compute(r, c), drain, (compute(r, c) + drain + BANK_CYCLES) / 2);
  });
  const fetches =
    groups *
    overStripes(
      stripes,
      output,
      all((n) => n),
    );
  const pixels = output.height * output.width;
  const lastPixels =
    (output.height - (stripes.rowStripes - 1) * stripes.rows) *
    (output.width - (stripes.columnStripes - 1) * stripes.columns);
  const emits = groups * pixels * passes;
  const blocks = groups * stripeCount * passes;
  const products =
    layer.packed?.products ??
    pixels *
      output.channels *
      elements([kernel.height, kernel.width]) *
      (windowed ? operation.planes.length : source.channels);
  const isWeighted = layer.macs > 0;
  // Padding is not read; a packed image holds it.
  const isPadded = isWeighted && products > 0 && layer.packed === undefined;
  const inside = isPadded ? Math.min(1, layer.macs / products) : 1;
  const rowsRead = windowed ? (cut.fourRows ? WINDOW_ROWS : 1) : wordBytes / kPar;
  return {
    cycles: LAYER_CYCLES + groups * groupCycles + lastPixels * drainSteps,
    events: {
      ...noEvents,
      products,
      [windowed ? "windowFetches" : "channelFetches"]: fetches,
      emits,
      laneLoads: blocks * kPar,
      parameterLoads: groups * kPar,
      passes: blocks,
      drainedPixels: groups * pixels,
    },
    accesses: {
      ringReads: (blocks * kPar * cPar + groups * kPar * PARAMETER_BYTES) / ringWordBytes,
      bankReads: fetches * rowsRead * inside,
      bankWrites: groups * pixels,
      sumsReads: groups * pixels * passes,
      sumsWrites: emits,
      parameterReads: groups * pixels * kPar,
      parameterWrites: groups * kPar,
    },
    operation,
    weights: {
      // Sums and pools have the same weights for all groups, which are read once.
      groups: isWeighted ? groups : 1,
      parameterBytes: kPar * PARAMETER_BYTES,
      blockBytes: passes * kPar * cPar,
      stripes: stripeCount,
    },
  };
}
