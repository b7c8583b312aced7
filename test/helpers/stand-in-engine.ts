import { ENGINE_ID, engineRegisters } from "../../src/accel/registers.js";
import { Kit, type State, zeroExtend } from "../../src/accel/rtl/kit.js";
import { sky130Cells } from "../../src/arith/index.js";
import { concat, literal, type Module, ModuleBuilder, type Signal, sliceOf } from "../../src/hw/index.js";

/** Bytes of a beat of the stand-in's memory port and of its stream. */
export const STAND_IN_BYTES = 4;
/** Beats of a frame; two bursts. */
export const STAND_IN_BEATS = 8;
/** Bytes of a frame. */
export const STAND_IN_FRAME = STAND_IN_BYTES * STAND_IN_BEATS;

const clock = { periodPs: 5000, cells: sky130Cells };
const steps = { idle: 0, loadProgram: 1, storeScratch: 2, loadScratch: 3, storeResult: 4 } as const;

/**
 * Build a small module with the engine's ports and registers. A frame: read a program of 32 bytes P in two bursts of different ids, take 32 bytes X from the
 * stream, write P + X to scratch, read it back, and write P + (P + X) to the frame's result, byte by byte modulo 256. The last byte of each write is not strobed.
 */
export function standInEngine(name: string): Module {
  const b = new ModuleBuilder(name, ["Stand-in with the engine's ports."]);
  b.clock("aclk");
  const kit = new Kit(b, clock, b.input("aresetn", 1));
  const inputs = new Map<string, Signal>();
  const input = (port: string, width = 1): Signal => {
    const signal = b.input(port, width);
    inputs.set(port, signal);
    return signal;
  };
  const bits = 8 * STAND_IN_BYTES;
  const one = (width: number): Signal => literal(1, width);

  // Registers
  const [awValid, awAddress] = [input("s_axil_awvalid"), input("s_axil_awaddr", 8)];
  const [wValid, wData] = [input("s_axil_wvalid"), input("s_axil_wdata", 32)];
  input("s_axil_wstrb", 4);
  const [bReady, arValid, arAddress] = [
    input("s_axil_bready"),
    input("s_axil_arvalid"),
    input("s_axil_araddr", 8),
  ];
  const rReady = input("s_axil_rready");
  const answering = kit.state("answering", 1);
  const write = kit.and("write", awValid, wValid, kit.not("free", answering.q));
  answering.set(
    kit.or("answering_next", write, kit.and("answer_waits", answering.q, kit.not("no_bready", bReady))),
  );
  const writes = (register: keyof typeof engineRegisters): Signal =>
    kit.and(
      `write_${register}`,
      write,
      kit.equal(`at_${register}`, sliceOf(awAddress, 0, 8), engineRegisters[register].at),
    );
  const held = (register: keyof typeof engineRegisters): Signal => {
    const state = kit.state(register, 32);
    state.set(wData, writes(register));
    return state.q;
  };
  const [programBase, frames, scratchBase] = [held("programBase"), held("frames"), held("scratchBase")];
  const [resultBase, resultStride] = [held("resultBase"), held("resultStride")];
  const control = writes("control");
  const enable = kit.state("interrupt_enable", 1);
  enable.set(sliceOf(wData, 1, 1), control);
  const start = kit.and("start", control, sliceOf(wData, 0, 1));

  // Steps of a frame
  const step = kit.state("step", 3);
  const at = (which: keyof typeof steps): Signal => kit.equal(`at_${which}`, step.q, steps[which]);
  const [idle, loadProgram, storeScratch] = [at("idle"), at("loadProgram"), at("storeScratch")];
  const [loadScratch, storeResult] = [at("loadScratch"), at("storeResult")];
  const loads = kit.or("loads", loadProgram, loadScratch);
  const stores = kit.or("stores", storeScratch, storeResult);
  const stepEnds = b.net("step_ends", 1);
  const ends = b.signal(stepEnds);
  const counter = (label: string, width: number, counts: Signal): State => {
    const state = kit.state(label, width);
    state.set(
      kit.mux(`${label}_next`, ends, literal(0, width), kit.add(`${label}_more`, state.q, one(width))),
      kit.or(`${label}_moves`, ends, counts),
    );
    return state;
  };
  const count = (label: string, width: number, counts: (q: Signal) => Signal): Signal => {
    const q = b.net(`${label}_counts`, 1);
    const state = counter(label, width, b.signal(q));
    b.add({ kind: "assign", name: `drive_${label}_counts`, a: counts(state.q), y: q });
    return state.q;
  };

  const target = kit.state("target", 32);
  const base = kit.first(
    "base",
    [
      [loadProgram, programBase],
      [storeResult, target.q],
    ],
    scratchBase,
  );
  const half = STAND_IN_FRAME / 2;
  const burst = (label: string, ready: Signal, active: Signal, ids: readonly [number, number]) => {
    const valid = b.net(`${label}_valid`, 1);
    const taken = kit.and(`${label}_taken`, b.signal(valid), ready);
    const asked = counter(`${label}_asked`, 2, taken).q;
    const more = kit.not(`${label}_more_to_ask`, sliceOf(asked, 1, 1));
    b.add({ kind: "and", name: `drive_${label}_valid`, operands: [active, more], y: valid });
    const second = sliceOf(asked, 0, 1);
    const address = kit.add(
      `${label}_address`,
      base,
      kit.mux(`${label}_offset`, second, literal(half, 32), literal(0, 32)),
    );
    b.output(`m_axi_${label}valid`, b.signal(valid));
    b.output(`m_axi_${label}addr`, address);
    b.output(`m_axi_${label}len`, literal(STAND_IN_BEATS / 2 - 1, 8));
    b.output(`m_axi_${label}size`, literal(Math.log2(STAND_IN_BYTES), 3));
    b.output(`m_axi_${label}burst`, literal(1, 2));
    b.output(`m_axi_${label}id`, kit.mux(`${label}_id`, second, literal(ids[1], 2), literal(ids[0], 2)));
    b.output(`m_axi_${label}cache`, literal(3, 4));
    b.output(`m_axi_${label}prot`, literal(0, 3));
  };
  burst("ar", input("m_axi_arready"), loads, [1, 2]);
  burst("aw", input("m_axi_awready"), stores, [0, 3]);

  // Data in: each id fills a half.
  const [rValid, rData] = [input("m_axi_rvalid"), input("m_axi_rdata", bits)];
  input("m_axi_rresp", 2);
  input("m_axi_rlast");
  const rId = input("m_axi_rid", 2);
  const upper = sliceOf(rId, 1, 1);
  const lower = kit.not("lower", upper);
  const lowBeats = count("low_beats", 3, () => kit.and("low_beat", rValid, lower));
  const highBeats = count("high_beats", 3, () => kit.and("high_beat", rValid, upper));
  const place = kit.mux(
    "place",
    upper,
    concat([sliceOf(highBeats, 0, 2), one(1)]),
    concat([sliceOf(lowBeats, 0, 2), literal(0, 1)]),
  );
  const [tValid, tData] = [input("s_axis_tvalid"), input("s_axis_tdata", bits)];
  const tReady = b.net("tready", 1);
  const pixel = kit.and("pixel", tValid, b.signal(tReady));
  const pixels = counter("pixels", 4, pixel).q;
  const allPixels = sliceOf(pixels, 3, 1);
  b.add({
    kind: "and",
    name: "drive_tready",
    operands: [loadProgram, kit.not("pixels_missing", allPixels)],
    y: tReady,
  });
  const memory = (label: string, when: readonly { when: Signal; index: Signal; data: Signal }[]) =>
    Array.from({ length: STAND_IN_BEATS }, (_, i) => {
      const word = kit.data(`${label}_${i}`, bits, "buffer");
      const enables = when.map((w, j) =>
        kit.and(`${label}_${i}_write_${j}`, w.when, kit.equal(`${label}_${i}_at_${j}`, w.index, i)),
      );
      const data =
        when.length === 1
          ? when[0]!.data
          : kit.mux(`${label}_${i}_next`, enables[0]!, when[0]!.data, when[1]!.data);
      word.set(data, kit.or(`${label}_${i}_enable`, ...enables));
      return word.q;
    });
  const program = memory("program", [
    { when: kit.and("program_beat", rValid, loadProgram), index: place, data: rData },
  ]);
  const operand = memory("operand", [
    { when: kit.and("scratch_beat", rValid, loadScratch), index: place, data: rData },
    { when: pixel, index: sliceOf(pixels, 0, 3), data: tData },
  ]);

  // Data out
  const wReadyMemory = input("m_axi_wready");
  const [bValid] = [input("m_axi_bvalid"), input("m_axi_bresp", 2), input("m_axi_bid", 2)];
  const wValidMemory = b.net("wvalid", 1);
  const beats = counter("beats", 4, kit.and("beat_taken", b.signal(wValidMemory), wReadyMemory)).q;
  b.add({
    kind: "and",
    name: "drive_wvalid",
    operands: [stores, kit.not("beats_missing", sliceOf(beats, 3, 1))],
    y: wValidMemory,
  });
  const index = sliceOf(beats, 0, 3);
  const [left, right] = [kit.select("left", index, program), kit.select("right", index, operand)];
  const sums = Array.from({ length: STAND_IN_BYTES }, (_, i) =>
    kit.add(`sum_${i}`, sliceOf(left, 8 * i, 8), sliceOf(right, 8 * i, 8)),
  );
  const answers = counter("answers", 2, bValid).q;
  const strobe = kit.not("last_strobe", kit.equal("last_beat", index, STAND_IN_BEATS - 1));
  b.output("m_axi_rready", one(1));
  b.output("m_axi_wvalid", b.signal(wValidMemory));
  b.output("m_axi_wdata", concat(sums));
  b.output("m_axi_wstrb", concat([literal(-1, STAND_IN_BYTES - 1), strobe]));
  b.output("m_axi_wlast", kit.and("w_last", sliceOf(beats, 0, 1), sliceOf(beats, 1, 1)));
  b.output("m_axi_bready", one(1));
  b.output("s_axis_tready", b.signal(tReady));

  // The end of a step, of a frame, of a task
  const read = kit.and("all_read", sliceOf(lowBeats, 2, 1), sliceOf(highBeats, 2, 1));
  const endsNow = kit.first(
    "ends_now",
    [
      [loadProgram, kit.and("program_there", read, allPixels)],
      [loadScratch, read],
      [stores, sliceOf(answers, 1, 1)],
    ],
    start,
  );
  b.add({ kind: "assign", name: "drive_step_ends", a: endsNow, y: stepEnds });
  const framesDone = kit.state("frames_done", 32);
  const doneNext = kit.add("frames_done_more", framesDone.q, one(32));
  const frameEnds = kit.and("frame_ends", storeResult, ends);
  framesDone.set(
    kit.mux("frames_done_next", start, literal(0, 32), doneNext),
    kit.or("frames_move", start, frameEnds),
  );
  const last = kit.equal("last_frame", doneNext, frames);
  step.set(
    kit.mux(
      "step_next",
      storeResult,
      kit.mux("again", last, literal(steps.idle, 3), literal(steps.loadProgram, 3)),
      kit.add("step_more", step.q, one(3)),
    ),
    ends,
  );
  target.set(
    kit.mux("target_next", start, resultBase, kit.add("target_more", target.q, resultStride)),
    kit.or("target_moves", start, frameEnds),
  );
  const taskEnds = kit.and("task_ends", frameEnds, last);
  const done = kit.state("done", 1);
  done.set(kit.not("not_started", start), kit.or("done_moves", start, taskEnds));
  const interrupt = kit.state("interrupt", 1);
  interrupt.set(
    taskEnds,
    kit.or("interrupt_moves", taskEnds, kit.and("clears", writes("interrupt"), sliceOf(wData, 0, 1))),
  );
  const counted = (label: string, counts: Signal): Signal => {
    const state = kit.state(label, 32);
    state.set(
      kit.mux(`${label}_next`, start, literal(0, 32), kit.add(`${label}_more`, state.q, one(32))),
      kit.or(`${label}_moves`, start, counts),
    );
    return state.q;
  };
  const cycles = counted("cycles", kit.not("busy", idle));
  const readBeats = counted("read_beats", rValid);
  const writeBeats = counted("write_beats", kit.and("beat_written", b.signal(wValidMemory), wReadyMemory));

  // Reading registers
  const busy = kit.not("busy_now", idle);
  const values: Partial<Record<keyof typeof engineRegisters, Signal>> = {
    id: literal(ENGINE_ID, 32),
    status: zeroExtend(concat([busy, done.q]), 32),
    programBase,
    frames,
    interrupt: zeroExtend(interrupt.q, 32),
    scratchBase,
    resultBase,
    resultStride,
    cycles,
    framesDone: framesDone.q,
    readBeats,
    writeBeats,
  };
  const reading = kit.state("reading", 1);
  const read1 = kit.and("read", arValid, kit.not("no_answer", reading.q));
  reading.set(kit.or("reading_next", read1, kit.and("read_waits", reading.q, kit.not("no_rready", rReady))));
  const value = kit.data("value", 32, "control");
  value.set(
    kit.first(
      "value_next",
      Object.entries(values).map(([register, signal]) => [
        kit.equal(
          `reads_${register}`,
          arAddress,
          engineRegisters[register as keyof typeof engineRegisters].at,
        ),
        signal,
      ]),
      literal(0, 32),
    ),
    read1,
  );
  b.output("s_axil_awready", write);
  b.output("s_axil_wready", write);
  b.output("s_axil_bvalid", answering.q);
  b.output("s_axil_bresp", literal(0, 2));
  b.output("s_axil_arready", kit.not("ar_free", reading.q));
  b.output("s_axil_rvalid", reading.q);
  b.output("s_axil_rdata", value.q);
  b.output("s_axil_rresp", literal(0, 2));
  b.output("irq", kit.and("irq_now", interrupt.q, enable.q));
  return b.build();
}

/** What the stand-in writes as a frame's result; its last byte is not written. */
export const standInResult = (program: Uint8Array, pixels: Uint8Array): Uint8Array =>
  program.map((byte, i) => (i === program.length - 1 ? 0 : 2 * byte + pixels[i]!));
