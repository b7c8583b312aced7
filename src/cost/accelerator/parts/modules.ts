import { type ClockTarget, chooseAdder } from "../../../arith/index.js";
import { concat, literal, type Module, ModuleBuilder, type Signal, sliceOf } from "../../../hw/index.js";
import { type PartName, stripePixels } from "../types.js";
import { extend, productRows, signOf, sumRows } from "./sum-module.js";

/** A part as a circuit. */
export type PartModule = {
  readonly module: Module /** Clock cycles from operands to the result. */;
  readonly latencyCycles: number;
};

/** Bits of a lane's sum of products before the accumulator, of the accumulator, and of the programmable multiplier. */
const LANE_BITS = 24;
const ACCUMULATOR_BITS = 32;
const MULTIPLIER_BITS = 16;
const BYTE = 8;

function begin(name: string, doc: string): { b: ModuleBuilder; enable: Signal } {
  const b = new ModuleBuilder(name, [doc]);
  b.clock("aclk");
  return { b, enable: b.input("advance", 1, "all registers move on") };
}

function dot8(clock: ClockTarget): PartModule {
  const { b, enable } = begin("fx_dot8", "sum of eight products of signed bytes");
  const x = b.input("x", 8 * BYTE, "activations");
  const w = b.input("w", 8 * BYTE, "weights");
  const rows = Array.from({ length: 8 }, (_, i) =>
    productRows(b, `p${i}`, sliceOf(x, i * BYTE, BYTE), sliceOf(w, i * BYTE, BYTE), true),
  ).flat();
  const { register, and2 } = clock.cells;
  const { sum, latencyCycles } = sumRows(b, "dot", rows, {
    enable,
    clock,
    arrivalPs: register.clockToOutputPs + and2.delayPs,
    after: 0,
  });
  b.output("y", b.register("sum", sum, { enable, role: "datapath" }));
  return { module: b.build(), latencyCycles: latencyCycles + 1 };
}

/** Add two words in one cycle by the smallest adder that fits. */
function addInOneCycle(
  b: ModuleBuilder,
  name: string,
  [x, y]: readonly [Signal, Signal],
  bits: number,
  clock: ClockTarget,
  before: number,
): Signal {
  const { register } = clock.cells;
  const available = clock.periodPs - register.setupPs - register.clockToOutputPs - before;
  return b.arithmetic("add", name, x, y, chooseAdder(bits, available, clock.cells));
}

function treeAdder(clock: ClockTarget): PartModule {
  const { b, enable } = begin("fx_tree_adder", "sum of two sums of a lane");
  const x = b.input("x", LANE_BITS);
  const y = b.input("w", LANE_BITS);
  const sum = addInOneCycle(b, "next", [x, y], LANE_BITS, clock, 0);
  b.output("y", b.register("sum", sum, { enable, role: "datapath" }));
  return { module: b.build(), latencyCycles: 1 };
}

function accumulator(clock: ClockTarget): PartModule {
  const { b, enable } = begin(
    "fx_accumulator",
    `bank of ${stripePixels} sums of a lane; a sum begins anew with first`,
  );
  const addend = b.input("x", LANE_BITS, "sum of products");
  const first = b.input("first", 1, "begin with zero");
  const select = Math.log2(stripePixels);
  const index = b.input("index", select, "which sum");
  const nets = Array.from({ length: stripePixels }, (_, i) => b.net(`sum${i}`, ACCUMULATOR_BITS));
  let words = nets.map((net) => b.signal(net));
  for (let k = 0; k < select; k++) {
    const bit = sliceOf(index, k, 1);
    words = Array.from({ length: words.length / 2 }, (_, i) =>
      b.mux(`read${k}_${i}`, bit, words[2 * i + 1]!, words[2 * i]!),
    );
  }
  const begins = b.not("continues", first);
  const base = b.logic("and", "base", [
    words[0]!,
    concat(Array.from({ length: ACCUMULATOR_BITS }, () => begins)),
  ]);
  const wide = extend(addend, ACCUMULATOR_BITS, signOf(addend));
  const { mux2, and2 } = clock.cells;
  const before = select * mux2.delayPs + and2.delayPs;
  const next = addInOneCycle(b, "next", [base, wide], ACCUMULATOR_BITS, clock, before);
  for (const [i, net] of nets.entries()) {
    const chosen = b.compare("equal", `is${i}`, index, literal(i, select));
    const write = b.logic("and", `write${i}`, [chosen, enable]);
    b.registerInto(net, `sum${i}`, next, { enable: write, role: "datapath" });
  }
  b.output("y", next);
  return { module: b.build(), latencyCycles: 1 };
}

