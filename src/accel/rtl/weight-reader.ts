import type { ClockTarget } from "../../arith/index.js";
import { concat, literal, type Module, ModuleBuilder, type Signal, sliceOf } from "../../hw/index.js";
import { type EngineConfig, engineShape } from "../config.js";
import { WEIGHT_ENTRY_BYTES, weightEntryFields } from "../isa/index.js";
import { decrement, increment } from "./increment.js";
import { Kit, zeroExtend } from "./kit.js";

const ENTRY_BITS = 8 * WEIGHT_ENTRY_BYTES;

/** Signals that the parts of the reader share. */
type Context = {
  readonly kit: Kit;
  readonly config: EngineConfig;
  /** Byte addresses of bursts have this many zeros at the end. */
  readonly burstShift: number;
  readonly start: Signal;
  /** Bits `burstShift` and up of the program's base; the others are 0. */
  readonly base: Signal;
  readonly listOffset: Signal;
  readonly entries: Signal;
  readonly ready: Signal;
  readonly valid: Signal;
  readonly data: Signal;
};

/** The entry that was read ahead: address in bursts, beats, repeat. */
type Entry = {
  readonly valid: Signal;
  readonly address: Signal;
  readonly beats: Signal;
  readonly repeat: Signal;
  /** Something of the list is yet to be read or to be run. */
  readonly busy: Signal;
};

/** Catch the bits of an entry's field from the beats of client 3, and the enable that goes with them. */
function fieldInBeats({ kit, config, valid, data }: Context, lane: Signal | null, beat: Signal | null) {
  const beatBits = 8 * config.axiDataBytes;
  return (name: string, at: number, width: number): readonly [Signal, Signal] => {
    if (beat !== null) {
      const now = kit.equal(`${name}_beat`, beat, Math.floor(at / beatBits));
      return [sliceOf(data, at % beatBits, width), kit.and(`${name}_now`, valid, now)];
    }
    const lanes = Array.from({ length: beatBits / ENTRY_BITS }, (_, i) =>
      sliceOf(data, i * ENTRY_BITS + at, width),
    );
    return [lane === null ? lanes[0]! : kit.select(name, lane, lanes), valid];
  };
}

