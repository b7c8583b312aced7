import type { ClockTarget } from "../../arith/index.js";
import { literal, type Module, ModuleBuilder, type Signal, sliceOf } from "../../hw/index.js";
import type { EngineConfig } from "../config.js";
import {
  DESCRIPTOR_BYTES,
  type Field,
  headerFields,
  layerFields,
  OPERATIONS,
  PROGRAM_MAGIC,
  transferFields,
} from "../isa/index.js";
import { ENGINE_ERRORS } from "../registers.js";
import { fetchDescriptors } from "./descriptor-fetch.js";
import { increment } from "./increment.js";
import { fieldOf, Kit, type State, zeroExtend } from "./kit.js";
import { countUnits, offer, waitForCounts } from "./offers.js";
import { COMMAND_BITS } from "./transfer.js";

/** Bits of a descriptor. */
export const DESCRIPTOR_BITS = 8 * DESCRIPTOR_BYTES;

const usedBits = (fields: Readonly<Record<string, Field>>): number =>
  Math.max(...Object.values(fields).map(({ at, width }) => at + width));
/** Bits of descriptors that mean something; only these are kept. */
const LAYER_USED = usedBits(layerFields);
const TRANSFER_USED = usedBits(transferFields);

/**
 * Build `fxa_dispatcher`: it runs the program for each frame.
 *
 * Header first, then descriptors in order, one read ahead. A layer and a transfer wait in a slot each for their counts, so that a transfer may
 * pass a layer that waits for the one before. The feeder gets a layer at once, the walker when its counts are reached; the slot is free when both have taken it.
 * A descriptor of an unknown operation ends the frame. After an error response of the memory only a reset helps (`start` does nothing), after a wrong header a new start does.
 *
 * @param fingerprint what the header of a program for this engine says, 32 bits
 */
