import { concat, literal, type ModuleBuilder, sliceOf } from "./builder.js";
import { counterWidth, type NetId, type Signal, toBits } from "./netlist.js";
import { isPointwise, type WindowPlan } from "./window-plan.js";

/** Signals that a layer's window and datapath obey. */
export type Control = {
  /** The window moves on by one step in this cycle. */
  readonly step: Signal;
  /** In this cycle a complete window is there: the operand register takes it. */
  readonly fire: Signal;
  /** This step's pixel is at the input, or none is needed. */
  readonly present: Signal;
  /** The input is taken if valid. */
  readonly ready: Signal;
  /** Address of the present column, and of the next step's. */
  readonly column: Signal;
  readonly nextColumn: Signal;
  /** Build "the counter is one of these values" (row or column). */
  readonly isOneOf: (counter: "row" | "column", values: readonly number[], name: string) => Signal;
};

const isPowerOfTwo = (n: number): boolean => Number.isInteger(Math.log2(n));

/**
 * Add the counters of a windowed layer. `row` and `column` follow the window (see {@link WindowPlan}); `flushing` is 1 after a frame's
 * last pixel until its last window is complete, and then nothing is read.
 */
export function addController(
  b: ModuleBuilder,
  plan: WindowPlan,
  {
    advance: mayAdvance,
    valid,
    resetN,
  }: {
    /** The window may move on; a function when that depends on whether this step completes a window. */
    readonly advance: Signal | ((complete: Signal) => Signal);
    readonly valid: Signal;
    readonly resetN: Signal;
  },
): Control {
  if (isPointwise(plan)) {
    const advance = typeof mayAdvance === "function" ? mayAdvance(literal(1, 1)) : mayAdvance;
    const step = b.logic("and", "step", [advance, valid], "a pixel enters");
    const none = literal(0, 1);
    return {
      step,
      fire: step,
      present: valid,
      ready: advance,
      column: none,
      nextColumn: none,
      isOneOf: () => none,
    };
  }
  const widths = {
    column: counterWidth(plan.periodSteps - 1),
    row: counterWidth(Math.max(plan.end.row, plan.lastRow, plan.start.row)),
  };
  const nets = {
    column: b.net(
      "column",
      widths.column,
      `counts 0 to ${plan.periodSteps - 1}; 0 is the first window of a row`,
    ),
    row: b.net("row", widths.row, `windows at ${plan.firstRow} to ${plan.lastRow}`),
  };
  const counters = { column: b.signal(nets.column), row: b.signal(nets.row) };
  const constants = new Map<string, Signal>();
  const constant = (counter: "row" | "column", value: number): Signal => {
    const name = `${counter}_${value}`;
    const known = constants.get(name) ?? b.constant(name, value, widths[counter]);
    constants.set(name, known);
    return known;
  };
  const equal = new Map<string, Signal>();
  const is = (counter: "row" | "column", value: number): Signal => {
    const name = `${counter}_is_${value}`;
    const known = equal.get(name) ?? b.compare("equal", name, counters[counter], constant(counter, value));
    equal.set(name, known);
    return known;
  };
  const isOneOf: Control["isOneOf"] = (counter, values, name) =>
    values.length === 0
      ? literal(0, 1)
      : b.logic(
          "or",
          name,
          values.map((value) => is(counter, value)),
        );
  const all = (name: string, parts: readonly Signal[], doc?: string): Signal =>
    parts.length === 0 ? literal(1, 1) : b.logic("and", name, parts, doc);

  const conditions: Signal[] = [];
  const onStride = (name: "row" | "column", stride: number, values: readonly number[]): void => {
    if (stride === 1) return;
    if (isPowerOfTwo(stride)) {
      const low = Math.log2(stride);
      // A counter narrower than the stride's bits has one value on the stride only: zero.
      const bits = Math.min(low, widths[name]);
      conditions.push(
        b.compare("equal", `${name}_on_stride`, sliceOf(counters[name], 0, bits), literal(0, bits)),
      );
    } else conditions.push(isOneOf(name, values, `${name}_on_stride`));
  };
  const steps = (first: number, last: number, stride: number): number[] =>
    Array.from({ length: (last - first) / stride + 1 }, (_, i) => first + i * stride);
  onStride("column", plan.stride.width, steps(0, plan.lastColumn, plan.stride.width));
  onStride("row", plan.stride.height, steps(plan.firstRow, plan.lastRow, plan.stride.height));
  if (plan.lastColumn < plan.periodSteps - 1) {
    conditions.push(
      b.compare("less", "column_has_window", counters.column, constant("column", plan.lastColumn + 1)),
    );
  }
  if (plan.start.row < plan.firstRow) {
    conditions.push(
      b.not("row_started", b.compare("less", "row_early", counters.row, constant("row", plan.firstRow))),
    );
  }
  if (plan.end.row > plan.lastRow) {
    conditions.push(b.compare("less", "row_has_window", counters.row, constant("row", plan.lastRow + 1)));
  }
  const whole = typeof mayAdvance === "function" ? all("complete", conditions) : undefined;
  const complete = whole === undefined ? conditions : [whole];
  const advance = typeof mayAdvance === "function" ? mayAdvance(whole!) : mayAdvance;

  const atEnd = all(
    "frame_end",
    [is("row", plan.end.row), is("column", plan.end.column)],
    "last step of a frame",
  );
  const wants: Signal[] = [];
  let flushing: { readonly net: NetId; readonly d: Signal } | undefined;
  if (plan.flushSteps > 0) {
    const net = b.net(
      "flushing",
      1,
      `${plan.flushSteps} steps after the last pixel complete the last windows`,
    );
    const atLastPixel = all("last_pixel", [
      is("row", plan.lastPixel.row),
      is("column", plan.lastPixel.column),
    ]);
    const started = b.logic("or", "flush_start", [b.signal(net), atLastPixel]);
    flushing = { net, d: b.logic("and", "flush_next", [started, b.not("not_frame_end", atEnd)]) };
    wants.push(b.not("not_flushing", b.signal(net)));
  }
  if (plan.dummyColumns.length > 0) {
    const dummy = isOneOf("column", plan.dummyColumns, "dummy_column");
    wants.push(b.not("not_dummy", dummy));
  }
  const wanted = wants.length === 0 ? undefined : all("pixel_wanted", wants);
  const ready = wanted === undefined ? advance : b.logic("and", "ready", [advance, wanted]);
  const present =
    wanted === undefined ? valid : b.logic("or", "present", [valid, b.not("nothing_wanted", wanted)]);
  const step = b.logic("and", "step", [advance, present], "the window moves on");

  const wrap = is("column", plan.periodSteps - 1);
  const one = (width: number): Signal => literal(1, width);
  const columnPlus = b.arithmetic("add", "column_plus_1", counters.column, one(widths.column));
  const columnWrapped = b.mux("column_wrapped", wrap, literal(0, widths.column), columnPlus);
  const startColumn = b.constant("start_column", plan.start.column, widths.column);
  const nextColumn = b.mux("next_column", atEnd, startColumn, columnWrapped);
  const rowPlus = b.arithmetic("add", "row_plus_1", counters.row, one(widths.row));
  const rowWrapped = b.mux("row_wrapped", wrap, rowPlus, counters.row);
  const startRow = b.constant("start_row", plan.start.row, widths.row);
  const nextRow = b.mux("next_row", atEnd, startRow, rowWrapped);
  const counter = { enable: step, resetN, role: "control" as const };
  b.registerInto(nets.column, "column", nextColumn, { ...counter, resetValue: plan.start.column });
  b.registerInto(nets.row, "row", nextRow, { ...counter, resetValue: plan.start.row });
  if (flushing !== undefined) b.registerInto(flushing.net, "flushing", flushing.d, counter);

  const fire = b.logic("and", "fire", [step, ...complete], "a complete window goes to the datapath");
  return { step, fire, present, ready, column: counters.column, nextColumn, isOneOf };
}