/** Read the list an entry ahead of what runs: ask, gather the beats, add the program's base. */
function readList(context: Context, take: Signal): Entry & { readonly request: Signal; readonly at: Signal } {
  const { kit, config, burstShift, start, base, listOffset, entries, ready, valid } = context;
  const { axiDataBytes } = config;
  const left = kit.state("entries_left", 16, 0, "entries not yet asked for");
  const at = kit.data("list_at", 28, "control", "next entry's address in entries");
  const asking = kit.state("list_asking", 1);
  const fetching = kit.state("list_fetching", 1, 0, "an entry is on its way");
  const arrived = kit.state("list_arrived", 1, 0, "its offset becomes an address");
  const full = kit.state("list_full", 1, 0, "an entry is there");
  const accept = kit.and("list_accept", asking.q, ready);
  const some = kit.not("list_some", kit.equal("list_none", left.q, 0));
  const occupied = kit.or("list_occupied", asking.q, fetching.q, arrived.q, full.q);
  const ask = kit.and("list_ask", some, kit.not("list_empty", occupied));
  const kept = kit.and("list_kept", asking.q, kit.not("list_not_ready", ready));
  asking.set(kit.or("list_asking_next", ask, kept));
  const moved = kit.or("list_moved", start, accept);
  left.set(kit.mux("entries_left_next", start, entries, decrement(kit, "entries_less", left.q)), moved);

  // A beat of more than 16 bytes holds several entries, one of less a part of one.
  const laneBits = Math.log2(Math.max(1, axiDataBytes / WEIGHT_ENTRY_BYTES));
  const beatBits = Math.log2(Math.max(1, WEIGHT_ENTRY_BYTES / axiDataBytes));
  const lane =
    laneBits === 0 ? null : kit.data("list_lane", laneBits, "control", "the entry's place in the beat");
  lane?.set(sliceOf(at.q, 0, laneBits), accept);
  const beat = beatBits === 0 ? null : kit.state("list_beat", beatBits, 0, "beats of the entry so far");
  beat?.set(increment(kit, "list_beat_more", beat.q), valid);
  const last =
    beat === null ? valid : kit.and("list_last", valid, kit.equal("list_end", beat.q, 2 ** beatBits - 1));
  fetching.set(
    kit.or("list_fetching_next", accept, kit.and("list_waits", fetching.q, kit.not("list_not_last", last))),
  );
  arrived.set(last);
  full.set(
    kit.or("list_full_next", arrived.q, kit.and("list_stays", full.q, kit.not("list_not_taken", take))),
  );

  const caught = fieldInBeats(context, lane?.q ?? null, beat?.q ?? null);
  const { offset, beats, repeat } = weightEntryFields;
  const addressBits = 32 - burstShift;
  const address = kit.data("entry_address", addressBits, "control", "offset, then address, in bursts");
  const [offsetBits, offsetNow] = caught("entry_offset", offset.at + burstShift, addressBits);
  // The one adder gives the list's address at the start and the entries' ones later.
  const operand = kit.mux("based", start, listOffset, address.q);
  const sum = kit.add("based_sum", base, operand);
  address.set(
    kit.mux("entry_address_next", arrived.q, sum, offsetBits),
    kit.or("entry_address_now", arrived.q, offsetNow),
  );
  const first = concat([literal(0, burstShift - 4), sum]);
  at.set(kit.mux("list_at_next", start, first, increment(kit, "list_at_more", at.q)), moved);
  const [beatsBits, beatsNow] = caught("entry_beats_in", beats.at, beats.width);
  const beatsHeld = kit.data("entry_beats", beats.width, "control");
  beatsHeld.set(beatsBits, beatsNow);
  const [repeatBits, repeatNow] = caught("entry_repeat_in", repeat.at, repeat.width);
  const repeatHeld = kit.data("entry_repeat", repeat.width, "control");
  repeatHeld.set(repeatBits, repeatNow);

  const masked =
    laneBits === 0 ? at.q : concat([literal(0, laneBits), sliceOf(at.q, laneBits, 28 - laneBits)]);
  return {
    valid: full.q,
    address: address.q,
    beats: beatsHeld.q,
    repeat: repeatHeld.q,
    busy: kit.or("list_busy", some, occupied, start),
    request: asking.q,
    at: concat([literal(0, 4), masked]),
  };
}

