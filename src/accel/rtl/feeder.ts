import type { ClockTarget } from "../../arith/index.js";
import {
  concat,
  literal,
  type Module,
  ModuleBuilder,
  type Signal,
  signalWidth,
  sliceOf,
} from "../../hw/index.js";
import { type EngineConfig, engineShape, PARAMETER_BYTES } from "../config.js";
import { type Field, layerFields, parameterFields } from "../isa/index.js";
import { fieldOf, Kit, zeroExtend } from "./kit.js";

/** Bits of a lane's requantization parameters as the drain gets them: bias, multiplier, shift. */
export const PARAMETER_BITS = parameterFields.shift.at + 8;

/** Cycles from the read of the ring to a weight at the array or a parameter at the drain. */
export const feederLatency = (config: Pick<EngineConfig, "weightBits">): number =>
  config.weightBits === 9 ? 4 : 3;

/**
 * Build `fxa_feeder`: the ring of weights, and the order in which a layer takes words from it: parameters of a group, then a block a pass.
 *
 * Blocks go into the array's shadow registers, a lane a cycle. `weights_ready` comes with the read of the block's last lane: a fetch needs
 * longer to the array than that lane's weights. The next block's first lane is read `swapDelay` cycles after the pass's first fetch is issued, so
 * that it arrives when the shadow registers have been copied.
 *
 * @param swapDelay cycles from `swap_issued` until a read may begin
 */
