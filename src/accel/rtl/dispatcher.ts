import type { ClockTarget } from "../../arith/index.js";
import { concat, literal, type Module, ModuleBuilder, type Signal, sliceOf } from "../../hw/index.js";
import type { EngineConfig } from "../config.js";
import {
  DESCRIPTOR_BYTES,
  headerFields,
  layerFields,
  OPERATIONS,
  PROGRAM_MAGIC,
  SPACES,
  transferFields,
} from "../isa/index.js";
import { ENGINE_ERRORS } from "../registers.js";
import { increment } from "./increment.js";
import { fieldOf, Kit } from "./kit.js";
import { COMMAND_BITS } from "./transfer.js";

/** Bits of a descriptor. */
export const DESCRIPTOR_BITS = 8 * DESCRIPTOR_BYTES;
/** Descriptors are fetched whole and lie aligned, so that addresses count descriptors. */
const DESCRIPTOR_SHIFT = Math.log2(DESCRIPTOR_BYTES);
/** Bits of the counts of layers and transfers in a frame. */
const COUNT_BITS = 16;

/**
 * Build `fxa_dispatcher`: runs the program once a frame. It fetches the header, starts the weight reader, then fetches descriptors in order. A layer
 * and a transfer each wait in a slot of their own until what they depend on is complete, so that a transfer may pass a layer.
 */
