import type { ClockTarget } from "../../arith/index.js";
import {
  addPixelFifo,
  concat,
  counterWidth,
  literal,
  type Module,
  ModuleBuilder,
  repeat,
  type Signal,
  sliceOf,
} from "../../hw/index.js";
import { type EngineConfig, engineShape } from "../config.js";
import { OPERATIONS, transferFields } from "../isa/index.js";
import { decrement, increment } from "./increment.js";
import { fieldOf, Kit, zeroExtend } from "./kit.js";
import { BURST_INCR } from "./read-master.js";
import { rowCount, rowWalk } from "./row-walk.js";

/** Bits of a transfer's descriptor that the unit gets. */
export const COMMAND_BITS = 256;
/** Normal memory, bufferable, neither cached nor allocated. */
const AW_CACHE = 0b0011;
const AW_PROT = 0b000;

/** Bursts of a run: addresses and lengths, one after the other. */
type Bursts = {
  readonly address: Signal;
  readonly beatsMinus1: Signal;
  /** Beats of the burst, counterWidth(burstBeats) bits. */
  readonly beats: Signal;
  readonly some: Signal;
};

/**
 * Build `fxa_transfer`: rows of a tensor between external memory and the activation memory, one command after the other.
 *
 * A load asks for a burst only when its FIFO has room for all of it; a store reads a word only when its FIFO has room, so reads of the activation
 * memory are no more than what leaves. `transfer_done` comes when a load's last word is written, or a store's last response is there.
 */