/**
 * Add line buffer and window: K−1 rows in a memory, K×(K−1) pixels in registers, and the padding's multiplexers.
 *
 * @param pixel all channels of the arriving pixel
 * @param padValue what stands outside the image, one integer for each channel of `bits` bits
 * @returns the window's pixels, row by row, padding done
 */
export function addWindow(
  b: ModuleBuilder,
  plan: WindowPlan,
  control: Control,
  pixel: Signal,
  {
    channels,
    bits,
    padValue,
  }: { readonly channels: number; readonly bits: number; readonly padValue: number },
): readonly Signal[] {
  const { height, width } = plan.kernel;
  const pixelBits = channels * bits;
  const rows: Signal[] = Array.from({ length: height }, () => pixel);
  if (height > 1) {
    const lines = b.net(
      "lines",
      pixelBits * (height - 1),
      `this column in the ${height - 1} rows before, latest first`,
    );
    const before = Array.from({ length: height - 1 }, (_, k) =>
      sliceOf(b.signal(lines), k * pixelBits, pixelBits),
    );
    b.add({
      kind: "ram",
      name: "line_buffer",
      doc: `Line buffer: ${height - 1} row(s) of ${plan.periodSteps} pixels.`,
      depth: plan.periodSteps,
      writeEnable: control.step,
      writeAddress: control.column,
      writeData: concat([pixel, ...before.slice(0, -1)]),
      readEnable: control.step,
      readAddress: control.nextColumn,
      readData: lines,
    });
    for (const [k, line] of before.entries()) rows[height - 2 - k] = line;
  }
  const outside = (
    counter: "row" | "column",
    sets: readonly (readonly number[])[],
  ): readonly (Signal | undefined)[] =>
    sets.map((set, i) =>
      set.length === 0 ? undefined : control.isOneOf(counter, set, `${counter}${i}_outside`),
    );
  const rowOutside = outside("row", plan.outsideRows);
  const columnOutside = outside("column", plan.outsideColumns);
  const padded = [...rowOutside, ...columnOutside].some((mask) => mask !== undefined);
  const padBits = toBits(padValue, bits).repeat(channels);
  const pad = padded ? b.constant("pad", BigInt(`0b${padBits}`), pixelBits, "what padding reads") : undefined;
  return rows.flatMap((newest, i) => {
    const taps: Signal[] = [newest];
    for (let j = width - 2; j >= 0; j--) {
      taps.unshift(b.register(`w${i}_${j}`, taps[0]!, { enable: control.step, role: "window" }));
    }
    return taps.map((tap, j) => {
      const masks = [rowOutside[i], columnOutside[j]].filter((mask) => mask !== undefined);
      if (masks.length === 0 || pad === undefined) return tap;
      return b.mux(`x${i}_${j}`, b.logic("or", `outside${i}_${j}`, masks), pad, tap);
    });
  });
}

