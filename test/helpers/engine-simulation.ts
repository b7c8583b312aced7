import {
  type EngineConfig,
  type EngineLayout,
  type EngineProgram,
  packImages,
  placeTasks,
  taskRuns,
  unpackTensor,
} from "../../src/accel/index.js";
import { invariant } from "../../src/core/index.js";
import type { QuantValues } from "../../src/quant/index.js";
import { type AxiSystemJob, type SimModule, simulateAxiSystem } from "../../src/sim/index.js";

/** A program and its images: `images[frame][lane]`, integers of the program's input. */
export type SimulatedTask = {
  readonly program: EngineProgram;
  readonly images: readonly (readonly QuantValues[])[];
};

/** What a task left behind. */
export type SimulatedResult = {
  readonly status: number;
  readonly cycles: number;
  /** A tensor that was stored, as integers. */
  tensor(frame: number, lane: number, layout: EngineLayout): Uint8Array | Int8Array;
};

/** Bytes on the stream: a signed integer plus 128. */
export const streamBytes = (values: QuantValues, signed: boolean): Uint8Array =>
  Uint8Array.from(values, (value) => value + (signed ? 128 : 0));

/** Run programs of one engine one after another in our simulator, a lane for each image of a frame. */
export function simulateTasks(
  module: SimModule,
  config: EngineConfig,
  tasks: readonly SimulatedTask[],
  job: Pick<AxiSystemJob, "memory" | "maxCycles"> & Partial<Pick<AxiSystemJob, "pauses" | "randomStart">>,
): readonly SimulatedResult[] {
  const lanes = tasks[0]!.images[0]!.length;
  const memory = placeTasks(
    tasks.map(({ program, images }) => ({ program, frames: images.length })),
    config,
  );
  const each = Array.from({ length: lanes }, (_, lane) => lane);
  const inMemory = memory.tasks.flatMap((task, i) => {
    if (task.program.input.kind === "stream") return [];
    const { images } = tasks[i]!;
    const regions = each.map((lane) =>
      packImages(
        task,
        images.map((frame) => frame[lane]!),
      ),
    );
    return [{ address: regions[0]!.address, lanes: regions.map(({ bytes }) => bytes) }];
  });
  const streamed = each.map((lane) =>
    tasks.flatMap(({ program: { input }, images }) =>
      input.kind === "stream" ? images.flatMap((frame) => [...streamBytes(frame[lane]!, input.signed)]) : [],
    ),
  );
  invariant(inMemory.length === 0 || streamed[0]!.length === 0, "all by the stream or none");
  const { runs } = simulateAxiSystem({
    ...job,
    module,
    lanes,
    contents: memory.contents,
    laneContents: inMemory,
    stream:
      streamed[0]!.length === 0
        ? null
        : {
            beatBytes: config.input!.channels,
            lanes: streamed.map((bytes) => Uint8Array.from(bytes)),
          },
    runs: taskRuns(memory),
  });
  return runs.map(({ registers, results }, i) => {
    const { resultBytes } = tasks[i]!.program;
    return {
      status: registers.status,
      cycles: registers.cycles,
      tensor: (frame, lane, layout) => unpackTensor(results[lane]!.subarray(frame * resultBytes), layout),
    };
  });
}
