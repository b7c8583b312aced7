import { predictCycles } from "../accel/cycles/index.js";
import { placeTasks, STATUS_DONE, SYSTEM_MODULE, taskRuns, unpackTensor } from "../accel/index.js";
import { CheckFailedError, joinBytes, type ProgressListener } from "../core/index.js";
import type { QuantValues } from "../quant/index.js";
import { flatten, readBack, simulateAxiSystem } from "../sim/index.js";
import type { Chip, ChipImages } from "./chip.js";

/** Memory behind the chip's port. */
export type ChipMemory = { readonly latencyCycles: number; readonly bytesPerCycle: number };

/** What {@link simulateChip} takes. */
export type ChipSimulation = {
  readonly chip: Chip;
  /** The chip's RTL, as it was written. */
  readonly files: ReadonlyMap<string, string | Uint8Array>;
  /** Of each task; a frame takes up to 128 side by side. */
  readonly images: readonly ChipImages[];
  /** Frames one after another, at least 2, so that the front works on one while the engine works on another. */
  readonly frames: number;
  readonly memory: ChipMemory;
  readonly threads: number;
  readonly cacheFolder: string;
  readonly onProgress: ProgressListener;
};

/** Why the multipliers stood still, cycles of all frames. */
export type ChipStalls = {
  readonly weights: number;
  readonly input: number;
  readonly transfers: number;
  readonly drain: number;
};

/** What the simulation of one task gave. */
export type SimulatedTask = {
  /** Logits, an image each. */
  readonly logits: readonly QuantValues[];
  /** Cycles from the first register write to the first frame's result. */
  readonly firstFrameCycles: number;
  /** Between the results of successive frames, mean. */
  readonly cyclesPerFrame: number;
  /** The same by the cycle model of the engine. */
  readonly predictedCyclesPerFrame: number;
  readonly stallCycles: ChipStalls;
  /** Registers that the host writes to go from another task to this one; the start is not counted. */
  readonly switchingWrites: number;
};

/** Most images that one simulation takes side by side. */
const LANES = 128;

/** Mean distance of successive numbers. */
const meanStep = (values: readonly number[]): number =>
  (values.at(-1)! - values[0]!) / Math.max(1, values.length - 1);

/**
 * Simulate a chip's emitted Verilog, read back by Yosys: images in at the stream, each task's program run after another on the one chip, logits out of memory.
 *
 * @throws FixynnError as `readBack` and `simulateAxiSystem`; CheckFailedError FX6103 when the engine does not say that it is done
 */
export async function simulateChip(simulation: ChipSimulation): Promise<readonly SimulatedTask[]> {
  const { chip, files, images, frames, memory, threads, cacheFolder, onProgress } = simulation;
  const verilog = new Map([...files].filter((file): file is [string, string] => typeof file[1] === "string"));
  const netlist = await readBack(verilog, SYSTEM_MODULE, { threads, cacheFolder, onProgress });
  const lanes = Math.min(LANES, Math.max(...images.map(({ count }) => Math.ceil(count / frames))));
  const placed = placeTasks(
    chip.tasks.map(({ program }) => ({ program, frames })),
    chip.config,
  );
  const runs = taskRuns(placed);
  const predicted = chip.tasks.map(({ program }) =>
    predictCycles({ config: chip.config, program: program.bytes, memory, frames }).map(({ end }) => end),
  );
  const backToFirst = taskRuns({ ...placed, tasks: [placed.tasks.at(-1)!, placed.tasks[0]!] })[1]!;
  const pixelBytes = chip.tasks[0]!.network.nodes[0]!.output.shape.at(-1)!;
  const job = `simulate chip ${chip.freezePoint}`;
  onProgress({ job, done: 0, total: chip.tasks.length, unit: "tasks" });
  const result = simulateAxiSystem({
    module: flatten(netlist),
    lanes,
    contents: placed.contents,
    stream: { beatBytes: pixelBytes, lanes: streamLanes(images, lanes, frames) },
    runs,
    memory,
    maxCycles: 20 * chip.tasks.length * frames * mostCycles(chip, predicted),
  });
  onProgress({ job, done: chip.tasks.length, total: chip.tasks.length, unit: "tasks" });
  return chip.tasks.map(({ name, program }, i): SimulatedTask => {
    const { registers, results, frameCycles } = result.runs[i]!;
    if (registers.status !== STATUS_DONE)
      throw new CheckFailedError("FX6103", `the engine ends with status ${registers.status}`, {
        place: `chip ${chip.freezePoint}, task ${name}`,
      });
    const { resultBytes } = program;
    return {
      logits: Array.from({ length: images[i]!.count }, (_, image) => {
        const [frame, lane] = [Math.floor(image / lanes), image % lanes];
        const space = results[lane]!.subarray(frame * resultBytes, (frame + 1) * resultBytes);
        return unpackTensor(space, program.result);
      }),
      firstFrameCycles: frameCycles[0]!,
      cyclesPerFrame: Math.round(meanStep(frameCycles)),
      predictedCyclesPerFrame: Math.round(meanStep(predicted[i]!)),
      stallCycles: {
        weights: registers.stallWeights,
        input: registers.stallInput,
        transfers: registers.stallTransfer,
        drain: registers.stallDrain,
      },
      // The last write starts.
      switchingWrites: (i === 0 ? backToFirst : runs[i]!).writes.length - 1,
    };
  });
}

/** The longest first frame of any task, its input included. */
function mostCycles({ tasks }: Chip, predicted: readonly (readonly number[])[]): number {
  const [height = 1, width = 1] = tasks[0]!.network.nodes[0]!.output.shape;
  return height * width + Math.max(...predicted.map(([first]) => first!));
}

/** Put image i of a task in frame ⌊i / lanes⌋ of lane i mod lanes; the last image fills what is left. */
function streamLanes(images: readonly ChipImages[], lanes: number, frames: number): readonly Uint8Array[] {
  return Array.from({ length: lanes }, (_, lane) => {
    const parts = images.flatMap(({ bytes, count }) => {
      const size = bytes.length / count;
      return Array.from({ length: frames }, (_, frame) => {
        const image = Math.min(frame * lanes + lane, count - 1);
        return bytes.subarray(image * size, (image + 1) * size);
      });
    });
    return joinBytes(parts);
  });
}
