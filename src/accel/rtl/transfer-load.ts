import { concat, counterWidth, literal, type Signal, sliceOf } from "../../hw/index.js";
import type { EngineConfig } from "../config.js";
import { ramFifo } from "./fifo.js";
import { zeroExtend } from "./kit.js";
import { burstsOf, commandWalk, type TransferContext } from "./transfer-bursts.js";
import { wordsOfBeats } from "./transfer-words.js";

/** Beats that the FIFO holds at least, so that short bursts cover some latency too. */
const LEAST_BEATS = 16;

/** Beats that the FIFO of loads holds: two bursts, or more where these are short. */
export const readFifoBeats = ({ burstBeats }: Pick<EngineConfig, "burstBeats">): number =>
  Math.max(2 * burstBeats, LEAST_BEATS);

/**
 * Add the loading part: requests → FIFO of beats → words → activation memory. It asks for a burst only when the FIFO has room for
 * all of it, so beats are always taken.
 *
 * @param begin the held command is a load and begins
 * @returns that the last word is written
 */
export function buildLoad(context: TransferContext, begin: Signal): Signal {
  const { kit, config } = context;
  const { b } = kit;
  const { axiDataBytes } = config;
  const requestReady = b.input("load_request_ready", 1);
  const rValid = b.input("r_valid", 1, "a beat of a load");
  const rData = b.input("r_data", 8 * axiDataBytes);
  const loadReady = b.input("load_ready", 1);
  const depth = readFifoBeats(config);
  const roomBits = counterWidth(depth);
  const room = kit.state("load_room", roomBits, depth, "beats that the FIFO has room for");
  const asking = kit.state("load_asking", 1);
  const asked = kit.and("load_asked", asking.q, requestReady);
  const issue = b.net("load_issue", 1, "a burst enters the request register");
  const bursts = burstsOf(context, "load", { begin, taken: b.signal(issue) });
  // After each burst its successor's length, then whether it fits, are made ready in registers: a burst every fourth cycle at most.
  const beats = b.register("load_beats_held", zeroExtend(bursts.beats, roomBits), { role: "control" });
  const short = kit.less("load_short", room.q, beats);
  const fits = b.register("load_fits_held", kit.and("load_fits", kit.not("load_long", short), bursts.some), {
    role: "control",
  });
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
  const unsettles = kit.or("load_unsettles", b.signal(issue), begin);
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
  const fifo = ramFifo(kit, "load_fifo", { depth, push: rValid, data: rData, taken: b.signal(taken) });
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
  const walk = commandWalk(context, "load_walk", { begin, step: b.signal(wrote) });
  const writing = kit.state("load_writing", 1, 0, "words are still to be written");
  const lastWord = kit.and("load_last_word", b.signal(wrote), walk.last);
  writing.set(
    kit.or("load_writing_next", begin, kit.and("load_more", writing.q, kit.not("load_not_last", lastWord))),
  );
  const joined = wordsOfBeats(context, fifo, { wrote: b.signal(wrote), last: walk.last });
  b.add({ kind: "assign", name: "drive_beat_taken", a: joined.taken, y: taken });
  const valid = kit.and("load_word_valid", writing.q, joined.valid);
  b.add({ kind: "and", name: "load_writes", operands: [valid, loadReady], y: wrote });
  b.output("load_valid", valid);
  b.output("load_bank", walk.bank);
  b.output("load_address", walk.address);
  b.output("load_data", joined.word);
  return kit.not("load_complete", writing.q);
}
