import {
  type EngineConfig,
  type EngineMemory,
  type EngineProgram,
  emitSystemTestbench,
  expectedTensor,
  packImages,
  placeTasks,
  SYSTEM_TESTBENCH,
  type SystemTestbench,
  testbenchTasks,
} from "../../src/accel/index.js";
import type { NodeName } from "../../src/graph/index.js";
import { type Design, emitDesign } from "../../src/hw/index.js";
import type { QuantValues } from "../../src/quant/index.js";
import { streamBytes } from "./engine-simulation.js";
import { buildFiles, type Files, type FilesBuild } from "./verilator.js";

/** A program that stores every layer's output, and what it is given and must give, a frame each. */
export type JudgedTask = {
  readonly program: EngineProgram;
  /** Integers of the program's input. */
  readonly images: readonly QuantValues[];
  /** Integers of a layer's output, by whoever judges. */
  readonly judge: (layer: NodeName, frame: number) => QuantValues;
};

/** Where the beats of the stream input come from when it is not the engine's own: a front's pixels. */
export type FrontStream = NonNullable<SystemTestbench["stream"]>;

/**
 * Write the testbench of tasks that run one after another: every layer's tensor of every frame is compared.
 *
 * @param front the stream into `module`, where a front computes the engine's input
 */
export function judgedTestbench(
  module: string,
  config: EngineConfig,
  tasks: readonly JudgedTask[],
  front?: FrontStream,
): { readonly memory: EngineMemory; readonly testbench: SystemTestbench } {
  const memory = placeTasks(
    tasks.map(({ program, images }) => ({ program, frames: images.length })),
    config,
  );
  const expected = memory.tasks.map((task, i) =>
    task.program.layers.flatMap(({ name, stored }) => {
      const { images, judge } = tasks[i]!;
      return expectedTensor(
        task,
        stored!,
        images.map((_, frame) => judge(name, frame)),
      );
    }),
  );
  const inMemory = memory.tasks.flatMap((task, i) =>
    task.program.input.kind === "image" ? [packImages(task, tasks[i]!.images)] : [],
  );
  const streamed = tasks.flatMap(({ program: { input }, images }) =>
    input.kind === "stream" ? images.flatMap((values) => [...streamBytes(values, input.signed)]) : [],
  );
  const own =
    streamed.length === 0 ? null : { beatBytes: config.input!.channels, bytes: Uint8Array.from(streamed) };
  return {
    memory,
    testbench: {
      module,
      dataBytes: config.axiDataBytes,
      burstBeats: config.burstBeats,
      stream: front ?? own,
      contents: [...memory.contents, ...inMemory],
      memoryBytes: memory.memoryBytes,
      tasks: testbenchTasks(memory, expected),
    },
  };
}

/** Build a device, a design or its sources, and its testbench by Verilator. Registers and memories start at random bits: run it with {@link RANDOM_START}. */
export function buildTestbench(
  device: Design | Files,
  testbench: SystemTestbench,
  flags: readonly string[] = [],
): Promise<FilesBuild> {
  const sources = "kind" in device ? emitDesign(device) : device;
  // Lanes and requantizers stay modules of their own: a third of the C++.
  const own = ["--inline-mult", "2000", "--x-initial", "unique"];
  return buildFiles([...sources, ...emitSystemTestbench(testbench)], SYSTEM_TESTBENCH, {
    timeoutSeconds: 2400,
    flags: [...own, ...flags],
  });
}

/** Plusarg that begins with random bits. */
export const RANDOM_START = "+verilator+rand+reset+2";
