import { cell, grouped, markdownTable, numberColumn, percent, points, textColumn } from "../report/index.js";
import type { NormalizationResults } from "./normalization.js";

/** Print programmable normalization beside plain freezing: accuracies, then silicon. */
export function normalizationText({ backbone, rows, silicon }: NormalizationResults): string {
  const accuracy = markdownTable({
    columns: [
      textColumn("dataset"),
      textColumn("frozen up to"),
      numberColumn("nothing frozen", "float / int8, %"),
      numberColumn("constants", "float / int8, %"),
      numberColumn("programmable", "float / int8, %"),
      numberColumn("gain in int8", "points"),
      numberColumn("register values out of range"),
    ],
    rows: rows.map(({ dataset, freezePoint, unfrozen, plain, programmable }) => ({
      cells: [
        cell(dataset),
        cell(freezePoint),
        ...[unfrozen, plain, programmable].map(({ float, int8 }) =>
          cell(`${percent(float.value)} / ${percent(int8.value)}`),
        ),
        cell(points(programmable.int8.value - plain.int8.value)),
        cell(`${programmable.saturated} of ${grouped(2 * programmable.channels)}`),
      ],
    })),
  });
  const cost = markdownTable({
    columns: [
      textColumn("frozen up to"),
      textColumn("technology"),
      numberColumn("constants", "mm²"),
      numberColumn("programmable", "mm²"),
      numberColumn("area", "×"),
      numberColumn("energy", "×"),
      numberColumn("channels"),
      numberColumn("register bits"),
    ],
    rows: silicon.map((one) => ({
      cells: [
        cell(one.freezePoint),
        cell(one.technology),
        cell(one.plainMm2.toFixed(2)),
        cell(one.programmableMm2.toFixed(2)),
        cell(one.areaRatio.toFixed(2)),
        cell(one.energyRatio.toFixed(2)),
        cell(grouped(one.channels)),
        cell(grouped(one.registerBits)),
      ],
    })),
  });
  return `# Programmable normalization: ${backbone}\n\n${accuracy}\n\n${cost}\n`;
}
