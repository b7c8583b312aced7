import { concat, literal, type ModuleBuilder, sliceOf } from "../builder.js";
import { addController } from "../controller.js";
import { counterWidth, type Signal, signalWidth, toBits } from "../netlist.js";
import type { WindowPlan } from "../window-plan.js";
import { beginLayer, coreLatency, type FoldedLayer, foldedTiming, registersOf } from "./begin.js";
import { addCore, addWalk, type Walk } from "./core.js";
import { serialCyclesPerFrame } from "./cycles.js";
import { type FoldedJob, foldedParts } from "./parts.js";
import { selectOption } from "./sequencer.js";
import { foldedStats } from "./stats.js";

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** Pixels that the ring of a serial depthwise layer holds: from the window's first to its last. */
export function ringSlots({ kernel, periodSteps }: WindowPlan): number {
  return (kernel.height - 1) * periodSteps + kernel.width;
}

/** Add to an address in a ring. */
function moveOn(b: ModuleBuilder, name: string, address: Signal, by: Signal, depth: number): Signal {
  const bits = signalWidth(address);
  if (depth === 2 ** bits) return b.arithmetic("add", name, address, by);
  const wide = concat([address, literal(0, 1)]);
  const sum = b.arithmetic("add", `${name}_sum`, wide, concat([by, literal(0, 1)]));
  const over = b.arithmetic("sub", `${name}_over`, sum, b.constant(`${name}_depth`, depth, bits + 1));
  return b.mux(name, sliceOf(over, bits, 1), sliceOf(sum, 0, bits), sliceOf(over, 0, bits));
}

/**
 * Compile a depthwise layer whose window stays in the memory. A ring holds the last pixels, a group of channels a word. A pixel is written
 * group by group while it waits at the input; a complete window is then read tap by tap, group by group, one word a cycle. The distance
 * from one tap to the next is one of three constants. So no window registers and no operand registers are needed, and the input is
 * taken over in as many cycles as there are groups.
 */
