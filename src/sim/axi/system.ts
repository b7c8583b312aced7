import { CheckFailedError, invariant, type Rng } from "../../core/index.js";
import { portOf, type SimModule } from "../ir.js";
import { createSimulator, type Simulator, type ToggleCounts, WORDS_PER_BIT } from "../simulator.js";
import { pack } from "../stream.js";
import { type Pauses, Ports } from "./lanes.js";
import { AxiMemory, type MemoryFault, type MemoryTiming } from "./memory.js";
import { RegisterPort, type Steps } from "./registers.js";
import { LaneMemory } from "./storage.js";

/** A write to a register: byte address and 32 bits. */
export type RegisterWrite = { readonly address: number; readonly data: number };

/** From the first register write to the interrupt. */
export type AxiSystemRun<Name extends string = string> = {
  /** In order; the last one starts. */
  readonly writes: readonly RegisterWrite[];
  /** Registers that are read behind the interrupt. */
  readonly reads: Readonly<Record<Name, number>>;
  /** Written after that, such as what clears the interrupt. */
  readonly after?: readonly RegisterWrite[];
  /** Where results go: `bytes` bytes of frame i from `address + i · stride` on, `address` a multiple of a beat. */
  readonly results: {
    readonly address: number;
    readonly stride: number;
    readonly bytes: number;
    readonly frames: number;
  };
};

export type AxiSystemRunResult<Name extends string = string> = {
  /** Cycles from the first register write to the interrupt. */
  readonly cycles: number;
  /** Cycles from the last register write, the start, to the interrupt. */
  readonly busyCycles: number;
  /** Cycles from the first register write to the first beat of results; −1 without one. */
  readonly firstResultCycles: number;
  /** Cycles from the first register write to the response of each frame's last burst of results; −1 without one. */
  readonly frameCycles: readonly number[];
  readonly registers: Readonly<Record<Name, number>>;
  /** One sequence a lane: the results of all frames one after another. */
  readonly results: readonly Uint8Array[];
};

/** A module with its memory: ports `aclk`, `aresetn`, `s_axil_…` (AXI4-Lite), `m_axi_…` (AXI4), `irq`, and `s_axis_…` where there is a stream. */
export type AxiSystemJob<Name extends string = string> = {
  /** Flat (see `flatten`). */
  readonly module: SimModule;
  /** Lanes in use, 1 … 128. */
  readonly lanes: number;
  /** Bytes that memory holds at the start, in all lanes. */
  readonly contents: readonly { readonly address: number; readonly bytes: Uint8Array }[];
  /** The same, a lane each; addresses are multiples of a beat. */
  readonly laneContents?: readonly { readonly address: number; readonly lanes: readonly Uint8Array[] }[];
  /** One sequence of beats a lane, all frames of all runs; `null` without stream. */
  readonly stream: { readonly beatBytes: number; readonly lanes: readonly Uint8Array[] } | null;
  /** One after another; the stream goes on between them. */
  readonly runs: readonly AxiSystemRun<Name>[];
  readonly memory: MemoryTiming;
  /** Addresses that memory answers with an error; default none. */
  readonly faults?: readonly MemoryFault[];
  /** Random pauses on all channels, and bursts of different ids interleaved; default none. */
  readonly pauses?: Pauses;
  /** Cycles of all runs after which it gives up. */
  readonly maxCycles: number;
  /** Inputs that differ between lanes by nature; default the stream's data. Memory gives each lane what it wrote, which must not reach control. */
  readonly dataPorts?: readonly string[];
  readonly countToggles?: boolean;
  readonly randomStart?: Rng;
  /** Look at the settled nets of each cycle. */
  readonly onCycle?: (simulator: Simulator) => void;
};

export type AxiSystemResult<Name extends string = string> = {
  readonly runs: readonly AxiSystemRunResult<Name>[];
  /** Cycles from the end of reset. */
  readonly cycles: number;
  readonly toggles: ToggleCounts;
};

/** Cycles at the end in which nothing may come. */
const QUIET_CYCLES = 16;

