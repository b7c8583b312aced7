import { AdderGraphBuilder, type ClockTarget, interval, type Term } from "../../arith/index.js";
import {
  concat,
  literal,
  lowerDatapath,
  type Module,
  ModuleBuilder,
  planDatapath,
  repeat,
  type Signal,
  signalWidth,
  sliceOf,
} from "../../hw/index.js";
import { ACCUMULATOR_BITS, type EngineConfig } from "../config.js";
import { Kit, signExtend, zeroExtend } from "./kit.js";

/** Bits of a product: a sum of 32 bits times a multiplier below 2^31. */
const PRODUCT_BITS = 64;
/** Bits of a result that still says which bytes it is beyond. */
const NARROW_BITS = 11;
/** Bits of a multiplier as parameters hold it. */
const MULTIPLIER_BITS = 32;
/** Cycles behind the last product: accumulation, first rounding, shift in two halves, narrowing, zero point, clamp. */
const TAIL_CYCLES = 7;

/** A requantizer. */
export type Requantizer = {
  readonly module: Module;
  /** Cycles from the inputs of a value's last pass to its byte. */
  readonly latencyCycles: number;
};

/**
 * Build `fxa_requantizer`: docs/accel.md's formula, a value in as many cycles as its multiplier has chunks, the highest chunk first.
 *
 * All inputs are registers outside. `valid` marks a pass; `first` the value's first pass, `chunk` which `multiplierBits` of the multiplier it takes.
 */
