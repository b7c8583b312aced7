import { CheckFailedError, FixynnError } from "../../core/index.js";
import { checkEngineConfig, type EngineConfig, engineShape } from "../config.js";
import type { ExternalBytes } from "../interpret/counters.js";
import { type DecodedProgram, decodeProgram, type LayerValues } from "../interpret/decode.js";
import { FAILURES } from "../interpret/failures.js";
import { checkLayer } from "../interpret/layer-check.js";
import { trafficOf } from "../interpret/traffic.js";
import { Agenda } from "./agenda.js";
import { Dispatcher } from "./dispatcher.js";
import { Drain } from "./drain.js";
import { Feeder } from "./feeder.js";
import { FrameInput, type InputTiming } from "./frame-input.js";
import { type EngineLatencies, engineLatencies } from "./latencies.js";
import { MemoryPort, type MemoryTiming } from "./memory-port.js";
import { Transfers } from "./transfers.js";
import { Walker, type WalkerCycles } from "./walker.js";
import { WeightReader } from "./weight-reader.js";

/** Arguments of {@link predictCycles}. */
export type PredictOptions = {
  readonly config: EngineConfig;
  readonly program: Uint8Array;
  readonly memory: MemoryTiming;
  /** When frames come over the stream input; they are always there unless told. */
  readonly input?: InputTiming;
  /** Frames to run; 1 unless told. */
  readonly frames?: number;
  /** Products that a layer is for, by the number of its descriptor. */
  readonly macs?: ReadonlyMap<number, number>;
  /** Those of `config` unless told. */
  readonly latencies?: EngineLatencies;
};

/** Cycles in which the array waits, by cause. */
export type Stalls = Omit<WalkerCycles, "fetches"> & {
  /** Transfers that the layer waits for were not complete. */
  transfers: number;
};

/** A layer in time. `end − start` is `fetchCycles` and all stalls and `tailCycles`. */
export type LayerCycles = {
  readonly frame: number;
  readonly descriptor: number;
  /** Cycle from which on only its own causes keep it from being done: the layer before is complete, and it is in its slot. */
  readonly start: number;
  /** Cycle in which its last byte is in memory. */
  readonly end: number;
  readonly fetchCycles: number;
  readonly stalls: Readonly<Stalls>;
  /** From the last fetch to the end: the array's depth, and the drain of the last stripe. */
  readonly tailCycles: number;
  /** Given products over those that the array could have made between start and end; undefined if none are given. */
  readonly utilization: number | undefined;
  /** Bytes of the weight stream that it is the first to read. */
  readonly weightBytes: number;
};

/** A frame in time; `end` is when all layers and transfers are complete. */
export type FrameCycles = {
  readonly frame: number;
  readonly start: number;
  readonly end: number;
  readonly layers: readonly LayerCycles[];
  /** Bytes over the memory port. */
  readonly external: ExternalBytes;
};

type OpenLayer = {
  readonly descriptor: number;
  readonly start: number;
  readonly cycles: WalkerCycles;
  readonly transfers: number;
  readonly values: LayerValues;
};

/**
 * Predict when each layer of a program starts and ends, by the units' rules: event by event, pass by pass, burst by burst.
 *
 * @throws CheckFailedError FX5120 for a frame that never ends, FX5121 for a program without meaning; FixynnError FX5100 for an engine or a memory that cannot be
 */
export function predictCycles(options: PredictOptions): readonly FrameCycles[] {
  const { config, program, memory, frames = 1 } = options;
  checkEngineConfig(config);
  if (!(memory.bytesPerCycle > 0 && memory.latencyCycles >= 0))
    throw new FixynnError("FX5100", `no memory moves ${memory.bytesPerCycle} bytes a cycle`, {
      place: `${memory.latencyCycles} cycles of latency`,
      hint: "give a positive rate, and a latency of 0 or more",
    });
  const latencies = options.latencies ?? engineLatencies(config);
  const agenda = new Agenda();
  const decoded = decodeProgram(program, config);
  for (const descriptor of decoded.descriptors)
    if (descriptor.kind === "layer")
      checkLayer(descriptor.values, config, { frame: 0, descriptor: descriptor.index });
  const shared = {
    agenda,
    latencies,
    config,
    port: new MemoryPort(agenda, latencies, memory, config.axiDataBytes),
    input: new FrameInput(config.inputSlots, options.input),
  };
  const results: FrameCycles[] = [];
  const next = (): void => {
    const frame = results.length;
    if (frame >= frames) return;
    const run = new FrameRun(frame, decoded, options, shared, (result) => {
      results.push(result);
      agenda.at(result.end + latencies.frameToFrame, next);
    });
    run.start();
  };
  next();
  agenda.run();
  if (results.length < frames)
    throw new CheckFailedError(FAILURES.hang, `frame ${results.length} does not end`, {
      place: `frame ${results.length}`,
      hint: "interpretProgram says which descriptor waits, and for what",
    });
  return results;
}

