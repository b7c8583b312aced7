import {
  buildEngine,
  type EngineConfig,
  type EngineProgram,
  packImages,
  placeTasks,
  taskRuns,
  unpackTensor,
} from "../src/accel/index.js";
import { sky130Cells } from "../src/arith/index.js";
import { exposeNets } from "../src/hw/index.js";
import { flatten, lowerDesign, type MemoryTiming, simulateAxiSystem } from "../src/sim/index.js";

/** The pulse that a layer's last byte is in memory. */
const LAYER_DONE = "walker_layer_done";

/** A frame on the engine's netlist. */
export type MeasuredFrame = {
  /** Busy cycles. */
  readonly cycles: number;
  /** Cycle in which each layer descriptor ended, from the first address on the memory port on. */
  readonly layerEnds: readonly number[];
  readonly output: Uint8Array | Int8Array;
};

/**
 * Run a program's frame on the engine's netlist beside our memory, and note when each layer ends.
 *
 * @param image integers of the program's input
 * @throws CheckFailedError FX6012 when it does not end, FX6013 when it breaks the protocol
 */
export function measureFrame(
  config: EngineConfig,
  program: EngineProgram,
  image: Uint8Array | Int8Array,
  memory: MemoryTiming,
): MeasuredFrame {
  const { design } = buildEngine(config, { periodPs: 5000, cells: sky130Cells });
  const placed = placeTasks([{ program, frames: 1 }], config);
  const layerEnds: number[] = [];
  let first: number | undefined;
  const { input } = program;
  const isStream = input.kind === "stream";
  const bytes =
    isStream && input.signed ? Uint8Array.from(image, (value) => value + 128) : Uint8Array.from(image);
  const { runs } = simulateAxiSystem({
    module: flatten(lowerDesign(exposeNets(design, [LAYER_DONE]))),
    lanes: 1,
    contents: [...placed.contents, ...(isStream ? [] : [packImages(placed.tasks[0]!, [image])])],
    stream: isStream ? { beatBytes: config.input!.channels, lanes: [bytes] } : null,
    runs: taskRuns(placed),
    memory,
    maxCycles: 2_000_000,
    onCycle: (simulator) => {
      if ((simulator.readWord("m_axi_arvalid")[0]! & 1) === 1) first ??= simulator.cycles;
      if ((simulator.readWord(LAYER_DONE)[0]! & 1) === 1) layerEnds.push(simulator.cycles - first!);
    },
  });
  const [{ registers, results }] = runs as [(typeof runs)[0]];
  return { cycles: registers.cycles, layerEnds, output: unpackTensor(results[0]!, program.result) };
}
