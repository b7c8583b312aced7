import type { SimModuleBuilder, Word } from "./build.js";
import { type Bit, ONE, ZERO } from "./ir.js";

/** A cell of Yosys' JSON with its connections as bits and its parameters as written (binary strings). */
export type YosysCell = {
  readonly name: string;
  readonly type: string;
  readonly parameters: Readonly<Record<string, string | undefined>>;
  readonly pins: Readonly<Record<string, Word | undefined>>;
};

/** Read a parameter as an unsigned number. */
export const parameter = (cell: YosysCell, name: string): number =>
  Number.parseInt((cell.parameters[name] ?? "0").replaceAll(/[xz]/g, "0"), 2);
/** A pin's bits; none when it is absent. */
export const pin = (cell: YosysCell, name: string): Word => cell.pins[name] ?? [];

type Handler = (b: SimModuleBuilder, cell: YosysCell) => Word;

/** Extend or cut a word, with its sign when asked. */
function resize(word: Word, width: number, signed: boolean): Bit[] {
  const fill = signed ? (word.at(-1) ?? ZERO) : ZERO;
  return Array.from({ length: width }, (_, i) => word[i] ?? fill);
}

const bothSigned = (cell: YosysCell): boolean =>
  parameter(cell, "A_SIGNED") === 1 && (cell.pins["B"] === undefined || parameter(cell, "B_SIGNED") === 1);

/** Operand A or B as wide as the result. */
const operand = (cell: YosysCell, name: "A" | "B"): Bit[] =>
  resize(pin(cell, name), pin(cell, "Y").length, bothSigned(cell));

/** Operands of a comparison, equally wide. */
function compared(cell: YosysCell): readonly [Bit[], Bit[]] {
  const width = Math.max(pin(cell, "A").length, pin(cell, "B").length);
  return [resize(pin(cell, "A"), width, bothSigned(cell)), resize(pin(cell, "B"), width, bothSigned(cell))];
}

const flag = (cell: YosysCell, bit: Bit): Bit[] => resize([bit], pin(cell, "Y").length, false);
const bitwise =
  (kind: "and" | "or" | "xor"): Handler =>
  (b, cell) =>
    b.map2(kind, operand(cell, "A"), operand(cell, "B"));
const reduction =
  (kind: "and" | "or" | "xor"): Handler =>
  (b, cell) =>
    flag(cell, b.reduce(kind, pin(cell, "A")));
const truth = (b: SimModuleBuilder, cell: YosysCell, name: "A" | "B"): Bit => b.reduce("or", pin(cell, name));

/** Shift by a word, stage by stage; a constant amount folds away. */
function shift(
  b: SimModuleBuilder,
  value: Word,
  amount: Word,
  fill: Bit,
  direction: "left" | "right",
): Bit[] {
  let word = [...value];
  for (const [stage, select] of amount.entries()) {
    const distance = stage < 31 ? 2 ** stage : Number.POSITIVE_INFINITY;
    const moved = word.map((_, i) => word[direction === "left" ? i - distance : i + distance] ?? fill);
    word = b.muxWord(select, moved, word);
  }
  return word;
}

const shifter =
  (direction: "left" | "right", arithmetic: boolean): Handler =>
  (b, cell) => {
    const width = Math.max(pin(cell, "A").length, pin(cell, "Y").length);
    const signed = parameter(cell, "A_SIGNED") === 1;
    const a = resize(pin(cell, "A"), width, signed);
    const fill = arithmetic && signed && direction === "right" ? a.at(-1)! : ZERO;
    return shift(b, a, pin(cell, "B"), fill, direction).slice(0, pin(cell, "Y").length);
  };

function less(b: SimModuleBuilder, cell: YosysCell, swap: boolean, negate: boolean): Bit[] {
  const [a, c] = compared(cell);
  const bit = swap ? b.less(c, a, bothSigned(cell)) : b.less(a, c, bothSigned(cell));
  return flag(cell, negate ? b.not(bit) : bit);
}