export function buildDispatcher(config: EngineConfig, clock: ClockTarget, fingerprint: number): Module {
  const b = new ModuleBuilder("fxa_dispatcher", [
    "Runs the program for each frame: header, then descriptors in order; layers to feeder and walker, transfers to the transfer unit.",
  ]);
  b.clock("aclk");
  const resetN = b.input("aresetn", 1, "synchronous reset, active low");
  const kit = new Kit(b, clock, resetN);
  const start = b.input("start", 1, "pulse: run from the first frame on");
  const programBase = b.input("program_base", 32, "multiple of 4,096, taken at each frame's start");
  const frames = b.input("frames", 32, "frames to run; 0 until it is something else");
  const scratchBase = b.input("scratch_base", 32);
  const resultBase = b.input("result_base", 32);
  const resultStride = b.input("result_stride", 32);
  const imageBase = b.input("image_base", 32);
  const imageStride = b.input("image_stride", 32);
  const fetch = fetchDescriptors(kit, config, LAYER_USED, {
    ready: b.input("c0_ready", 1),
    valid: b.input("c0_valid", 1, "a beat of a descriptor"),
    data: b.input("r_data", 8 * config.axiDataBytes),
  });
  const feederReady = b.input("feeder_ready", 1);
  const walkerReady = b.input("walker_ready", 1);
  const transferReady = b.input("transfer_ready", 1);
  const layerDone = b.input("layer_done", 1, "pulse: the oldest layer is complete");
  const transferDone = b.input("transfer_done", 1, "pulse: the oldest transfer is complete");
  const memoryResponse = b.input("memory_error", 1, "pulse: a response with an error");

  // States of a frame, a bit each; none when idle. After the end three cycles: result pointer, image pointer, decision.
  const busy = kit.state("running", 1);
  const broken = kit.state("broken", 1, 0, "the memory gave an error: nothing runs until reset");
  const header = kit.state("header", 1, 0, "the header is awaited");
  const check = kit.state("check", 1, 0, "the header is there");
  const run = kit.state("run", 1, 0, "descriptors are worked through");
  const ends = [1, 2, 3].map((i) => kit.state(`end_${i}`, 1));
  const startable = kit.not("startable", kit.or("not_startable", busy.q, broken.q));
  const begin = kit.and("begins", start, startable);
  const memoryError = kit.and("memory_fails", busy.q, memoryResponse);
  const framesDone = kit.state("frames_complete", 32);
  const short = kit.or(
    "frames_left",
    kit.equal("endless", frames, 0),
    kit.less("frames_short", framesDone.q, frames),
  );
  const more = kit.delay("more", short, 1, "control");
  const frameBegin = kit.or("frame_begin", begin, kit.and("next_frame", ends[2]!.q, more));
  const finish = kit.and("finish", ends[2]!.q, kit.not("no_more", more));

  // Header. The flags are those of the header from the second cycle after it is held.
  const matches = (field: Field, value: number, name: string): Signal =>
    kit.delay(`${name}_right`, kit.equal(`${name}_equal`, fieldOf(fetch.word, field), value), 1, "control");
  const magic = matches(headerFields.magic, PROGRAM_MAGIC, "magic");
  const ours = matches(headerFields.fingerprint, fingerprint, "fingerprint");
  const arrived = kit.and("arrived", header.q, fetch.held);
  const noMagic = kit.and("no_magic", check.q, kit.not("magic_wrong", magic));
  const notOurs = kit.and("not_ours", check.q, magic, kit.not("fingerprint_wrong", ours));
  const good = kit.and("good", check.q, magic, ours);

  // Descriptors move from the fetch register to the slot of their kind.
  const operation = fieldOf(fetch.word, layerFields.operation);
  const isLayer = kit.equal("is_layer", operation, OPERATIONS.layer);
  const isTransfer = kit.or(
    "is_transfer",
    kit.equal("is_load", operation, OPERATIONS.load),
    kit.equal("is_store", operation, OPERATIONS.store),
  );
  const isEnd = kit.not("is_end", kit.or("is_work", isLayer, isTransfer));
  const present = kit.and("present", run.q, fetch.held);
  const layers = countUnits(kit, "layers", layerDone, frameBegin);
  const transfers = countUnits(kit, "transfers", transferDone, frameBegin);
  const counts = { layers: layers.complete, transfers: transfers.complete };

  const stop = kit.or("stop", memoryError, noMagic, notOurs);
  const layer = kit.data("layer_slot", LAYER_USED, "control", "the layer that was issued last");
  const transfer = kit.data("transfer_slot", TRANSFER_USED, "control", "the transfer that was issued last");
  const layerReached = waitForCounts(kit, "layer", layer.q, counts);
  const transferReached = waitForCounts(kit, "transfer", transfer.q, counts);
  // Slots and the moves into them depend on one another.
  const layerMoves = b.net("layer_moves", 1);
  const transferMoves = b.net("transfer_moves", 1);
  const loadLayer = b.signal(layerMoves);
  const loadTransfer = b.signal(transferMoves);
  const toWalker = offer(kit, "walker", {
    load: loadLayer,
    ready: walkerReady,
    stop,
    reached: kit.and("layer_reached", layerReached.layers, layerReached.transfers),
  });
  const toTransfer = offer(kit, "transfer", {
    load: loadTransfer,
    ready: transferReady,
    stop,
    reached: kit.and("transfer_reached", transferReached.layers, transferReached.transfers),
  });
  const toFeeder = kit.state("feeder_offered", 1);
  const go = kit.not("go", stop);
  const feederWaits = kit.and("feeder_waits", toFeeder.q, kit.not("feeder_not_ready", feederReady));
  toFeeder.set(kit.and("feeder_offered_next", go, kit.or("feeder_has", loadLayer, feederWaits)));
  const layerSlotFree = kit.not("layer_slot_free", kit.or("layer_slot_full", toFeeder.q, toWalker.pending));
  const transferSlotFree = kit.not("transfer_slot_free", toTransfer.pending);
  const moves = { kind: "and", name: "moves" } as const;
  b.add({ ...moves, operands: [present, isLayer, layerSlotFree], y: layerMoves });
  b.add({ ...moves, operands: [present, isTransfer, transferSlotFree], y: transferMoves });
  layer.set(fetch.word, loadLayer);
  transfer.set(sliceOf(fetch.word, 0, TRANSFER_USED), loadTransfer);
  layers.issue(loadLayer);
  transfers.issue(loadTransfer);
  const over = kit.and("over", present, isEnd, layers.allDone, transfers.allDone);

  const base = kit.data("base", 32, "control", "this frame's program");
  base.set(programBase, frameBegin);
  fetch.set({
    begin: frameBegin,
    base: programBase,
    next: kit.and("fetch_next", run.q, fetch.vacant),
    // A bad header is done with, too: the next start finds the register empty.
    consume: kit.or("consume", good, noMagic, notOurs, loadLayer, loadTransfer, over),
  });

  const goOn = (name: string, state: State, leave: Signal, enter: Signal): void => {
    const stays = kit.and(`${name}_stays`, state.q, kit.not(`${name}_not_left`, leave));
    state.set(kit.and(`${name}_next`, go, kit.or(`${name}_or_enters`, stays, enter)));
  };
  goOn("header", header, arrived, frameBegin);
  goOn("check", check, good, arrived);
  goOn("run", run, over, good);
  for (const [i, end] of ends.entries())
    end.set(kit.and(`end_${i + 1}_next`, go, i === 0 ? over : ends[i - 1]!.q));
  goOn("running", busy, finish, begin);
  broken.set(literal(1, 1), memoryError);
  const error = kit.state("error_now", 2, 0, "why the engine stopped");
  const code = kit.first(
    "error_next",
    [
      [memoryError, literal(ENGINE_ERRORS.memory, 2)],
      [noMagic, literal(ENGINE_ERRORS.magic, 2)],
      [notOurs, literal(ENGINE_ERRORS.fingerprint, 2)],
    ],
    literal(ENGINE_ERRORS.none, 2),
  );
  error.set(code, kit.or("error_moved", stop, begin));

  // One adder moves both pointers on.
  const result = kit.data("result_at", 32, "control", "result base of this frame");
  const image = kit.data("image_at", 32, "control", "image base of this frame");
  const moved = kit.add(
    "pointer_moved",
    kit.mux("pointer", ends[0]!.q, result.q, image.q),
    kit.mux("stride", ends[0]!.q, resultStride, imageStride),
  );
  result.set(kit.mux("result_next", begin, resultBase, moved), kit.or("result_moves", begin, ends[0]!.q));
  image.set(kit.mux("image_next", begin, imageBase, moved), kit.or("image_moves", begin, ends[1]!.q));
  framesDone.set(
    kit.mux("frames_next", begin, literal(0, 32), increment(kit, "frames_more", framesDone.q)),
    kit.or("frames_moved", begin, ends[0]!.q),
  );
  const space = fieldOf(transfer.q, transferFields.space);
  const transferBase = kit.data("transfer_from", 32, "control", "base of the transfer's space");
  transferBase.set(
    kit.select("space_base", space, [scratchBase, result.q, image.q, base.q]),
    kit.and("transfer_fresh", toTransfer.pending, kit.not("transfer_unsettled", toTransfer.settled)),
  );

  // The array idles between layer_done and the next layer's start.
  const arrayBusy = kit.state("array_busy", 1);
  const arrayStays = kit.and("array_stays", arrayBusy.q, kit.not("array_not_done", layerDone));
  arrayBusy.set(kit.or("array_busy_next", toWalker.take, arrayStays));
  const lacking = kit.not("transfers_lacking", layerReached.transfers);
  const idle = kit.not("array_idle", arrayBusy.q);
  const waiting = kit.and("waits", toWalker.settled, layerReached.layers, lacking, idle);

  b.output("c0_request", fetch.request);
  b.output("c0_address", fetch.address);
  b.output("c0_beats_minus_1", literal(DESCRIPTOR_BYTES / config.axiDataBytes - 1, 8));
  b.output("weight_start", kit.delayControl("weights_start", good, 1), "pulse");
  b.output("weight_base", base.q, "program's base, until the next frame");
  b.output(
    "weight_list_offset",
    fieldOf(fetch.word, headerFields.weightList),
    "right while weight_start is 1",
  );
  b.output(
    "weight_entry_count",
    fieldOf(fetch.word, headerFields.weightEntries),
    "right while weight_start is 1",
  );
  b.output("layer", zeroExtend(layer.q, DESCRIPTOR_BITS), "until both have taken it");
  b.output("feeder_valid", toFeeder.q);
  b.output("walker_valid", toWalker.valid);
  b.output("transfer", zeroExtend(transfer.q, COMMAND_BITS));
  b.output("transfer_base", transferBase.q);
  b.output("transfer_valid", toTransfer.valid);
  b.output("busy", busy.q);
  b.output(
    "done",
    kit.delayControl("finished", kit.and("finish_now", finish, go), 1),
    "pulse: all frames are done",
  );
  b.output("error", kit.delayControl("stopped", stop, 1), "pulse: an error");
  b.output("error_code", zeroExtend(error.q, 8));
  b.output("frames_done_count", framesDone.q);
  b.output(
    "waiting_transfer",
    kit.delayControl("transfer_awaited", waiting, 1),
    "the next layer lacks transfers only",
  );
  return b.build();
}
