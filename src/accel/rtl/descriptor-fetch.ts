import { concat, literal, type Signal, sliceOf } from "../../hw/index.js";
import type { EngineConfig } from "../config.js";
import { DESCRIPTOR_BYTES } from "../isa/index.js";
import { increment } from "./increment.js";
import type { Kit } from "./kit.js";

const DESCRIPTOR_SHIFT = Math.log2(DESCRIPTOR_BYTES);

/** Descriptors as they come from memory. */
export type DescriptorFetch = {
  /** The descriptor, once `held`; it stays until the next one's first beat. */
  readonly word: Signal;
  readonly held: Signal;
  /** Nothing is held, asked for or on its way. */
  readonly vacant: Signal;
  readonly request: Signal;
  readonly address: Signal;
  /** Say when to begin at the program's base, when to go on, and when what is held is done with. */
  readonly set: (pins: {
    readonly begin: Signal;
    readonly base: Signal;
    readonly next: Signal;
    readonly consume: Signal;
  }) => void;
};

/**
 * Build the dispatcher's fetch register and its request, which stays until taken whatever happens, so that no client leaves the bus in the middle.
 *
 * @param usedBits low bits of a descriptor that mean something; only these are kept
 */
export function fetchDescriptors(
  kit: Kit,
  config: EngineConfig,
  usedBits: number,
  pins: { readonly ready: Signal; readonly valid: Signal; readonly data: Signal },
): DescriptorFetch {
  const { ready, valid, data } = pins;
  const beatBits = 8 * config.axiDataBytes;
  const asking = kit.state("asking", 1);
  const inFlight = kit.state("in_flight", 1, 0, "a descriptor is on its way");
  const held = kit.state("held", 1, 0, "a whole descriptor is there");
  const at = kit.data(
    "fetch_at",
    32 - DESCRIPTOR_SHIFT,
    "control",
    "next descriptor's address in descriptors",
  );
  const accept = kit.and("accept", asking.q, ready);
  const beatsInAll = DESCRIPTOR_BYTES / config.axiDataBytes;
  const beat = kit.state("beat", Math.log2(beatsInAll), 0, "beats of the descriptor so far");
  beat.set(increment(kit, "beat_more", beat.q), valid);
  const whole = kit.and("whole", valid, kit.equal("last_beat", beat.q, beatsInAll - 1));
  inFlight.set(
    kit.or("in_flight_next", accept, kit.and("still_in_flight", inFlight.q, kit.not("not_whole", whole))),
  );

  // What no field lies in is let pass.
  const beats = Array.from({ length: Math.ceil(usedBits / beatBits) }, (_, i) => {
    const width = Math.min(beatBits, usedBits - i * beatBits);
    const part = kit.data(`beat_${i}`, width, "control");
    part.set(sliceOf(data, 0, width), kit.and(`beat_${i}_now`, valid, kit.equal(`at_beat_${i}`, beat.q, i)));
    return part.q;
  });
  return {
    word: concat(beats),
    held: held.q,
    vacant: kit.not("vacant", kit.or("occupied", held.q, asking.q, inFlight.q)),
    request: asking.q,
    address: concat([literal(0, DESCRIPTOR_SHIFT), at.q]),
    set: ({ begin, base, next, consume }) => {
      const kept = kit.and("still_asking", asking.q, kit.not("not_ready", ready));
      asking.set(kit.or("asking_next", begin, next, kept));
      held.set(kit.or("held_next", whole, kit.and("still_held", held.q, kit.not("not_consumed", consume))));
      const first = sliceOf(base, DESCRIPTOR_SHIFT, 32 - DESCRIPTOR_SHIFT);
      const behind = increment(kit, "fetch_more", at.q);
      at.set(kit.mux("fetch_at_next", begin, first, behind), kit.or("fetch_moved", begin, accept));
    },
  };
}
