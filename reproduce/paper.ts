import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { FixynnError, writeFileAtomic } from "../src/core/index.js";
import { paperSvgFiles } from "./paper-figures.js";
import { type CompiledFront, compileFront, type FrontForm, paperTechnologies } from "./paper-fronts.js";
import { paperNetwork, transferFreezePoint } from "./paper-network.js";
import { paperPage } from "./paper-page.js";
import { type PaperResults, paperResults, paperSchema } from "./paper-results.js";
import { readTransferSweep } from "./transfer-table.js";

/** Read kept results. */
function kept(path: string): PaperResults {
  if (!existsSync(path)) {
    throw new FixynnError("FX9011", "no kept results to write the page of", {
      place: path,
      hint: "run without --page-only",
    });
  }
  const results = JSON.parse(readFileSync(path, "utf8")) as PaperResults;
  if (results.schema !== paperSchema) {
    throw new FixynnError("FX9011", `kept results are not ${paperSchema}`, {
      place: path,
      hint: "they are of another version: run without --page-only",
    });
  }
  return results;
}

/**
 * Compute the figures of the paper's page, keep them as JSON, and write the page and its figures.
 *
 * @returns path of the page
 * @throws FixynnError FX9002 without the shared model, FX9011 without a freeze point
 */
export async function reproducePaper(options: {
  /** The folded front alone: the parallel one takes minutes and 1.5 GB to compile. */
  readonly quick: boolean;
  /** Compute nothing: write the page and draw its figures from the kept JSON. */
  readonly pageOnly: boolean;
  readonly out: string;
  readonly runs: string;
  readonly freezePoint?: string | undefined;
}): Promise<string> {
  const { quick, pageOnly, out, runs, freezePoint } = options;
  const json = join(out, "paper.json");
  if (!pageOnly) {
    mkdirSync(runs, { recursive: true });
    const forms: readonly FrontForm[] = quick ? ["folded"] : ["folded", "parallel"];
    const fronts: CompiledFront[] = [];
    for (const form of forms)
      for (const technology of paperTechnologies) fronts.push(await compileFront(technology, form, runs));
    const results = paperResults({
      network: paperNetwork(),
      fronts,
      freezePoint:
        freezePoint === undefined
          ? transferFreezePoint(join("docs", "results"))
          : { layer: freezePoint, rule: "given on the command line" },
      quick,
      sweep: readTransferSweep(join("docs", "results")),
    });
    writeFileAtomic(json, `${JSON.stringify(results, null, 1)}\n`);
  }
  const page = join(out, "paper.md");
  const results = kept(json);
  for (const [name, text] of paperSvgFiles(results)) writeFileAtomic(join(out, name), text);
  writeFileAtomic(page, paperPage(results));
  return page;
}