function multiply(b: SimModuleBuilder, cell: YosysCell): Bit[] {
  const x = operand(cell, "A");
  let sum: Bit[] = x.map(() => ZERO);
  for (const [i, bit] of operand(cell, "B").entries()) {
    const row = x.map((_, j) => (j < i ? ZERO : b.and(x[j - i]!, bit)));
    [sum] = b.add(sum, row, ZERO);
  }
  return sum;
}

function parallelMux(b: SimModuleBuilder, cell: YosysCell): Bit[] {
  const width = pin(cell, "Y").length;
  let y: Word = pin(cell, "A");
  for (const [i, select] of pin(cell, "S").entries()) {
    y = b.muxWord(select, pin(cell, "B").slice(i * width, (i + 1) * width), y);
  }
  return [...y];
}

/** How each combinational cell type computes its output Y (Yosys manual, "internal cell library"). */
export const combinationalCells: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  ["$not", (b, cell) => operand(cell, "A").map((bit) => b.not(bit))],
  ["$pos", (_b, cell) => operand(cell, "A")],
  [
    "$neg",
    (b, cell) =>
      b.subtract(
        operand(cell, "A").map(() => ZERO),
        operand(cell, "A"),
      )[0],
  ],
  ["$and", bitwise("and")],
  ["$or", bitwise("or")],
  ["$xor", bitwise("xor")],
  ["$xnor", (b, cell) => b.map2("xor", operand(cell, "A"), operand(cell, "B")).map((bit) => b.not(bit))],
  ["$reduce_and", reduction("and")],
  ["$reduce_or", reduction("or")],
  ["$reduce_bool", reduction("or")],
  ["$reduce_xor", reduction("xor")],
  ["$reduce_xnor", (b, cell) => flag(cell, b.not(b.reduce("xor", pin(cell, "A"))))],
  ["$logic_not", (b, cell) => flag(cell, b.not(truth(b, cell, "A")))],
  ["$logic_and", (b, cell) => flag(cell, b.and(truth(b, cell, "A"), truth(b, cell, "B")))],
  ["$logic_or", (b, cell) => flag(cell, b.or(truth(b, cell, "A"), truth(b, cell, "B")))],
  ["$mux", (b, cell) => b.muxWord(pin(cell, "S")[0]!, pin(cell, "B"), pin(cell, "A"))],
  ["$pmux", parallelMux],
  ["$add", (b, cell) => b.add(operand(cell, "A"), operand(cell, "B"), ZERO)[0]],
  ["$sub", (b, cell) => b.subtract(operand(cell, "A"), operand(cell, "B"))[0]],
  ["$mul", multiply],
  ["$eq", (b, cell) => flag(cell, b.equal(...compared(cell)))],
  ["$eqx", (b, cell) => flag(cell, b.equal(...compared(cell)))],
  ["$ne", (b, cell) => flag(cell, b.not(b.equal(...compared(cell))))],
  ["$nex", (b, cell) => flag(cell, b.not(b.equal(...compared(cell))))],
  ["$lt", (b, cell) => less(b, cell, false, false)],
  ["$ge", (b, cell) => less(b, cell, false, true)],
  ["$gt", (b, cell) => less(b, cell, true, false)],
  ["$le", (b, cell) => less(b, cell, true, true)],
  ["$shl", shifter("left", false)],
  ["$sshl", shifter("left", false)],
  ["$shr", shifter("right", false)],
  ["$sshr", shifter("right", true)],
]);

/** Flip-flop cell types without asynchronous inputs. */
export const registerCells: ReadonlySet<string> = new Set(["$dff", "$dffe", "$sdff", "$sdffe", "$sdffce"]);

const active = (b: SimModuleBuilder, cell: YosysCell, name: string, polarity: string): Bit => {
  const bit = pin(cell, name)[0]!;
  return parameter(cell, polarity) === 1 ? bit : b.not(bit);
};