export function buildFeeder(config: EngineConfig, clock: ClockTarget, swapDelay: number): Module {
  const { cPar, kPar, weightBits } = config;
  const { ringWordBytes, ringWords } = engineShape(config);
  const pointerBits = Math.log2(ringWords);
  const laneBits = Math.log2(kPar);
  const b = new ModuleBuilder("fxa_feeder", [
    "The ring of weights, and who gets what from it: parameters to the drain, blocks to the array's shadow registers.",
  ]);
  b.clock("aclk");
  const resetN = b.input("aresetn", 1);
  const kit = new Kit(b, clock, resetN);
  const offered = b.input("layer_valid", 1, "the dispatcher offers a layer");
  const descriptor = b.input("layer", 1024);
  const ringWrite = b.input("ring_write", 1, "a word comes; the weight reader has counted the room");
  const ringData = b.input("ring_data", 8 * ringWordBytes);
  const claim = b.input("claim", 1, "pulse: the block in the shadow registers has a pass");
  const swapIssued = b.input("swap_issued", 1, "pulse: that pass's first fetch is under way");
  const parametersFree = b.input("parameters_free", 1, "pulse: the drain is done with a group");
  const f = layerFields;

  const states = { idle: 0, begin: 1, parameters: 2, blocks: 3 } as const;
  const state = kit.state("state", 2, 0, "0 idle, 1 begin, 2 parameters, 3 blocks");
  const at = (name: keyof typeof states): Signal => kit.equal(`at_${name}`, state.q, states[name]);
  const [idle, begins, atParameters, atBlocks] = [at("idle"), at("begin"), at("parameters"), at("blocks")];
  const accept = kit.and("accept", idle, offered);
  const layer = b.register("layer_held", descriptor, { enable: accept, role: "control" });
  const of = (field: Field): Signal => fieldOf(layer, field);

  // Loops: group, stripe down, stripe across, pass, lane. A step is a lane's weights, or its parameters.
  const step = b.net("step", 1, "a lane is read");
  const counter = (name: string, bound: Signal, inner: readonly Signal[]): Signal => {
    const width = signalWidth(bound);
    const count = kit.state(`${name}_left`, width);
    const last = kit.equal(`${name}_last`, count.q, 0);
    const less = kit.subtract(`${name}_less_1`, count.q, literal(1, width));
    const full = b.register(`${name}_full`, kit.subtract(`${name}_full_next`, bound, literal(1, width)), {
      role: "control",
    });
    const reload = kit.or(`${name}_reload`, begins, last);
    const moves = kit.and(`${name}_counts`, ...inner);
    count.set(kit.mux(`${name}_left_next`, reload, full, less), kit.or(`${name}_moves`, begins, moves));
    return last;
  };
  const lane = kit.state("lane", laneBits);
  const lastLane = kit.equal("last_lane", lane.q, kPar - 1);
  lane.set(kit.add("lane_next", lane.q, literal(1, laneBits)), b.signal(step));
  const endsLanes = kit.and("ends_lanes", b.signal(step), lastLane);
  const endsBlock = kit.and("ends_block", endsLanes, atBlocks);
  const endsParameters = kit.and("ends_parameters", endsLanes, atParameters);
  const lastPass = counter("pass", of(f.passes), [endsBlock]);
  const lastAcross = counter("across", of(f.columnStripes), [endsBlock, lastPass]);
  const lastDown = counter("down", of(f.rowStripes), [endsBlock, lastPass, lastAcross]);
  const groupInner = [endsBlock, lastPass, lastAcross, lastDown];
  const atLastGroup = counter("group", of(f.groups), groupInner);
  const stripeEnds = kit.and("stripe_ends", endsBlock, lastPass);
  const groupEnds = kit.and("group_ends", ...groupInner);
  const layerEnds = kit.and("layer_ends", ...groupInner, atLastGroup);
  const lastStripe = kit.and("last_stripe", lastAcross, lastDown);
  // `begin` takes two cycles: the loops' bounds are registered first.
  const begun = b.register("begun", begins, { role: "control", resetN });
  const settled = kit.and("settled", begins, begun);
  state.set(
    kit.first(
      "state_next",
      [
        [accept, literal(states.begin, 2)],
        [
          kit.or("to_parameters", settled, kit.and("next_group", groupEnds, kit.not("not_done", layerEnds))),
          literal(states.parameters, 2),
        ],
        [endsParameters, literal(states.blocks, 2)],
        [layerEnds, literal(states.idle, 2)],
      ],
      state.q,
    ),
  );

  // When a step may be made: its ring word is there (or was read before), and its destination is free.
  const credits = kit.state("parameter_credits", 2, 2, "banks of parameters that are free");
  const takesBank = endsParameters;
  credits.set(
    kit.mux(
      "credits_next",
      takesBank,
      kit.subtract("credits_less", credits.q, literal(1, 2)),
      kit.add("credits_more", credits.q, literal(1, 2)),
    ),
    b.logic("xor", "credits_move", [takesBank, parametersFree]),
  );
  const someCredit = kit.or("some_credit", sliceOf(credits.q, 0, 1), sliceOf(credits.q, 1, 1));
  const shadowFree = kit.state(
    "shadow_free",
    1,
    1,
    "the shadow registers will have been copied when a weight arrives",
  );
  const freed = kit.delayControl("freed", swapIssued, swapDelay);
  shadowFree.set(kit.and("shadow_free_next", freed), kit.or("shadow_moves", freed, endsBlock));
  const ready = kit.state(
    "ready",
    1,
    0,
    "the next block is on its way into the shadow registers, its last lane read",
  );
  ready.set(endsBlock, kit.or("ready_moves", endsBlock, claim));

  const laneBytes = (bytes: number): number => Math.log2(ringWordBytes / bytes);
  const [blockBits, parameterBits] = [laneBytes(cPar), laneBytes(PARAMETER_BYTES)];
  const lowZero = (name: string, bits: number): Signal =>
    bits === 0 ? literal(1, 1) : kit.equal(name, sliceOf(lane.q, 0, Math.min(bits, laneBits)), 0);
  const newWord = kit.mux(
    "new_word",
    atBlocks,
    lowZero("block_word", blockBits),
    lowZero("parameter_word", parameterBits),
  );

  // Pointers of the ring, a bit wider than an address, so that full and empty differ.
  const wide = pointerBits + 1;
  const written = kit.state("written", wide);
  written.set(kit.add("written_next", written.q, literal(1, wide)), ringWrite);
  const read = kit.state("read", wide);
  const there = kit.state("there", 1, 0, "the ring holds the word that is read next");
  const mayRead = kit.or("may_read", kit.not("same_word", newWord), there.q);
  const destination = kit.or(
    "destination",
    kit.and("parameters_go", atParameters, someCredit),
    kit.and("blocks_go", atBlocks, shadowFree.q),
  );
  const steps = kit.and("step_now", destination, mayRead);
  b.add({ kind: "assign", name: "drive_step", a: steps, y: step });
  const reads = kit.and("reads", steps, newWord);

  // Where the pointer goes back to.
  const layerStart = b.register("layer_start", read.q, { enable: settled, role: "control" });
  const blocksBegin = b.register("blocks_begin", endsParameters, { role: "control", resetN });
  const blockStart = b.register("block_start", read.q, { enable: blocksBegin, role: "control" });
  const streams = of(f.weightsStream);
  const keeps = of(f.weightsKeep);
  const lastGroup = kit.or("last_use", kit.not("own_weights", of(f.weightsShared)), atLastGroup);
  const toLayer = kit.or(
    "to_layer",
    kit.and("group_again", groupEnds, kit.not("shared_on", lastGroup)),
    kit.and("layer_again", layerEnds, keeps),
  );
  const toBlocks = kit.and(
    "to_blocks",
    stripeEnds,
    kit.not("more_stripes", lastStripe),
    kit.not("not_streaming", streams),
  );
  const back = kit.or("back", toLayer, toBlocks);
  const nextPointer = kit.add("read_plus_1", read.q, literal(1, wide));
  read.set(
    kit.first(
      "read_next",
      [
        [toLayer, layerStart],
        [toBlocks, blockStart],
      ],
      nextPointer,
    ),
    kit.or("read_moves", reads, back),
  );
  // A word that is written now is seen a cycle later; what is gone back to is there.
  there.set(
    kit.or(
      "there_next",
      back,
      kit.not(
        "some_left",
        kit.mux(
          "none_left",
          reads,
          kit.equal("empty_then", nextPointer, written.q),
          kit.equal("empty", read.q, written.q),
        ),
      ),
    ),
  );
  const lastBlocks = kit.or("last_blocks", streams, kit.and("last_round", lastStripe, lastGroup));
  const lastRead = kit.mux("last_read", atBlocks, lastBlocks, lastGroup);
  b.output(
    "ring_release",
    b.register("released", kit.and("releases", reads, lastRead, kit.not("not_kept", keeps)), {
      role: "control",
      resetN,
    }),
    "pulse: a word of the ring is free",
  );

  // Ring → register → the lane's slice → array or drain.
  const ramOut = b.net("ring_word", 8 * ringWordBytes);
  b.add({
    kind: "ram",
    name: "ring",
    doc: `Weights on their way to the array: ${ringWords} words of ${ringWordBytes} bytes.`,
    depth: ringWords,
    writeEnable: ringWrite,
    writeAddress: sliceOf(written.q, 0, pointerBits),
    writeData: ringData,
    readEnable: reads,
    readAddress: sliceOf(read.q, 0, pointerBits),
    readData: ramOut,
  });
  const word = b.register("word", b.signal(ramOut), {
    enable: kit.delayControl("reads", reads, 1),
    role: "buffer",
  });
  const laneThen = kit.delay("lane_then", lane.q, 2, "control");
  const sliceHere = (name: string, bytes: number, indexBits: number): Signal => {
    const values = Array.from({ length: 2 ** indexBits }, (_, i) => sliceOf(word, i * 8 * bytes, 8 * bytes));
    return indexBits === 0 ? values[0]! : kit.select(name, zeroExtend(laneThen, indexBits), values);
  };
  const isBlock = kit.delay("is_block", atBlocks, 2, "control");
  const stepThen = kit.delayControl("step_then", steps, 2);
  const toArray = kit.and("to_array", stepThen, isBlock);
  const toDrain = kit.and("to_drain", stepThen, kit.not("is_parameters", isBlock));
  const bytes = b.register("lane_bytes", sliceHere("block_slice", cPar, blockBits), {
    enable: toArray,
    role: "buffer",
  });
  const loads = b.register("loads", toArray, { role: "control", resetN });
  const loadLane = b.register("load_lane", laneThen, { role: "control" });
  if (weightBits === 8) {
    b.output("weight_load", loads);
    b.output("weight_lane", loadLane);
    b.output("weight_word", bytes);
  } else {
    // Held apart: the next layer is taken while the last lanes are on their way.
    const zero = b.register("weight_zero", of(f.weightZero), { enable: blocksBegin, role: "control" });
    const weights = Array.from({ length: cPar }, (_, j) =>
      kit.subtract(`weight_${j}`, zeroExtend(sliceOf(bytes, 8 * j, 8), 9), zero),
    );
    b.output("weight_load", b.register("weights_load", loads, { role: "control", resetN }));
    b.output("weight_lane", b.register("weights_lane", loadLane, { role: "control" }));
    b.output("weight_word", b.register("weights", concat(weights), { enable: loads, role: "buffer" }));
  }
  const bank = kit.state("parameter_bank_at", 1);
  bank.set(kit.not("parameter_bank_other", bank.q), endsParameters);
  const bankThen = kit.delay("parameter_bank_then", bank.q, 2, "control");
  b.output("parameter_write", b.register("parameters_write", toDrain, { role: "control", resetN }));
  b.output("parameter_bank", b.register("parameters_bank", bankThen, { role: "control" }));
  b.output("parameter_lane", b.register("parameters_lane", laneThen, { role: "control" }));
  const entry = sliceHere("parameter_slice", PARAMETER_BYTES, parameterBits);
  b.output(
    "parameter_data",
    b.register("parameters", sliceOf(entry, 0, PARAMETER_BITS), { enable: toDrain, role: "buffer" }),
  );
  b.output("weights_ready", ready.q);
  b.output("layer_ready", idle, "a layer that is offered is taken");
  return b.build();
}
