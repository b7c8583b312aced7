import { literal, type Signal } from "../../hw/index.js";
import { type Field, layerFields } from "../isa/index.js";
import { increment } from "./increment.js";
import { fieldOf, type Kit, type State } from "./kit.js";

const COUNT_BITS = 16;

/** Count the units of a kind, layers or transfers, that were issued and that are complete in this frame. */
export function countUnits(kit: Kit, name: string, done: Signal, begin: Signal) {
  const counter = (which: string): State => kit.data(`${name}_${which}`, COUNT_BITS, "control");
  const issued = counter("issued");
  const complete = counter("complete");
  const zero = literal(0, COUNT_BITS);
  const step = (state: State, event: Signal, which: string): void =>
    state.set(
      kit.mux(`${name}_${which}_next`, begin, zero, increment(kit, `${name}_${which}_more`, state.q)),
      kit.or(`${name}_${which}_moved`, begin, event),
    );
  step(complete, done, "complete");
  return {
    complete: complete.q,
    allDone: kit.delay(`${name}_all_done`, kit.equal(`${name}_equal`, issued.q, complete.q), 1, "control"),
    issue: (event: Signal) => step(issued, event, "issued"),
  };
}

/** Compare what is complete with what the descriptor in a slot waits for; `reached` of each counter is a register, right from two cycles after `load` on. */
export function waitForCounts(
  kit: Kit,
  name: string,
  descriptor: Signal,
  counts: { readonly layers: Signal; readonly transfers: Signal },
) {
  const reached = (count: Signal, field: Field, which: string): Signal => {
    const short = kit.less(`${name}_${which}_short`, count, fieldOf(descriptor, field));
    return kit.delay(`${name}_${which}_reached`, kit.not(`${name}_${which}_enough`, short), 1, "control");
  };
  return {
    layers: reached(counts.layers, layerFields.waitLayers, "layers"),
    transfers: reached(counts.transfers, layerFields.waitTransfers, "transfers"),
  };
}

/**
 * Offer what is in a slot to a unit: pending from `load` until taken; valid once `reached`, which is looked at from two cycles after `load` on.
 * `stop` withdraws it.
 */
export function offer(
  kit: Kit,
  name: string,
  pins: { readonly load: Signal; readonly ready: Signal; readonly stop: Signal; readonly reached: Signal },
) {
  const { load, ready, stop, reached } = pins;
  const pending = kit.state(`${name}_pending`, 1);
  const settled = kit.state(`${name}_settled`, 1, 0, "its counts have been compared");
  const valid = kit.state(`${name}_offered`, 1);
  const go = kit.not(`${name}_go`, stop);
  const take = kit.and(`${name}_taken`, valid.q, ready);
  const stays = kit.and(`${name}_stays`, pending.q, kit.not(`${name}_not_taken`, take), go);
  pending.set(kit.or(`${name}_pending_next`, kit.and(`${name}_loads`, load, go), stays));
  settled.set(stays);
  const opens = kit.or(`${name}_opens`, valid.q, kit.and(`${name}_may`, settled.q, reached));
  valid.set(kit.and(`${name}_offered_next`, stays, opens));
  return { pending: pending.q, settled: settled.q, valid: valid.q, take };
}
