import { CheckFailedError, invariant, type Rng } from "../core/index.js";
import type { RegisterWrites } from "../hw/index.js";
import { portOf } from "./ir.js";
import { type Simulator, type ToggleCounts, WORDS_PER_BIT } from "./simulator.js";

/** How often each side of the stream holds back, and the generator that decides it. */
export type Backpressure = {
  readonly rng: Rng;
  /** Probability that the source has no beat in a cycle. */
  readonly idle: number;
  /** Probability that the sink takes no beat in a cycle. */
  readonly stall: number;
};

/** What goes into one input stream. */
export type StreamInput = {
  /** One sequence of beats a lane: all its frames one after another, `valuesPerBeat` numbers a beat. */
  readonly inputs: readonly ArrayLike<number>[];
  /** Numbers in a beat, and bits of a number. */
  readonly valuesPerBeat: number;
  readonly bits: number;
};

export type StreamJob = {
  /** One sequence of beats a lane: all its frames one after another, `valuesPerBeat` numbers a beat. */
  readonly inputs: readonly ArrayLike<number>[];
  /** The second input stream of a module that has two: then their ports begin with `s0_axis` and `s1_axis`. */
  readonly second?: StreamInput;
  /** Numbers in an input beat and in an output beat (channels). */
  readonly valuesPerBeat: { readonly input: number; readonly output: number };
  /** Bits of a number; a beat holds them side by side, the first in the least significant bits. */
  readonly bits: { readonly input: number; readonly output: number };
  /** Output numbers are two's complement. */
  readonly signed?: boolean;
  readonly frames: number;
  readonly outputBeatsPerFrame: number;
  readonly backpressure?: Backpressure;
  /** Written into the module's registers while it is reset. */
  readonly registers?: RegisterWrites | undefined;
  /** Give up after so many cycles without a beat on either side; default 100,000. */
  readonly patienceCycles?: number;
  /** Look at the settled nets of each cycle. */
  readonly onCycle?: (simulator: Simulator) => void;
};

export type StreamResult = {
  /** One sequence a lane: the numbers of all output beats. */
  readonly outputs: readonly Int32Array[];
  /** Clock cycles from the end of reset to the last output beat. */
  readonly cycles: number;
  /** Cycles between the first beat of the first frame and the readiness for the first beat after the last, divided by the frames. */
  readonly cyclesPerFrame: number;
  readonly toggles: ToggleCounts;
};

/** Spread `count` numbers of all lanes, from `first` on, over bit planes. */
export function pack(
  inputs: readonly ArrayLike<number>[],
  first: number,
  count: number,
  bits: number,
  planes: Uint32Array,
): void {
  planes.fill(0);
  for (const [lane, values] of inputs.entries()) {
    const word = lane >>> 5;
    const shift = lane & 31;
    for (let c = 0; c < count; c++) {
      const value = values[first + c]!;
      let at = c * bits * WORDS_PER_BIT + word;
      for (let b = 0; b < bits; b++, at += WORDS_PER_BIT) planes[at]! |= ((value >>> b) & 1) << shift;
    }
  }
}

function unpack(
  planes: Uint32Array,
  outputs: readonly Int32Array[],
  first: number,
  options: { readonly count: number; readonly bits: number; readonly signed: boolean },
): void {
  const { count, bits, signed } = options;
  const extend = 32 - bits;
  for (const [lane, values] of outputs.entries()) {
    const word = lane >>> 5;
    const shift = lane & 31;
    for (let c = 0; c < count; c++) {
      let value = 0;
      let at = c * bits * WORDS_PER_BIT + word;
      for (let b = 0; b < bits; b++, at += WORDS_PER_BIT) value |= ((planes[at]! >>> shift) & 1) << b;
      values[first + c] = signed ? (value << extend) >> extend : value;
    }
  }
}