/**
 * Add the layer's output: two entries, so that no ready signal crosses the layer combinationally.
 *
 * @param value the datapath's result, combinational
 * @returns `advance`'s driver: the datapath moves when the second entry is free
 */
export function addOutputBuffer(
  b: ModuleBuilder,
  skidValid: NetId,
  {
    value,
    valid,
    ready,
    advance,
    resetN,
  }: {
    readonly value: Signal;
    readonly valid: Signal;
    readonly ready: Signal;
    readonly advance: Signal;
    readonly resetN: Signal;
  },
): { readonly data: Signal; readonly valid: Signal } {
  const width = value.reduce((n, s) => n + (s.kind === "net" ? s.width : s.bits.length), 0);
  const outValid = b.net("out_valid", 1);
  const load = b.logic(
    "or",
    "out_load",
    [b.not("out_empty", b.signal(outValid)), ready],
    "the output register is free",
  );
  const any = b.logic("or", "out_any", [b.signal(skidValid), valid]);
  b.registerInto(outValid, "out_valid", any, { enable: load, resetN, role: "control" });
  const hold = b.not("out_hold", load);
  b.registerInto(skidValid, "skid_valid", b.logic("and", "skid_next", [hold, any]), {
    resetN,
    role: "control",
  });
  const skidLoad = b.logic("and", "skid_load", [advance, valid, hold]);
  const skid = b.register("skid_data", value, {
    enable: skidLoad,
    role: "buffer",
    doc: "second output entry",
  });
  const next = b.mux("out_next", b.signal(skidValid), skid, value);
  const take = b.logic("and", "out_take", [load, any]);
  const outData = b.net("out_data", width);
  b.registerInto(outData, "out_data", next, { enable: take, role: "buffer" });
  return { data: b.signal(outData), valid: b.signal(outValid) };
}
