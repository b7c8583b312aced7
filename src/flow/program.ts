import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import {
  buildEngine,
  buildSystem,
  checkEngineConfig,
  compileEngine,
  type EngineConfig,
  type EngineProgram,
  emitSystemTestbench,
  engineConfig,
  expectedTensor,
  type PlacedTask,
  parseProgram,
  placeTasks,
  printProgram,
  SYSTEM_MODULE,
  streamGeometry,
  testbenchTasks,
} from "../accel/index.js";
import type { ClockTarget } from "../arith/index.js";
import { FixynnError } from "../core/index.js";
import { nodeName } from "../graph/index.js";
import { compileFrontEnd, emitDesign, type FrontFolding } from "../hw/index.js";
import { importQuantizedModel } from "../importers/index.js";
import { executeQuantNetwork, findQuantNode, truncateQuantNetwork } from "../quant/index.js";
import { readPictures, replaceFolder } from "./deliverable.js";

/** The program, and its readable listing, in the deliverable. */
export const PROGRAM_FILE = "program.bin";
export const LISTING_FILE = "program.txt";
/** What a host must know of it. */
export const HOST_FILE = "program.json";
/** Pictures whose results the testbench compares. */
const VECTOR_IMAGES = 4;

/** What {@link programModel} is asked for. */
export type ProgramRequest = {
  /** Quantized .tflite or an integer network (.json). */
  readonly model: string;
  /** Last frozen layer. */
  readonly through: string;
  readonly folding: FrontFolding;
  readonly clock: ClockTarget;
  /** The engine; its stream input follows from the front. */
  readonly engine: Pick<EngineConfig, "cPar" | "kPar"> & Partial<EngineConfig>;
  /** Folder of pictures for the testbench's vectors; without it there is no testbench. */
  readonly images?: string | undefined;
};

/** A chip with its program, as files. */
export type ProgrammedChip = {
  readonly config: EngineConfig;
  readonly program: EngineProgram;
  readonly files: ReadonlyMap<string, string | Uint8Array>;
};

/**
 * Make a whole chip of a quantized network: its first layers frozen, an engine behind them, and the program that computes the rest.
 *
 * @throws FixynnError of the importer, FX4001 when there is no such layer, FX5020 to FX5023 for a layer that cannot be frozen, FX5100 for an engine
 *   that cannot be built, FX5111 to FX5115 for a tail that it cannot compute
 */
export async function programModel(request: ProgramRequest): Promise<ProgrammedChip> {
  const { model, through, folding, clock, images } = request;
  const network = importQuantizedModel(model);
  const point = nodeName(through);
  findQuantNode(network, point);
  const frozen = truncateQuantNetwork(network, point);
  const front = compileFrontEnd(frozen, point, { folding, clock });
  const config = engineConfig({ ...request.engine, input: streamGeometry(front.output) });
  checkEngineConfig(config);
  const program = compileEngine({ network, config, from: point });
  const design = buildSystem(front, buildEngine(config, clock));
  const { bytes, result, layers, externalBytes, scratchBytes, resultBytes } = program;
  const host = {
    format: "fixynn.program.v1",
    network: network.name,
    freezePoint: point,
    top: SYSTEM_MODULE,
    engine: config,
    result,
    resultBytes,
    scratchBytes,
    externalBytes,
    layers,
  };
  const files = new Map<string, string | Uint8Array>([
    ...emitDesign(design),
    [PROGRAM_FILE, bytes],
    [LISTING_FILE, printProgram(parseProgram(bytes))],
    [HOST_FILE, `${JSON.stringify(host, null, 2)}\n`],
  ]);
  if (images !== undefined) {
    const { bytes: pictures, count } = await readPictures(images, network, VECTOR_IMAGES);
    const logits = executeQuantNetwork(network, pictures, count).get(network.output)!;
    const memory = placeTasks([{ program, frames: count }], config);
    const [task] = memory.tasks as [PlacedTask];
    const classes = logits.length / count;
    const frames = Array.from({ length: count }, (_, i) => logits.subarray(i * classes, (i + 1) * classes));
    const testbench = emitSystemTestbench({
      module: SYSTEM_MODULE,
      dataBytes: config.axiDataBytes,
      burstBeats: config.burstBeats,
      stream: { beatBytes: network.nodes[0]!.output.shape.at(-1)!, bytes: pictures },
      contents: memory.contents,
      memoryBytes: memory.memoryBytes,
      tasks: testbenchTasks(memory, [expectedTensor(task, result, frames)]),
    });
    for (const [name, text] of testbench) files.set(name, text);
  }
  return { config, program, files };
}

/**
 * Write a chip's files to a folder: new, empty, or one that an earlier call has written. All of it or nothing.
 *
 * @throws FixynnError FX7011 when the folder holds something else
 */
export function writeChip({ files }: ProgrammedChip, folder: string): void {
  if (existsSync(folder) && readdirSync(folder).length > 0 && !existsSync(join(folder, HOST_FILE)))
    throw new FixynnError("FX7011", "the folder is not empty, and not one of ours", {
      place: folder,
      hint: "choose another folder",
    });
  replaceFolder(files, folder);
}