/** Add a flip-flop; returns its clock, or a complaint. */
export function addRegister(b: SimModuleBuilder, cell: YosysCell): Bit | string {
  if (parameter(cell, "CLK_POLARITY") !== 1) return "falling-edge clock";
  const hasEnable = cell.pins["EN"] !== undefined;
  const hasReset = cell.pins["SRST"] !== undefined;
  const enable = hasEnable ? active(b, cell, "EN", "EN_POLARITY") : ONE;
  let reset = hasReset ? active(b, cell, "SRST", "SRST_POLARITY") : ZERO;
  if (cell.type === "$sdffce") reset = b.and(reset, enable);
  const width = pin(cell, "Q").length;
  const value = (cell.parameters["SRST_VALUE"] ?? "").replaceAll(/[xz]/g, "0");
  const resetValue = [...value].reverse().join("").padEnd(width, "0");
  b.register({
    name: cell.name,
    d: pin(cell, "D"),
    q: pin(cell, "Q"),
    enable,
    resetN: b.not(reset),
    resetValue,
  });
  return pin(cell, "CLK")[0]!;
}

/** Add a `$mem_v2`; returns its clocks, or a complaint. Ports must be clocked, without reset, bypass or narrow writes. */
export function addMemory(b: SimModuleBuilder, cell: YosysCell): readonly Bit[] | string {
  const width = parameter(cell, "WIDTH");
  const addressWidth = parameter(cell, "ABITS");
  const bitsOf = (name: string): string => [...(cell.parameters[name] ?? "")].reverse().join("");
  const all = (name: string, count: number): boolean =>
    bitsOf(name).padEnd(count, "0").slice(0, count) === "1".repeat(count);
  const none = (name: string): boolean => !bitsOf(name).includes("1");
  const readPorts = parameter(cell, "RD_PORTS");
  const writePorts = parameter(cell, "WR_PORTS");
  if (parameter(cell, "OFFSET") !== 0) return "memory with an address offset";
  const init = bitsOf("INIT");
  const initialized = init.includes("1") || init.includes("0");
  if (initialized && writePorts > 0) return "initialized memory that is written";
  if (!all("RD_CLK_ENABLE", readPorts) || !all("WR_CLK_ENABLE", writePorts))
    return "asynchronous memory port";
  if (!all("RD_CLK_POLARITY", readPorts) || !all("WR_CLK_POLARITY", writePorts)) return "falling-edge memory";
  if (!none("RD_TRANSPARENCY_MASK")) return "memory read port that sees the same cycle's write";
  if (!none("RD_WIDE_CONTINUATION") || !none("WR_WIDE_CONTINUATION")) return "wide memory port";
  const zeros = (name: string): boolean => pin(cell, name).every((bit) => b.resolve(bit) === ZERO);
  if (!zeros("RD_SRST") || !zeros("RD_ARST")) return "memory read port with a reset";
  const part = (name: string, i: number, size: number): Word =>
    pin(cell, name).slice(i * size, (i + 1) * size);
  const reads = Array.from({ length: readPorts }, (_, i) => ({
    enable: part("RD_EN", i, 1)[0]!,
    address: part("RD_ADDR", i, addressWidth),
    q: part("RD_DATA", i, width),
  }));
  const writes = [];
  for (let i = 0; i < writePorts; i++) {
    const enables = new Set(part("WR_EN", i, width).map((bit) => b.resolve(bit)));
    const [enable] = enables;
    if (enable === undefined || enables.size > 1) return "memory write port with an enable per bit";
    writes.push({ enable, address: part("WR_ADDR", i, addressWidth), data: part("WR_DATA", i, width) });
  }
  const depth = parameter(cell, "SIZE");
  const contents = initialized
    ? Array.from({ length: depth }, (_, i) =>
        init
          .slice(i * width, (i + 1) * width)
          .padEnd(width, "0")
          .replaceAll("x", "0"),
      )
    : null;
  b.ram({ name: cell.name, depth, width, reads, writes, contents });
  return [
    ...pin(cell, "RD_CLK").filter((_, i) => i < readPorts),
    ...pin(cell, "WR_CLK").filter((_, i) => i < writePorts),
  ];
}
