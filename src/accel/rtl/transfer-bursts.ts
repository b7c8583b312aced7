import { concat, counterWidth, literal, type Signal, sliceOf } from "../../hw/index.js";
import { type EngineConfig, engineShape } from "../config.js";
import { type Field, transferFields } from "../isa/index.js";
import { decrement, increment } from "./increment.js";
import { type Kit, zeroExtend } from "./kit.js";

/** What the parts of the transfer unit share. */
export type TransferContext = {
  readonly kit: Kit;
  readonly config: EngineConfig;
  /** A field of the command, held while it runs. */
  readonly of: (field: Field) => Signal;
  /** Address of its first byte, a multiple of the burst. */
  readonly first: Signal;
  /** The command is at work, from the cycle after its part began on. */
  readonly runs: Signal;
};

/** Bursts of a run: addresses and lengths, one after the other. */
export type Bursts = {
  readonly address: Signal;
  readonly beatsMinus1: Signal;
  /** Beats of the burst, counterWidth(burstBeats) bits. */
  readonly beats: Signal;
  readonly some: Signal;
};

/** Walk through the bursts of the command: `begin` starts, `taken` goes on to the next one. */
export function burstsOf(
  { kit, config, of, first }: TransferContext,
  name: string,
  { begin, taken }: { readonly begin: Signal; readonly taken: Signal },
): Bursts {
  const { burstBeats } = config;
  const { burstBytes } = engineShape(config);
  const f = transferFields;
  const shift = Math.log2(burstBytes);
  const address = kit.data(`${name}_burst`, 32 - shift, "control", "address in bursts");
  address.set(
    kit.mux(
      `${name}_burst_next`,
      begin,
      sliceOf(first, shift, 32 - shift),
      increment(kit, `${name}_burst_more`, address.q),
    ),
    kit.or(`${name}_burst_moves`, begin, taken),
  );
  const bits = Math.log2(burstBeats);
  const full = kit.state(`${name}_full_left`, 32 - bits, 0, "whole bursts still to come");
  const noFull = kit.equal(`${name}_no_full`, full.q, 0);
  const tailBits = counterWidth(burstBeats);
  const tail = kit.state(`${name}_tail`, tailBits, 0, "beats of the burst behind them");
  full.set(
    kit.mux(
      `${name}_full_next`,
      begin,
      sliceOf(of(f.beats), bits, 32 - bits),
      decrement(kit, `${name}_full_less`, full.q),
    ),
    kit.or(
      `${name}_full_moves`,
      begin,
      kit.and(`${name}_full_taken`, taken, kit.not(`${name}_some_full`, noFull)),
    ),
  );
  const tailIn = zeroExtend(sliceOf(of(f.beats), 0, bits), tailBits);
  tail.set(
    kit.mux(`${name}_tail_next`, begin, tailIn, literal(0, tailBits)),
    kit.or(`${name}_tail_moves`, begin, kit.and(`${name}_tail_taken`, taken, noFull)),
  );
  const beats = kit.mux(`${name}_beats`, noFull, tail.q, literal(burstBeats, tailBits));
  const less = kit.subtract(`${name}_beats_less`, beats, literal(1, tailBits));
  return {
    address: concat([literal(0, shift), address.q]),
    beats,
    beatsMinus1: zeroExtend(less, 8),
    some: kit.or(
      `${name}_some`,
      kit.not(`${name}_more_full`, noFull),
      kit.not(`${name}_more_tail`, kit.equal(`${name}_no_tail`, tail.q, 0)),
    ),
  };
}
