import type { ClockTarget } from "../../arith/index.js";
import { literal, type Module, ModuleBuilder, type Signal } from "../../hw/index.js";
import { type EngineConfig, engineShape } from "../config.js";
import { OPERATIONS, transferFields } from "../isa/index.js";
import { fieldOf, Kit } from "./kit.js";
import type { TransferContext } from "./transfer-bursts.js";
import { buildLoad } from "./transfer-load.js";
import { buildStore } from "./transfer-store.js";

/** Bits of a transfer's descriptor that the unit gets. */
export const COMMAND_BITS = 256;

/**
 * Build `fxa_transfer`: rows of a tensor between external memory and the activation memory, one command after the other.
 *
 * A load asks for a burst only when its FIFO has room for all of it; a store reads a word only when its FIFO has room, so reads of the activation
 * memory are no more than what leaves. `transfer_done` comes when a load's last word is written, or a store's last response is there.
 */
export function buildTransfer(config: EngineConfig, clock: ClockTarget): Module {
  const { axiDataBytes, burstBeats } = config;
  const { wordBytes } = engineShape(config);
  const b = new ModuleBuilder("fxa_transfer", [
    `Loads and stores: words of ${wordBytes} bytes, beats of ${axiDataBytes} bytes, bursts of up to ${burstBeats} beats.`,
  ]);
  b.clock("aclk");
  const resetN = b.input("aresetn", 1, "synchronous reset, active low");
  const kit = new Kit(b, clock, resetN);
  const offered = b.input("command_valid", 1);
  const commandIn = b.input("command", COMMAND_BITS, "the descriptor's low bits");
  const base = b.input("command_base", 32, "where its offset counts from");
  const f = transferFields;

  // idle → address → begin → run → idle
  const states = { idle: 0, address: 1, begin: 2, run: 3 } as const;
  const state = kit.state("state", 2, 0, "0 idle, 1 address, 2 begin, 3 run");
  const at = (name: keyof typeof states): Signal => kit.equal(`at_${name}`, state.q, states[name]);
  const [idle, addresses, begins, runs] = [at("idle"), at("address"), at("begin"), at("run")];
  const accept = kit.and("accept", idle, offered);
  const command = b.register("command_held", commandIn, { enable: accept, role: "control" });
  const baseHeld = b.register("base_held", base, { enable: accept, role: "control" });
  const of: TransferContext["of"] = (field) => fieldOf(command, field);
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

  const context: TransferContext = { kit, config, of, first, runs };
  const loaded = buildLoad(context, beginLoad);
  const stored = buildStore(context, beginStore);
  const doneNow = kit.and("done_now", runs, kit.mux("done_of", isStore, stored, loaded));
  b.add({ kind: "assign", name: "drive_done", a: kit.delayControl("done_at", doneNow, 1), y: done });
  b.output("command_ready", idle);
  b.output(
    "transfer_done",
    kit.delayControl("transfer_done_at", kit.and("done_runs", runs, b.signal(done)), 1),
  );
  return b.build();
}
