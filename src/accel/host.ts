import { invariant } from "../core/index.js";
import type { EngineLayout, EngineProgram } from "./compile/index.js";
import { packTensor } from "./compile/index.js";
import { type EngineConfig, engineShape } from "./config.js";
import { engineRegisters } from "./registers.js";
import type { MemoryRegion, SystemTask, TaskRegisters } from "./testbench/index.js";

/** What an engine does from a start to its interrupt. */
export type EngineTask = { readonly program: EngineProgram; readonly frames: number };

/** A task and where it lies in memory. */
export type PlacedTask = EngineTask & {
  readonly programBase: number;
  readonly registers: Required<TaskRegisters>;
};

/** Memory of an engine for tasks that run one after another. */
export type EngineMemory = {
  readonly tasks: readonly PlacedTask[];
  /** The programs. */
  readonly contents: readonly MemoryRegion[];
  /** Bytes from address 0 on. */
  readonly memoryBytes: number;
};

const PAGE = 4096;
const align = (value: number, step: number): number => Math.ceil(value / step) * step;

/**
 * Lay out memory: the programs, each on a page, scratch, results, then each task's images. Scratch and results are shared, so that of tasks of as many frames
 * behind a stream input only PROGRAM_BASE differs.
 *
 * @param tasks programs of one engine
 */
export function placeTasks(tasks: readonly EngineTask[], config: EngineConfig): EngineMemory {
  const { burstBytes } = engineShape(config);
  // Address 0 stays free: a base that was never written reads nothing.
  let free = PAGE;
  const take = (bytes: number): number => {
    const at = free;
    free = align(at + bytes, PAGE);
    return at;
  };
  const most = (of: (task: EngineTask) => number): number => Math.max(...tasks.map(of));
  // The last burst of a list may read beyond what it needs.
  const programs = tasks.map(({ program }) => take(program.bytes.length + burstBytes));
  const imageStride = align(
    most(({ program }) => program.imageBytes),
    burstBytes,
  );
  const resultStride = align(
    most(({ program }) => program.resultBytes),
    burstBytes,
  );
  const frames = most((task) => task.frames);
  const registers = {
    scratchBase: take(most(({ program }) => program.scratchBytes)),
    resultBase: take(frames * resultStride),
    resultStride,
    imageStride,
  };
  return {
    tasks: tasks.map((task, i) => ({
      ...task,
      programBase: programs[i]!,
      registers: {
        ...registers,
        imageBase: take(task.program.imageBytes > 0 ? task.frames * imageStride : 0),
      },
    })),
    contents: tasks.map(({ program }, i) => ({ address: programs[i]!, bytes: program.bytes })),
    memoryBytes: free,
  };
}

/**
 * Put a task's images where the engine looks for them, when there is no stream input.
 *
 * @param images integers of the program's input, a tensor a frame
 */
export function packImages(
  { program, registers: { imageBase, imageStride } }: PlacedTask,
  images: readonly ArrayLike<number>[],
): MemoryRegion {
  const { input } = program;
  invariant(input.kind === "image", "images come by the stream");
  const bytes = new Uint8Array(images.length * imageStride);
  for (const [frame, values] of images.entries())
    packTensor(values, input.layout, bytes.subarray(frame * imageStride, (frame + 1) * imageStride));
  return { address: imageBase, bytes };
}

/**
 * Say what memory must hold where a task has stored a tensor, for a testbench.
 *
 * @param values the tensor's integers, a frame each
 */
export function expectedTensor(
  { registers: { resultBase, resultStride } }: PlacedTask,
  layout: EngineLayout,
  values: readonly ArrayLike<number>[],
): SystemTask["expected"] {
  return values.map((frame, i) => {
    const space = { ...layout, offset: 0 };
    const bytes = new Uint8Array(layout.bytes);
    const care = new Uint8Array(layout.bytes);
    packTensor(frame, space, bytes);
    packTensor(new Uint8Array(frame.length).fill(1), { ...space, signed: false }, care);
    return { address: resultBase + i * resultStride + layout.offset, bytes, care };
  });
}

/** A run as a simulated host does it: registers to write, to read behind the interrupt, and to write then; where the results are. */
export type TaskRun = {
  readonly writes: readonly { readonly address: number; readonly data: number }[];
  readonly reads: typeof counterRegisters;
  readonly after: readonly { readonly address: number; readonly data: number }[];
  readonly results: {
    readonly address: number;
    readonly stride: number;
    readonly bytes: number;
    readonly frames: number;
  };
};

const counterRegisters = {
  status: engineRegisters.status.at,
  cycles: engineRegisters.cycles.at,
  stallWeights: engineRegisters.stallWeights.at,
  stallInput: engineRegisters.stallInput.at,
  stallTransfer: engineRegisters.stallTransfer.at,
  stallDrain: engineRegisters.stallDrain.at,
  framesDone: engineRegisters.framesDone.at,
  readBeats: engineRegisters.readBeats.at,
  writeBeats: engineRegisters.writeBeats.at,
};

/** CONTROL: start, interrupt enabled. INTERRUPT: clear both causes. */
const START = 0b11;
const CLEAR = 0b11;

/** STATUS when all frames are done and nothing went wrong. */
export const STATUS_DONE = 0b10;

/** Registers of each task that the task before has not set already. */
function changedRegisters(tasks: readonly PlacedTask[]): readonly TaskRegisters[] {
  return tasks.map(({ registers }, i) => {
    const held = tasks[i - 1]?.registers;
    return Object.fromEntries(
      Object.entries(registers).filter(([name, value]) => held?.[name as keyof TaskRegisters] !== value),
    );
  });
}

/**
 * List what a host writes and reads for each task: registers that still hold the value of the task before are not written again.
 */
export function taskRuns({ tasks }: EngineMemory): readonly TaskRun[] {
  const changed = changedRegisters(tasks);
  return tasks.map(({ program, frames, programBase, registers }, i) => {
    const wanted = {
      ...changed[i]!,
      programBase,
      ...(tasks[i - 1]?.frames === frames ? {} : { frames }),
    };
    const writes = Object.entries(wanted).map(([name, data]) => ({
      address: engineRegisters[name as keyof typeof wanted].at,
      data: data!,
    }));
    return {
      writes: [...writes, { address: engineRegisters.control.at, data: START }],
      reads: counterRegisters,
      after: [{ address: engineRegisters.interrupt.at, data: CLEAR }],
      results: {
        address: registers.resultBase,
        stride: registers.resultStride,
        bytes: program.resultBytes,
        frames,
      },
    };
  });
}

/**
 * List the tasks for a testbench.
 *
 * @param expected what memory must hold behind each task, as {@link expectedTensor} says it
 */
export function testbenchTasks(
  { tasks }: EngineMemory,
  expected: readonly SystemTask["expected"][],
): readonly SystemTask[] {
  const changed = changedRegisters(tasks);
  return tasks.map(({ programBase, frames }, i) => ({
    programBase,
    frames,
    registers: changed[i]!,
    expected: expected[i]!,
  }));
}