export function buildTransfer(config: EngineConfig, clock: ClockTarget): Module {
  const { axiDataBytes, burstBeats } = config;
  const { wordBytes, burstBytes } = engineShape(config);
  const b = new ModuleBuilder("fxa_transfer", [
    `Loads and stores: words of ${wordBytes} bytes, beats of ${axiDataBytes} bytes, bursts of up to ${burstBeats} beats.`,
  ]);
  b.clock("aclk");
  const resetN = b.input("aresetn", 1, "synchronous reset, active low");
  const kit = new Kit(b, clock, resetN);
  const offered = b.input("command_valid", 1);
  const commandIn = b.input("command", COMMAND_BITS, "the descriptor's low bits");
  const base = b.input("command_base", 32, "where its offset counts from");
  const requestReady = b.input("load_request_ready", 1);
  const rValid = b.input("r_valid", 1, "a beat of a load");
  const rData = b.input("r_data", 8 * axiDataBytes);
  const loadReady = b.input("load_ready", 1);
  const storeValid = b.input("store_valid", 1, "a word that a store has read");
  const storeData = b.input("store_data", 8 * wordBytes);
  const awReady = b.input("m_axi_awready", 1);
  const wReady = b.input("m_axi_wready", 1);
  const bValid = b.input("m_axi_bvalid", 1);
  const bResp = b.input("m_axi_bresp", 2);
  const f = transferFields;

  // idle → address → begin → run → idle
  const states = { idle: 0, address: 1, begin: 2, run: 3 } as const;
  const state = kit.state("state", 2, 0, "0 idle, 1 address, 2 begin, 3 run");
  const at = (name: keyof typeof states): Signal => kit.equal(`at_${name}`, state.q, states[name]);
  const [idle, addresses, begins, runs] = [at("idle"), at("address"), at("begin"), at("run")];
  const accept = kit.and("accept", idle, offered);
  const command = b.register("command_held", commandIn, { enable: accept, role: "control" });
  const baseHeld = b.register("base_held", base, { enable: accept, role: "control" });
  const of = (field: Parameters<typeof fieldOf>[1]): Signal => fieldOf(command, field);
  const isStore = kit.equal("is_store", of(f.operation), OPERATIONS.store);
  const isLoad = kit.not("is_load", isStore);
  const done = b.net("done", 1);
  state.set(
    kit.first(
      "state_next",
      [
        [accept, literal(states.address, 2)],
        [addresses, literal(states.begin, 2)],
        [begins, literal(states.run, 2)],
        [kit.and("ends", runs, b.signal(done)), literal(states.idle, 2)],
      ],
      state.q,
    ),
  );
  const first = b.register("first_address", kit.add("first_address_next", baseHeld, of(f.offset)), {
    enable: addresses,
    role: "control",
  });
  const beginLoad = kit.and("begin_load", begins, isLoad);
  const beginStore = kit.and("begin_store", begins, isStore);

  /** Walk through the bursts of the command. */
  const burstsOf = (name: string, begin: Signal, taken: Signal): Bursts => {
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
    const tailIn =
      bits === 0
        ? literal(0, tailBits)
        : concat([sliceOf(of(f.beats), 0, bits), literal(0, tailBits - bits)]);
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
  };

  const loaded = load();
  const stored = store();
  const doneNow = kit.and("done_now", runs, kit.mux("done_of", isStore, stored, loaded));
  b.add({ kind: "assign", name: "drive_done", a: kit.delayControl("done_at", doneNow, 1), y: done });
  b.output("command_ready", idle);
  b.output(
    "transfer_done",
    kit.delayControl("transfer_done_at", kit.and("done_runs", runs, b.signal(done)), 1),
  );
  const bad = kit.or("bad_response", sliceOf(bResp, 0, 1), sliceOf(bResp, 1, 1));
  b.output("write_error", kit.delayControl("write_error_at", kit.and("error_now", bValid, bad), 1));
  b.output("m_axi_bready", literal(1, 1));
  return b.build();

  /** Requests → FIFO of beats → words → activation memory. Returns that the last word is written. */
  function load(): Signal {
    const depth = 2 * burstBeats;
    const roomBits = counterWidth(depth);
    const room = kit.state("load_room", roomBits, depth, "beats that the FIFO has room for");
    const asking = kit.state("load_asking", 1);
    const asked = kit.and("load_asked", asking.q, requestReady);
    const issue = b.net("load_issue", 1, "a burst enters the request register");
    const bursts = burstsOf("load", beginLoad, b.signal(issue));
    // After each burst its successor's length, then whether it fits, are made ready in registers: a burst every fourth cycle at most.
    const beats = b.register("load_beats_held", zeroExtend(bursts.beats, roomBits), { role: "control" });
    const short = kit.less("load_short", room.q, beats);
    const fits = b.register(
      "load_fits_held",
      kit.and("load_fits", kit.not("load_long", short), bursts.some),
      {
        role: "control",
      },
    );
    const minus = b.register("load_minus_beats", kit.subtract("load_minus", literal(0, roomBits), beats), {
      role: "control",
    });
    const minusPlus1 = b.register(
      "load_beats_but_1",
      kit.subtract("load_minus_1", literal(1, roomBits), beats),
      {
        role: "control",
      },
    );
    const settling = kit.state("load_settling", 2, 0, "cycles until these registers are right");
    const settled = kit.equal("load_settled", settling.q, 0);
    const unsettles = kit.or("load_unsettles", b.signal(issue), beginLoad);
    settling.set(
      kit.mux(
        "load_settling_next",
        unsettles,
        literal(3, 2),
        kit.subtract("load_settling_less", settling.q, literal(1, 2)),
      ),
      kit.or("load_settling_moves", unsettles, kit.not("load_unsettled", settled)),
    );
    const free = kit.not("load_idle", asking.q);
    b.add({
      kind: "and",
      name: "load_issues",
      operands: [fits, free, settled],
      y: issue,
    });
    asking.set(
      kit.or(
        "load_asking_next",
        b.signal(issue),
        kit.and("load_waits", asking.q, kit.not("load_unasked", asked)),
      ),
    );
    const request = b.register("load_request_held", concat([bursts.address, bursts.beatsMinus1]), {
      enable: b.signal(issue),
      role: "control",
    });
    b.output("load_request", asking.q);
    b.output("load_request_address", sliceOf(request, 0, 32));
    b.output("load_request_beats_minus_1", sliceOf(request, 32, 8));

    const taken = b.net("beat_taken", 1);
    const fifo = addPixelFifo(b, depth, { pixel: rData, valid: rValid, resetN, name: "load_fifo" }, taken);
    // What the FIFO gives up is counted a cycle late, which is safe.
    const freed = kit.delayControl("load_freed", b.signal(taken), 1);
    const spent = kit.mux("load_spent", freed, minusPlus1, minus);
    room.set(
      kit.add(
        "load_room_next",
        room.q,
        kit.mux("load_room_change", b.signal(issue), spent, zeroExtend(freed, roomBits)),
      ),
      kit.or("load_room_moves", b.signal(issue), freed),
    );

    const wrote = b.net("load_wrote", 1);
    const walk = rowWalk(kit, "load_walk", {
      start: {
        when: beginLoad,
        address: of(f.start),
        bank: of(f.startBank),
        rows: of(f.rows),
        rowWords: of(f.rowWords),
      },
      rowWords: of(f.rowWords),
      step: b.signal(wrote),
    });
    const writing = kit.state("load_writing", 1, 0, "words are still to be written");
    const lastWord = kit.and("load_last_word", b.signal(wrote), walk.last);
    writing.set(
      kit.or(
        "load_writing_next",
        beginLoad,
        kit.and("load_more", writing.q, kit.not("load_not_last", lastWord)),
      ),
    );
    const joined = wordsOfBeats(fifo, b.signal(wrote), walk.last);
    b.add({ kind: "assign", name: "drive_beat_taken", a: joined.taken, y: taken });
    const valid = kit.and("load_word_valid", writing.q, joined.valid);
    b.add({ kind: "and", name: "load_writes", operands: [valid, loadReady], y: wrote });
    b.output("load_valid", valid);
    b.output("load_bank", walk.bank);
    b.output("load_address", walk.address);
    b.output("load_data", joined.word);
    return kit.not("load_complete", writing.q);
  }

  /** Words out of beats: `word` and `valid`; `taken` says that the FIFO's beat is done with. */
  function wordsOfBeats(
    beat: { readonly pixel: Signal; readonly valid: Signal },
    wrote: Signal,
    last: Signal,
  ): { readonly word: Signal; readonly valid: Signal; readonly taken: Signal } {
    if (axiDataBytes === wordBytes) return { word: beat.pixel, valid: beat.valid, taken: wrote };
    if (axiDataBytes > wordBytes) {
      const parts = axiDataBytes / wordBytes;
      const bits = Math.log2(parts);
      const place = kit.state("load_part", bits, 0, "words of the beat that are written");
      const lastPart = kit.or("load_part_ends", kit.equal("load_last_part", place.q, parts - 1), last);
      place.set(
        kit.mux(
          "load_part_next",
          lastPart,
          literal(0, bits),
          kit.add("load_part_more", place.q, literal(1, bits)),
        ),
        wrote,
      );
      const words = Array.from({ length: parts }, (_, i) =>
        sliceOf(beat.pixel, i * 8 * wordBytes, 8 * wordBytes),
      );
      return {
        word: kit.select("load_word", place.q, words),
        valid: beat.valid,
        taken: kit.and("load_beat_ends", wrote, lastPart),
      };
    }
    const parts = wordBytes / axiDataBytes;
    const bits = Math.log2(parts);
    const place = kit.state("load_part", bits, 0, "beats of the word that are there");
    const lastPart = kit.equal("load_last_part", place.q, parts - 1);
    const gathers = kit.and("load_gathers", beat.valid, kit.not("load_not_last_part", lastPart));
    place.set(
      kit.add("load_part_next", place.q, literal(1, bits)),
      kit.or("load_part_moves", gathers, wrote),
    );
    const held = Array.from({ length: parts - 1 }, (_, i) => {
      const part = kit.data(`load_beat_${i}`, 8 * axiDataBytes, "buffer");
      part.set(
        beat.pixel,
        kit.and(`load_beat_${i}_now`, gathers, kit.equal(`load_beat_${i}_next`, place.q, i)),
      );
      return part.q;
    });
    return {
      word: concat([...held, beat.pixel]),
      valid: kit.and("load_word_whole", beat.valid, lastPart),
      taken: kit.or("load_beat_ends", gathers, wrote),
    };
  }

  /** Reads → FIFO of words → beats → write channels. Returns that the last response is there. */
  function store(): Signal {
    const depth = 16;
    const roomBits = counterWidth(depth);
    const room = kit.state(
      "store_room",
      roomBits,
      depth,
      "words that the FIFO has room for, those under way counted",
    );
    const reading = kit.state("store_reading", 1, 0, "words are still to be read");
    const some = kit.not("store_some_room", kit.equal("store_no_room", room.q, 0));
    const read = kit.and("store_reads", reading.q, some);
    const walk = rowWalk(kit, "store_walk", {
      start: {
        when: beginStore,
        address: of(f.start),
        bank: of(f.startBank),
        rows: of(f.rows),
        rowWords: of(f.rowWords),
      },
      rowWords: of(f.rowWords),
      step: read,
    });
    const lastRead = kit.and("store_last_read", read, walk.last);
    reading.set(
      kit.or(
        "store_reading_next",
        beginStore,
        kit.and("store_more", reading.q, kit.not("store_not_last", lastRead)),
      ),
    );
    b.output("store_read", kit.delayControl("store_read_at", read, 1), "the walker sees it as pause");
    b.output("store_bank", b.register("store_bank_at", walk.bank, { role: "control" }));
    b.output("store_address", b.register("store_address_at", walk.address, { role: "control" }));

    const taken = b.net("word_taken", 1);
    const fifo = addPixelFifo(
      b,
      depth,
      { pixel: storeData, valid: storeValid, resetN, name: "store_fifo" },
      taken,
    );
    room.set(
      kit.mux(
        "store_room_next",
        read,
        kit.subtract("store_room_less", room.q, literal(1, roomBits)),
        kit.add("store_room_more", room.q, literal(1, roomBits)),
      ),
      b.logic("xor", "store_room_moves", [read, b.signal(taken)]),
    );

    // Beats still to be made; the last one may be partial.
    const beatsLeft = kit.state("store_beats_left", 32, 0, "beats still to be made");
    const made = b.net("beat_made", 1, "a beat enters the data register");
    beatsLeft.set(
      kit.mux("store_beats_next", beginStore, of(f.beats), decrement(kit, "store_beats_less", beatsLeft.q)),
      kit.or("store_beats_move", beginStore, b.signal(made)),
    );
    const lastBeat = kit.equal("store_last_beat", beatsLeft.q, 1);
    const wValid = kit.state("w_valid", 1);
    const sent = kit.and("w_sent", wValid.q, wReady);
    const space = kit.or("w_space", kit.not("w_empty", wValid.q), wReady);
    const inBurst = kit.state(
      "store_in_burst",
      Math.max(1, Math.log2(burstBeats)),
      0,
      "beats of the burst so far",
    );
    const burstEnds =
      burstBeats === 1 ? literal(1, 1) : kit.equal("store_burst_ends", inBurst.q, burstBeats - 1);
    const endsBurst = kit.or("w_last_next", burstEnds, lastBeat);
    const inBits = Math.max(1, Math.log2(burstBeats));
    inBurst.set(
      kit.mux(
        "store_in_burst_next",
        endsBurst,
        literal(0, inBits),
        increment(kit, "store_in_burst_more", inBurst.q),
      ),
      b.signal(made),
    );
    const joined = beatsOfWords(fifo, space);
    b.add({ kind: "assign", name: "drive_word_taken", a: joined.taken, y: taken });
    b.add({ kind: "assign", name: "drive_beat_made", a: joined.made, y: made });
    wValid.set(
      kit.or("w_valid_next", joined.made, kit.and("w_waits", wValid.q, kit.not("w_not_sent", sent))),
    );
    const held = b.register("w_held", concat([joined.beat, joined.strobe, endsBurst]), {
      enable: joined.made,
      role: "buffer",
    });
    b.output("m_axi_wvalid", wValid.q);
    b.output("m_axi_wdata", sliceOf(held, 0, 8 * axiDataBytes));
    b.output("m_axi_wstrb", sliceOf(held, 8 * axiDataBytes, axiDataBytes));
    b.output("m_axi_wlast", sliceOf(held, 9 * axiDataBytes, 1));
    b.output("write_beat", kit.delayControl("write_beat_at", sent, 1));

    // Addresses, and responses that are still to come.
    const awValid = kit.state("aw_valid", 1);
    const awTaken = kit.and("aw_taken", awValid.q, awReady);
    const issue = b.net("store_issue", 1);
    const bursts = burstsOf("store", beginStore, b.signal(issue));
    b.add({
      kind: "and",
      name: "store_issues",
      operands: [bursts.some, kit.not("aw_empty", awValid.q), runs],
      y: issue,
    });
    awValid.set(
      kit.or(
        "aw_valid_next",
        b.signal(issue),
        kit.and("aw_waits", awValid.q, kit.not("aw_not_taken", awTaken)),
      ),
    );
    const aw = b.register("aw_held", concat([bursts.address, bursts.beatsMinus1]), {
      enable: b.signal(issue),
      role: "control",
    });
    b.output("m_axi_awvalid", awValid.q);
    b.output("m_axi_awaddr", sliceOf(aw, 0, 32));
    b.output("m_axi_awlen", sliceOf(aw, 32, 8));
    b.output("m_axi_awsize", literal(Math.log2(axiDataBytes), 3));
    b.output("m_axi_awburst", literal(BURST_INCR, 2));
    b.output("m_axi_awid", literal(0, 2));
    b.output("m_axi_awcache", literal(AW_CACHE, 4));
    b.output("m_axi_awprot", literal(AW_PROT, 3));
    const pending = kit.state("responses_pending", 24, 0, "bursts without a response");
    pending.set(
      kit.mux(
        "responses_next",
        b.signal(issue),
        increment(kit, "responses_more", pending.q),
        decrement(kit, "responses_less", pending.q),
      ),
      b.logic("xor", "responses_move", [b.signal(issue), bValid]),
    );
    const over = kit.and(
      "store_over",
      kit.not("no_more_bursts", bursts.some),
      kit.equal("no_responses", pending.q, 0),
      kit.not("nothing_read", reading.q),
    );
    return over;
  }

  /** Beats out of words: `made` when one enters the register that has `space`. */
  function beatsOfWords(
    word: { readonly pixel: Signal; readonly valid: Signal },
    space: Signal,
  ): { readonly beat: Signal; readonly strobe: Signal; readonly made: Signal; readonly taken: Signal } {
    const all = literal(-1, axiDataBytes);
    const move = kit.and("store_moves", word.valid, space);
    if (axiDataBytes === wordBytes) return { beat: word.pixel, strobe: all, made: move, taken: move };
    if (axiDataBytes < wordBytes) {
      const parts = wordBytes / axiDataBytes;
      const bits = Math.log2(parts);
      const place = kit.state("store_part", bits, 0, "beats of the word that are made");
      place.set(kit.add("store_part_next", place.q, literal(1, bits)), move);
      const beats = Array.from({ length: parts }, (_, i) =>
        sliceOf(word.pixel, i * 8 * axiDataBytes, 8 * axiDataBytes),
      );
      const lastPart = kit.equal("store_last_part", place.q, parts - 1);
      return {
        beat: kit.select("store_beat", place.q, beats),
        strobe: all,
        made: move,
        taken: kit.and("store_word_ends", move, lastPart),
      };
    }
    const parts = axiDataBytes / wordBytes;
    const bits = Math.log2(parts);
    const place = kit.state("store_part", bits, 0, "words of the beat that are there");
    // The command's last word ends its beat: words are counted again as they are taken.
    const { last } = rowCount(kit, "store_join", {
      start: { when: beginStore, rows: of(f.rows), rowWords: of(f.rowWords) },
      rowWords: of(f.rowWords),
      step: move,
    });
    const ends = kit.or("store_part_ends", kit.equal("store_last_part", place.q, parts - 1), last);
    place.set(
      kit.mux(
        "store_part_next",
        ends,
        literal(0, bits),
        kit.add("store_part_more", place.q, literal(1, bits)),
      ),
      move,
    );
    const held = Array.from({ length: parts - 1 }, (_, i) => {
      const part = kit.data(`store_word_${i}`, 8 * wordBytes, "buffer");
      part.set(
        word.pixel,
        kit.and(`store_word_${i}_now`, move, kit.equal(`store_word_${i}_next`, place.q, i)),
      );
      return part.q;
    });
    const slots = Array.from({ length: parts }, (_, i) => {
      const here = kit.equal(`store_here_${i}`, place.q, i);
      return i === parts - 1 ? word.pixel : kit.mux(`store_slot_${i}`, here, word.pixel, held[i]!);
    });
    const strobe = concat(
      Array.from({ length: parts }, (_, i) =>
        repeat(
          i === 0
            ? literal(1, 1)
            : kit.not(`store_before_${i}`, kit.less(`store_short_${i}`, place.q, literal(i, bits))),
          wordBytes,
        ),
      ),
    );
    return { beat: concat(slots), strobe, made: kit.and("store_beat_whole", move, ends), taken: move };
  }
}