/** Write configuration registers, one a cycle; every lane gets the same. */
function writeRegisters(simulator: Simulator, { port, writes }: RegisterWrites): void {
  const drive = (name: string, value: bigint): void => {
    const bits = portOf(simulator.module, name)?.bits.length ?? 0;
    invariant(value < 1n << BigInt(bits), `${name} holds ${value}`);
    const planes = new Uint32Array(bits * WORDS_PER_BIT);
    for (let b = 0; b < bits; b++)
      if ((value >> BigInt(b)) & 1n) planes.fill(0xffffffff, b * WORDS_PER_BIT, (b + 1) * WORDS_PER_BIT);
    simulator.setWord(name, planes);
  };
  simulator.setBit(`${port}_valid`, true);
  for (const { address, data } of writes) {
    drive(`${port}_address`, BigInt(address));
    drive(`${port}_data`, BigInt(`0x${data}`));
    simulator.settle();
    simulator.tick();
  }
  simulator.setBit(`${port}_valid`, false);
}

/** One input stream while it runs: offers its beats in order, each until it is taken. */
class Source {
  readonly port: string;
  readonly #simulator: Simulator;
  readonly #input: StreamInput;
  readonly #planes: Uint32Array;
  readonly #garbage: Uint32Array;
  readonly beats: number;
  sent = 0;
  offered = false;

  constructor(simulator: Simulator, port: string, input: StreamInput) {
    const width = portOf(simulator.module, `${port}_tdata`)?.bits.length ?? 0;
    if (width < input.valuesPerBeat * input.bits) {
      throw new CheckFailedError("FX6011", `stream ${port} is ${width} bits wide`, {
        place: simulator.module.name,
        hint: `expected ${input.valuesPerBeat}×${input.bits}`,
      });
    }
    this.port = port;
    this.#simulator = simulator;
    this.#input = input;
    this.#planes = new Uint32Array(width * WORDS_PER_BIT);
    this.#garbage = new Uint32Array(width * WORDS_PER_BIT);
    this.beats = input.inputs[0]!.length / input.valuesPerBeat;
  }

  reset(): void {
    this.#simulator.setBit(`${this.port}_tvalid`, false);
    this.#simulator.setWord(`${this.port}_tdata`, this.#planes);
  }

