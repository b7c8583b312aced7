import { type Interval, wordFormat } from "../arith/index.js";
import { concat, literal, type ModuleBuilder, repeat, sliceOf } from "./builder.js";
import { type Signal, signalWidth } from "./netlist.js";

/** Bounds of a clamp and the format of its result. */
export type ClampOptions = {
  /** What the word can be. */
  readonly range: Interval;
  readonly low: number;
  readonly high: number;
  /** Bits of the result. */
  readonly bits: number;
};

const isPowerOfTwo = (n: number): boolean => n > 0 && 2 ** Math.round(Math.log2(n)) === n;

/** Clamp a word to [low, high], keeping the result's bits. Bounds at powers of two are seen in the bits above them. */
export function clampWord(
  b: ModuleBuilder,
  name: string,
  word: Signal,
  { range: values, low, high, bits }: ClampOptions,
): Signal {
  if (values.high <= BigInt(low))
    return b.constant(`${name}_always`, low, bits, `channel ${name} is always ${low}`);
  if (values.low >= BigInt(high))
    return b.constant(`${name}_always`, high, bits, `channel ${name} is always ${high}`);
  const { signed } = wordFormat(values);
  const width = signalWidth(word);
  const fill = signed ? sliceOf(word, width - 1, 1) : literal(0, 1);
  let value = width >= bits ? sliceOf(word, 0, bits) : concat([word, repeat(fill, bits - width)]);
  const goesUnder = values.low < BigInt(low);
  if (values.high > BigInt(high)) {
    const over = isOver(b, name, word, { signed, high, negativeIsUnder: goesUnder && low === 0 });
    value = b.mux(`${name}_min`, over, b.constant(`${name}_max`, high, bits), value);
  }
  if (goesUnder)
    value = b.mux(`${name}_clamped`, isUnder(b, name, word, signed, low), literal(low, bits), value);
  return value;
}

const bitsBetween = (word: Signal, from: number, to: number): Signal[] =>
  Array.from({ length: to - from }, (_, i) => sliceOf(word, from + i, 1));

/** Whether a word exceeds `high`; where every negative word is replaced afterwards, anything will do for those. */
function isOver(
  b: ModuleBuilder,
  name: string,
  word: Signal,
  {
    signed,
    high,
    negativeIsUnder,
  }: { readonly signed: boolean; readonly high: number; readonly negativeIsUnder: boolean },
): Signal {
  const width = signalWidth(word);
  if (high < 0 || !isPowerOfTwo(high + 1))
    return b.compare("less", `${name}_over`, b.constant(`${name}_high`, high, width), word, signed);
  const above = bitsBetween(word, Math.log2(high + 1), signed ? width - 1 : width);
  const any = b.logic("or", `${name}_over`, above);
  if (!signed || negativeIsUnder) return any;
  return b.logic("and", `${name}_over_positive`, [
    any,
    b.not(`${name}_positive`, sliceOf(word, width - 1, 1)),
  ]);
}

/** Whether a word lies below `low`. */
function isUnder(b: ModuleBuilder, name: string, word: Signal, signed: boolean, low: number): Signal {
  const width = signalWidth(word);
  const sign = sliceOf(word, width - 1, 1);
  if (low === 0) return sign;
  if (low > 0 || !isPowerOfTwo(-low))
    return b.compare("less", `${name}_under`, word, b.constant(`${name}_low`, low, width), signed);
  const ones = b.logic("and", `${name}_near`, bitsBetween(word, Math.log2(-low), width - 1));
  return b.logic("and", `${name}_under`, [sign, b.not(`${name}_far`, ones)]);
}
