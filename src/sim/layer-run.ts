import { createRng } from "../core/index.js";
import type { RegisterWrites } from "../hw/index.js";
import type { SimNetlist } from "./ir.js";
import { flatten } from "./link.js";
import { createSimulator, LANES, type ToggleCounts } from "./simulator.js";
import { type Backpressure, type StreamResult, simulateStream } from "./stream.js";

/** How many integers of how many bits make a pixel, and how many pixels a frame. */
export type StreamFormat = {
  readonly pixels: number;
  readonly channels: number;
  readonly bits: number;
  readonly signed: boolean;
};

/** What a module reads: integers of all images, image after image. */
export type LayerInput = { readonly format: StreamFormat; readonly values: Int32Array };

/** Everything that one module's run depends on. */
export type LayerRun = {
  readonly netlist: SimNetlist;
  readonly module: string;
  /** One stream, or the two of a residual sum. */
  readonly inputs: readonly LayerInput[];
  readonly output: StreamFormat;
  /** What the module's registers hold, if it has any. */
  readonly registers?: RegisterWrites | undefined;
  readonly images: number;
  readonly countToggles: boolean;
  /** Images of a second run with random pauses on both sides and a random start state; 0 for none. */
  readonly stalledImages: number;
  readonly seed: number;
};

export type LayerRunResult = {
  /** Output integers of all images. */
  readonly outputs: Int32Array;
  /** Output integers of the first `stalledImages` images in the second run. */
  readonly stalledOutputs: Int32Array;
  readonly cycles: number;
  readonly cyclesPerFrame: number;
  /** Counts of the first run over all its frames; zeros when not asked for. */
  readonly toggles: ToggleCounts;
  /** Frames that `toggles` covers, over all lanes. */
  readonly countedFrames: number;
  readonly gates: number;
  readonly seconds: number;
};

/** Run a module on images, one a lane; more images than lanes follow one another as frames. */
export function runLayer(run: LayerRun): LayerRunResult {
  const started = performance.now();
  const flat = flatten(run.netlist, run.module);
  const outSize = run.output.pixels * run.output.channels;
  const stream = (
    images: number,
    lanes: number,
    backpressure?: Backpressure,
  ): [Int32Array, StreamResult, number] => {
    const frames = Math.ceil(images / lanes);
    // Lane l gets images l, l + lanes, …; the last frames of some lanes may repeat an image.
    const imageOf = (lane: number, frame: number): number => (lane + frame * lanes) % images;
    const [first, second] = run.inputs.map(({ format, values }) => ({
      inputs: Array.from({ length: lanes }, (_, lane) => {
        const size = format.pixels * format.channels;
        const sequence = new Int32Array(frames * size);
        for (let f = 0; f < frames; f++) {
          const image = imageOf(lane, f);
          sequence.set(values.subarray(image * size, (image + 1) * size), f * size);
        }
        return sequence;
      }),
      valuesPerBeat: format.channels,
      bits: format.bits,
    }));
    const countToggles = run.countToggles && backpressure === undefined;
    const randomStart = backpressure === undefined ? {} : { randomStart: createRng(run.seed).fork("start") };
    const simulator = createSimulator(flat, { lanes, countToggles, ...randomStart });
    const result = simulateStream(simulator, {
      inputs: first!.inputs,
      ...(second === undefined ? {} : { second }),
      frames,
      valuesPerBeat: { input: first!.valuesPerBeat, output: run.output.channels },
      bits: { input: first!.bits, output: run.output.bits },
      signed: run.output.signed,
      outputBeatsPerFrame: run.output.pixels,
      registers: run.registers,
      ...(backpressure === undefined ? {} : { backpressure }),
    });
    const outputs = new Int32Array(images * outSize);
    for (const [lane, values] of result.outputs.entries()) {
      for (let f = 0; f < frames; f++) {
        if (lane + f * lanes >= images) continue;
        outputs.set(values.subarray(f * outSize, (f + 1) * outSize), imageOf(lane, f) * outSize);
      }
    }
    return [outputs, result, frames * lanes];
  };
  const [outputs, result, countedFrames] = stream(run.images, Math.min(run.images, LANES));
  let stalledOutputs = new Int32Array(0);
  const stalled = Math.min(run.stalledImages, run.images);
  if (stalled > 0) {
    const pause = { rng: createRng(run.seed).fork("pause"), idle: 0.3, stall: 0.4 };
    // Two frames a lane, so that one frame's end meets the next one's start under pauses too.
    [stalledOutputs] = stream(stalled, Math.ceil(stalled / 2), pause) as [
      Int32Array<ArrayBuffer>,
      StreamResult,
      number,
    ];
  }
  const { cycles, cyclesPerFrame, toggles } = result;
  const seconds = (performance.now() - started) / 1000;
  const gates = flat.gates.length / 6;
  return { outputs, stalledOutputs, cycles, cyclesPerFrame, toggles, countedFrames, gates, seconds };
}
