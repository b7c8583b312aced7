import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { createRng, FixynnError } from "../../core/index.js";
import type { AcceleratorLayer } from "../../cost/index.js";
import { acceleratorLayersOf, type TaskAccuracy } from "../../explore/index.js";
import { importAnyModel } from "../../importers/index.js";
import {
  type CalibrationImages,
  type QuantNetwork,
  quantize,
  quantNetworkFromJson,
  truncateQuantNetwork,
} from "../../quant/index.js";
import {
  datasetNamesOf,
  freezePointsOf,
  type Precision,
  type Results,
  unfrozenOf,
} from "../../report/index.js";
import { type Config, DEFAULT_MODEL, loadConfig, parseConfig } from "../config.js";
import { readResults } from "../read-results.js";
import { fileNameOf } from "../run-directory.js";

/** What an exploration starts from. */
export type ExploreSource = {
  /** For people: where it came from. */
  readonly name: string;
  /** Run folder, where there is one. */
  readonly folder: string | undefined;
  /** Integer network up to the deepest layer that may be frozen. */
  readonly network: QuantNetwork;
  /** All layers, tail included. */
  readonly layers: readonly AcceleratorLayer[];
  readonly accuracies: ReadonlyMap<string, readonly TaskAccuracy[]>;
  readonly precision: Precision | undefined;
  readonly config: Config;
  readonly notes: readonly string[];
};

/** Where `npm start` leaves its results. */
export const DEFAULT_RUN = "runs/default";

const read = (path: string): unknown => {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FixynnError("FX7094", `cannot read the run: ${reason}`, {
      place: path,
      hint: "give a folder in which fixynn run or fixynn sweep has finished, or a configuration",
      cause,
    });
  }
};

/**
 * Find what to explore: a run's folder, a configuration, or by default the folder of the default job and, where there is none, the backbone that
 * ships with fixynn.
 *
 * @throws FixynnError FX7094 when there is no such run, FX8002 and FX8003 for a configuration, and those of the importers
 */
export async function exploreSource(given: string | undefined): Promise<ExploreSource> {
  if (given === undefined) {
    const folder = resolve(DEFAULT_RUN);
    if (existsSync(join(folder, "results.json"))) return sourceOfRun(folder);
    const note = `no results in ${DEFAULT_RUN}: the backbone that ships with fixynn, without accuracies`;
    return sourceOfConfig(parseConfig({}), process.cwd(), { name: "default backbone", notes: [note] });
  }
  const path = resolve(given);
  if (!existsSync(path)) {
    throw new FixynnError("FX7094", "no such run or configuration", {
      place: given,
      hint: "give the folder of a run, or a configuration (.json)",
    });
  }
  if (statSync(path).isDirectory()) return sourceOfRun(path);
  const { config } = loadConfig(path);
  return sourceOfConfig(config, dirname(path), { name: given, notes: [] });
}

function sourceOfRun(folder: string): ExploreSource {
  const frontFile = join(folder, "integer", "front.json");
  const resultsFile = join(folder, "results.json");
  const front = quantNetworkFromJson(read(frontFile), frontFile);
  if (!existsSync(resultsFile)) read(resultsFile);
  const results = readResults(resultsFile);
  const config = parseConfig(results.config, resultsFile);
  const dataset = datasetNamesOf(results)[0];
  const deepest = freezePointsOf(results).at(-1)?.freezePoint.layer;
  const whole = join(folder, "integer", `${fileNameOf(dataset ?? "", deepest ?? "")}.json`);
  const network = quantNetworkFromJson(read(whole), whole);
  const { accuracies, precision } = accuraciesOf(results);
  return {
    ...{ name: folder, folder, network: front, layers: acceleratorLayersOf(network), config },
    ...{ accuracies, precision, notes: [`programmable layers are those of ${dataset}`] },
  };
}

