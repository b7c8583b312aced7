import { checkEngineConfig, engineConfig } from "../accel/index.js";
import { CheckFailedError, type ProgressListener, writeFileAtomic } from "../core/index.js";
import type { Technology } from "../cost/index.js";
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
import { assembleResults, type FlowOutcome } from "./results.js";
import { RunDirectory } from "./run-directory.js";
import { costAll, loadTechnology } from "./steps/cost.js";
import { exportAll } from "./steps/export.js";
import { freezeAll } from "./steps/freeze.js";
import { simulateSystems } from "./steps/system.js";
import { costSystems } from "./steps/system-cost.js";
import { verifyAll } from "./steps/verify.js";
import { type Sweep, sweepFreezePoints } from "./sweep.js";

/** What to run and where. */
export type FlowRequest = {
  readonly config: Config;
  /** Folder that relative paths of the configuration start from. */
  readonly baseFolder: string;
  /** Run directory; steps that an earlier run finished there are reused. */
  readonly folder: string;
  readonly onProgress: ProgressListener;
  /** False: only train and quantize, freeze point by freeze point. */
  readonly hardware?: boolean;
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
 * Run the whole flow: import, data, train, quantize, freeze, verify, cost, simulate the chip, report. Writes `results.json`, `report.html`, `summary.md`,
 * `layers.csv` and `accuracy.csv`.
 *
 * @throws FixynnError for bad input, before any long work where that can be known
 */
export async function runFlow(request: FlowRequest): Promise<FlowResult> {
  const startedAt = new Date();
  const { config, baseFolder, folder, onProgress } = request;
  const run = new RunDirectory(folder);
  const context: FlowContext = { config, baseFolder, run, onProgress };

  const technology = loadTechnology(context);
  const { memory: _, activationBufferBytes = 128 * 1024, ...engine } = config.engine;
  checkEngineConfig(engineConfig({ ...engine, activationBufferBytes }));
  const sweep = await sweepFreezePoints(context);
  exportAll(context, sweep);
  const hardware = request.hardware === false ? undefined : await buildHardware(context, sweep, technology);

  const results = parseResults(
    JSON.parse(JSON.stringify(assembleResults(context, { ...sweep, ...hardware, startedAt }))),
  );
  return writeReports(run, results);
}

/** Freeze, verify and cost every freeze point, and simulate the whole chip. */
async function buildHardware(
  context: FlowContext,
  sweep: Sweep,
  technology: Technology,
): Promise<Pick<FlowOutcome, "fronts" | "verified" | "systems" | "costs">> {
  const { prepared, datasets, integer, trained } = sweep;
  const points = sweep.points.filter((point) => context.config.hardwarePoints.includes(point));
  const fronts = await freezeAll(context, points, prepared, datasets, technology);
  const verified = await verifyAll(context, fronts, integer, datasets);
  const costs = costAll(context, { technology, fronts, verified, integer, trained });
  const systems = await simulateSystems(context, fronts, integer, datasets);
  return { fronts, verified, costs, systems: costSystems(systems, { integer, trained }, technology) };
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
    for (const { freezePoint, rtl, system } of results.sweep ?? []) {
      const simulated = { front: rtl?.verified, chip: system };
      for (const [what, made] of Object.entries(simulated)) {
        const mismatches = made?.mismatches ?? 0;
        if (mismatches === 0) continue;
        throw new CheckFailedError("FX6100", `${mismatches} values differ from the integer network`, {
          place: `${what} frozen up to ${freezePoint.layer}`,
          hint: `see ${reportPath} for the first of them`,
        });
      }
      const refused = system?.judges?.find(({ outcome }) => outcome === "different");
      if (refused === undefined) continue;
      throw new CheckFailedError("FX6100", `${refused.simulator} finds other values: ${refused.detail}`, {
        place: `chip frozen up to ${freezePoint.layer}`,
      });
    }
  };
  return { results, summary, resultsPath, reportPath, check };
}
