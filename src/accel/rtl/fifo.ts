import { invariant } from "../../core/index.js";
import { type Signal, signalWidth, sliceOf } from "../../hw/index.js";
import { increment } from "./increment.js";
import type { Kit } from "./kit.js";

/** What goes into a {@link ramFifo} and out of it. */
export type FifoPorts = {
  /** Words that it holds; a power of two, at least 2. */
  readonly depth: number;
  /** A word comes in. Always taken: who sends it counts the room. */
  readonly push: Signal;
  readonly data: Signal;
  /** The word that is shown is taken; may depend on what is shown. */
  readonly taken: Signal;
};

/**
 * Add a queue in a memory, whose read port shows the oldest word: a word comes out two cycles after it went in, one every cycle.
 * Pointers one bit longer than an address tell full from empty; there is no count, so the paths are short at any depth.
 */
export function ramFifo(
  kit: Kit,
  name: string,
  { depth, push, data, taken }: FifoPorts,
): { readonly valid: Signal; readonly data: Signal } {
  const bits = Math.log2(depth);
  invariant(Number.isInteger(bits) && bits >= 1, `${name}: a depth of ${depth}`);
  const writeAt = kit.state(`${name}_write_at`, bits + 1);
  const readAt = kit.state(`${name}_read_at`, bits + 1);
  const shows = kit.state(`${name}_shows`, 1, 0, "the read port shows a word");
  const some = kit.not(`${name}_some`, kit.equal(`${name}_none`, writeAt.q, readAt.q));
  const stays = kit.and(`${name}_stays`, shows.q, kit.not(`${name}_untaken`, taken));
  const read = kit.and(`${name}_read`, some, kit.not(`${name}_open`, stays));
  writeAt.set(increment(kit, `${name}_write_next`, writeAt.q), push);
  readAt.set(increment(kit, `${name}_read_next`, readAt.q), read);
  shows.set(kit.or(`${name}_shows_next`, read, stays));
  const readData = kit.b.net(`${name}_word`, signalWidth(data), "the oldest word");
  kit.b.add({
    kind: "ram",
    name,
    depth,
    writeEnable: push,
    writeAddress: sliceOf(writeAt.q, 0, bits),
    writeData: data,
    readEnable: read,
    readAddress: sliceOf(readAt.q, 0, bits),
    readData,
  });
  return { valid: shows.q, data: kit.b.signal(readData) };
}
