import { concat, type Signal, signalWidth, sliceOf } from "../../hw/index.js";
import type { Kit } from "./kit.js";

/** For each bit of a word whether it and all bits below are 1: Sklansky's prefix tree, ⌈log2 width⌉ levels of and gates. */
function onesBelow(kit: Kit, name: string, word: Signal): Signal[] {
  const ones = Array.from({ length: signalWidth(word) }, (_, i) => sliceOf(word, i, 1));
  for (let level = 0; 2 ** level < ones.length; level++) {
    const span = 2 ** level;
    const joined = ones.flatMap((_, i) => (Math.floor(i / span) % 2 === 1 ? [i] : []));
    const lower = joined.map((i) => ones[Math.floor(i / span) * span - 1]!);
    const both = kit.and(`${name}_${level}`, concat(joined.map((i) => ones[i]!)), concat(lower));
    for (const [at, i] of joined.entries()) ones[i] = sliceOf(both, at, 1);
  }
  return ones;
}

function step(kit: Kit, name: string, word: Signal, carries: Signal): Signal {
  const width = signalWidth(word);
  const first = kit.not(`${name}_first`, sliceOf(word, 0, 1));
  if (width === 1) return first;
  const chain = onesBelow(kit, `${name}_carry`, sliceOf(carries, 0, width - 1));
  const rest = kit.b.logic("xor", `${name}_rest`, [sliceOf(word, 1, width - 1), concat(chain)]);
  return concat([first, rest]);
}

/** word + 1 modulo 2^width, in the time of one xor and log2(width) and gates. */
export const increment = (kit: Kit, name: string, word: Signal): Signal => step(kit, name, word, word);

/** word − 1 modulo 2^width, as fast as {@link increment}. */
export const decrement = (kit: Kit, name: string, word: Signal): Signal =>
  step(kit, name, word, kit.not(`${name}_inverted`, word));
