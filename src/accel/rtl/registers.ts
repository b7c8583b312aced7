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
import type { Field } from "../isa/index.js";
import { ENGINE_ID, type EngineRegister, engineRegisters, registerFields } from "../registers.js";
import { increment } from "./increment.js";
import { fieldOf, Kit, type State, zeroExtend } from "./kit.js";

type RegisterName = keyof typeof engineRegisters;

/** Registers of which the engine reads all bits. */
const WORDS = {
  programBase: "program_base",
  frames: "frames",
  scratchBase: "scratch_base",
  resultBase: "result_base",
  resultStride: "result_stride",
  imageBase: "image_base",
  imageStride: "image_stride",
} as const satisfies Partial<Record<RegisterName, string>>;

/** What each counter counts while the engine is busy; `null` cycles. */
const COUNTERS = {
  cycles: null,
  stallWeights: "stall_weights",
  stallInput: "stall_input",
  stallTransfer: "stall_transfer",
  stallDrain: "stall_drain",
  readBeats: "read_beat",
  writeBeats: "write_beat",
} as const satisfies Partial<Record<RegisterName, string | null>>;

const OKAY = 0b00;
const SLVERR = 0b10;
/** Bits of an address. */
export const REGISTER_ADDRESS_BITS = 8;
const INDEX_BITS = REGISTER_ADDRESS_BITS - 2;

/** A word of fields, in ascending order. */
function place(parts: readonly (readonly [Field, Signal])[]): Signal {
  let word: Signal = [];
  for (const [{ at }, value] of parts) word = concat([word, literal(0, at - signalWidth(word)), value]);
  return zeroExtend(word, 32);
}

/** Half of a handshake of which one is under way at a time: `ready` falls when the payload is taken and rises after `release`. */
function catchPayload(kit: Kit, name: string, valid: Signal, payload: Signal, width: number) {
  const ready = kit.state(`${name}_free`, 1);
  const held = kit.state(`${name}_held`, 1);
  const take = kit.and(`${name}_take`, valid, ready.q);
  const word = kit.data(`${name}_word`, width, "control");
  word.set(payload, take);
  return {
    ready: ready.q,
    held: held.q,
    word: word.q,
    set: (release: Signal): void => {
      const stays = kit.and(`${name}_stays`, held.q, kit.not(`${name}_not_released`, release));
      const full = kit.or(`${name}_held_next`, take, stays);
      held.set(full);
      ready.set(kit.not(`${name}_free_next`, full));
    },
  };
}

/** A response that stays until taken; `send` gives one, and none is sent before the one before was taken. */
function respond(kit: Kit, name: string, send: Signal, ready: Signal) {
  const valid = kit.state(`${name}_waits`, 1);
  const waits = kit.and(`${name}_stays`, valid.q, kit.not(`${name}_not_taken`, ready));
  valid.set(kit.or(`${name}_waits_next`, send, waits));
  return valid.q;
}

/** `word` with the bytes of `data` that `strobes` names. */
function merge(kit: Kit, name: string, word: Signal, data: Signal, strobes: Signal): Signal {
  return concat(
    Array.from({ length: 4 }, (_, i) =>
      kit.mux(`${name}_byte_${i}`, sliceOf(strobes, i, 1), sliceOf(data, 8 * i, 8), sliceOf(word, 8 * i, 8)),
    ),
  );
}

/** Exact 32-bit event counter: whether the low half is full is known a cycle before, so that neither half waits for the other. */
function countEvents(kit: Kit, name: string, event: Signal, clear: Signal): Signal {
  const low = kit.state(`${name}_low`, 16);
  const high = kit.state(`${name}_high`, 16);
  const full = kit.state(`${name}_low_full`, 1);
  const moves = kit.or(`${name}_moves`, event, clear);
  const keep = kit.not(`${name}_keep`, clear);
  low.set(
    kit.mux(`${name}_low_next`, clear, literal(0, 16), increment(kit, `${name}_low_more`, low.q)),
    moves,
  );
  full.set(kit.and(`${name}_low_full_next`, keep, kit.equal(`${name}_nearly`, low.q, 0xfffe)), moves);
  const carry = kit.or(`${name}_carry`, clear, kit.and(`${name}_wraps`, event, full.q));
  high.set(
    kit.mux(`${name}_high_next`, clear, literal(0, 16), increment(kit, `${name}_high_more`, high.q)),
    carry,
  );
  return concat([low.q, high.q]);
}

