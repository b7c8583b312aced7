import { CheckFailedError, type ProgressListener, writeFileAtomic } from "../core/index.js";
import {
  accuracyCsv,
  layersCsv,
  parseResults,
  type Results,
  reportHtml,
  summaryMarkdown,
} from "../report/index.js";
import type { Config } from "./config.js";
import type { FlowContext } from "./context.js";
import { assembleResults } from "./results.js";
import { RunDirectory } from "./run-directory.js";
import { costAll, loadTechnology } from "./steps/cost.js";
import { loadDatasets } from "./steps/data.js";
import { freezeAll } from "./steps/freeze.js";
import { prepareBackbone } from "./steps/front.js";
import { loadBackbone, orderedFreezePoints } from "./steps/model.js";
import { quantizeAll } from "./steps/quantize.js";
import { prepareTasks } from "./steps/tasks.js";
import { trainAll } from "./steps/train.js";
import { verifyAll } from "./steps/verify.js";

/** What to run and where. */
export type FlowRequest = {
  readonly config: Config;
  /** Folder that relative paths of the configuration start from. */
  readonly baseFolder: string;
  /** Run directory; steps that an earlier run finished there are reused. */
  readonly folder: string;
  readonly onProgress: ProgressListener;
};

/** Where a run left its results. */
export type FlowResult = {
  readonly results: Results;
  readonly summary: string;
  readonly resultsPath: string;
  readonly reportPath: string;
  /** @throws CheckFailedError FX6100 when the simulated hardware differs from the integer network anywhere */
  check(): void;
};

/**
 * Run the whole flow: import, data, train, quantize, freeze, verify, cost, report. Writes `results.json`, `report.html`, `summary.md`,
 * `layers.csv` and `accuracy.csv`.
 *
 * @throws FixynnError for bad input, before any long work where that can be known
 */
export async function runFlow(request: FlowRequest): Promise<FlowResult> {
  const startedAt = new Date();
  const { config, baseFolder, folder, onProgress } = request;
  const run = new RunDirectory(folder);
  const context: FlowContext = { config, baseFolder, run, onProgress };

  const backbone = await loadBackbone(context);
  const points = orderedFreezePoints(backbone.graph, config.freezePoints);
  const technology = loadTechnology(context);
  const datasets = await loadDatasets(context, backbone.graph.nodes[0]!.shape[0]!);
  const prepared = await prepareBackbone(context, backbone, datasets, points);
  const tasks = await prepareTasks(context, prepared, datasets, points);
  const trained = await trainAll(context, prepared, tasks, points);
  const integer = await quantizeAll(context, prepared, trained, tasks);
  const fronts = await freezeAll(context, points, prepared, datasets);
  const verified = await verifyAll(context, fronts, integer, datasets);
  const costs = costAll(context, { technology, fronts, verified, integer, trained });

  const results = parseResults(
    JSON.parse(
      JSON.stringify(
        assembleResults(context, {
          backbone: prepared.graph,
          points,
          datasets,
          trained,
          integer,
          fronts,
          verified,
          costs,
          startedAt,
        }),
      ),
    ),
  );
  return writeReports(run, results);
}

function writeReports(run: RunDirectory, results: Results): FlowResult {
  const summary = summaryMarkdown(results);
  const resultsPath = run.path("results.json");
  const reportPath = run.path("report.html");
  writeFileAtomic(run.path("summary.md"), summary);
  writeFileAtomic(run.path("layers.csv"), layersCsv(results));
  writeFileAtomic(run.path("accuracy.csv"), accuracyCsv(results));
  writeFileAtomic(reportPath, reportHtml(results));
  writeFileAtomic(resultsPath, `${JSON.stringify(results, null, 2)}\n`);
  const check = (): void => {
    for (const { freezePoint, rtl } of results.sweep ?? []) {
      const mismatches = rtl?.verified?.mismatches ?? 0;
      if (mismatches === 0) continue;
      throw new CheckFailedError("FX6100", `${mismatches} values differ from the integer network`, {
        place: `front frozen up to ${freezePoint.layer}`,
        hint: `see ${reportPath} for the first of them`,
      });
    }
  };
  return { results, summary, resultsPath, reportPath, check };
}