function operandRegister(): PartModule {
  const { b, enable } = begin("fx_operand_register", "one operand");
  const x = b.input("x", BYTE);
  b.output("y", b.register("operand", x, { enable, role: "datapath" }));
  return { module: b.build(), latencyCycles: 1 };
}

function operandMux(): PartModule {
  const b = new ModuleBuilder("fx_operand_mux", ["one of two operands"]);
  const x = b.input("x", BYTE);
  const w = b.input("w", BYTE);
  const first = b.input("first", 1, "take w");
  b.output("y", b.mux("operand", first, w, x));
  return { module: b.build(), latencyCycles: 0 };
}

/** clamp(((x + bias) · m) >> right, rounded, + zero point): 16-bit multiplier, right shift of 0 to 31. */
function requantizer(clock: ClockTarget): PartModule {
  const { b, enable } = begin(
    "fx_requantizer",
    "bias, 16-bit multiplier, rounding right shift, zero point, clamp to a byte",
  );
  const x = b.input("x", ACCUMULATOR_BITS, "sum");
  const bias = b.input("bias", ACCUMULATOR_BITS);
  const m = b.input("w", MULTIPLIER_BITS, "multiplier, unsigned");
  const right = b.input("right", 5, "right shift");
  const zero = b.input("zero", BYTE, "zero point of the output, unsigned");
  const { register, and2, mux2, inverter } = clock.cells;
  const biased = addInOneCycle(b, "biased_next", [x, bias], ACCUMULATOR_BITS, clock, 0);
  const sum = b.register("biased", biased, { enable, role: "datapath" });
  const product = sumRows(b, "product", productRows(b, "product", sum, m, false), {
    enable,
    clock,
    arrivalPs: register.clockToOutputPs + and2.delayPs,
    after: 0,
  });
  const wide = b.register("scaled", product.sum, { enable, role: "datapath" });
  // The multiplier has its leading bit at 15, so at least 15 bits go; one more is kept for rounding.
  let value = sliceOf(wide, MULTIPLIER_BITS - 2, ACCUMULATOR_BITS + 2);
  const half = Math.floor((clock.periodPs - register.setupPs - register.clockToOutputPs) / mux2.delayPs);
  let latencyCycles = 2 + product.latencyCycles;
  for (let k = 4, run = 0; k >= 0; k--, run++) {
    if (run > 0 && run % Math.max(1, half) === 0) {
      value = b.register(`shifted${k}`, value, { enable, role: "datapath" });
      latencyCycles++;
    }
    const by = 2 ** k;
    const width = ACCUMULATOR_BITS + 2;
    value = b.mux(
      `right${k}`,
      sliceOf(right, k, 1),
      extend(sliceOf(value, by, width - by), width, signOf(value)),
      value,
    );
  }
  const shifted = b.register("shifted", value, { enable, role: "datapath" });
  const bits = 18;
  // Round half up: what is left of the lowest bit goes in with the zero point.
  const rounded = addInOneCycle(
    b,
    "rounded",
    [sliceOf(shifted, 1, bits), concat([sliceOf(shifted, 0, 1), literal(0, bits - 1)])],
    bits,
    clock,
    0,
  );
  const offset = b.register("rounded", rounded, { enable, role: "datapath" });
  const moved = addInOneCycle(
    b,
    "moved",
    [offset, concat([zero, literal(0, bits - BYTE)])],
    bits,
    clock,
    2 * mux2.delayPs + 8 * inverter.delayPs,
  );
  const negative = signOf(moved);
  const anyHigh = Array.from({ length: bits - 1 - BYTE }, (_, i) => sliceOf(moved, BYTE + i, 1));
  const over = b.logic("or", "over", anyHigh);
  const high = b.mux("high", over, literal(255, BYTE), sliceOf(moved, 0, BYTE));
  const clamped = b.mux("clamped", negative, literal(0, BYTE), high);
  b.output("y", b.register("result", clamped, { enable, role: "datapath" }));
  return { module: b.build(), latencyCycles: latencyCycles + 3 };
}

const builders: { readonly [Part in PartName]: (clock: ClockTarget) => PartModule } = {
  dot8,
  treeAdder,
  accumulator,
  operandRegister,
  requantizer,
  operandMux,
};

/** Build a part for a clock. Ports: `aclk`, `advance`, operands, `y`. */
export const buildPart = (part: PartName, clock: ClockTarget): PartModule => builders[part](clock);
