import { concat, counterWidth, literal, type Signal, sliceOf } from "../../hw/index.js";
import { engineShape } from "../config.js";
import { transferFields } from "../isa/index.js";
import { ramFifo } from "./fifo.js";
import { decrement, increment } from "./increment.js";
import { BURST_INCR } from "./read-master.js";
import { burstsOf, commandWalk, type TransferContext } from "./transfer-bursts.js";
import { beatsOfWords } from "./transfer-words.js";

/** Normal memory, bufferable, neither cached nor allocated. */
const AW_CACHE = 0b0011;
const AW_PROT = 0b000;

/** Words on their way from the activation memory or waiting: they cover the eight cycles from a read to the room that its word leaves. */
export const STORE_WORDS = 16;

/**
 * Add the storing part: reads → FIFO of words → beats → write channels. A word is read only when the FIFO has room for it, so that reads of the
 * activation memory are no more than what leaves. Addresses and data are offered without waiting for one another.
 *
 * @param begin the held command is a store and begins
 * @returns that the last response is there
 */
export function buildStore(context: TransferContext, begin: Signal): Signal {
  const { kit, config, of, runs } = context;
  const { b } = kit;
  const { axiDataBytes, burstBeats } = config;
  const { wordBytes } = engineShape(config);
  const f = transferFields;
  const storeValid = b.input("store_valid", 1, "a word that a store has read");
  const storeData = b.input("store_data", 8 * wordBytes);
  const awReady = b.input("m_axi_awready", 1);
  const wReady = b.input("m_axi_wready", 1);
  const bValid = b.input("m_axi_bvalid", 1);
  const bResp = b.input("m_axi_bresp", 2);
  const depth = STORE_WORDS;
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
  const walk = commandWalk(context, "store_walk", { begin, step: read });
  const lastRead = kit.and("store_last_read", read, walk.last);
  reading.set(
    kit.or(
      "store_reading_next",
      begin,
      kit.and("store_more", reading.q, kit.not("store_not_last", lastRead)),
    ),
  );
  b.output("store_read", kit.delayControl("store_read_at", read, 1), "the walker sees it as pause");
  b.output("store_bank", b.register("store_bank_at", walk.bank, { role: "control" }));
  b.output("store_address", b.register("store_address_at", walk.address, { role: "control" }));

  const taken = b.net("word_taken", 1);
  const fifo = ramFifo(kit, "store_fifo", {
    depth,
    push: storeValid,
    data: storeData,
    taken: b.signal(taken),
  });
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
    kit.mux("store_beats_next", begin, of(f.beats), decrement(kit, "store_beats_less", beatsLeft.q)),
    kit.or("store_beats_move", begin, b.signal(made)),
  );
  const lastBeat = kit.equal("store_last_beat", beatsLeft.q, 1);
  const wValid = kit.state("w_valid", 1);
  const sent = kit.and("w_sent", wValid.q, wReady);
  const space = kit.or("w_space", kit.not("w_empty", wValid.q), wReady);
  const inBurst = kit.state("store_in_burst", Math.log2(burstBeats), 0, "beats of the burst so far");
  const burstEnds = kit.equal("store_burst_ends", inBurst.q, burstBeats - 1);
  const endsBurst = kit.or("w_last_next", burstEnds, lastBeat);
  const inBits = Math.log2(burstBeats);
  inBurst.set(
    kit.mux(
      "store_in_burst_next",
      endsBurst,
      literal(0, inBits),
      increment(kit, "store_in_burst_more", inBurst.q),
    ),
    b.signal(made),
  );
  const joined = beatsOfWords(context, fifo, { begin, space });
  b.add({ kind: "assign", name: "drive_word_taken", a: joined.taken, y: taken });
  b.add({ kind: "assign", name: "drive_beat_made", a: joined.made, y: made });
  wValid.set(kit.or("w_valid_next", joined.made, kit.and("w_waits", wValid.q, kit.not("w_not_sent", sent))));
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
  const bursts = burstsOf(context, "store", { begin, taken: b.signal(issue) });
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
  const bad = kit.or("bad_response", sliceOf(bResp, 0, 1), sliceOf(bResp, 1, 1));
  b.output("write_error", kit.delayControl("write_error_at", kit.and("error_now", bValid, bad), 1));
  b.output("m_axi_bready", literal(1, 1));
  return kit.and(
    "store_over",
    kit.not("no_more_bursts", bursts.some),
    kit.equal("no_responses", pending.q, 0),
    kit.not("nothing_read", reading.q),
  );
}
