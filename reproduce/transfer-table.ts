import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** One freeze point of the transfer page's sweep. */
export type SweepRow = {
  /** Last frozen layer. */
  readonly layer: string;
  /** By task: points of top-1 accuracy gained by freezing (negative: lost), int8. */
  readonly changes: Readonly<Record<string, number>>;
};

/** Text in a row of a Markdown table, cell by cell. */
const cellsOf = (line: string): readonly string[] =>
  line
    .split("|")
    .slice(1, -1)
    .map((text) => text.trim());

/** Read `89.0 (−0.3)`: the change in brackets, points; undefined where the cell has none. */
function changeOf(text: string | undefined): number | undefined {
  const bracket = /\(([+−-]?)(\d+(?:\.\d+)?)\)/.exec(text ?? "");
  if (bracket === null) return undefined;
  const points = Number(bracket[2]);
  // No −0 for "(0.0)".
  return bracket[1] === "+" || points === 0 || bracket[1] === "" ? points : -points;
}

/**
 * Read the sweep of Google's quantized MobileNet from the transfer page: its accuracies are kept nowhere else, since the runs are not in the
 * repository. The page prints tenths of a point.
 *
 * @returns freeze points in the page's order; empty when the page has no such table
 */
export function parseTransferSweep(page: string): readonly SweepRow[] {
  const from = page.indexOf("## Google's quantized MobileNetV1-0.25");
  if (from < 0) return [];
  const lines = page.slice(from).split("\n");
  const at = lines.findIndex((line) => /^\|\s*Dataset\s*\|\s*Network\s*\|\s*Nothing frozen\s*\|/.test(line));
  if (at < 0) return [];
  const layers = cellsOf(lines[at]!)
    .slice(3)
    .map((text) => text.split(" ")[0]!);
  const end = lines.findIndex((line, i) => i > at && !line.startsWith("|"));
  const rows = lines.slice(at + 2, end < 0 ? undefined : end).map(cellsOf);
  return layers.map((layer, i) => ({
    layer,
    changes: Object.fromEntries(
      rows.flatMap((cells) => {
        const change = cells[1] === "int8" ? changeOf(cells[3 + i]) : undefined;
        return change === undefined ? [] : [[cells[0]!, change] as const];
      }),
    ),
  }));
}

/** Read the sweep of the transfer page in a folder of results; empty without one. */
export function readTransferSweep(results: string): readonly SweepRow[] {
  const path = join(results, "transfer.md");
  return existsSync(path) ? parseTransferSweep(readFileSync(path, "utf8")) : [];
}
