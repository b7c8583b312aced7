import { CheckFailedError, createRng, invariant, shuffledIndices } from "../../core/index.js";
import type { RegisterWrites } from "../../hw/index.js";
import type { LayerInput, StreamFormat } from "../layer-run.js";
import { createSimulator, LANES, type Simulator } from "../simulator.js";
import { simulateStream } from "../stream.js";
import type { TimedNet, TimedNetlist } from "./ir.js";
import {
  createTimedSimulator,
  type MemoryWords,
  type TimedSimulator,
  type TransitionCounts,
} from "./simulator.js";
import { simModuleOf } from "./to-sim-module.js";

/** What a layer is fed: integers of real images, image after image, as the integer network gives them. */
export type LayerStimulus = {
  /** One stream, or the two of a residual sum. */
  readonly inputs: readonly LayerInput[];
  readonly output: StreamFormat;
  readonly images: number;
  /** Cycles from the start of a frame to the start of the next at full speed. */
  readonly cyclesPerFrame: number;
  readonly registers?: RegisterWrites | undefined;
};

export type SampleOptions = {
  /** Windows, spread over the frame: one at a random place in each of as many equal parts. */
  readonly windows: number;
  /** Cycles of a window. */
  readonly cycles: number;
  readonly seed: number;
};

/** Activity in one window of cycles of one image. */
export type SampledWindow = {
  readonly image: number;
  /** First cycle, counted from the first beat of its frame. */
  readonly start: number;
  readonly cycles: number;
  readonly counts: TransitionCounts;
  /** Cycles in which each clock group was enabled. */
  readonly enabled: Uint32Array;
  /** Reads and writes of each memory. */
  readonly reads: Uint32Array;
  readonly writes: Uint32Array;
  /** Latest change after a clock edge, ps. */
  readonly lastPs: number;
};

export type SampleResult = {
  readonly windows: readonly SampledWindow[];
  readonly cyclesPerFrame: number;
  /** Cycles of the whole frame in which each clock group was enabled, counted without delays. */
  readonly frameEnabled: Uint32Array;
  /** Transitions simulated with delays, pulses filtered, seconds of that and of the way to the windows. */
  readonly events: number;
  readonly filtered: number;
  readonly timedSeconds: number;
  readonly preludeSeconds: number;
};

/** Frames in front of the one that windows are taken from, so that short frames follow one another as in a stream. */
const SHORT_FRAME_CYCLES = 4000;

/** Ends the run when the last window is over. */
class Finished extends Error {}

type Open = {
  readonly image: number;
  readonly lane: number;
  readonly start: number;
  readonly values: Uint8Array;
  readonly memories: readonly (MemoryWords | null)[];
  /** Input values of each cycle after the first. */
  readonly inputs: Uint8Array[];
};

/** Run one window with delays. */
function runWindow(
  timed: TimedSimulator,
  open: Open,
  { inputNets, end }: { readonly inputNets: readonly TimedNet[]; readonly end: Uint8Array },
): SampledWindow {
  const { groups, memories, name } = timed.netlist;
  const enabled = new Uint32Array(groups.length);
  const reads = new Uint32Array(memories.length);
  const writes = new Uint32Array(memories.length);
  const { values } = timed;
  timed.restore(open.values, open.memories);
  let lastPs = 0;
  for (const inputs of open.inputs) {
    for (const [g, { enable }] of groups.entries()) enabled[g]! += values[enable]!;
    for (const [m, memory] of memories.entries()) {
      for (const { enable } of memory.reads) reads[m]! += values[enable]!;
      for (const { enable } of memory.writes) writes[m]! += values[enable]!;
    }
    lastPs = Math.max(lastPs, timed.cycle(inputNets.map((net, i) => [net, inputs[i]!] as const)));
  }
  const wrong = end.findIndex((value, n) => value !== values[n]);
  if (wrong >= 0)
    throw new CheckFailedError("FX6052", `net ${wrong} settles at another value with delays than without`, {
      place: name,
    });
  const { image, start } = open;
  return {
    image,
    start,
    cycles: open.inputs.length,
    counts: timed.takeCounts(),
    enabled,
    reads,
    writes,
    lastPs,
  };
}

/**
 * Simulate windows of a layer's frame with delays: a bit-parallel run without delays of the same netlist, one image a lane, gives the state at
 * the start of each window and the inputs in it; both must agree on every net at its end.
 *
 * Windows are stratified over one frame at full speed, so idle cycles come in as they occur; images are taken in a random order.
 *
 * @throws CheckFailedError FX6052 when the two simulations disagree; see also `simulateStream`
 */