/**
 * Build `fxa_registers`: the AXI4-Lite port of the register map.
 *
 * One write and one read are under way at a time; address and data of a write come in any order. What the map does not hold answers with SLVERR,
 * a write to what can only be read is ignored. `start` while the engine is busy does nothing.
 *
 * @param fingerprint of this engine, 32 bits
 */
export function buildRegisters(clock: ClockTarget, fingerprint: number): Module {
  const b = new ModuleBuilder("fxa_registers", [
    "AXI4-Lite registers: settings, status, interrupt, counters.",
  ]);
  b.clock("aclk");
  const resetN = b.input("aresetn", 1, "synchronous reset, active low");
  const kit = new Kit(b, clock, resetN);
  const awValid = b.input("s_axil_awvalid", 1);
  const awAddress = b.input("s_axil_awaddr", REGISTER_ADDRESS_BITS);
  const wValid = b.input("s_axil_wvalid", 1);
  const wData = b.input("s_axil_wdata", 32);
  const wStrobes = b.input("s_axil_wstrb", 4);
  const bReady = b.input("s_axil_bready", 1);
  const arValid = b.input("s_axil_arvalid", 1);
  const arAddress = b.input("s_axil_araddr", REGISTER_ADDRESS_BITS);
  const rReady = b.input("s_axil_rready", 1);
  const busy = b.input("busy", 1);
  const done = b.input("done", 1, "pulse: all frames are done");
  const failed = b.input("error", 1, "pulse: the engine stopped with an error");
  const errorCode = b.input("error_code", 8);
  const framesDone = b.input("frames_done_count", 32);

  const indexOf = (address: Signal): Signal => sliceOf(address, 2, INDEX_BITS);
  const aw = catchPayload(kit, "aw", awValid, indexOf(awAddress), INDEX_BITS);
  const w = catchPayload(kit, "w", wValid, concat([wData, wStrobes]), 36);
  const writeWaits = b.net("write_waits", 1);
  const write = kit.and("write", aw.held, w.held, kit.not("write_free", b.signal(writeWaits)));
  aw.set(write);
  w.set(write);
  const bValid = respond(kit, "b", write, bReady);
  b.add({ kind: "assign", name: "write_waits", a: bValid, y: writeWaits });
  const data = sliceOf(w.word, 0, 32);
  const strobes = sliceOf(w.word, 32, 4);
  const writes = (name: RegisterName): Signal =>
    kit.and(`${name}_write`, write, kit.equal(`${name}_addressed`, aw.word, engineRegisters[name].at / 4));

  const values = new Map<RegisterName, Signal>();
  const words = Object.entries(WORDS) as [keyof typeof WORDS, string][];
  for (const [name, port] of words) {
    const word = kit.state(`${port}_word`, 32);
    word.set(merge(kit, port, word.q, data, strobes), writes(name));
    values.set(name, word.q);
  }
  const low = sliceOf(strobes, 0, 1);
  const controlWrite = kit.and("control_low_write", writes("control"), low);
  const enable = kit.state("interrupt_enable", 1);
  const { control, status, interrupt } = registerFields;
  enable.set(fieldOf(data, control.interruptEnable), controlWrite);
  const idle = kit.not("idle", busy);
  const start = kit.delayControl(
    "start_now",
    kit.and("start_next", controlWrite, fieldOf(data, control.start), idle),
    1,
  );
  const cleared = kit.and("interrupt_low_write", writes("interrupt"), low);
  const sticky = (name: string, event: Signal, clear: Signal): State => {
    const flag = kit.state(name, 1);
    const stays = kit.and(`${name}_stays`, flag.q, kit.not(`${name}_kept`, clear));
    flag.set(kit.or(`${name}_next`, event, stays));
    return flag;
  };
  const acknowledge = (flag: keyof typeof interrupt): Signal =>
    kit.and(`acknowledge_${flag}`, cleared, fieldOf(data, interrupt[flag]));
  const complete = sticky("complete", done, start);
  const interruptDone = sticky("interrupt_done", done, acknowledge("done"));
  const interruptError = sticky("interrupt_error", failed, acknowledge("error"));
  const pending = kit.or("pending", interruptDone.q, interruptError.q);
  const irq = kit.delayControl("interrupt", kit.and("interrupt_next", enable.q, pending), 1);

  const counters = Object.entries(COUNTERS) as [keyof typeof COUNTERS, string | null][];
  for (const [name, port] of counters) {
    const event = port === null ? busy : kit.and(`${port}_counts`, b.input(port, 1), busy);
    // Events are taken a cycle later: flags may come late in their cycle.
    const seen = kit.delayControl(`${name}_seen`, event, 1);
    values.set(name, countEvents(kit, name, seen, start));
  }
  values.set("id", literal(ENGINE_ID, 32));
  values.set("fingerprint", literal(fingerprint, 32));
  values.set("control", place([[control.interruptEnable, enable.q]]));
  values.set(
    "status",
    place([
      [status.busy, busy],
      [status.done, complete.q],
      [status.error, errorCode],
    ]),
  );
  values.set(
    "interrupt",
    place([
      [interrupt.done, interruptDone.q],
      [interrupt.error, interruptError.q],
    ]),
  );
  values.set("framesDone", framesDone);

  const ar = catchPayload(kit, "ar", arValid, indexOf(arAddress), INDEX_BITS);
  const readWaits = b.net("read_waits", 1);
  const read = kit.and("read", ar.held, kit.not("read_free", b.signal(readWaits)));
  ar.set(read);
  const rValid = respond(kit, "r", read, rReady);
  b.add({ kind: "assign", name: "read_waits", a: rValid, y: readWaits });
  const byIndex = new Map<number, RegisterName>(
    (Object.entries(engineRegisters) as [RegisterName, EngineRegister][]).map(([name, { at }]) => [
      at / 4,
      name,
    ]),
  );
  const table = Array.from({ length: 2 ** Math.ceil(Math.log2(byIndex.size)) }, (_, i) => {
    const name = byIndex.get(i);
    return name === undefined ? literal(0, 32) : values.get(name)!;
  });
  const tableBits = Math.log2(table.length);
  const mapped = (name: string, index: Signal): Signal =>
    kit.less(name, index, literal(byIndex.size, INDEX_BITS));
  const readMapped = kit.and("read_mapped", ar.held, mapped("read_inside", ar.word));
  const chosen = kit.select("read_choice", sliceOf(ar.word, 0, tableBits), table);
  const readData = kit.data("read_data", 32, "control");
  readData.set(kit.mux("read_data_next", readMapped, chosen, literal(0, 32)), read);
  const response = (name: string, inside: Signal, now: Signal): Signal => {
    const outside = kit.data(name, 1, "control");
    outside.set(kit.not(`${name}_next`, inside), now);
    return kit.mux(`${name}_code`, outside.q, literal(SLVERR, 2), literal(OKAY, 2));
  };

  b.output("s_axil_awready", aw.ready);
  b.output("s_axil_wready", w.ready);
  b.output("s_axil_bvalid", bValid);
  b.output("s_axil_bresp", response("write_outside", mapped("write_inside", aw.word), write));
  b.output("s_axil_arready", ar.ready);
  b.output("s_axil_rvalid", rValid);
  b.output("s_axil_rdata", readData.q);
  b.output("s_axil_rresp", response("read_outside", readMapped, read));
  b.output("irq", irq, "done or an error, if enabled");
  b.output("start", start, "pulse");
  for (const [name, port] of words) b.output(port, values.get(name)!);
  return b.build();
}
