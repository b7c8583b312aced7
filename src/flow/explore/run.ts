import { join, resolve } from "node:path";
import { type ProgressListener, writeFileAtomic } from "../../core/index.js";
import { nvdlaPoints, readTechnology, resNet50TopsPerWatt } from "../../cost/index.js";
import { defaultCacheFolder } from "../../data/index.js";
import {
  checkSpace,
  deepestFreeze,
  defaultSpace,
  type Exploration,
  type ExploreSpace,
  explore,
  type FreezeBounds,
  largestLoss,
} from "../../explore/index.js";
import {
  type ExploreResults,
  exploreCsv,
  exploreFigures,
  exploreHtml,
  exploreMarkdown,
  exploreSchemaId,
  parseExploreResults,
} from "../../report/index.js";
import { describeTool } from "../machine.js";
import { codeVersion } from "../run-directory.js";
import { explorePageScript } from "./page-script.js";
import { type ExploreSource, exploreSource } from "./source.js";

/** What to explore and where to leave the results. */
export type ExplorationRequest = {
  /** Run folder or configuration; absent: the default job's. */
  readonly source?: string | undefined;
  /** Where results go; default the run's folder, or `runs/explore`. */
  readonly out?: string | undefined;
  /** A shipped technology or a file; default the configuration's. */
  readonly technology?: string | undefined;
  /** What differs from the default space. */
  readonly space?: { readonly [Key in keyof ExploreSpace]?: ExploreSpace[Key] | undefined };
  readonly bounds?: FreezeBounds | undefined;
  readonly threads?: number | undefined;
  readonly cacheFolder?: string | undefined;
  readonly onProgress: ProgressListener;
};

/** What an exploration left. */
export type ExplorationResult = {
  readonly results: ExploreResults;
  readonly summary: string;
  readonly folder: string;
  readonly htmlPath: string;
};

const DEFAULT_FOLDER = "runs/explore";
/** Losses that are answered without being asked, besides the paper's one point (Whatmough 2019, abstract). */
const LOSSES = [0.005, 0.01, 0.02] as const;

/**
 * Explore a run's network, or a configuration's, and write `explore.json`, `explore.html`, `explore.md`, `explore.csv` and the figures.
 *
 * @throws FixynnError for bad input: FX7092 to FX7094, FX7010 for the technology, FX8001 when the results cannot be written
 */
export async function runExploration(request: ExplorationRequest): Promise<ExplorationResult> {
  const start = performance.now();
  const source = await exploreSource(request.source);
  const technology = readTechnology(request.technology ?? source.config.cost.technology);
  const given = Object.entries(request.space ?? {}).filter(([, value]) => value !== undefined);
  const space: ExploreSpace = { ...defaultSpace(technology), ...Object.fromEntries(given) };
  checkSpace(space);
  const found = await explore({
    network: source.network,
    layers: source.layers,
    accuracies: source.accuracies,
    ...{ space, technology },
    cacheFolder: request.cacheFolder ?? join(defaultCacheFolder(), "explore"),
    codeVersion: codeVersion(),
    threads: request.threads ?? source.config.threads,
    onProgress: request.onProgress,
  });
  const seconds = (performance.now() - start) / 1000;
  const results = resultsOf(source, found, { seconds, bounds: request.bounds ?? {} });
  const folder = resolve(request.out ?? source.folder ?? DEFAULT_FOLDER);
  return writeExploration(results, folder);
}

/** NVDLA's published points, at 16 nm. */
const publishedNvdla: ExploreResults["references"] = nvdlaPoints.map((point) => ({
  name: `NVDLA, ${point.macs} MACs, on ResNet-50`,
  areaMm2: point.areaMm2,
  topsPerWatt: resNet50TopsPerWatt(point),
}));

function resultsOf(
  source: ExploreSource,
  found: Exploration,
  { seconds, bounds }: { readonly seconds: number; readonly bounds: FreezeBounds },
): ExploreResults {
  const { network, layers } = source;
  const asked = bounds.maxLoss !== undefined || bounds.maxAreaMm2 !== undefined ? [bounds] : [];
  const usual = LOSSES.map((maxLoss) => ({ maxLoss }));
  const answers = [...asked, ...(source.precision === undefined ? [] : usual)];
  const { counts, ownRequantization, macsPerFrame, freezePoints, notes, ...figures } = found;
  const results = {
    schema: exploreSchemaId,
    tool: describeTool(),
    source: source.name,
    seconds,
    tier: "modelled",
    network: {
      name: network.name,
      inputShape: [...network.nodes[0]!.output.shape],
      layers: layers.length,
      macs: macsPerFrame,
      ownRequantization,
    },
    ...figures,
    ...(source.precision === undefined ? {} : { precision: source.precision }),
    ...(found.node === "16 nm" ? { references: publishedNvdla } : {}),
    freezePoints: freezePoints.map((point) => ({ ...point, loss: largestLoss(point) })),
    answers: answers.map((bound) => deepestFreeze(found, bound)),
    notes: [...source.notes, ...notes],
    cache: counts,
  };
  return parseExploreResults(JSON.parse(JSON.stringify(results)));
}

function writeExploration(results: ExploreResults, folder: string): ExplorationResult {
  const write = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileAtomic(path, text);
    return path;
  };
  const summary = exploreMarkdown(results);
  write("explore.md", summary);
  write("explore.csv", exploreCsv(results));
  for (const [name, svg] of exploreFigures(results)) write(name, svg);
  const htmlPath = write("explore.html", exploreHtml(results, explorePageScript()));
  write("explore.json", `${JSON.stringify(results)}\n`);
  return { results, summary, folder, htmlPath };
}
