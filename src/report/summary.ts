import { comparisonTable } from "./comparison-table.js";
import { duration, grouped, plural, shapeText } from "./format.js";
import { freezePointsOf, type Results } from "./results.js";
import { engineTable, systemTable } from "./system-table.js";
import { escapeMarkdown, markdownTable, type Table } from "./table.js";
import {
  accuracyTable,
  costTable,
  firstMismatchOf,
  layersOf,
  layerTable,
  mismatchText,
  verificationTable,
} from "./tables.js";
import { deepestTable, sweepTable } from "./transfer-tables.js";
import { chosenEntry, verdictOf } from "./verdict.js";

/** Keep the named columns only: a terminal is narrower than a page. */
function narrow(table: Table, headers: readonly string[]): Table {
  const kept = headers.map((header) => table.columns.findIndex((column) => column.header === header));
  const pick = <T>(values: readonly T[]): T[] =>
    kept.flatMap((i) => (values[i] === undefined ? [] : [values[i]]));
  return {
    ...table,
    columns: pick(table.columns),
    rows: table.rows.map((row) => ({ ...row, cells: pick(row.cells) })),
  };
}

/**
 * Summarize a run as Markdown that is also readable raw on a terminal: verdict, accuracy, cost, layers of the chosen
 * freeze point, verification. A section without data is left out. Names from the input are escaped and control
 * characters dropped.
 */
export function summaryMarkdown(results: Results): string {
  const verdict = verdictOf(results);
  const entries = freezePointsOf(results);
  const chosen = chosenEntry(results);
  const mark = { verified: "VERIFIED", mismatch: "MISMATCH", unverified: "NOT VERIFIED" }[verdict.state];
  const blocks: string[] = [
    `# fixynn ${results.tool.version}: ${results.backbone ? escapeMarkdown(results.backbone.name) : "run"}`,
    `**${mark}.** ${escapeMarkdown(verdict.sentence)}`,
  ];
  const section = (table: Table): void => {
    if (table.rows.length > 0) blocks.push(`## ${escapeMarkdown(table.caption)}`, markdownTable(table));
  };
  if (results.backbone) {
    const { inputShape, layers, params, macs } = results.backbone;
    blocks.push(
      `Backbone: ${shapeText(inputShape)} input, ${grouped(layers)} layers, ${grouped(params)} parameters, ${grouped(macs)} MACs.`,
    );
  }
  if (entries.length > 1) {
    section(sweepTable(results));
    section(deepestTable(results));
  }
  const designs = entries.filter(({ rtl }) => rtl !== undefined);
  if (designs.length > 0 || entries.length === 1) {
    const shown = designs.length > 0 ? designs : entries;
    section(accuracyTable({ ...results, sweep: [...shown] }, { imagesColumn: true }));
  }
  if (entries.some(({ cost, baseline, paper }) => cost ?? baseline ?? paper)) section(costTable(results));
  const compared = comparisonTable(results);
  if (compared) section(compared);
  const layers = chosen ? layersOf(results, chosen) : [];
  if (chosen && layers.length > 0) {
    const frozen = layers.filter((layer) => layer.frozen);
    const wanted = [
      "Layer",
      "Output",
      "MACs",
      "Weights",
      "Zero",
      "CSD digits",
      "Full adders",
      "Area",
      "Energy",
      "Glitches",
    ];
    const table = layerTable({ ...results, layers: frozen }, { ...chosen, layers: frozen });
    section(narrow(table, [...wanted, "Cycles", "Utilization", "Mismatches"]));
    const rest = layers.length - frozen.length;
    if (rest > 0) blocks.push(`The other ${plural(rest, "layer")} run on the programmable accelerator.`);
  }
  if (entries.some(({ rtl }) => rtl)) {
    section(
      narrow(verificationTable(results), ["Frozen up to", "Simulator", "Images", "Values", "Mismatches"]),
    );
    section(systemTable(results));
    section(
      narrow(engineTable(results), [
        ...["Frozen up to", "Task", "Cycles", "Busy", "Weights", "Switching to it"],
        ...["Engine area", "Engine energy"],
      ]),
    );
    for (const entry of entries) {
      const first = firstMismatchOf(entry);
      if (first) blocks.push(`First mismatch: ${escapeMarkdown(mismatchText(first))}.`);
    }
  }
  const steps = (results.steps ?? []).map(({ name, seconds, reused }) =>
    escapeMarkdown(`${name} ${reused ? "reused" : duration(seconds)}`),
  );
  blocks.push(
    `Seed ${results.seed}; ${duration(results.seconds)} in all${steps.length > 0 ? ` (${steps.join(", ")})` : ""}.`,
  );
  return `${blocks.join("\n\n")}\n`;
}
