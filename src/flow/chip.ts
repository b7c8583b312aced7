import {
  buildEngine,
  buildSystem,
  checkEngineConfig,
  compileEngine,
  type Engine,
  type EngineConfig,
  type EngineProgram,
  emitSystemTestbench,
  engineConfig,
  expectedTensor,
  parseProgram,
  placeTasks,
  printProgram,
  SYSTEM_MODULE,
  streamGeometry,
  testbenchTasks,
} from "../accel/index.js";
import type { ClockTarget } from "../arith/index.js";
import { canonicalJson, FixynnError, joinBytes, sum } from "../core/index.js";
import type { NodeName } from "../graph/index.js";
import { type Design, emitDesign, type FrontEnd } from "../hw/index.js";
import {
  executeQuantNetwork,
  type QuantNetwork,
  type QuantValues,
  quantNetworkToJson,
  truncateQuantNetwork,
} from "../quant/index.js";
import { fileNameOf } from "./run-directory.js";

/** What a host must know of a program. */
export const HOST_FILE = "program.json";

/** One of the networks whose tails a chip can run. */
export type ChipTask = {
  readonly name: string;
  readonly network: QuantNetwork;
  readonly program: EngineProgram;
};

/** A front with an engine behind it, and a program for each task. */
export type Chip = {
  readonly freezePoint: NodeName;
  readonly config: EngineConfig;
  readonly design: Design;
  /** The engine alone. */
  readonly engine: Engine;
  readonly tasks: readonly ChipTask[];
};

/** What {@link buildChip} takes. */
export type ChipRequest = {
  readonly front: FrontEnd;
  readonly freezePoint: NodeName;
  /** Networks that begin with the front's layers, with names that differ. */
  readonly networks: readonly { readonly name: string; readonly network: QuantNetwork }[];
  /** The engine; its stream input follows from the front, and its activation memory, unless given, from the tasks. */
  readonly engine: Pick<EngineConfig, "cPar" | "kPar"> & Partial<EngineConfig>;
  readonly clock: ClockTarget;
};

type Compiled = Pick<Chip, "config" | "tasks">;

function compileTasks(
  networks: ChipRequest["networks"],
  config: EngineConfig,
  freezePoint: NodeName,
): Compiled {
  checkEngineConfig(config);
  const tasks = networks.map(({ name, network }) => ({
    ...{ name, network },
    program: compileEngine({ network, config, from: freezePoint }),
  }));
  return { config, tasks };
}

/** Sizes of the activation memory that are tried, doubling. */
const ACTIVATION_BYTES = { least: 8 * 1024, most: 4 * 1024 * 1024 } as const;

/** Find the smallest activation memory in which every task keeps its tensors on chip, or else the one with the least traffic. */
function leastActivations(
  networks: ChipRequest["networks"],
  given: Omit<ChipRequest["engine"], "activationBufferBytes">,
  freezePoint: NodeName,
): Compiled {
  let best: { readonly compiled: Compiled; readonly bytes: number } | undefined;
  let refused: unknown;
  for (let bytes: number = ACTIVATION_BYTES.least; bytes <= ACTIVATION_BYTES.most; bytes *= 2) {
    let compiled: Compiled;
    try {
      compiled = compileTasks(
        networks,
        engineConfig({ ...given, activationBufferBytes: bytes }),
        freezePoint,
      );
    } catch (error) {
      refused = error;
      // Too small: FX5100 for the stream's frames, FX5111 for a tile; too large: FX5100 again.
      if (error instanceof FixynnError && ["FX5100", "FX5111"].includes(error.code)) continue;
      throw error;
    }
    const moved = sum(compiled.tasks.map(({ program }) => program.externalBytes.transfers));
    if (best === undefined || moved < best.bytes) best = { compiled, bytes: moved };
    if (compiled.tasks.every(({ program }) => program.scratchBytes === 0)) break;
  }
  if (best === undefined) throw refused;
  return best.compiled;
}

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
  const { config, tasks } =
    engine.activationBufferBytes === undefined
      ? leastActivations(networks, given, freezePoint)
      : compileTasks(networks, engineConfig(given), freezePoint);
  const built = buildEngine(config, clock);
  return { freezePoint, config, tasks, engine: built, design: buildSystem(front, built) };
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
  { freezePoint, config, design, tasks }: Chip,
  images?: readonly ChipImages[],
): ReadonlyMap<string, string | Uint8Array> {
  const files = new Map<string, string | Uint8Array>(emitDesign(design));
  for (const { name, network, program } of tasks) {
    const { bytes, result, layers, externalBytes, scratchBytes, resultBytes } = program;
    const host = {
      format: "fixynn.program.v1",
      task: name,
      network: network.name,
      freezePoint,
      top: SYSTEM_MODULE,
      engine: config,
      ...{ result, resultBytes, scratchBytes, externalBytes, layers },
    };
    const prefix = tasks.length === 1 ? "" : `${fileNameOf(name)}.`;
    files.set(`${prefix}program.bin`, bytes);
    files.set(`${prefix}program.txt`, printProgram(parseProgram(bytes, config.axiDataBytes)));
    files.set(`${prefix}${HOST_FILE}`, `${JSON.stringify(host, null, 2)}\n`);
  }
  if (images === undefined) return files;
  const stream = {
    beatBytes: tasks[0]!.network.nodes[0]!.output.shape.at(-1)!,
    bytes: joinBytes(images.map(({ bytes }) => bytes)),
  };
  for (const [name, text] of chipTestbench({ config, tasks }, SYSTEM_MODULE, stream, images))
    files.set(name, text);
  return files;
}

/**
 * Write a self-checking testbench of a chip, or of its engine alone, that runs all tasks one after another and expects the golden executor's logits.
 *
 * @param stream what comes in at `module`'s stream input, all frames of all tasks
 */
export function chipTestbench(
  { config, tasks }: Pick<Chip, "config" | "tasks">,
  module: string,
  stream: { readonly beatBytes: number; readonly bytes: Uint8Array },
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
    contents: memory.contents,
    memoryBytes: memory.memoryBytes,
    tasks: testbenchTasks(
      memory,
      memory.tasks.map((task, i) =>
        expectedTensor(task, task.program.result, goldenLogits(tasks[i]!.network, images[i]!)),
      ),
    ),
  });
}
