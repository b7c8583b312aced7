import type { ClockTarget } from "../../arith/index.js";
import { type Design, literal, ModuleBuilder, type Signal, sliceOf, verifyDesign } from "../../hw/index.js";
import { checkEngineConfig, type EngineConfig } from "../config.js";
import { engineFingerprint } from "../fingerprint.js";
import { buildAccumulators } from "./accumulators.js";
import { ACTIVATION_LATENCY, buildActivations } from "./activations.js";
import { buildArray } from "./array.js";
import { assemble } from "./assemble.js";
import { buildDispatcher } from "./dispatcher.js";
import { buildDrain } from "./drain.js";
import { buildFeeder, feederLatency } from "./feeder.js";
import { Kit } from "./kit.js";
import { buildPassSequencer } from "./pass-sequencer.js";
import { buildReadMaster } from "./read-master.js";
import { buildRegisters } from "./registers.js";
import { buildStreamInput } from "./stream-input.js";
import { buildTransfer } from "./transfer.js";
import { buildWalker, ISSUE_LATENCY } from "./walker.js";
import { buildWeightReader } from "./weight-reader.js";

/** Name of the engine's top module. */
export const ENGINE_MODULE = "fxa_engine";

/** Cycles from the issue of a pass's first fetch to the edge at which the array takes the shadow weights. */
export const SWAP_LATENCY = ISSUE_LATENCY + ACTIVATION_LATENCY;

/** An engine as a design, its top {@link ENGINE_MODULE}, and the latencies that a cycle model wants. */
export type Engine = {
  readonly kind: "engine";
  readonly design: Design;
  readonly config: EngineConfig;
  readonly clock: ClockTarget;
  /** Cycles from a fetch's operands to its sums. */
  readonly arrayLatencyCycles: number;
  /** Cycles from the read of a pixel's sums to the write of its bytes, at one cycle a pixel. */
  readonly drainLatencyCycles: number;
};

/** Ports of the memory and register interfaces, as they pass through every level up to the chip. */
const memoryInputs: readonly (readonly [string, (config: EngineConfig) => number])[] = [
  ["m_axi_arready", () => 1],
  ["m_axi_rvalid", () => 1],
  ["m_axi_rdata", ({ axiDataBytes }) => 8 * axiDataBytes],
  ["m_axi_rresp", () => 2],
  ["m_axi_rlast", () => 1],
  ["m_axi_rid", () => 2],
  ["m_axi_awready", () => 1],
  ["m_axi_wready", () => 1],
  ["m_axi_bvalid", () => 1],
  ["m_axi_bresp", () => 2],
  ["m_axi_bid", () => 2],
];
const registerInputs: readonly (readonly [string, number])[] = [
  ["s_axil_awvalid", 1],
  ["s_axil_awaddr", 8],
  ["s_axil_wvalid", 1],
  ["s_axil_wdata", 32],
  ["s_axil_wstrb", 4],
  ["s_axil_bready", 1],
  ["s_axil_arvalid", 1],
  ["s_axil_araddr", 8],
  ["s_axil_rready", 1],
];

/**
 * Build an engine: its units, and the wires between them.
 *
 * @throws FixynnError FX5100 for a configuration that cannot be built
 */