/** Bursts of the run in hand, as far as there is room. */
function runBursts(
  { kit, config, burstShift }: Context,
  entry: Entry,
  take: { readonly set: (value: Signal) => void },
  pins: { readonly ready: Signal; readonly release: Signal; readonly arrived: Signal },
) {
  const { ringWordBytes, ringWords, weightBursts } = engineShape(config);
  const burstBits = Math.log2(config.burstBeats);
  const addressBits = 32 - burstShift;
  const fullBits = 32 - burstBits;
  const running = kit.state("running", 1, 0, "bursts of this run are left to ask for");
  const asking = kit.state("asking", 1);
  const repeatLeft = kit.state("repeat_left", 16, 0, "times that the run is yet to be read");
  const stopped = kit.not("stopped", running.q);
  const again = kit.not("again", kit.equal("no_more", repeatLeft.q, 0));
  const load = kit.and("load", stopped, kit.not("not_again", again), entry.valid);
  const reload = kit.and("reload", stopped, again);
  take.set(load);
  const runAddress = kit.data("run_address", addressBits, "control", "the run's first burst");
  runAddress.set(entry.address, load);
  const runFull = kit.data("run_full", fullBits, "control", "its bursts of full length");
  runFull.set(sliceOf(entry.beats, burstBits, fullBits), load);
  const tail = kit.data("run_tail", burstBits, "control", "beats of the burst behind them");
  tail.set(sliceOf(entry.beats, 0, burstBits), load);
  repeatLeft.set(
    kit.mux("repeat_left_next", load, entry.repeat, decrement(kit, "repeat_less", repeatLeft.q)),
    kit.or("repeat_moved", load, reload),
  );

  const accept = kit.and("accept", asking.q, pins.ready);
  const advance = kit.or("advance", accept, reload);
  const address = kit.data("address", addressBits, "control", "the next burst");
  address.set(
    kit.mux("address_next", reload, runAddress.q, increment(kit, "address_more", address.q)),
    advance,
  );
  const fullLeft = kit.data("full_left", fullBits, "control", "bursts of full length yet to come");
  fullLeft.set(
    kit.mux("full_left_next", reload, runFull.q, decrement(kit, "full_less", fullLeft.q)),
    advance,
  );
  const isTail = kit.equal("is_tail", fullLeft.q, 0);
  const noTail = kit.equal("no_tail", tail.q, 0);
  const lastFull = kit.and("last_full", kit.equal("one_full", fullLeft.q, 1), noTail);
  const last = kit.data("last", 1, "control", "the burst asked for ends the run");

  // Room is counted in beats, so that bursts that end inside a ring word need no rounding.
  const ratioBits = Math.log2(ringWordBytes / config.axiDataBytes);
  const roomBits = Math.log2(ringWords) + ratioBits + 1;
  const room = kit.state("room", roomBits, 2 ** (roomBits - 1), "beats for which there is room in the ring");
  const much = kit.not("much", kit.equal("little", sliceOf(room.q, burstBits, roomBits - burstBits), 0));
  // The tail's room is compared a cycle ahead, so the answer counts only if nothing was asked for in the cycle before.
  const enough = kit.not("low_fits", kit.less("low_short", sliceOf(room.q, 0, burstBits), tail.q));
  const low = kit.delay("tail_room", enough, 1, "control");
  const rested = kit.delayControl("rested", kit.not("not_asked", asking.q), 1);
  const fits = kit.or("fits", much, kit.and("tail_fits", isTail, low, rested));
  // A descriptor or load waits behind what is under way, where a memory answers in order.
  const fullBit = Math.log2(weightBursts);
  const underWay = kit.state("under_way", fullBit + 1, 0, "bursts whose last beat is still to come");
  const few = kit.not("few", sliceOf(underWay.q, fullBit, 1));
  const more = kit.and("more_under_way", accept, kit.not("none_arrived", pins.arrived));
  const fewer = kit.and("fewer_under_way", pins.arrived, kit.not("not_accepted", accept));
  underWay.set(
    kit.mux(
      "under_way_next",
      accept,
      increment(kit, "under_way_more", underWay.q),
      decrement(kit, "under_way_less", underWay.q),
    ),
    kit.or("under_way_moved", more, fewer),
  );
  const issue = kit.and("issue", running.q, kit.not("not_asking", asking.q), fits, few);
  const kept = kit.and("kept", asking.q, kit.not("not_ready", pins.ready));
  asking.set(kit.or("asking_next", issue, kept));
  last.set(kit.or("last_next", isTail, lastFull), issue);
  const ended = kit.and("ended", accept, last.q);
  const goesOn = kit.and("goes_on", running.q, kit.not("not_ended", ended));
  running.set(kit.or("running_next", reload, goesOn));

  const beatsMinus1 = kit.data("beats_minus_1", burstBits, "control");
  beatsMinus1.set(
    kit.mux("beats_next", isTail, decrement(kit, "tail_less", tail.q), literal(-1, burstBits)),
    issue,
  );
  // What a burst takes when a word becomes free in the same cycle, made ready before: ratio − beats, two's complement.
  const changeBits = Math.max(burstBits, ratioBits) + 2;
  const change = kit.data("taken_and_released", changeBits, "control");
  const ratio = 2 ** ratioBits;
  const tailChange = kit.subtract("tail_change", literal(ratio, changeBits), zeroExtend(tail.q, changeBits));
  change.set(
    kit.mux("change_next", isTail, tailChange, literal(ratio - config.burstBeats, changeBits)),
    issue,
  );
  const widen = (word: Signal, bits: number, sign: Signal): Signal =>
    bits >= roomBits
      ? sliceOf(word, 0, roomBits)
      : concat([word, ...Array.from({ length: roomBits - bits }, () => sign)]);
  const taken = widen(kit.not("taken", beatsMinus1.q), burstBits, literal(1, 1));
  const both = widen(change.q, changeBits, sliceOf(change.q, changeBits - 1, 1));
  const lessRoom = kit.add("room_less", room.q, kit.mux("room_change", pins.release, both, taken));
  const words = increment(kit, "room_more", sliceOf(room.q, ratioBits, roomBits - ratioBits));
  const moreRoom = ratioBits === 0 ? words : concat([sliceOf(room.q, 0, ratioBits), words]);
  room.set(kit.mux("room_next", accept, lessRoom, moreRoom), kit.or("room_moved", accept, pins.release));
  return {
    request: asking.q,
    address: concat([literal(0, burstShift), address.q]),
    beatsMinus1: zeroExtend(beatsMinus1.q, 8),
    busy: kit.or("run_busy", running.q, again),
  };
}