  /** Show the next beat, unless the source pauses. */
  show(rng: Rng | null, idle: number): void {
    const { inputs, valuesPerBeat, bits } = this.#input;
    if (!this.offered && this.sent < this.beats) {
      if (rng === null || rng.next() >= idle) {
        pack(inputs, this.sent * valuesPerBeat, valuesPerBeat, bits, this.#planes);
        this.offered = true;
        this.#simulator.setWord(`${this.port}_tdata`, this.#planes);
      } else {
        // Between beats the data may be anything.
        const garbage = this.#garbage.map(() => rng.integer(2 ** 32));
        this.#simulator.setWord(`${this.port}_tdata`, garbage);
      }
    }
    this.#simulator.setBit(`${this.port}_tvalid`, this.offered);
  }

  /** Whether the beat is taken in this cycle. */
  moves(): boolean {
    if (!this.offered || !this.#simulator.readBit(`${this.port}_tready`)) return false;
    this.sent++;
    this.offered = false;
    return true;
  }
}

/**
 * Reset a streaming module, feed it frames and collect what comes out. Ports: `aresetn`, `s_axis_tdata/tvalid/tready` (with two inputs
 * `s0_axis` and `s1_axis`), `m_axis_tdata/tvalid/tready`. Checks the protocol as well: a beat offered and not taken must stay, and after the last beat
 * no more may come. Configuration registers are written during the reset.
 *
 * @throws FixynnError FX6012 when nothing moves any more, FX6013 when the protocol is broken, FX6014 when registers have no values
 */
export function simulateStream(simulator: Simulator, job: StreamJob): StreamResult {
  const {
    inputs,
    valuesPerBeat,
    bits,
    frames,
    outputBeatsPerFrame,
    backpressure,
    patienceCycles = 100_000,
  } = job;
  const place = simulator.module.name;
  invariant(inputs.length <= simulator.lanes, "more sequences than lanes");
  const outputWidth = portOf(simulator.module, "m_axis_tdata")?.bits.length ?? 0;
  if (outputWidth < valuesPerBeat.output * bits.output) {
    throw new CheckFailedError("FX6011", `stream m_axis is ${outputWidth} bits wide`, {
      place,
      hint: `expected ${valuesPerBeat.output}×${bits.output}`,
    });
  }
  const first = { inputs, valuesPerBeat: valuesPerBeat.input, bits: bits.input };
  const streams = job.second === undefined ? [first] : [first, job.second];
  const sources = streams.map(
    (input, i) => new Source(simulator, streams.length === 1 ? "s_axis" : `s${i}_axis`, input),
  );
  const outputBeats = frames * outputBeatsPerFrame;
  const outputs = inputs.map(() => new Int32Array(outputBeats * valuesPerBeat.output));
  const unpacking = { count: valuesPerBeat.output, bits: bits.output, signed: job.signed ?? false };
  const { toggles } = simulator;

  simulator.setBit("aresetn", false);
  simulator.setBit("m_axis_tready", false);
  for (const source of sources) source.reset();
  for (let i = 0; i < 4; i++) {
    simulator.settle();
    simulator.tick();
  }
  if (job.registers !== undefined) writeRegisters(simulator, job.registers);
  else if (simulator.module.ports.some(({ name }) => name.endsWith("cfg_valid")))
    throw new CheckFailedError("FX6014", "the module has registers, but their values are not given", {
      place,
    });
  simulator.setBit("aresetn", true);
  const before = toggles();
  const start = simulator.cycles;
  let received = 0;
  let held: Uint32Array | null = null;
  let firstAccept = -1;
  let readyAgain = -1;
  let lastOutput = start;
  let lastMove = start;
  const protocol = (message: string): never => {
    throw new CheckFailedError("FX6013", `${message} in cycle ${simulator.cycles - start}`, { place });
  };
  // Some cycles more after the end, to see that nothing else comes.
  for (let extra = 0; extra < 16; ) {
    const { rng, idle, stall } = backpressure ?? { rng: null, idle: 0, stall: 0 };
    for (const source of sources) source.show(rng, idle);
    const taking = rng === null || rng.next() >= stall;
    simulator.setBit("m_axis_tready", taking);
    simulator.settle();
    job.onCycle?.(simulator);
    const valid = simulator.readBit("m_axis_tvalid");
    if (held !== null) {
      if (!valid) protocol("m_axis_tvalid fell before the beat was taken");
      const now = simulator.readWord("m_axis_tdata");
      if (held.some((word, i) => word !== now[i])) protocol("m_axis_tdata changed before the beat was taken");
    }
    held = valid && !taking ? simulator.readWord("m_axis_tdata") : null;
    const [main] = sources as [Source];
    if (main.sent === main.beats && readyAgain < 0 && simulator.readBit(`${main.port}_tready`))
      readyAgain = simulator.cycles;
    for (const source of sources) {
      if (!source.moves()) continue;
      if (firstAccept < 0) firstAccept = simulator.cycles;
      lastMove = simulator.cycles;
    }
    if (valid && taking) {
      if (received === outputBeats) protocol("a beat beyond the last frame");
      unpack(simulator.readWord("m_axis_tdata"), outputs, received * valuesPerBeat.output, unpacking);
      received++;
      lastOutput = simulator.cycles + 1;
      lastMove = simulator.cycles;
    }
    if (received === outputBeats && sources.every(({ sent, beats }) => sent === beats)) extra++;
    else if (simulator.cycles - lastMove > patienceCycles) {
      const entered = sources.map(({ sent, beats }) => `${sent} of ${beats}`).join(" and ");
      const done = `${entered} beats in, ${received} of ${outputBeats} out`;
      throw new CheckFailedError("FX6012", `nothing moves any more: ${done}`, { place });
    }
    simulator.tick();
  }
  const after = toggles();
  const counts = Object.fromEntries(
    Object.entries(after).map(([key, value]) => [key, value - before[key as keyof ToggleCounts]]),
  ) as ToggleCounts;
  const cycles = lastOutput - start;
  const busy = readyAgain < 0 ? cycles : readyAgain - firstAccept;
  return { outputs, cycles, cyclesPerFrame: busy / frames, toggles: counts };
}