type Shared = {
  readonly agenda: Agenda;
  readonly latencies: EngineLatencies;
  readonly config: EngineConfig;
  readonly port: MemoryPort;
  readonly input: FrameInput;
};

/** The units of a frame, connected. */
class FrameRun {
  readonly #frame: number;
  readonly #options: PredictOptions;
  readonly #shared: Shared;
  readonly #start: number;
  readonly #dispatcher: Dispatcher;
  readonly #weights: WeightReader;
  readonly #feeder: Feeder;
  readonly #walker: Walker;
  readonly #transfers: Transfers;
  #open: OpenLayer | undefined;
  /** Cycle of the last fetch. */
  #fetched = 0;
  readonly #weightBytes: number[] = [];
  readonly #layers: LayerCycles[] = [];

  constructor(
    frame: number,
    program: DecodedProgram,
    options: PredictOptions,
    shared: Shared,
    ended: (result: FrameCycles) => void,
  ) {
    const { agenda, latencies, config, port } = shared;
    const { ringWordBytes } = engineShape(config);
    const { descriptors, weightList } = program;
    const external = trafficOf(program, config);
    this.#frame = frame;
    this.#options = options;
    this.#shared = shared;
    this.#start = agenda.now;
    const common = { agenda, latencies, config, port };
    this.#weights = new WeightReader(weightList, { ...common, arrived: () => this.#feeder.advance() });
    this.#feeder = new Feeder({
      ...common,
      arrivals: this.#weights.arrivals,
      released: (words) => this.#weights.release(words),
      blockReady: () => this.#walker.blockReady(),
      layerFed: (words) => {
        this.#weightBytes.push(words * ringWordBytes);
        this.#dispatcher.layerFed();
      },
    });
    const drain = new Drain({
      ...common,
      bankFree: () => this.#walker.bankFree(),
      parametersFree: () => this.#feeder.parametersFree(),
      layerEnds: () => this.#layerEnds(),
    });
    this.#transfers = new Transfers({
      ...common,
      memory: options.memory,
      drainWrites: () => drain.writes(),
    });
    const pixelCycles = (): number =>
      (config.kPar / config.requantizers) * this.#open!.values.multiplierPasses;
    this.#walker = new Walker({
      ...common,
      claim: () => this.#feeder.claimed(),
      storeReads: () => this.#transfers.storeReads(),
      stripe: (work, sumsAt) => {
        this.#fetched = agenda.now;
        drain.stripe(work, sumsAt, pixelCycles());
      },
    });
    this.#dispatcher = new Dispatcher(descriptors, {
      ...common,
      startWeights: () => this.#weights.start(),
      feed: (values) => this.#feeder.layer(values),
      walk: (layer, readySince) => this.#walk(layer.index, layer.values, readySince),
      transfer: ({ kind, values }, waited) => {
        const ended = (): void => this.#dispatcher.transferEnds();
        if (kind === "load") this.#transfers.load(values, ended);
        else this.#transfers.store(values, waited, ended);
      },
      frameEnds: () => ended({ frame, start: this.#start, end: agenda.now, layers: this.#layers, external }),
    });
  }

  start(): void {
    this.#dispatcher.start();
  }

  #walk(descriptor: number, values: LayerValues, start: number): void {
    const { agenda, input } = this.#shared;
    const cycles = { fetches: 0, input: 0, weights: 0, drain: 0, stores: 0, sequence: 0 };
    this.#open = { descriptor, start, values, cycles, transfers: agenda.now - start };
    this.#walker.layer(values, values.waitInput === 1 ? input.oldestAt() : 0, cycles);
  }

  #layerEnds(): void {
    const { agenda, input } = this.#shared;
    const { descriptor, start, cycles, transfers, values } = this.#open!;
    const { fetches, ...stalls } = cycles;
    const { now: end } = agenda;
    const { cPar, kPar } = this.#options.config;
    const macs = this.#options.macs?.get(descriptor);
    this.#layers.push({
      frame: this.#frame,
      descriptor,
      start,
      end,
      fetchCycles: fetches,
      stalls: { ...stalls, transfers },
      tailCycles: end - this.#fetched,
      utilization: macs === undefined ? undefined : macs / ((end - start) * cPar * kPar),
      weightBytes: this.#weightBytes[this.#layers.length] ?? 0,
    });
    this.#open = undefined;
    if (values.releaseInput === 1) input.release(end);
    this.#dispatcher.layerEnds();
  }
}