export function buildDispatcher(config: EngineConfig, clock: ClockTarget, fingerprint: number): Module {
  const { axiDataBytes } = config;
  const b = new ModuleBuilder("fxa_dispatcher", [
    "Runs a program: header, descriptors, one after the other, once a frame.",
  ]);
  b.clock("aclk");
  const resetN = b.input("aresetn", 1, "synchronous reset, active low");
  const kit = new Kit(b, clock, resetN);
  const start = b.input("start", 1, "pulse: run `frames` frames");
  const programBase = b.input("program_base", 32);
  const frames = b.input("frames", 32, "0: go on");
  const scratchBase = b.input("scratch_base", 32);
  const resultBase = b.input("result_base", 32);
  const resultStride = b.input("result_stride", 32);
  const imageBase = b.input("image_base", 32);
  const imageStride = b.input("image_stride", 32);
  const ready = b.input("c0_ready", 1);
  const valid = b.input("c0_valid", 1, "a beat of a descriptor");
  const data = b.input("r_data", 8 * axiDataBytes);
  const memoryError = b.input("memory_error", 1, "pulse: a response with an error");
  const feederReady = b.input("feeder_ready", 1);
  const walkerReady = b.input("walker_ready", 1);
  const layerDone = b.input("layer_done", 1, "pulse");
  const transferReady = b.input("transfer_ready", 1);
  const transferDone = b.input("transfer_done", 1, "pulse");

  const states = { idle: 0, begin: 1, header: 2, check: 3, run: 4, drain: 5, next: 6 } as const;
  const state = kit.state("state", 3, 0, "0 idle, 1 begin, 2 header, 3 check, 4 run, 5 drain, 6 next");
  const at = (name: keyof typeof states): Signal => kit.equal(`at_${name}`, state.q, states[name]);
  const [idle, begins, headers, checks, runs, drains, nexts] = [
    at("idle"),
    at("begin"),
    at("header"),
    at("check"),
    at("run"),
    at("drain"),
    at("next"),
  ];

  // Fetch: one descriptor at a time into a shift register, which moves on to its slot.
  const fetchAt = kit.data("fetch_at", 32 - DESCRIPTOR_SHIFT, "control", "next descriptor");
  const asking = kit.state("asking", 1);
  const fetching = kit.state("fetching", 1, 0, "beats are on their way");
  const full = kit.state("full", 1, 0, "a descriptor is there");
  const beats = DESCRIPTOR_BYTES / axiDataBytes;
  const beatBits = Math.log2(beats);
  const beat = kit.state("beat", beatBits, 0, "beats of the descriptor so far");
  const lastBeat = kit.and("last_beat", valid, kit.equal("at_last_beat", beat.q, beats - 1));
  beat.set(kit.add("beat_next", beat.q, literal(1, beatBits)), valid);
  const descriptorNet = b.net("descriptor", DESCRIPTOR_BITS, "what was fetched");
  const descriptor = b.signal(descriptorNet);
  const shifted = concat([sliceOf(descriptor, 8 * axiDataBytes, DESCRIPTOR_BITS - 8 * axiDataBytes), data]);
  b.registerInto(descriptorNet, "descriptor", shifted, { enable: valid, role: "control" });
  const taken = b.net("descriptor_taken", 1, "the descriptor leaves for its slot");
  const accept = kit.and("accept", asking.q, ready);
  const empty = kit.and(
    "empty",
    kit.not("not_asking", asking.q),
    kit.not("not_fetching", fetching.q),
    kit.not("not_full", full.q),
  );
  const live = kit.or("live", headers, runs);
  const ask = kit.and("ask", live, empty);
  asking.set(kit.or("asking_next", ask, kit.and("asks_on", asking.q, kit.not("not_accepted", ready))));
  fetching.set(
    kit.or("fetching_next", accept, kit.and("waits_on", fetching.q, kit.not("not_last", lastBeat))),
  );
  full.set(
    kit.or("full_next", lastBeat, kit.and("stays_full", full.q, kit.not("not_taken", b.signal(taken)))),
  );
  const baseHeld = b.register("base_held", programBase, { enable: begins, role: "control" });
  fetchAt.set(
    kit.mux(
      "fetch_at_next",
      begins,
      sliceOf(programBase, DESCRIPTOR_SHIFT, 32 - DESCRIPTOR_SHIFT),
      increment(kit, "fetch_at_more", fetchAt.q),
    ),
    kit.or("fetch_at_moves", begins, accept),
  );
  b.output("c0_request", asking.q);
  b.output("c0_address", concat([literal(0, DESCRIPTOR_SHIFT), fetchAt.q]));
  b.output("c0_beats_minus_1", literal(beats - 1, 8));

  // Header: compared in registers, then checked.
  const headerThere = kit.and("header_there", headers, full.q);
  const goodMagic = b.register(
    "good_magic",
    kit.equal("is_magic", fieldOf(descriptor, headerFields.magic), PROGRAM_MAGIC),
    {
      role: "control",
    },
  );
  const goodEngine = b.register(
    "good_engine",
    kit.equal("is_engine", fieldOf(descriptor, headerFields.fingerprint), fingerprint),
    { role: "control" },
  );
  const good = kit.and("good", checks, goodMagic, goodEngine);
  const weightEntries = b.register("weight_entries", fieldOf(descriptor, headerFields.weightEntries), {
    enable: headerThere,
    role: "control",
  });
  const weightList = b.register("weight_list", fieldOf(descriptor, headerFields.weightList), {
    enable: headerThere,
    role: "control",
  });
  b.output("weight_start", kit.delayControl("weight_start_at", good, 1));
  b.output("weight_base", baseHeld);
  b.output("weight_list_offset", weightList);
  b.output("weight_entry_count", weightEntries);

  // Slots.
  const operation = sliceOf(descriptor, 0, 4);
  const is = (name: keyof typeof OPERATIONS): Signal =>
    kit.and(`is_${name}`, runs, full.q, kit.equal(`operation_${name}`, operation, OPERATIONS[name]));
  const [isEnd, isLayer] = [is("end"), is("layer")];
  const isTransfer = kit.or("is_transfer", is("load"), is("store"));
  const layerHeld = kit.state("layer_held", 1, 0, "a layer waits, or one of its takers has not come");
  const transferHeld = kit.state("transfer_held", 1);
  const layerEnters = kit.and("layer_enters", isLayer, kit.not("layer_slot_free", layerHeld.q));
  const transferEnters = kit.and(
    "transfer_enters",
    isTransfer,
    kit.not("transfer_slot_free", transferHeld.q),
  );
  const headerLeaves = kit.and("header_leaves", checks, full.q);
  b.add({
    kind: "or",
    name: "leaves",
    operands: [layerEnters, transferEnters, isEnd, headerLeaves],
    y: taken,
  });
  const layer = b.register("layer_slot", descriptor, { enable: layerEnters, role: "control" });
  const transfer = b.register("transfer_slot", sliceOf(descriptor, 0, COMMAND_BITS), {
    enable: transferEnters,
    role: "control",
  });

  // Counts of this frame. A slot compares what it waits for with them, in a register.
  const counter = (name: string, more: Signal): Signal => {
    const state_ = kit.state(name, COUNT_BITS);
    const next = kit.mux(
      `${name}_next`,
      begins,
      literal(0, COUNT_BITS),
      increment(kit, `${name}_more`, state_.q),
    );
    state_.set(next, kit.or(`${name}_moves`, begins, more));
    return state_.q;
  };
  const layersDone = counter("layers_done", layerDone);
  const transfersDone = counter("transfers_done", transferDone);
  const layersIssued = counter("layers_issued", layerEnters);
  const transfersIssued = counter("transfers_issued", transferEnters);
  const reached = (
    name: string,
    slot: Signal,
    enters: Signal,
  ): { readonly layers: Signal; readonly transfers: Signal } => {
    const test = (what: string, done: Signal, wanted: Signal): Signal => {
      const enough = kit.not(`${name}_enough_${what}`, kit.less(`${name}_waits_${what}`, done, wanted));
      // What enters now is judged from the next cycle on.
      const held = kit.and(`${name}_has_${what}`, enough, kit.not(`${name}_old_${what}`, enters));
      return kit.delayControl(`${name}_reached_${what}`, held, 1);
    };
    return {
      layers: test("layers", layersDone, fieldOf(slot, layerFields.waitLayers)),
      transfers: test("transfers", transfersDone, fieldOf(slot, layerFields.waitTransfers)),
    };
  };
  const layerReached = reached("layer", layer, layerEnters);
  const transferReached = reached("transfer", transfer, transferEnters);

  // The feeder takes a layer at once, the walker when its turn has come.
  const feederHas = kit.state("feeder_has", 1);
  const walkerHas = kit.state("walker_has", 1);
  const feederValid = kit.and("feeder_offer", layerHeld.q, kit.not("feeder_wants", feederHas.q));
  const walkerWants = kit.and("walker_wants", layerHeld.q, kit.not("walker_has_not", walkerHas.q));
  const walkerValid = kit.and("walker_offer", walkerWants, layerReached.layers, layerReached.transfers);
  const feederTakes = kit.and("feeder_takes", feederValid, feederReady);
  const walkerTakes = kit.and("walker_takes", walkerValid, walkerReady);
  const feederSet = kit.or("feeder_set", feederHas.q, feederTakes);
  const walkerSet = kit.or("walker_set", walkerHas.q, walkerTakes);
  const layerLeaves = kit.and("layer_leaves", layerHeld.q, feederSet, walkerSet);
  const stays = kit.not("layer_stays", layerLeaves);
  feederHas.set(kit.and("feeder_has_next", feederSet, stays));
  walkerHas.set(kit.and("walker_has_next", walkerSet, stays));
  layerHeld.set(kit.or("layer_held_next", layerEnters, kit.and("layer_waits", layerHeld.q, stays)));
  b.output("layer", layer);
  b.output("feeder_valid", feederValid);
  b.output("walker_valid", walkerValid);
  b.output(
    "waiting_transfer",
    kit.and(
      "only_transfers",
      walkerWants,
      walkerReady,
      layerReached.layers,
      kit.not("transfers_missing", layerReached.transfers),
    ),
  );

  const frameOver = b.net("frame_over", 1);
  // A transfer's base, chosen while it waits.
  const resultAt = kit.data("result_at", 32, "control", "results of this frame");
  const imageAt = kit.data("image_at", 32, "control", "image of this frame");
  const move = (name: string, state_: typeof resultAt, base: Signal, stride: Signal): void =>
    state_.set(
      kit.mux(`${name}_next`, start, base, kit.add(`${name}_more`, state_.q, stride)),
      kit.or(`${name}_moves`, start, b.signal(frameOver)),
    );
  move("result_at", resultAt, resultBase, resultStride);
  move("image_at", imageAt, imageBase, imageStride);
  const space = fieldOf(transfer, transferFields.space);
  const bySpace: Signal[] = [];
  bySpace[SPACES.scratch] = scratchBase;
  bySpace[SPACES.result] = resultAt.q;
  bySpace[SPACES.image] = imageAt.q;
  bySpace[SPACES.program] = baseHeld;
  const base = b.register("transfer_base_held", kit.select("base", space, bySpace), { role: "control" });
  const transferValid = kit.and(
    "transfer_offer",
    transferHeld.q,
    transferReached.layers,
    transferReached.transfers,
  );
  const transferTakes = kit.and("transfer_takes", transferValid, transferReady);
  transferHeld.set(
    kit.or(
      "transfer_held_next",
      transferEnters,
      kit.and("transfer_waits", transferHeld.q, kit.not("transfer_stays", transferTakes)),
    ),
  );
  b.output("transfer_valid", transferValid);
  b.output("transfer", transfer);
  b.output("transfer_base", base);

  // End of a frame: everything that was issued is complete.
  const allLayers = kit.equal("all_layers", layersDone, layersIssued);
  const allTransfers = kit.equal("all_transfers", transfersDone, transfersIssued);
  const complete = b.register(
    "complete",
    kit.and(
      "complete_next",
      drains,
      allLayers,
      allTransfers,
      kit.not("no_layer", layerHeld.q),
      kit.not("no_transfer", transferHeld.q),
    ),
    { role: "control", resetN },
  );
  const frameEnds = kit.and("frame_ends", drains, complete);
  b.add({ kind: "assign", name: "drive_frame_over", a: frameEnds, y: frameOver });
  const done = kit.state("frames_done", 32);
  done.set(
    kit.mux("frames_done_next", start, literal(0, 32), increment(kit, "frames_done_more", done.q)),
    kit.or("frames_done_moves", start, frameEnds),
  );
  // frames − done, two cycles before it is asked: a frame is longer.
  const difference = b.register("frames_left", kit.subtract("frames_left_next", done.q, frames), {
    role: "control",
  });
  const endless = b.register("endless", kit.equal("no_limit", frames, 0), { role: "control" });
  const before = b.register("before_end", sliceOf(difference, 31, 1), { role: "control" });
  const settle = kit.delayControl("settled", kit.delayControl("settling", nexts, 1), 2);
  const judge = kit.and("judge", nexts, settle);
  const goesOn = kit.or("goes_on", endless, before);

  const error = kit.and("failed", kit.not("not_idle", idle), memoryError);
  const badHeader = kit.and(
    "bad_header",
    checks,
    kit.not("not_good", kit.and("both_good", goodMagic, goodEngine)),
  );
  const fails = kit.or("fails", error, badHeader);
  const to = (name: keyof typeof states): Signal => literal(states[name], 3);
  state.set(
    kit.first(
      "state_next",
      [
        [fails, to("idle")],
        [kit.and("starts", idle, start), to("begin")],
        [begins, to("header")],
        [good, to("run")],
        [kit.delayControl("header_seen", headerThere, 1), to("check")],
        [isEnd, to("drain")],
        [frameEnds, to("next")],
        [judge, kit.mux("after_frame", goesOn, to("begin"), to("idle"))],
      ],
      state.q,
    ),
  );
  const finish = kit.and("finish", judge, kit.not("ends_here", goesOn));
  b.output("busy", kit.not("busy_now", idle));
  b.output("done", kit.delayControl("done_at", finish, 1), "pulse: all frames are done");
  b.output("error", kit.delayControl("error_at", fails, 1), "pulse");
  const code = kit.mux(
    "code",
    error,
    literal(ENGINE_ERRORS.memory, 8),
    kit.mux("header_code", goodMagic, literal(ENGINE_ERRORS.fingerprint, 8), literal(ENGINE_ERRORS.magic, 8)),
  );
  b.output("error_code", b.register("error_code_at", code, { enable: fails, role: "control" }));
  b.output("frames_done_count", done.q);
  return b.build();
}
