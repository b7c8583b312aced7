import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { layOutFlowers } from "../bench/flowers89-folder.js";
import { createProgressPrinter } from "../src/cli/progress.js";
import { canonicalJson, FixynnError, packageRoot, writeFileAtomic } from "../src/core/index.js";
import { findDataset } from "../src/data/index.js";
import { parseConfig, runFlow } from "../src/flow/index.js";
import {
  parseResults,
  type Results,
  type TransferSection,
  transferMarkdown,
  transferSvg,
} from "../src/report/index.js";
import { TRANSFER_TASKS, type TransferSweep, transferSweeps } from "./transfer-configs.js";

/** Sets that the user brings by `fixynn data get` or `fixynn data add`. */
const BROUGHT = ["svhn", "aircraft"] as const;

const INTRODUCTION = `What freezing the first layers of MobileNetV1-0.25 costs in accuracy on other tasks. The front is one integer network for all tasks; every tail is trained
on the bytes that this front computes. Every network, the fully trainable one included, has its own search of the learning rate on validation images and then sees the same number of
images; the epoch with the best validation accuracy is kept, and the official test images are looked at once. Float: the tail in float behind the integer front. Int8: everything in the
integer executor. The paper (Whatmough et al. 2019) allows one point of loss. docs/transfer.md has the method.

This page is written by \`npm run reproduce -- transfer\`.`;

/** Unpack the shared images into their original layouts. */
function unpack(shared: string, data: string): void {
  mkdirSync(data, { recursive: true });
  const { status, stderr } = spawnSync(process.execPath, [join(shared, "tools", "unpack-data.mjs"), data], {
    encoding: "utf8",
  });
  if (status !== 0) {
    throw new FixynnError("FX9002", `cannot unpack the shared images: ${stderr.trim().split("\n")[0]}`, {
      place: shared,
      hint: "set FIXYNN_SHARED to the folder of shared models and images",
    });
  }
  layOutFlowers(shared, join(data, "flowers89"));
}

/**
 * Run the sweeps of the transfer page, or go on with them, and write the page and its plots.
 *
 * @returns path of the page
 */
export async function reproduceTransfer(options: {
  readonly quick: boolean;
  /** Leave out sweeps that have not run to their end. */
  readonly onlyFinished: boolean;
  readonly out: string;
  readonly runs: string;
}): Promise<string> {
  const { quick, onlyFinished, out, runs } = options;
  const shared = resolve(packageRoot, process.env["FIXYNN_SHARED"] ?? "../shared");
  if (!existsSync(shared)) {
    throw new FixynnError("FX9002", "no folder of shared models and images", {
      place: shared,
      hint: "set FIXYNN_SHARED",
    });
  }
  const data = join(runs, "data");
  unpack(shared, data);
  const missing = BROUGHT.filter((name) => findDataset(name) === undefined);
  const available = Object.keys(TRANSFER_TASKS).filter((name) => !missing.some((one) => one === name));
  const sections: TransferSection[] = [];
  for (const { name, title, config } of transferSweeps({ shared, available, quick })) {
    const known = finished(join(runs, name), config);
    if (known === undefined && onlyFinished) continue;
    const results = known ?? (await sweep(runs, name, config));
    const plots = (["float", "int8"] as const).flatMap((precision) => {
      const svg = transferSvg(results, precision);
      if (svg === undefined) return [];
      const file = `transfer-${name}-${precision}.svg`;
      writeFileAtomic(join(out, file), svg);
      return [file];
    });
    sections.push({ title, results: withRelativePaths(results, { shared, runs }), plots });
  }
  const page = join(out, "transfer.md");
  const hint = (name: string): string =>
    `Bring it by "fixynn data get ${name}" or "fixynn data add ${name} --kind ${name} --path FOLDER", and run this again.`;
  writeFileAtomic(
    page,
    transferMarkdown({
      introduction: INTRODUCTION,
      sections,
      missing: missing.map((dataset) => ({ dataset, hint: hint(dataset) })),
    }),
  );
  return page;
}

/** What a finished sweep of this configuration gave: hours are not spent twice for a page. */
function finished(folder: string, config: TransferSweep["config"]): Results | undefined {
  const path = join(folder, "results.json");
  if (!existsSync(path)) return undefined;
  const results = parseResults(JSON.parse(readFileSync(path, "utf8")), path);
  const same = canonicalJson(parseConfig(results.config)) === canonicalJson(parseConfig(config));
  if (same) process.stderr.write(`${path}: finished, taken as it is\n`);
  return same ? results : undefined;
}

async function sweep(runs: string, name: string, config: TransferSweep["config"]): Promise<Results> {
  const progress = createProgressPrinter();
  const folder = join(runs, name);
  const { results } = await runFlow({
    ...{ config: parseConfig(config), baseFolder: runs, folder, hardware: false, onProgress: progress },
  });
  progress.end();
  return results;
}

/** Folders of this machine are nobody's business: name them as the reader knows them. */
function withRelativePaths(
  results: TransferSection["results"],
  folders: { readonly shared: string; readonly runs: string },
): TransferSection["results"] {
  const text = JSON.stringify(results)
    .replaceAll(folders.shared, "../shared")
    .replaceAll(folders.runs, "runs/transfer");
  return JSON.parse(text) as TransferSection["results"];
}