/** Accuracies of a sweep: of the integer networks where both sides were quantized, else of the float ones. */
export function accuraciesOf(results: Results): Pick<ExploreSource, "accuracies" | "precision"> {
  const entries = freezePointsOf(results);
  const names = datasetNamesOf(results);
  const has = (precision: Precision): boolean =>
    entries.some((entry) =>
      names.some(
        (name) =>
          unfrozenOf(entry, name, precision) !== undefined &&
          entry.datasets?.find((one) => one.name === name)?.accuracy[precision] !== undefined,
      ),
    );
  const precision = (["int8", "float"] as const).find(has);
  const accuracies = new Map<string, readonly TaskAccuracy[]>();
  if (precision === undefined) return { accuracies, precision };
  for (const entry of entries) {
    const tasks = names.flatMap((dataset): TaskAccuracy[] => {
      const frozen = entry.datasets?.find(({ name }) => name === dataset)?.accuracy[precision];
      if (frozen === undefined) return [];
      const unfrozen = unfrozenOf(entry, dataset, precision)?.value;
      return [
        { dataset, frozen: frozen.value, images: frozen.images, ...(unfrozen !== undefined && { unfrozen }) },
      ];
    });
    if (tasks.length > 0) accuracies.set(entry.freezePoint.layer, tasks);
  }
  return { accuracies, precision };
}

const CALIBRATION_IMAGES = 16;

/** Smooth coloured noise: blocks of random colours with a ramp, so that neither is an image flat nor every pixel alone. */
function generatedImages(side: number, seed: number): CalibrationImages {
  const rng = createRng(seed);
  const pixels = new Uint8Array(CALIBRATION_IMAGES * side * side * 3);
  const block = Math.max(1, side >> 3);
  const across = Math.ceil(side / block);
  let at = 0;
  for (let image = 0; image < CALIBRATION_IMAGES; image++) {
    const colours = Uint8Array.from({ length: across * across * 3 }, () => rng.integer(256));
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) {
        const base = (Math.floor(y / block) * across + Math.floor(x / block)) * 3;
        for (let c = 0; c < 3; c++) {
          pixels[at++] = Math.max(0, Math.min(255, colours[base + c]! + ((x + y) % block) - (block >> 1)));
        }
      }
    }
  }
  return { pixels, count: CALIBRATION_IMAGES };
}

async function sourceOfConfig(
  config: Config,
  baseFolder: string,
  { name, notes }: Pick<ExploreSource, "name" | "notes">,
): Promise<ExploreSource> {
  const { model, quantization, seed } = config;
  const path = model.path === "default" ? DEFAULT_MODEL : resolve(baseFolder, model.path);
  const imported = await importAnyModel(path, {
    ...(model.encoding !== undefined && { encoding: model.encoding }),
    ...(model.inputSide !== undefined && { inputSide: model.inputSide }),
  });
  const common = { name, folder: undefined, accuracies: new Map(), precision: undefined, config };
  if (imported.kind !== "graph")
    return { ...common, network: featuresOf(imported, path), layers: acceleratorLayersOf(imported), notes };
  const side = imported.nodes[0]!.shape[0]!;
  const calibration = generatedImages(side, seed);
  const whole = await quantize(imported, { calibration, mode: quantization.mode });
  const note = "quantized on generated images, which changes scales, hence a few adders, not the structure";
  return {
    ...{ ...common, network: featuresOf(whole, path), layers: acceleratorLayersOf(whole) },
    notes: [...notes, note],
  };
}

/** Cut a network behind its last convolution or sum over more than one pixel. */
function featuresOf(network: QuantNetwork, place: string): QuantNetwork {
  const last = network.nodes.findLast(
    ({ kind, output: { shape } }) =>
      (kind === "conv2d" || kind === "depthwiseConv2d" || kind === "add") &&
      shape.length === 3 &&
      shape[0]! > 1,
  );
  if (last === undefined) {
    throw new FixynnError("FX7094", "the network has no convolution to freeze", {
      place,
      hint: "give a convolutional network",
    });
  }
  return truncateQuantNetwork(network, last.name);
}