/** Join beats to ring words; a word as wide as a beat passes. */
function gather(kit: Kit, config: EngineConfig, valid: Signal, data: Signal) {
  const ratio = engineShape(config).ringWordBytes / config.axiDataBytes;
  if (ratio === 1) return { write: valid, word: data };
  const place = kit.state("place", Math.log2(ratio), 0, "beats of the ring word so far");
  place.set(increment(kit, "place_more", place.q), valid);
  const held = Array.from({ length: ratio - 1 }, (_, i) => {
    const beat = kit.data(`beat_${i}`, 8 * config.axiDataBytes, "buffer");
    beat.set(data, kit.and(`beat_${i}_now`, valid, kit.equal(`beat_${i}_next`, place.q, i)));
    return beat.q;
  });
  const whole = kit.equal("word_whole", place.q, ratio - 1);
  return { write: kit.and("write", valid, whole), word: concat([...held, data]) };
}

/**
 * Build `fxa_weight_reader`: it goes through the weight list and reads what the entries say into the ring, as long as there is room and few bursts are under way.
 *
 * Client 3 of the read master fetches an entry ahead, client 1 asks for bursts (every other cycle at most) of whose beats all have room. `start` takes
 * the list's offset and length; `program_base` stays until `idle`, which says that everything was asked for. A ring word is written in the cycle of its last beat.
 */
export function buildWeightReader(config: EngineConfig, clock: ClockTarget): Module {
  const { burstBytes, ringWordBytes } = engineShape(config);
  const b = new ModuleBuilder("fxa_weight_reader", [
    `Reads the runs of the weight list in bursts of up to ${config.burstBeats} beats into ring words of ${ringWordBytes} bytes.`,
  ]);
  b.clock("aclk");
  const resetN = b.input("aresetn", 1, "synchronous reset, active low");
  const kit = new Kit(b, clock, resetN);
  const burstShift = Math.log2(burstBytes);
  const start = b.input("start", 1, "pulse: begin with the list");
  const base = b.input("program_base", 32, "byte address, a multiple of 4,096");
  const listOffset = b.input("list_offset", 32, "bytes, a multiple of the burst");
  const entries = b.input("entries", 16);
  const ready = b.input("c1_ready", 1);
  const valid = b.input("c1_valid", 1, "a beat of weights");
  const listReady = b.input("c3_ready", 1);
  const listValid = b.input("c3_valid", 1, "a beat of the list");
  const data = b.input("r_data", 8 * config.axiDataBytes);
  const last = b.input("r_last", 1, "the burst's last beat");
  const release = b.input("ring_release", 1, "pulse: a ring word became free");
  const context: Context = {
    kit,
    config,
    burstShift,
    start,
    base: sliceOf(base, burstShift, 32 - burstShift),
    listOffset: sliceOf(listOffset, burstShift, 32 - burstShift),
    entries,
    ready: listReady,
    valid: listValid,
    data,
  };
  // List and bursts depend on one another: what takes an entry is a net declared before both.
  const taken = b.net("entry_taken", 1);
  const entry = readList(context, b.signal(taken));
  const take = { set: (a: Signal) => b.add({ kind: "assign", name: "entry_taken", a, y: taken }) };
  const bursts = runBursts(context, entry, take, {
    ready,
    release,
    arrived: kit.and("burst_arrived", valid, last),
  });
  const { write, word } = gather(kit, config, valid, data);
  const idle = kit.state("idle_now", 1, 1);
  idle.set(kit.not("idle_next", kit.or("busy", entry.busy, bursts.busy)));
  b.output("c1_request", bursts.request);
  b.output("c1_address", bursts.address);
  b.output("c1_beats_minus_1", bursts.beatsMinus1);
  b.output("c3_request", entry.request);
  b.output("c3_address", entry.at);
  b.output("c3_beats_minus_1", literal(Math.max(1, WEIGHT_ENTRY_BYTES / config.axiDataBytes) - 1, 8));
  b.output("ring_write", write);
  b.output("ring_data", word);
  b.output("idle", idle.q, "everything of the list was asked for");
  return b.build();
}
