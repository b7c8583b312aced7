import type { InputTiming } from "../src/accel/cycles/index.js";
import {
  buildEngine,
  type EngineConfig,
  type EngineProgram,
  engineShape,
  packImages,
  placeTasks,
  taskRuns,
  unpackTensor,
} from "../src/accel/index.js";
import { sky130Cells } from "../src/arith/index.js";
import { exposeNets } from "../src/hw/index.js";
import type { QuantValues } from "../src/quant/index.js";
import { flatten, lowerDesign, type MemoryTiming, simulateAxiSystem } from "../src/sim/index.js";

/** Cycles from a frame's begin to its first address on the memory port. */
const BEGIN_TO_ADDRESS = 3;
/** The pulse that a layer's last byte is in memory. */
const LAYER_DONE = "walker_layer_done";

/** A frame on the engine's netlist. */
export type MeasuredFrame = {
  /** Busy cycles. */
  readonly cycles: number;
  /** Cycle in which each layer descriptor ended; all are counted from the frame's begin. */
  readonly layerEnds: readonly number[];
  /** When the frame came by the stream; undefined for one in memory. */
  readonly input: InputTiming | undefined;
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
  image: QuantValues,
  memory: MemoryTiming,
): MeasuredFrame {
  const { design } = buildEngine(config, { periodPs: 5000, cells: sky130Cells });
  const placed = placeTasks([{ program, frames: 1 }], config);
  const layerEnds: number[] = [];
  const seen = { address: undefined as number | undefined, pixel: undefined as number | undefined };
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
      const isSet = (port: string): boolean => (simulator.readWord(port)[0]! & 1) === 1;
      // Pixels are offered from the first cycle on.
      if (isStream && isSet("s_axis_tready")) seen.pixel ??= simulator.cycles;
      if (isSet("m_axi_arvalid")) seen.address ??= simulator.cycles;
      if (isSet(LAYER_DONE)) layerEnds.push(simulator.cycles);
    },
  });
  const [{ registers, results }] = runs as [(typeof runs)[0]];
  const begin = seen.address! - BEGIN_TO_ADDRESS;
  const pixels = isStream ? config.input!.height * config.input!.width : 0;
  return {
    cycles: registers.cycles,
    layerEnds: layerEnds.map((cycle) => cycle - begin),
    input: isStream
      ? {
          cyclesPerFrame: pixels * engineShape(config).inputPixelWords,
          firstCycle: seen.pixel! - begin,
        }
      : undefined,
    output: unpackTensor(results[0]!, program.result),
  };
}
