import { literal, type ModuleBuilder } from "../builder.js";
import { counterWidth, type Signal } from "../netlist.js";

/** Words of a ROM, or the only one as literal bits, walked in a circle. */
export type RomWalk = {
  /** The word that is at work. */
  readonly data: Signal;
  /** Its number; no bits if there is only one. */
  readonly index: Signal;
  /** It is the last one. */
  readonly last: Signal;
};

/**
 * Walk through a ROM in a circle, one word on each `move`. Its counter is reset to the last word, and the first cycle after the reset
 * (`primed` is 0 then) moves it to word 0, whose data is there from then on.
 *
 * @param contents words, most significant bit first
 */
export function walkRom(
  b: ModuleBuilder,
  name: string,
  contents: readonly string[],
  {
    move,
    primed,
    resetN,
    doc,
  }: { readonly move: Signal; readonly primed: Signal; readonly resetN: Signal; readonly doc: string },
): RomWalk {
  const depth = contents.length;
  const width = contents[0]!.length;
  if (depth === 1) {
    const y = b.net(`${name}_word`, width, doc);
    b.add({ kind: "constant", name: `${name}_word`, bits: contents[0]!, y });
    return { data: b.signal(y), index: [], last: literal(1, 1) };
  }
  const { index, last, next, enable } = addWalkCounter(b, name, depth, { move, primed, resetN });
  const readData = b.net(`${name}_word`, width, doc);
  b.add({
    kind: "rom",
    name,
    doc: `${doc}: ${depth} words of ${width} bits.`,
    depth,
    contents,
    readEnable: enable,
    readAddress: next,
    readData,
  });
  return { data: b.signal(readData), index, last };
}

/** Add the counter of a walk through `depth` words, 2 or more: what it reads next when it is enabled. */
export function addWalkCounter(
  b: ModuleBuilder,
  name: string,
  depth: number,
  { move, primed, resetN }: { readonly move: Signal; readonly primed: Signal; readonly resetN: Signal },
): { readonly index: Signal; readonly last: Signal; readonly next: Signal; readonly enable: Signal } {
  const bits = counterWidth(depth - 1);
  const net = b.net(`${name}_index`, bits, `counts 0 to ${depth - 1}: the word of ${name} at work`);
  const index = b.signal(net);
  const last = b.compare("equal", `${name}_last`, index, b.constant(`${name}_top`, depth - 1, bits));
  const plus = b.arithmetic("add", `${name}_plus_1`, index, literal(1, bits));
  // The last value of a full counter wraps by itself.
  const next = depth === 2 ** bits ? plus : b.mux(`${name}_next`, last, literal(0, bits), plus);
  const enable = b.logic("or", `${name}_move`, [move, b.not(`${name}_start`, primed)]);
  b.registerInto(net, `${name}_index`, next, { enable, resetN, resetValue: depth - 1, role: "control" });
  return { index, last, next, enable };
}

const sameSignal = (a: Signal, b: Signal): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Choose option number `index` by a tree of multiplexers; beyond the last option anything may come. */
export function selectOption(
  b: ModuleBuilder,
  name: string,
  index: Signal,
  options: readonly Signal[],
): Signal {
  let level: readonly Signal[] = options;
  for (const [bit, slice] of index.flatMap((s) => (s.kind === "net" ? bitsOf(s) : [])).entries()) {
    if (level.length === 1) break;
    const next: Signal[] = [];
    for (let i = 0; i < level.length; i += 2) {
      const [even, odd] = [level[i]!, level[i + 1]];
      next.push(
        odd === undefined || sameSignal(even, odd)
          ? even
          : b.mux(`${name}_${bit}_${i >> 1}`, [slice], odd, even),
      );
    }
    level = next;
  }
  return level[0]!;
}

const bitsOf = (slice: Extract<Signal[number], { kind: "net" }>): Signal =>
  Array.from({ length: slice.width }, (_, i) => ({ ...slice, low: slice.low + i, width: 1 }));

/** Delay bits by some cycles of `enable`: what they are after 0, 1, … cycles. */
export function delayLine(
  b: ModuleBuilder,
  name: string,
  d: Signal,
  cycles: number,
  options: { readonly enable: Signal; readonly resetN: Signal },
): readonly Signal[] {
  const values = [d];
  for (let i = 1; i <= cycles; i++)
    values.push(b.register(`${name}_${i}`, values.at(-1)!, { ...options, role: "control" }));
  return values;
}