/** Source of the stream: offers its beats in order, each until it is taken. */
class StreamSource {
  readonly #ports: Ports;
  readonly #stream: NonNullable<AxiSystemJob["stream"]>;
  readonly #pauses: Pauses | null;
  readonly #planes: Uint32Array;
  readonly beats: number;
  #offered = false;
  sent = 0;

  constructor(ports: Ports, stream: NonNullable<AxiSystemJob["stream"]>, pauses: Pauses | null) {
    this.#ports = ports;
    this.#stream = stream;
    this.#pauses = pauses;
    ports.require("s_axis_tdata", 8 * stream.beatBytes);
    this.#planes = new Uint32Array(8 * stream.beatBytes * WORDS_PER_BIT);
    this.beats = stream.lanes[0]!.length / stream.beatBytes;
    ports.simulator.setWord("s_axis_tdata", this.#planes);
    ports.drive("s_axis_tvalid", 0);
  }

  drive(): void {
    const pausing = this.#pauses !== null && this.#pauses.rng.next() < this.#pauses.stall;
    if (!this.#offered && this.sent < this.beats && !pausing) {
      const { lanes, beatBytes } = this.#stream;
      pack(lanes, this.sent * beatBytes, beatBytes, 8, this.#planes);
      this.#ports.simulator.setWord("s_axis_tdata", this.#planes);
      this.#offered = true;
    }
    this.#ports.drive("s_axis_tvalid", this.#offered ? 1 : 0);
  }

  observe(): void {
    if (!this.#offered || !this.#ports.bit("s_axis_tready")) return;
    this.sent++;
    this.#offered = false;
  }
}

/** What happens in a run, as the memory sees it. */
class RunClock {
  start = 0;
  firstResult = -1;
  frames: number[] = [];
  #results: AxiSystemRun["results"] | null = null;

  begin(results: AxiSystemRun["results"], cycle: number): void {
    this.start = cycle;
    this.firstResult = -1;
    this.frames = Array.from({ length: results.frames }, () => -1);
    this.#results = results;
  }

  /** A beat or a burst at an address is written. */
  wrote(address: number, cycle: number, whole: boolean): void {
    if (this.#results === null) return;
    const { address: base, stride, bytes, frames } = this.#results;
    const frame = stride === 0 ? 0 : Math.floor((address - base) / stride);
    if (frame < 0 || frame >= frames || address - base - frame * stride >= bytes) return;
    if (whole) this.frames[frame] = cycle - this.start;
    else if (this.firstResult < 0) this.firstResult = cycle - this.start;
  }
}

/**
 * Reset a module with an engine's ports, put a memory behind it, run it, and collect what it wrote in each lane. Checks the protocol of what the module drives.
 *
 * @throws CheckFailedError FX6010 when control differs between lanes, FX6011 when ports are missing, FX6012 when it does not come to an end, FX6013 when the
 * protocol is broken
 */
export function simulateAxiSystem<Name extends string>(job: AxiSystemJob<Name>): AxiSystemResult<Name> {
  const { module, lanes, stream, pauses = null, maxCycles } = job;
  const simulator = createSimulator(module, {
    lanes,
    dataPorts: job.dataPorts ?? (portOf(module, "s_axis_tdata") === undefined ? [] : ["s_axis_tdata"]),
    ...(job.countToggles === undefined ? {} : { countToggles: job.countToggles }),
    ...(job.randomStart === undefined ? {} : { randomStart: job.randomStart }),
  });
  invariant(stream === null || stream.lanes.length === lanes, "a sequence a lane");
  const ports = new Ports(simulator);
  ports.require("m_axi_araddr", 32);
  ports.require("s_axil_wdata", 32);
  const beatBytes = ports.width("m_axi_rdata") / 8;
  let origin = 0;
  let where = "reset";
  const cycle = (): number => simulator.cycles - origin;
  const protocol = (message: string): never => {
    throw new CheckFailedError("FX6013", `${message}, in cycle ${cycle()}`, { place: module.name });
  };
  const storage = new LaneMemory(beatBytes);
  for (const { address, bytes } of job.contents) storage.load(address, bytes);
  for (const { address, lanes: bytes } of job.laneContents ?? []) {
    invariant(address % beatBytes === 0 && bytes.length === lanes, "contents of lanes");
    storage.loadLanes(address, bytes);
  }
  const clock = new RunClock();
  const memory = new AxiMemory(ports, storage, {
    beatBytes,
    timing: job.memory,
    pauses,
    faults: job.faults ?? [],
    fail: protocol,
    events: {
      onWrite: (address) => clock.wrote(address, cycle(), false),
      onResponse: (address) => clock.wrote(address, cycle() + 1, true),
    },
  });
  const registers = new RegisterPort(ports, pauses, protocol);
  const source = stream === null ? null : new StreamSource(ports, stream, pauses);

  function* script(): Steps<AxiSystemRunResult<Name>[]> {
    const done: AxiSystemRunResult<Name>[] = [];
    for (const [i, run] of job.runs.entries()) {
      clock.begin(run.results, cycle());
      let started = cycle();
      for (const { address, data } of run.writes) {
        where = `run ${i}, writing register ${address}`;
        started = cycle();
        yield* registers.write(address, data);
      }
      where = `run ${i}, waiting for the interrupt`;
      for (let up = false; !up; ) {
        yield;
        up = ports.bit("irq");
        yield;
      }
      const end = cycle();
      where = `run ${i}, reading registers`;
      const values: Partial<Record<Name, number>> = {};
      for (const name of Object.keys(run.reads) as Name[])
        values[name] = yield* registers.read(run.reads[name]);
      where = `run ${i}, writing registers`;
      for (const { address, data } of run.after ?? []) yield* registers.write(address, data);
      const { address, stride, bytes, frames } = run.results;
      const results = Array.from({ length: lanes }, () => new Uint8Array(bytes * frames));
      for (let frame = 0; frame < frames; frame++)
        for (const [lane, part] of storage.bytes(address + frame * stride, bytes, lanes).entries())
          results[lane]!.set(part, frame * bytes);
      done.push({
        cycles: end - clock.start,
        busyCycles: end - started,
        firstResultCycles: clock.firstResult,
        frameCycles: clock.frames,
        registers: values as Record<Name, number>,
        results,
      });
    }
    where = "the end";
    // Nothing more may come; but a module that has met an error may bring to an end what it has begun.
    for (let quiet = 0; quiet < QUIET_CYCLES; ) {
      yield;
      yield;
      quiet = job.faults === undefined || memory.idle ? quiet + 1 : 0;
    }
    if (!memory.idle) protocol(`at the end ${memory.state}`);
    return done;
  }

  simulator.setBit("aresetn", false);
  for (let i = 0; i < 4; i++) {
    simulator.settle();
    simulator.tick();
  }
  for (const name of ["m_axi_arvalid", "m_axi_awvalid", "m_axi_wvalid", "s_axil_bvalid", "s_axil_rvalid"]) {
    simulator.settle();
    if (ports.bit(name)) protocol(`${name} in reset`);
  }
  simulator.setBit("aresetn", true);
  simulator.settle();
  simulator.tick();
  origin = simulator.cycles;
  const before = simulator.toggles();
  const steps = script();
  for (;;) {
    const step = steps.next();
    if (step.done === true) {
      const after = simulator.toggles();
      const toggles = Object.fromEntries(
        Object.entries(after).map(([key, value]) => [key, value - before[key as keyof ToggleCounts]]),
      ) as ToggleCounts;
      return { runs: step.value, cycles: cycle(), toggles };
    }
    memory.drive();
    source?.drive();
    simulator.settle();
    job.onCycle?.(simulator);
    registers.observe();
    memory.observe();
    source?.observe();
    steps.next();
    if (cycle() >= maxCycles) {
      const sent = source === null ? "" : `, ${source.sent} of ${source.beats} beats of the stream sent`;
      throw new CheckFailedError("FX6012", `not at the end after ${maxCycles} cycles: ${where}`, {
        place: module.name,
        hint: `${memory.state}${sent}`,
      });
    }
    simulator.tick();
  }
}
