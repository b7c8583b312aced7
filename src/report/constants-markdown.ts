import { addersSaved, type ConstantsResults, largestSaving } from "./constants-results.js";
import { confidence95, grouped, points as inPoints, percent, plural } from "./format.js";
import { cell, escapeMarkdown, markdownTable, numberColumn, type Table, textColumn } from "./table.js";

/** The curve as a table: one row a budget, the chosen one marked. */
export function constantsTable(results: ConstantsResults): Table {
  const first = results.points[0]!;
  const chosen = largestSaving(results);
  return {
    id: "constants",
    caption: "Adders saved against accuracy lost",
    columns: [
      textColumn("constants"),
      numberColumn("signed digits"),
      numberColumn("zero weights", "%"),
      numberColumn("full adders"),
      numberColumn("saved", "%"),
      numberColumn("validation", "%"),
      numberColumn("float", "%"),
      numberColumn("int8", "%"),
      numberColumn("int8 change", "points"),
    ],
    rows: results.points.map((point) => {
      const { share, digits, weights, zeroWeights, fullAdders, accuracy } = point;
      const name = share >= 1 ? "as quantized" : `${percent(share)} % of the digits`;
      return {
        strong: point === chosen,
        cells: [
          cell(point === chosen ? `${name} (chosen)` : name),
          cell(grouped(digits)),
          cell(percent(weights === 0 ? 0 : zeroWeights / weights)),
          cell(grouped(fullAdders)),
          cell(percent(addersSaved(results, point))),
          cell(percent(accuracy.validation)),
          cell(percent(accuracy.float.value)),
          cell(percent(accuracy.int8.value)),
          cell(inPoints(accuracy.int8.value - first.accuracy.int8.value)),
        ],
      };
    }),
    notes: [
      "Full adders of the compiled front, nothing folded, shared sub-expressions and requantizations included.",
      `Accuracy of the tail retrained behind each front; ${grouped(first.accuracy.float.images)} test images in float (95 % interval ± ${percent(confidence95(first.accuracy.float.value, first.accuracy.float.images))}), ${grouped(first.accuracy.int8.images)} in int8.`,
    ],
  };
}

/** Write `constants.md`: the verdict, the plot, the table. */
export function constantsMarkdown(results: ConstantsResults, plot: string): string {
  const { dataset, freezePoint, boundPoints, seed, tool } = results;
  const chosen = largestSaving(results);
  const loss = chosen.accuracy.validation - results.points[0]!.accuracy.validation;
  const verdict =
    chosen === results.points[0]
      ? `No budget keeps validation accuracy within ${plural(boundPoints, "point")}: the constants stay as quantized.`
      : `${percent(addersSaved(results, chosen))} % of the full adders can go within ${plural(boundPoints, "point")} on validation (${inPoints(loss)}), with ${percent(chosen.share)} % of the signed digits.`;
  const table = constantsTable(results);
  return `${[
    `# Hardware-aware constants: ${escapeMarkdown(dataset)}, frozen up to ${escapeMarkdown(freezePoint)}`,
    verdict,
    `![Accuracy against full adders saved](${plot})`,
    markdownTable(table),
    ...table.notes,
    `Seed ${seed}; fixynn ${tool.version}${tool.gitCommit === undefined ? "" : ` at ${tool.gitCommit.slice(0, 12)}`}.`,
  ].join("\n\n")}\n`;
}
