import {
  buildEngine,
  buildSystem,
  ENGINE_MODULE,
  type Engine,
  type EngineMemory,
  emitSystemTestbench,
  expectedTensor,
  type MemoryRegion,
  packImages,
  parseProgram,
  placeTasks,
  printProgram,
  SYSTEM_MODULE,
  type SystemTestbench,
  streamGeometry,
  testbenchTasks,
} from "../accel/index.js";
import type { ClockTarget } from "../arith/index.js";
import { canonicalJson, FixynnError, joinBytes } from "../core/index.js";
import type { NodeName } from "../graph/index.js";
import { type Design, emitDesign, type FrontEnd } from "../hw/index.js";
import {
  executeQuantNetwork,
  type QuantNetwork,
  type QuantValues,
  quantNetworkToJson,
  truncateQuantNetwork,
} from "../quant/index.js";
import {
  type ChipTask,
  type CompiledTasks,
  compileForEngine,
  type EngineRequest,
  type NamedNetwork,
} from "./chip-tasks.js";
import { fileNameOf } from "./run-directory.js";

/** What a host must know of a program. */
export const HOST_FILE = "program.json";

/** An engine, and a program for each task. */
export type EngineChip = CompiledTasks & {
  /** The last frozen layer; `null` when nothing is frozen. */
  readonly freezePoint: NodeName | null;
  /** Name of the top module. */
  readonly top: string;
  readonly design: Design;
  /** The engine alone. */
  readonly engine: Engine;
};

/** A front with an engine behind it, and a program for each task. */
export type Chip = EngineChip & { readonly freezePoint: NodeName };

/** What {@link buildChip} takes. */
export type ChipRequest = {
  readonly front: FrontEnd;
  readonly freezePoint: NodeName;
  /** Networks that begin with the front's layers, with names that differ. */
  readonly networks: readonly NamedNetwork[];
  /** The engine; its stream input follows from the front, and its activation memory, unless given, from the tasks. */
  readonly engine: EngineRequest;
  readonly clock: ClockTarget;
};

/**
 * Put an engine behind a front, and compile each network's tail for it.
 *
 * @throws FixynnError FX5100 for an engine that cannot be built, FX5103 when a network does not begin with the front's layers, FX5111 to FX5115 for a tail
 *   that the engine cannot compute
 */
export function buildChip({ front, freezePoint, networks, engine, clock }: ChipRequest): Chip {
  const frozen = networks.map(({ network }) =>
    canonicalJson(quantNetworkToJson(truncateQuantNetwork(network, freezePoint)).nodes),
  );
  if (new Set(frozen).size > 1)
    throw new FixynnError("FX5103", `the networks differ up to "${freezePoint}"`, {
      place: networks.map(({ name }) => name).join(", "),
      hint: "tasks of one chip share the frozen layers, weights and scales included",
    });
  const given = { ...engine, input: streamGeometry(front.output) };
  const { config, tasks } = compileForEngine(networks, given, freezePoint);
  const built = buildEngine(config, clock);
  const design = buildSystem(front, built);
  return { freezePoint, top: SYSTEM_MODULE, config, tasks, engine: built, design };
}

/**
 * Make an engine that computes networks from their images on: the all-programmable chip. Images come from memory, packed as suits the engine.
 *
 * @throws FixynnError FX5100 for an engine that cannot be built, FX5111 to FX5115 for a network that it cannot compute
 */
export function buildEngineChip({
  networks,
  engine,
  clock,
}: Pick<ChipRequest, "networks" | "engine" | "clock">): EngineChip {
  const { config, tasks } = compileForEngine(networks, { ...engine, input: null }, null);
  const built = buildEngine(config, clock);
  return { freezePoint: null, top: ENGINE_MODULE, config, tasks, engine: built, design: built.design };
}

/** Images of a task, as bytes of the network's input. */
export type ChipImages = { readonly bytes: Uint8Array; readonly count: number };

