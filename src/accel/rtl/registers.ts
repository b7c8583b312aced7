import type { ClockTarget } from "../../arith/index.js";
import { concat, literal, type Module, ModuleBuilder, repeat, type Signal, sliceOf } from "../../hw/index.js";
import { ENGINE_ID, engineRegisters } from "../registers.js";
import { increment } from "./increment.js";
import { Kit } from "./kit.js";

/** Bits of an address. */
export const REGISTER_ADDRESS_BITS = 8;
const OKAY = 0b00;
const SLVERR = 0b10;

type RegisterName = keyof typeof engineRegisters;

/** Inputs that count while the engine is busy, and the registers that hold the counts. */
const counted = {
  stall_weights: "stallWeights",
  stall_input: "stallInput",
  stall_transfer: "stallTransfer",
  stall_drain: "stallDrain",
  read_beat: "readBeats",
  write_beat: "writeBeats",
} as const satisfies Record<string, RegisterName>;

/**
 * Build `fxa_registers`: an AXI4-Lite slave, one write and one read at a time. Address and data of a write come in any order. What is not in the
 * map answers SLVERR; writes to registers that are only read are ignored.
 */
export function buildRegisters(clock: ClockTarget, fingerprint: number): Module {
  const b = new ModuleBuilder("fxa_registers", ["AXI4-Lite registers: control, status, bases, counters."]);
  b.clock("aclk");
  const resetN = b.input("aresetn", 1, "synchronous reset, active low");
  const kit = new Kit(b, clock, resetN);
  const awValid = b.input("s_axil_awvalid", 1);
  const awAddress = b.input("s_axil_awaddr", REGISTER_ADDRESS_BITS);
  const wValid = b.input("s_axil_wvalid", 1);
  const wData = b.input("s_axil_wdata", 32);
  const wStrobe = b.input("s_axil_wstrb", 4);
  const bReady = b.input("s_axil_bready", 1);
  const arValid = b.input("s_axil_arvalid", 1);
  const arAddress = b.input("s_axil_araddr", REGISTER_ADDRESS_BITS);
  const rReady = b.input("s_axil_rready", 1);
  const busy = b.input("busy", 1);
  const done = b.input("done", 1, "pulse");
  const error = b.input("error", 1, "pulse");
  const errorCode = b.input("error_code", 8);
  const framesDone = b.input("frames_done_count", 32);
  const events = Object.keys(counted).map((name) => [name, b.input(name, 1)] as const);

  // A write: address and data each in a register, then the write, then its response.
  const hasAddress = kit.state("has_address", 1);
  const hasData = kit.state("has_data", 1);
  const responds = kit.state("responds", 1);
  const awReady = kit.not("aw_ready", hasAddress.q);
  const wReady = kit.not("w_ready", hasData.q);
  const takesAddress = kit.and("takes_address", awValid, awReady);
  const takesData = kit.and("takes_data", wValid, wReady);
  const address = b.register("write_address", sliceOf(awAddress, 2, 6), {
    enable: takesAddress,
    role: "control",
  });
  const data = b.register("write_data", wData, { enable: takesData, role: "control" });
  const strobe = b.register("write_strobe", wStrobe, { enable: takesData, role: "control" });
  const write = kit.and("write", hasAddress.q, hasData.q, kit.not("not_responding", responds.q));
  const noWrite = kit.not("no_write", write);
  hasAddress.set(kit.or("has_address_next", takesAddress, kit.and("address_waits", hasAddress.q, noWrite)));
  hasData.set(kit.or("has_data_next", takesData, kit.and("data_waits", hasData.q, noWrite)));
  responds.set(
    kit.or("responds_next", write, kit.and("response_waits", responds.q, kit.not("unanswered", bReady))),
  );

  const names = Object.keys(engineRegisters) as RegisterName[];
  const hits = new Map(
    names.map((name) => [name, kit.equal(`writes_${name}`, address, engineRegisters[name].at / 4)] as const),
  );
  const known = kit.or("write_known", ...hits.values());
  b.output("s_axil_awready", awReady);
  b.output("s_axil_wready", wReady);
  b.output("s_axil_bvalid", responds.q);
  b.output(
    "s_axil_bresp",
    b.register("bresp", kit.mux("bresp_next", known, literal(OKAY, 2), literal(SLVERR, 2)), {
      enable: write,
      role: "control",
    }),
  );

  const mask = concat(Array.from({ length: 4 }, (_, i) => repeat(sliceOf(strobe, i, 1), 8)));
  const written = (name: RegisterName): Signal => kit.and(`write_${name}`, write, hits.get(name)!);
  const masked = kit.and("masked", data, mask);
  const kept = kit.not("kept", mask);
  const stored = (name: RegisterName, width = 32): Signal => {
    const register = kit.state(name, width);
    const old = kit.and(`${name}_kept`, register.q, sliceOf(kept, 0, width));
    register.set(kit.or(`${name}_next`, old, sliceOf(masked, 0, width)), written(name));
    return register.q;
  };
  const values = new Map<RegisterName, Signal>();
  values.set("id", literal(ENGINE_ID, 32));
  values.set("fingerprint", literal(fingerprint, 32));
  for (const name of [
    "programBase",
    "frames",
    "scratchBase",
    "resultBase",
    "resultStride",
    "imageBase",
    "imageStride",
  ] as const)
    values.set(name, stored(name));

  // Control, status, interrupt.
  const writesControl = written("control");
  const start = kit.and("start", writesControl, sliceOf(masked, 0, 1), kit.not("start_idle", busy));
  const enable = kit.state("interrupt_enable", 1);
  enable.set(
    kit.or("enable_next", kit.and("enable_kept", enable.q, sliceOf(kept, 1, 1)), sliceOf(masked, 1, 1)),
    writesControl,
  );
  values.set("control", concat([literal(0, 1), enable.q, literal(0, 30)]));
  const flag = (name: string, event: Signal): Signal => {
    const state = kit.state(name, 1);
    state.set(event, kit.or(`${name}_moves`, event, start));
    return state.q;
  };
  const wasDone = flag("was_done", done);
  const failed = flag("failed", error);
  const code = kit.and("code_shown", errorCode, repeat(failed, 8));
  values.set("status", concat([busy, wasDone, literal(0, 6), code, literal(0, 16)]));
  const clears = written("interrupt");
  const pending = (name: string, event: Signal, bit: number): Signal => {
    const state = kit.state(name, 1);
    const cleared = kit.and(`${name}_clears`, clears, sliceOf(masked, bit, 1));
    state.set(
      kit.or(`${name}_next`, event, kit.and(`${name}_stays`, state.q, kit.not(`${name}_kept`, cleared))),
    );
    return state.q;
  };
  const donePending = pending("done_pending", done, 0);
  const errorPending = pending("error_pending", error, 1);
  values.set("interrupt", concat([donePending, errorPending, literal(0, 30)]));
  b.output(
    "irq",
    kit.delayControl(
      "irq_at",
      kit.and("irq_now", enable.q, kit.or("any_pending", donePending, errorPending)),
      1,
    ),
  );

  // Counters.
  const counter = (name: RegisterName, event: Signal): void => {
    const state = kit.state(name, 32);
    const next = kit.mux(`${name}_next`, start, literal(0, 32), increment(kit, `${name}_more`, state.q));
    state.set(next, kit.or(`${name}_moves`, start, event));
    values.set(name, state.q);
  };
  counter("cycles", busy);
  for (const [name, event] of events)
    counter(counted[name as keyof typeof counted], kit.and(`${name}_counts`, event, busy));
  values.set("framesDone", framesDone);

  // A read: the register's number, then its value, then the response.
  const reads = kit.state("reads", 1, 0, "a number is there");
  const looks = kit.state("looks", 1, 0, "its value is chosen");
  const shows = kit.state("shows", 1, 0, "the response is there");
  const busyReading = kit.or("busy_reading", reads.q, looks.q, shows.q);
  const arReady = kit.not("ar_ready", busyReading);
  const accept = kit.and("accept", arValid, arReady);
  const number = b.register("read_number", sliceOf(arAddress, 2, 6), { enable: accept, role: "control" });
  reads.set(accept);
  looks.set(reads.q);
  shows.set(kit.or("shows_next", looks.q, kit.and("waits", shows.q, kit.not("not_taken", rReady))));
  // Eight registers a group: the group's value is chosen first, then the group.
  const numbered: Signal[] = Array.from({ length: 32 }, () => literal(0, 32));
  const isKnown: Signal[] = Array.from({ length: 32 }, () => literal(0, 1));
  for (const name of names) {
    numbered[engineRegisters[name].at / 4] = values.get(name)!;
    isKnown[engineRegisters[name].at / 4] = literal(1, 1);
  }
  const groups = Array.from({ length: 4 }, (_, g) =>
    b.register(
      `group_${g}`,
      kit.select(
        `group_${g}_value`,
        sliceOf(number, 0, 3),
        Array.from({ length: 8 }, (_, i) => concat([numbered[8 * g + i]!, isKnown[8 * g + i]!])),
      ),
      { enable: reads.q, role: "control" },
    ),
  );
  const chosen = kit.select("value", sliceOf(number, 3, 2), groups);
  const found = kit.and("found", sliceOf(chosen, 32, 1), kit.not("in_map", sliceOf(number, 5, 1)));
  const value = b.register(
    "read_value",
    kit.and("read_value_next", sliceOf(chosen, 0, 32), repeat(found, 32)),
    {
      enable: looks.q,
      role: "control",
    },
  );
  b.output("s_axil_arready", arReady);
  b.output("s_axil_rvalid", shows.q);
  b.output("s_axil_rdata", value);
  b.output(
    "s_axil_rresp",
    b.register("rresp", kit.mux("rresp_next", found, literal(OKAY, 2), literal(SLVERR, 2)), {
      enable: looks.q,
      role: "control",
    }),
  );
  b.output("start", kit.delayControl("start_at", start, 1), "pulse");
  const outputs: readonly (readonly [string, RegisterName])[] = [
    ["program_base", "programBase"],
    ["frames", "frames"],
    ["scratch_base", "scratchBase"],
    ["result_base", "resultBase"],
    ["result_stride", "resultStride"],
    ["image_base", "imageBase"],
    ["image_stride", "imageStride"],
  ];
  for (const [port, name] of outputs) b.output(port, values.get(name)!);
  return b.build();
}