export function compileSerialDepthwise(job: FoldedJob): FoldedLayer {
  const { input, plan, folding } = job;
  const parts = foldedParts(job);
  const { groups, slices } = parts.steps;
  const { kernel, periodSteps } = plan;
  const depth = ringSlots(plan) * groups;
  const { b, pixel, valid, signals, connectReady } = beginLayer(job, parts, [
    `The last ${ringSlots(plan)} pixels lie in a memory of ${depth} words of ${folding.lanes} channel(s).`,
  ]);
  const { resetN } = signals;
  const bits = input.bits;
  const channels = input.shape.at(-1)!;

  const held = b.net("held", 1, "a window is at work");
  const walk = addWalk(b, parts, b.signal(held), signals);
  const free = b.logic("or", "memory_free", [b.not("idle", b.signal(held)), walk.finish]);
  let lastGroup: Signal = literal(1, 1);
  let group: Signal = [];
  const groupNet =
    groups > 1 ? b.net("group", counterWidth(groups - 1), "group of channels that is written") : undefined;
  if (groupNet !== undefined) {
    group = b.signal(groupNet);
    lastGroup = b.compare("equal", "group_last", group, literal(groups - 1, signalWidth(group)));
  }
  const advance = groupNet === undefined ? free : b.logic("and", "may_step", [free, lastGroup]);
  const control = addController(b, plan, { advance, valid, resetN });
  const write = b.logic("and", "write", [free, control.present], "a group of channels is written");
  if (groupNet !== undefined) {
    const plus = b.arithmetic("add", "group_plus_1", group, literal(1, signalWidth(group)));
    const next = b.mux("group_next", lastGroup, literal(0, signalWidth(group)), plus);
    b.registerInto(groupNet, "group", next, { enable: write, resetN, role: "control" });
  }
  const stay = b.logic("and", "stay", [b.signal(held), b.not("unfinished", walk.finish)]);
  b.registerInto(held, "held", b.logic("or", "held_next", [control.fire, stay]), { resetN, role: "control" });

  const addressBits = counterWidth(depth - 1);
  const writeNet = b.net("write_address", addressBits, "the oldest word");
  const writeNext = moveOn(b, "write_next", b.signal(writeNet), literal(1, addressBits), depth);
  b.registerInto(writeNet, "write_address", writeNext, { enable: write, resetN, role: "control" });
  const readNet = b.net("read_address", addressBits, "the word at work");
  const stride = tapDistance(b, plan, walk, groups, addressBits);
  const readNext = moveOn(b, "read_next", b.signal(readNet), stride, depth);
  const readAddress = b.mux("read_at", control.fire, writeNext, readNext);
  const readEnable = b.logic("or", "read", [control.fire, walk.work]);
  b.registerInto(readNet, "read_address", readAddress, { enable: readEnable, resetN, role: "control" });
  const word = folding.lanes * bits;
  const padded = groups * word - channels * bits;
  const whole = padded > 0 ? concat([pixel, literal(0, padded)]) : pixel;
  const writeData = selectOption(
    b,
    "pixel_group",
    group,
    range(groups).map((g) => sliceOf(whole, g * word, word)),
  );
  const readData = b.net("tap", word, "a tap of this group of channels");
  b.add({
    kind: "ram",
    name: "ring",
    doc: `Ring of the last ${ringSlots(plan)} pixels, ${groups} word(s) each.`,
    depth,
    writeEnable: write,
    writeAddress: b.signal(writeNet),
    writeData,
    readEnable,
    readAddress,
    readData,
  });
  const outside = addMasks(b, plan, control, walk);
  const taps = range(folding.lanes).map((l) => {
    const tap = sliceOf(b.signal(readData), l * bits, bits);
    if (outside === undefined) return tap;
    return b.mux(`x${l}_0_0`, outside, literal(BigInt(`0b${toBits(input.zeroPoint, bits)}`), bits), tap);
  });
  const out = addCore(b, parts, walk, signals, taps);
  connectReady(control.ready);
  b.output("m_axis_tdata", out.data);
  b.output("m_axis_tvalid", out.valid);
  const top = b.build();
  const windows = plan.output.height * plan.output.width;
  const stats = foldedStats(job, parts, top, {
    latencyCycles: groups + coreLatency(parts),
    cyclesPerFrame: serialCyclesPerFrame(plan, { write: groups, read: groups * slices }),
    // The last cycle of a window reads once more, in vain.
    window: { reads: (groups * slices + 1) * windows, writes: groups * plan.steps },
  });
  return {
    modules: [parts.lane.module, parts.requantizer.module, top],
    stats,
    ...registersOf(parts),
    timing: foldedTiming(job, parts, "serial"),
  };

  /** Words from this tap to the next: the next column, the next row, or the first tap of the next group. */
  function tapDistance(m: ModuleBuilder, p: WindowPlan, w: Walk, words: number, width: number): Signal {
    const modulo = (n: number): Signal => literal(((n % depth) + depth) % depth, width);
    let distance = modulo(words);
    const ends = range(p.kernel.height - 1).map((i) => (i + 1) * p.kernel.width - 1);
    if (ends.length > 0) {
      const sliceBits = signalWidth(w.slice);
      const at = ends.map((end) => m.compare("equal", `row_end${end}`, w.slice, literal(end, sliceBits)));
      const rowEnd = m.logic("or", "row_end", at);
      distance = m.mux("distance_row", rowEnd, modulo(words * (periodSteps - kernel.width + 1)), distance);
    }
    if (words > 1) distance = m.mux("distance", w.lastSlice, modulo(words + 1), distance);
    return distance;
  }
}

/** Remember which rows and columns of the window at work lie outside the image, and choose by the tap. */
function addMasks(
  b: ModuleBuilder,
  plan: WindowPlan,
  control: ReturnType<typeof addController>,
  walk: Walk,
): Signal | undefined {
  const keep = (counter: "row" | "column", sets: readonly (readonly number[])[]): (Signal | undefined)[] =>
    sets.map((set, i) => {
      if (set.length === 0) return undefined;
      const now = control.isOneOf(counter, set, `${counter}${i}_outside`);
      return b.register(`${counter}${i}_masked`, now, { enable: control.fire, role: "control" });
    });
  const rows = keep("row", plan.outsideRows);
  const columns = keep("column", plan.outsideColumns);
  if ([...rows, ...columns].every((mask) => mask === undefined)) return undefined;
  const options = rows.flatMap((row, i) =>
    columns.map((column, j) => {
      const masks = [row, column].filter((mask) => mask !== undefined);
      return masks.length === 0 ? literal(0, 1) : b.logic("or", `outside${i}_${j}`, masks);
    }),
  );
  return selectOption(b, "tap_outside", walk.slice, options);
}