/** Logits of the golden executor, an image each. */
export function goldenLogits(network: QuantNetwork, { bytes, count }: ChipImages): readonly QuantValues[] {
  const logits = executeQuantNetwork(network, bytes, count).get(network.output)!;
  const classes = logits.length / count;
  return Array.from({ length: count }, (_, i) => logits.subarray(i * classes, (i + 1) * classes));
}

/**
 * Write a chip as files: RTL, for each task the program, its listing and what a host must know, and with images a self-checking testbench that runs the tasks one after
 * another. With one task the files are `program.bin`, `.txt` and `.json`; else each begins with the task's name.
 *
 * @param images of each task, all as many
 */
export function chipFiles(
  { freezePoint, top, config, design, tasks }: EngineChip,
  images?: readonly ChipImages[],
): ReadonlyMap<string, string | Uint8Array> {
  const files = new Map<string, string | Uint8Array>(emitDesign(design));
  for (const { name, network, program, packed } of tasks) {
    const { bytes, input, result, layers, externalBytes, scratchBytes, resultBytes } = program;
    const host = {
      format: "fixynn.program.v1",
      task: name,
      network: network.name,
      freezePoint,
      top,
      engine: config,
      input,
      ...(packed === undefined ? {} : { packing: packed.packing }),
      ...{ result, resultBytes, scratchBytes, externalBytes, layers },
    };
    const prefix = tasks.length === 1 ? "" : `${fileNameOf(name)}.`;
    files.set(`${prefix}program.bin`, bytes);
    files.set(`${prefix}program.txt`, printProgram(parseProgram(bytes, config.axiDataBytes)));
    files.set(`${prefix}${HOST_FILE}`, `${JSON.stringify(host, null, 2)}\n`);
  }
  if (images === undefined) return files;
  const stream =
    freezePoint === null
      ? null
      : {
          beatBytes: tasks[0]!.network.nodes[0]!.output.shape.at(-1)!,
          bytes: joinBytes(images.map(({ bytes }) => bytes)),
        };
  for (const [name, text] of chipTestbench({ config, tasks }, top, stream, images)) files.set(name, text);
  return files;
}

/** Put the images of tasks without a stream where the engine looks for them. */
const imagesInMemory = (
  memory: EngineMemory,
  tasks: readonly ChipTask[],
  images: readonly ChipImages[],
): readonly MemoryRegion[] =>
  memory.tasks.flatMap((task, i) => {
    if (task.program.input.kind === "stream") return [];
    const { bytes, count } = images[i]!;
    const size = bytes.length / count;
    const frames = Array.from({ length: count }, (_, frame) => {
      const image = bytes.subarray(frame * size, (frame + 1) * size);
      return tasks[i]!.packed?.pack(image) ?? image;
    });
    return [packImages(task, frames)];
  });

/**
 * Write a self-checking testbench of a chip, or of its engine alone, that runs all tasks one after another and expects the golden executor's logits.
 *
 * @param stream what comes in at `module`'s stream input, all frames of all tasks; `null` when images come from memory
 */
export function chipTestbench(
  { config, tasks }: CompiledTasks,
  module: string,
  stream: SystemTestbench["stream"],
  images: readonly ChipImages[],
): ReadonlyMap<string, string> {
  const memory = placeTasks(
    tasks.map(({ program }, i) => ({ program, frames: images[i]!.count })),
    config,
  );
  return emitSystemTestbench({
    module,
    dataBytes: config.axiDataBytes,
    burstBeats: config.burstBeats,
    stream,
    contents: [...memory.contents, ...imagesInMemory(memory, tasks, images)],
    memoryBytes: memory.memoryBytes,
    tasks: testbenchTasks(
      memory,
      memory.tasks.map((task, i) =>
        expectedTensor(task, task.program.result, goldenLogits(tasks[i]!.network, images[i]!)),
      ),
    ),
  });
}
