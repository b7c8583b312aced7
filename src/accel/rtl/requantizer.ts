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
const PRODUCT_BITS = 63;
/** Bits of a quotient that says which byte it is or that it is beyond all, whatever the zero point. */
const QUOTIENT_BITS = 9;
/** Bits of a multiplier as parameters hold it; the highest is 0. */
const MULTIPLIER_BITS = 32;
/** Bits that the first rounding drops. */
const FIRST_SHIFT = 31;
/** Cycles from a complete product to its byte: coarse shift, fine shift, zero point, clamp. */
const TAIL_CYCLES = 4;

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
  const begins = kit.and("begins", valid, first);
  const value = b.register("value", kit.add("biased", sum, bias), { enable: begins, role: "datapath" });
  const parts = Array.from({ length: chunks }, (_, i) =>
    sliceOf(multiplier, i * multiplierBits, multiplierBits),
  );
  const factor = b.register("factor", chunk === undefined ? parts[0]! : kit.select("part", chunk, parts), {
    enable: valid,
    role: "datapath",
  });

  // Product: a row a bit of the chunk. The first rounding's half joins the last chunk's tree.
  const ends = kit.and("ends", valid, last);
  const half = kit.and("half", kit.delayControl("ended", ends, 1), doubleRounding);
  const graph = new AdderGraphBuilder();
  const range = interval(-(2n ** 31n), 2n ** 31n - 1n);
  const rows = Array.from({ length: Math.min(multiplierBits, MULTIPLIER_BITS - 1) }, (_, i) =>
    kit.and(`row${i}`, value, repeat(sliceOf(factor, i, 1), ACCUMULATOR_BITS)),
  );
  const terms = rows.map(
    (_, i): Term => ({ source: graph.input(`row${i}`, range), shift: i, negative: false }),
  );
  const rounding: Term = {
    source: graph.input("half", interval(0n, 1n)),
    shift: FIRST_SHIFT - 1,
    negative: false,
  };
  const { register, and2, mux2 } = clock.cells;
  const plan = planDatapath(graph.build("product", [graph.sum("total", [...terms, rounding], 0n)]), clock, {
    // The bit of the chunk drives a row of gates: a multiplexer's delay more stands for its buffers.
    inputArrivalPs: register.clockToOutputPs + and2.delayPs + mux2.delayPs,
  });
  const [product] = lowerDatapath(b, plan, [...rows, half], { enable: (stage) => at(stage + 1) });
  const made = plan.schedule.latencyCycles + 1;
  const taken = b.register(
    "product_taken",
    signExtend(product!, Math.min(signalWidth(product!), PRODUCT_BITS)),
    {
      enable: at(made),
      role: "datapath",
    },
  );

  // Accumulation: the chunks so far, multiplied by 2^multiplierBits, meet only the product's upper bits.
  let whole = signExtend(taken, PRODUCT_BITS);
  if (chunks > 1) {
    const net = b.net("scaled", PRODUCT_BITS, "sum of products so far");
    const continues = kit.not("continues", kit.delay("first", first, made + 1, "control"));
    const upper = PRODUCT_BITS - multiplierBits;
    const carried = kit.and("carried", sliceOf(b.signal(net), 0, upper), repeat(continues, upper));
    const added = kit.add("scaled_next", sliceOf(whole, multiplierBits, upper), carried);
    b.registerInto(net, "scaled", concat([sliceOf(whole, 0, multiplierBits), added]), {
      enable: at(made + 1),
      role: "datapath",
    });
    whole = b.signal(net);
  }
  const shiftFrom = made + (chunks > 1 ? 2 : 1);
  const steps = [kit.delayControl("complete", ends, shiftFrom)];
  for (let i = 1; i <= TAIL_CYCLES; i++) steps.push(kit.delayControl(`complete${i}`, steps.at(-1)!, 1));

  // The word shrinks as it is shifted: what no later shift can bring down only says whether the quotient fits. The last bit dropped stays below the
  // word, and whether any bit under it was 1.
  type Shifted = {
    readonly word: Signal;
    readonly sign: Signal;
    readonly sticky: Signal;
    readonly fits: Signal;
  };
  const shiftBy = ({ word, sign, sticky, fits }: Shifted, level: number, by: Signal): Shifted => {
    const amount = 2 ** level;
    const width = QUOTIENT_BITS + amount;
    const from = signalWidth(word);
    const moved = sliceOf(concat([word, repeat(sign, Math.max(0, amount + width - from))]), amount, width);
    const ones = kit.not(`ones${level}`, kit.equal(`zeros${level}`, sliceOf(word, 0, amount), 0));
    const above = sliceOf(word, width, from - width);
    const same = kit.equal(`same${level}`, above, repeat(sign, from - width));
    return {
      word: kit.mux(`shifted${level}`, by, moved, sliceOf(word, 0, width)),
      sign,
      sticky: kit.or(`sticky${level}`, sticky, kit.and(`dropped${level}`, by, ones)),
      fits: kit.and(`fits${level}`, fits, kit.or(`kept${level}`, by, same)),
    };
  };
  const bitOf = (signal: Signal, i: number): Signal => sliceOf(signal, i, 1);
  const signOf = (signal: Signal): Signal => bitOf(signal, signalWidth(signal) - 1);
  const sign = signOf(whole);
  const halved = signExtend(sliceOf(whole, FIRST_SHIFT, PRODUCT_BITS - FIRST_SHIFT), PRODUCT_BITS);
  const x = kit.mux("x", doubleRounding, halved, whole);
  let shifted: Shifted = {
    word: concat([literal(0, 1), x]),
    sign,
    sticky: literal(0, 1),
    fits: literal(1, 1),
  };
  const shiftHere = kit.delay("shift", shift, shiftFrom, "control");
  for (const level of [5, 4]) shifted = shiftBy(shifted, level, bitOf(shiftHere, level));
  const width = signalWidth(shifted.word);
  const coarse = b.register("coarse", concat([shifted.word, sign, shifted.sticky, shifted.fits]), {
    enable: steps[0]!,
    role: "datapath",
  });
  const fineShift = kit.delay("fine_shift", sliceOf(shiftHere, 0, 4), 1, "control");
  shifted = {
    word: sliceOf(coarse, 0, width),
    sign: bitOf(coarse, width),
    sticky: bitOf(coarse, width + 1),
    fits: bitOf(coarse, width + 2),
  };
  for (const level of [3, 2, 1, 0]) shifted = shiftBy(shifted, level, bitOf(fineShift, level));

  // What does not fit is beyond every byte, on its side.
  const quotient = sliceOf(shifted.word, 1, QUOTIENT_BITS);
  const inRange = kit.and("in_range", shifted.fits, kit.equal("one_sign", signOf(quotient), shifted.sign));
  const extreme = concat([repeat(kit.not("not_negative", shifted.sign), QUOTIENT_BITS - 1), shifted.sign]);
  const tiesDown = kit.and("ties_down", tiesAway, shifted.sign);
  const up = kit.and(
    "up",
    bitOf(shifted.word, 0),
    inRange,
    kit.or("no_tie_down", kit.not("ties_up", tiesDown), shifted.sticky),
  );
  const fine = b.register("fine", concat([up, kit.mux("narrowed", inRange, quotient, extreme)]), {
    enable: steps[1]!,
    role: "datapath",
  });

  // Zero point and rounding in one sum: the carry comes in as a bit below both words.
  const wide = QUOTIENT_BITS + 1;
  const total = kit.add(
    "offset",
    concat([bitOf(fine, 0), signExtend(sliceOf(fine, 1, QUOTIENT_BITS), wide)]),
    concat([literal(1, 1), zeroPoint]),
  );
  const result = b.register("result", sliceOf(total, 1, wide), { enable: steps[2]!, role: "datapath" });
  const extended = signExtend(result, wide + 1);
  const tooLow = signOf(kit.subtract("under", extended, zeroExtend(low, wide + 1)));
  const tooHigh = signOf(kit.subtract("over", zeroExtend(high, wide + 1), extended));
  const clamped = kit.first(
    "clamped",
    [
      [tooLow, low],
      [tooHigh, high],
    ],
    sliceOf(result, 0, 8),
  );
  b.output("result_byte", b.register("byte_taken", clamped, { enable: steps[3]!, role: "datapath" }));
  b.output("done", steps[TAIL_CYCLES]!, "pulse: a value's byte is there");
  return { module: b.build(), latencyCycles: shiftFrom + TAIL_CYCLES };
}