export function sampleWindows(
  netlist: TimedNetlist,
  stimulus: LayerStimulus,
  { windows: wanted, cycles, seed }: SampleOptions,
): SampleResult {
  const { cyclesPerFrame, images, output } = stimulus;
  invariant(images >= 1 && wanted >= 1 && cycles >= 1, "nothing to sample");
  const started = performance.now();
  const rng = createRng(seed).fork("windows");
  const lanes = Math.min(images, LANES);
  const simulator = createSimulator(simModuleOf(netlist), { lanes });
  const timed = createTimedSimulator(netlist);
  const frames = cyclesPerFrame < SHORT_FRAME_CYCLES ? 2 : 1;
  const length = Math.min(cycles, Math.max(1, Math.floor(cyclesPerFrame / 2)));
  const count = Math.max(1, Math.min(wanted, Math.floor(cyclesPerFrame / length)));
  const stratum = cyclesPerFrame / count;
  const order = shuffledIndices(lanes, rng);
  const plan = Array.from({ length: count }, (_, s) => ({
    // The last window ends with the frame.
    start: Math.floor(s * stratum + rng.next() * Math.max(stratum - (s === count - 1 ? length : 0), 0)),
    lane: order[s % lanes]!,
  }));
  const inputNets = netlist.ports.flatMap(({ direction, nets }) => (direction === "input" ? nets : []));
  const inputBits = inputNets as unknown as Parameters<Simulator["readBits"]>[0];
  const enableBits = netlist.groups.map(({ enable }) => enable) as unknown as typeof inputBits;
  const frameEnabled = new Uint32Array(netlist.groups.length);
  const done: SampledWindow[] = [];
  const open: Open[] = [];
  let timedMs = 0;
  let first = -1;
  let next = 0;
  const valid = stimulus.inputs.length === 1 ? "s_axis" : "s0_axis";
  const validNet = netlist.ports.find(({ name }) => name === `${valid}_tvalid`)?.nets[0];
  const readyNet = netlist.ports.find(({ name }) => name === `${valid}_tready`)?.nets[0];
  invariant(validNet !== undefined && readyNet !== undefined, "a stream port");
  const bitAt = (planes: Uint32Array, i: number, lane: number): number =>
    (planes[i * (LANES / 32) + (lane >>> 5)]! >>> (lane & 31)) & 1;
  const onCycle = (sim: Simulator): void => {
    if (first < 0) {
      const now = sim.readLane(0, Math.max(validNet, readyNet) + 1);
      if (now[validNet] === 0 || now[readyNet] === 0) return;
      first = sim.cycles;
    }
    const at = sim.cycles - first - (frames - 1) * cyclesPerFrame;
    if (at >= 0 && at < cyclesPerFrame) {
      const planes = sim.readBits(enableBits);
      for (let g = 0; g < frameEnabled.length; g++) frameEnabled[g]! += bitAt(planes, g, 0);
    }
    if (open.length > 0) {
      const planes = sim.readBits(inputBits);
      for (const one of open)
        one.inputs.push(Uint8Array.from(inputNets, (_, i) => bitAt(planes, i, one.lane)));
      while (open[0] !== undefined && open[0].inputs.length === length) {
        const one = open.shift()!;
        const end = sim.readLane(one.lane, netlist.netCount);
        const begun = performance.now();
        done.push(runWindow(timed, one, { inputNets, end }));
        timedMs += performance.now() - begun;
      }
    }
    while (next < count && plan[next]!.start === at) {
      const { lane, start } = plan[next++]!;
      open.push({
        lane,
        image: (lane + frames - 1) % images,
        start,
        values: sim.readLane(lane, netlist.netCount),
        memories: netlist.memories.map((_, m) => sim.readMemory(m, lane)),
        inputs: [],
      });
    }
    if (done.length === count && at >= cyclesPerFrame - 1) throw new Finished();
  };
  // Frames after the last window's, so that the run does not end within one.
  const all = frames + 1;
  const streams = stimulus.inputs.map(({ format, values }) => ({
    inputs: Array.from({ length: lanes }, (_, lane) => {
      const size = format.pixels * format.channels;
      const sequence = new Int32Array(all * size);
      for (let f = 0; f < all; f++) {
        const image = (lane + f) % images;
        sequence.set(values.subarray(image * size, (image + 1) * size), f * size);
      }
      return sequence;
    }),
    valuesPerBeat: format.channels,
    bits: format.bits,
  }));
  const [main, second] = streams as [(typeof streams)[0], (typeof streams)[0] | undefined];
  try {
    simulateStream(simulator, {
      inputs: main.inputs,
      ...(second === undefined ? {} : { second }),
      frames: all,
      valuesPerBeat: { input: main.valuesPerBeat, output: output.channels },
      bits: { input: main.bits, output: output.bits },
      signed: output.signed,
      outputBeatsPerFrame: output.pixels,
      registers: stimulus.registers,
      onCycle,
    });
  } catch (error) {
    if (!(error instanceof Finished)) throw error;
  }
  invariant(done.length === count, `${done.length} of ${count} windows came`);
  const preludeSeconds = (performance.now() - started - timedMs) / 1000;
  const { events, filtered } = timed;
  return {
    windows: done,
    cyclesPerFrame,
    frameEnabled,
    events,
    filtered,
    timedSeconds: timedMs / 1000,
    preludeSeconds,
  };
}