export function buildRequantizer(config: EngineConfig, clock: ClockTarget): Requantizer {
  const { multiplierBits } = config;
  const chunks = MULTIPLIER_BITS / multiplierBits;
  const b = new ModuleBuilder("fxa_requantizer", [
    `Requantization, ${multiplierBits} bits of the multiplier a cycle.`,
  ]);
  b.clock("aclk");
  const kit = new Kit(b, clock, b.input("aresetn", 1, "synchronous reset, active low"));
  const valid = b.input("valid", 1, "a pass");
  const first = b.input("first", 1, "of a value");
  const last = b.input("last", 1, "of a value");
  const sum = b.input("sum", ACCUMULATOR_BITS);
  const bias = b.input("bias", ACCUMULATOR_BITS);
  const multiplier = b.input("multiplier", MULTIPLIER_BITS);
  const chunk = chunks === 1 ? undefined : b.input("chunk", Math.log2(chunks), "0 is the lowest");
  const shift = b.input("shift", 6);
  const doubleRounding = b.input("double_rounding", 1);
  const tiesAway = b.input("ties_away", 1);
  const zeroPoint = b.input("zero_point", 8);
  const low = b.input("low", 8);
  const high = b.input("high", 8);

  // Biased sum and chunk.
  const valids: Signal[] = [valid];
  const at = (stage: number): Signal => {
    while (valids.length <= stage) valids.push(kit.delayControl(`valid${valids.length}`, valids.at(-1)!, 1));
    return valids[stage]!;
  };
  const value = b.register("value", kit.add("biased", sum, bias), { enable: valid, role: "datapath" });
  const parts = Array.from({ length: chunks }, (_, i) =>
    sliceOf(multiplier, i * multiplierBits, multiplierBits),
  );
  const factor = b.register("factor", chunk === undefined ? parts[0]! : kit.select("part", chunk, parts), {
    enable: valid,
    role: "datapath",
  });

  // Product: a row a bit of the chunk.
  const graph = new AdderGraphBuilder();
  const range = interval(-(2n ** 31n), 2n ** 31n - 1n);
  const rows = Array.from({ length: multiplierBits }, (_, i) =>
    kit.and(`row${i}`, value, repeat(sliceOf(factor, i, 1), ACCUMULATOR_BITS)),
  );
  const terms = rows.map(
    (_, i): Term => ({ source: graph.input(`row${i}`, range), shift: i, negative: false }),
  );
  const { register, and2, mux2 } = clock.cells;
  const plan = planDatapath(graph.build("product", [graph.sum("total", terms, 0n)]), clock, {
    // The bit of the chunk drives a row of gates: a multiplexer's delay more stands for its buffers.
    inputArrivalPs: register.clockToOutputPs + and2.delayPs + mux2.delayPs,
  });
  const [product] = lowerDatapath(b, plan, rows, { enable: (stage) => at(stage + 1) });
  const made = plan.schedule.latencyCycles + 1;
  const taken = b.register("product_taken", signExtend(product!, PRODUCT_BITS), {
    enable: at(made),
    role: "datapath",
  });

  // Accumulation of chunks.
  const firstHere = kit.delay("first", first, made + 1, "control");
  const scaledNet = b.net("scaled", PRODUCT_BITS, "sum of products so far");
  const scaled = b.signal(scaledNet);
  const before = concat([literal(0, multiplierBits), sliceOf(scaled, 0, PRODUCT_BITS - multiplierBits)]);
  const kept =
    chunks === 1
      ? undefined
      : kit.and("carried", before, repeat(kit.not("goes_on", firstHere), PRODUCT_BITS));
  b.registerInto(scaledNet, "scaled", kept === undefined ? taken : kit.add("scaled_next", taken, kept), {
    enable: at(made + 1),
    role: "datapath",
  });
  const complete = kit.delayControl("complete", kit.and("last_pass", valid, last), made + 2);
  const steps = [complete];
  for (let i = 1; i < TAIL_CYCLES; i++) steps.push(kit.delayControl(`complete${i}`, steps.at(-1)!, 1));
  const shiftHere = kit.delay("shift", shift, made + 3, "control");

  // First rounding: ⌊(p + 2^30) / 2^31⌋ drops 31 bits.
  const rounded = kit.add("rounded", sliceOf(scaled, 30, PRODUCT_BITS - 30), literal(1, 1));
  const halved = signExtend(sliceOf(rounded, 1, PRODUCT_BITS - 31), PRODUCT_BITS);
  const x = b.register("x", kit.mux("x_next", doubleRounding, halved, scaled), {
    enable: steps[0]!,
    role: "datapath",
  });

  // Shift with the last bit dropped (guard) below the word, and whether any bit below it was 1.
  const negative = sliceOf(x, PRODUCT_BITS - 1, 1);
  type Shifted = { readonly word: Signal; readonly sticky: Signal };
  const shiftBy = ({ word, sticky }: Shifted, level: number, by: Signal): Shifted => {
    const amount = 2 ** level;
    const width = signalWidth(word);
    const moved = signExtend(sliceOf(word, amount, width - amount), width);
    const ones = kit.not(`none_dropped${level}`, kit.equal(`zeros${level}`, sliceOf(word, 0, amount), 0));
    return {
      word: kit.mux(`shifted${level}`, by, moved, word),
      sticky: kit.or(`sticky${level}`, sticky, kit.and(`dropped${level}`, by, ones)),
    };
  };
  const hold = (name: string, { word, sticky }: Shifted, step: Signal): Shifted => {
    const held = b.register(name, concat([word, sticky]), { enable: step, role: "datapath" });
    return { word: sliceOf(held, 0, signalWidth(word)), sticky: sliceOf(held, signalWidth(word), 1) };
  };
  const bitOf = (signal: Signal, i: number): Signal => sliceOf(signal, i, 1);
  let shifted: Shifted = { word: concat([literal(0, 1), x]), sticky: literal(0, 1) };
  for (const level of [5, 4, 3]) shifted = shiftBy(shifted, level, bitOf(shiftHere, level));
  shifted = hold("coarse", shifted, steps[1]!);
  const fineShift = kit.delay("fine_shift", sliceOf(shiftHere, 0, 3), 1, "control");
  for (const level of [2, 1, 0]) shifted = shiftBy(shifted, level, bitOf(fineShift, level));
  shifted = hold("fine", shifted, steps[2]!);
  const wasNegative = kit.delay("negative", negative, 2, "control");

  // Narrow: what is beyond 11 bits is beyond every byte.
  const quotient = sliceOf(shifted.word, 1, PRODUCT_BITS);
  const sign = sliceOf(quotient, PRODUCT_BITS - 1, 1);
  const above = sliceOf(quotient, NARROW_BITS - 1, PRODUCT_BITS - NARROW_BITS);
  const different = b.logic("xor", "different", [above, repeat(sign, signalWidth(above))]);
  const inside = kit.equal("fits_narrow", different, 0);
  const extreme = concat([repeat(kit.not("positive", sign), NARROW_BITS - 1), sign]);
  const up = kit.and(
    "up",
    sliceOf(shifted.word, 0, 1),
    inside,
    kit.or("no_tie_down", kit.not("ties_up", kit.and("ties_down", tiesAway, wasNegative)), shifted.sticky),
  );
  const narrow = b.register(
    "narrow",
    concat([kit.mux("narrowed", inside, sliceOf(quotient, 0, NARROW_BITS), extreme), up]),
    { enable: steps[3]!, role: "datapath" },
  );

  // Zero point and rounding in one sum: the carry comes in as a bit below both words.
  const wide = NARROW_BITS + 2;
  const total = kit.add(
    "offset",
    concat([sliceOf(narrow, NARROW_BITS, 1), signExtend(sliceOf(narrow, 0, NARROW_BITS), wide - 1)]),
    concat([literal(1, 1), zeroPoint]),
  );
  const result = b.register("result", sliceOf(total, 1, wide - 1), { enable: steps[4]!, role: "datapath" });
  const signOf = (signal: Signal): Signal => sliceOf(signal, signalWidth(signal) - 1, 1);
  const extended = signExtend(result, wide);
  const tooLow = signOf(kit.subtract("under", extended, zeroExtend(low, wide)));
  const tooHigh = signOf(kit.subtract("over", zeroExtend(high, wide), extended));
  b.output(
    "result_byte",
    b.register(
      "byte_taken",
      kit.first(
        "clamped",
        [
          [tooLow, low],
          [tooHigh, high],
        ],
        sliceOf(result, 0, 8),
      ),
      { enable: steps[5]!, role: "datapath" },
    ),
  );
  b.output("done", steps[6]!, "pulse: a value's byte is there");
  return { module: b.build(), latencyCycles: made + 2 + TAIL_CYCLES - 1 };
}