export function buildEngine(config: EngineConfig, clock: ClockTarget): Engine {
  checkEngineConfig(config);
  const array = buildArray(config, clock);
  const drain = buildDrain(config, clock);
  const fingerprint = engineFingerprint(config);
  const passes = buildPassSequencer(config, clock);
  const units = {
    registers: buildRegisters(clock, fingerprint),
    dispatcher: buildDispatcher(config, clock, fingerprint),
    reads: buildReadMaster(config, clock),
    weights: buildWeightReader(config, clock),
    feeder: buildFeeder(config, clock, SWAP_LATENCY - feederLatency(config)),
    walker: buildWalker(config, clock),
    activations: buildActivations(config, clock),
    array: array.modules.at(-1)!,
    accumulators: buildAccumulators(config, clock),
    drain: drain.modules.at(-1)!,
    transfer: buildTransfer(config, clock),
    ...(config.input === null ? {} : { stream: buildStreamInput(config, clock) }),
  };
  const { cPar, kPar, weightBits, input } = config;
  const b = new ModuleBuilder(ENGINE_MODULE, [
    `Programmable engine: ${kPar} lanes of ${cPar} multipliers, bytes times signed weights of ${weightBits} bits.`,
    "AXI4 memory port, AXI4-Lite registers, AXI4-Stream input. Program, descriptors and registers: docs/accel.md.",
  ]);
  b.clock("aclk");
  const resetN = b.input("aresetn", 1, "synchronous reset, active low");
  const kit = new Kit(b, clock, resetN);
  const pins = new Map<string, Signal>();
  for (const [name, width] of registerInputs) pins.set(name, b.input(name, width));
  for (const [name, width] of memoryInputs) pins.set(name, b.input(name, width(config)));
  const pin = (name: string): Signal => pins.get(name)!;
  const stream =
    input === null
      ? undefined
      : { valid: b.input("s_axis_tvalid", 1), data: b.input("s_axis_tdata", 8 * input.channels) };
  const { out, connect } = assemble(b, units, resetN);
  const all = (ports: readonly string[], from: string): Record<string, Signal> =>
    Object.fromEntries(ports.map((port) => [port, out(from, port)]));
  const picked = (names: readonly string[]): Record<string, Signal> =>
    Object.fromEntries(names.map((name) => [name, pin(name)]));

  const memoryError = kit.or("memory_error", out("reads", "read_error"), out("transfer", "write_error"));
  connect("registers", {
    ...picked(registerInputs.map(([name]) => name)),
    ...all(["busy", "done", "error", "error_code", "frames_done_count"], "dispatcher"),
    ...all(["stall_weights", "stall_input", "stall_drain"], "walker"),
    stall_transfer: out("dispatcher", "waiting_transfer"),
    read_beat: out("reads", "read_beat"),
    write_beat: out("transfer", "write_beat"),
  });
  const bases = [
    "start",
    "program_base",
    "frames",
    "scratch_base",
    "result_base",
    "result_stride",
    "image_base",
    "image_stride",
  ];
  const beats = out("reads", "r_valid");
  const beatFor = (client: number): Signal => sliceOf(beats, client, 1);
  const data = out("reads", "r_data");
  connect("dispatcher", {
    ...all(bases, "registers"),
    c0_ready: out("reads", "c0_ready"),
    c0_valid: beatFor(0),
    r_data: data,
    memory_error: memoryError,
    feeder_ready: out("feeder", "layer_ready"),
    walker_ready: out("walker", "layer_ready"),
    layer_done: out("walker", "layer_done"),
    transfer_ready: out("transfer", "command_ready"),
    transfer_done: out("transfer", "transfer_done"),
  });
  connect("reads", {
    ...all(["c0_request", "c0_address", "c0_beats_minus_1"], "dispatcher"),
    ...all(["c1_request", "c1_address", "c1_beats_minus_1"], "weights"),
    ...all(["c3_request", "c3_address", "c3_beats_minus_1"], "weights"),
    c2_request: out("transfer", "load_request"),
    c2_address: out("transfer", "load_request_address"),
    c2_beats_minus_1: out("transfer", "load_request_beats_minus_1"),
    ...picked(["m_axi_arready", "m_axi_rvalid", "m_axi_rdata", "m_axi_rresp", "m_axi_rlast", "m_axi_rid"]),
  });
  connect("weights", {
    start: out("dispatcher", "weight_start"),
    program_base: out("dispatcher", "weight_base"),
    list_offset: out("dispatcher", "weight_list_offset"),
    entries: out("dispatcher", "weight_entry_count"),
    c1_ready: out("reads", "c1_ready"),
    c1_valid: beatFor(1),
    c3_ready: out("reads", "c3_ready"),
    c3_valid: beatFor(3),
    r_data: data,
    r_last: out("reads", "r_last"),
    ring_release: out("feeder", "ring_release"),
  });
  connect("feeder", {
    layer_valid: out("dispatcher", "feeder_valid"),
    layer: out("dispatcher", "layer"),
    ring_write: out("weights", "ring_write"),
    ring_data: out("weights", "ring_data"),
    claim: out("walker", "claim"),
    swap_issued: out("walker", "swap_issued"),
    parameters_free: out("drain", "parameters_free"),
  });
  const storeRead = out("transfer", "store_read");
  connect("walker", {
    layer_valid: out("dispatcher", "walker_valid"),
    layer: out("dispatcher", "layer"),
    input_slot_full: stream === undefined ? literal(0, 1) : out("stream", "slot_full"),
    input_slot: stream === undefined ? literal(0, 1) : out("stream", "slot"),
    pause: storeRead,
    weights_ready: out("feeder", "weights_ready"),
    bank_free: out("drain", "bank_free"),
    layer_drained: out("drain", "layer_drained"),
  });
  // A store's read reaches the memory as late as a fetch that is issued in its cycle would.
  const delayed = (port: string): Signal =>
    kit.delay(`${port}_later`, out("transfer", port), ISSUE_LATENCY, "control");
  const streamed = (port: string, width: number): Signal =>
    stream === undefined ? literal(0, width) : out("stream", port);
  const streamWidths = {
    stream_valid: 1,
    stream_bank: 2,
    stream_address: 16,
    stream_data: 8 * Math.max(cPar, kPar),
  };
  connect("activations", {
    ...all(
      [
        "fetch",
        "fetch_bank",
        "fetch_address",
        "fetch_row_words",
        "fetch_four",
        "fetch_rows_inside",
        "fetch_slice",
        "fetch_windowed",
        "padding",
      ],
      "walker",
    ),
    tag_in: out("walker", "tag"),
    store_read: kit.delayControl("store_read_later", storeRead, ISSUE_LATENCY),
    store_bank: delayed("store_bank"),
    store_address: delayed("store_address"),
    ...all(["drain_write", "drain_bank", "drain_address", "drain_slice", "drain_data"], "drain"),
    ...all(["load_valid", "load_bank", "load_address", "load_data"], "transfer"),
    ...Object.fromEntries(Object.entries(streamWidths).map(([port, width]) => [port, streamed(port, width)])),
  });
  connect("array", {
    ...all(["word", "column"], "activations"),
    tag_in: out("activations", "tag_out"),
    ...all(["weight_load", "weight_lane", "weight_word"], "feeder"),
  });
  connect("accumulators", {
    sums: out("array", "sums"),
    tag_in: out("array", "tag_out"),
    ...all(["drain_read", "drain_read_bank", "drain_read_row"], "drain"),
  });
  connect("drain", {
    ...all(
      [
        "job_valid",
        "job",
        "target_row_words",
        "target_pixel_words",
        "zero_point",
        "low",
        "high",
        "double_rounding",
        "ties_away",
        "multiplier_passes",
      ],
      "walker",
    ),
    stripe_done: out("accumulators", "stripe_done"),
    ...all(["parameter_write", "parameter_bank", "parameter_lane", "parameter_data"], "feeder"),
    drain_sums: out("accumulators", "drain_sums"),
  });
  connect("transfer", {
    command_valid: out("dispatcher", "transfer_valid"),
    command: out("dispatcher", "transfer"),
    command_base: out("dispatcher", "transfer_base"),
    load_request_ready: out("reads", "c2_ready"),
    r_valid: beatFor(2),
    r_data: data,
    load_ready: out("activations", "load_ready"),
    store_valid: out("activations", "store_valid"),
    store_data: out("activations", "store_data"),
    ...picked(["m_axi_awready", "m_axi_wready", "m_axi_bvalid", "m_axi_bresp"]),
  });
  if (stream !== undefined)
    connect("stream", {
      s_axis_tvalid: stream.valid,
      s_axis_tdata: stream.data,
      stream_ready: out("activations", "stream_ready"),
      release_input: out("walker", "release_input"),
    });

  for (const [unit, prefix] of [
    ["registers", "s_axil_"],
    ["reads", "m_axi_"],
    ["transfer", "m_axi_"],
    ["stream", "s_axis_"],
  ] as const) {
    const module = unit === "stream" && stream === undefined ? undefined : units[unit];
    for (const { name, direction } of module?.ports ?? [])
      if (direction === "output" && name.startsWith(prefix)) b.output(name, out(unit, name));
  }
  b.output("irq", out("registers", "irq"), "all frames are done, or an error");
  const modules = [
    ...Object.values(units).flatMap((module) => {
      if (module === units.array) return array.modules;
      if (module === units.drain) return drain.modules;
      return module === units.walker ? [passes, module] : [module];
    }),
    b.build(),
  ];
  const design: Design = { kind: "design", modules };
  verifyDesign(design);
  return {
    kind: "engine",
    design,
    config,
    clock,
    arrayLatencyCycles: array.latencyCycles,
    drainLatencyCycles: drain.latencyCycles,
  };
}
