import { existsSync, readdirSync } from "node:fs";
import { basename, extname } from "node:path";
import type { ClockTarget } from "../arith/index.js";
import { FixynnError } from "../core/index.js";
import { type NodeName, nodeName } from "../graph/index.js";
import { compileFrontEnd, type FrontFolding } from "../hw/index.js";
import { importQuantizedModel } from "../importers/index.js";
import { findQuantNode, truncateQuantNetwork } from "../quant/index.js";
import {
  buildChip,
  buildEngineChip,
  type ChipImages,
  type ChipRequest,
  chipFiles,
  type EngineChip,
  HOST_FILE,
} from "./chip.js";
import type { EngineRequest, NamedNetwork } from "./chip-tasks.js";
import { readPictures, replaceFolder } from "./deliverable.js";

/** Pictures whose results the testbench compares. */
const VECTOR_IMAGES = 4;

/** What {@link programModel} is asked for. */
export type ProgramRequest = {
  /** Quantized .tflite or integer networks (.json), one or more; all begin with the same layers. */
  readonly models: readonly string[];
  /** Last frozen layer; `null`: nothing is frozen, and the engine computes all. */
  readonly through: string | null;
  readonly folding: FrontFolding;
  readonly clock: ClockTarget;
  /** The engine; its stream input follows from the front. */
  readonly engine: EngineRequest;
  /** Folder of pictures for the testbench's vectors; without it there is no testbench. */
  readonly images?: string | undefined;
};

/** A chip with its programs, as files. */
export type ProgrammedChip = EngineChip & { readonly files: ReadonlyMap<string, string | Uint8Array> };

/** Name tasks by their files; a number behind those that are there already. */
function taskNames(models: readonly string[]): readonly string[] {
  const names = models.map((model) => basename(model, extname(model)));
  return names.map((name, i) => {
    const before = names.slice(0, i).filter((one) => one === name).length;
    return before === 0 ? name : `${name}-${before + 1}`;
  });
}

function frozenChip(
  request: Omit<ChipRequest, "front" | "freezePoint">,
  freezePoint: NodeName,
  folding: FrontFolding,
): EngineChip {
  const [{ network: first }] = request.networks as [NamedNetwork];
  for (const { network } of request.networks) findQuantNode(network, freezePoint);
  const front = compileFrontEnd(truncateQuantNetwork(first, freezePoint), freezePoint, {
    folding,
    clock: request.clock,
  });
  return buildChip({ ...request, front, freezePoint });
}

/**
 * Make a whole chip of quantized networks: their first layers frozen, an engine behind them, and for each network the program that computes the rest; or an engine that
 * computes them from the image on.
 *
 * @throws FixynnError of the importer, FX4001 when there is no such layer, FX5020 to FX5023 for a layer that cannot be frozen, FX5100 for an engine
 *   that cannot be built, FX5103 when networks do not begin alike, FX5111 to FX5115 for a tail that the engine cannot compute
 */
export async function programModel(request: ProgramRequest): Promise<ProgrammedChip> {
  const { models, through, folding, clock, engine, images } = request;
  const names = taskNames(models);
  const networks = models.map((model, i) => ({ name: names[i]!, network: importQuantizedModel(model) }));
  const chip =
    through === null
      ? buildEngineChip({ networks, engine, clock })
      : frozenChip({ networks, engine, clock }, nodeName(through), folding);
  if (images === undefined) return { ...chip, files: chipFiles(chip) };
  const pictures: ChipImages[] = [];
  for (const { network } of networks) pictures.push(await readPictures(images, network, VECTOR_IMAGES));
  return { ...chip, files: chipFiles(chip, pictures) };
}

/**
 * Write a chip's files to a folder: new, empty, or one that an earlier call has written. All of it or nothing.
 *
 * @throws FixynnError FX7011 when the folder holds something else
 */
export function writeChip({ files }: ProgrammedChip, folder: string): void {
  const found = existsSync(folder) ? readdirSync(folder) : [];
  if (found.length > 0 && !found.some((name) => name.endsWith(HOST_FILE)))
    throw new FixynnError("FX7011", "the folder is not empty, and not one of ours", {
      place: folder,
      hint: "choose another folder",
    });
  replaceFolder(files, folder);
}
