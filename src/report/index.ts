export { comparisonTable, rangeCell } from "./comparison-table.js";
export { constantsMarkdown, constantsTable } from "./constants-markdown.js";
export { constantsSvg } from "./constants-plot.js";
export * from "./constants-results.js";
export { accuracyCsv, layersCsv } from "./csv.js";
export { exploreCsv } from "./explore-csv.js";
export { accuracyFigure, exploreFigures, paretoFigure } from "./explore-figures.js";
export { exploreHtml } from "./explore-html.js";
export { exploreMarkdown } from "./explore-markdown.js";
export * from "./explore-results.js";
export * from "./figures/index.js";
export {
  absent,
  absent,
  duration,
  duration,
  grouped,
  grouped,
  optional,
  optional,
  percent,
  percent,
  points,
  points,
  ratio,
  significant,
} from "./format.js";
export * from "./freeze-verdict.js";
export { reportHtml } from "./html.js";
export * from "./results.js";
export { summaryMarkdown } from "./summary.js";
export { type Cell, cell, markdownTable, numberColumn, type Table, textColumn } from "./table.js";
export { type TransferSection, transferMarkdown } from "./transfer-markdown.js";
export { transferSvg } from "./transfer-plot.js";
