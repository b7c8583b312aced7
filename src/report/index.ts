export { accuracyCsv, layersCsv } from "./csv.js";
export * from "./freeze-verdict.js";
export { reportHtml } from "./html.js";
export * from "./results.js";
export { summaryMarkdown } from "./summary.js";
export { type TransferSection, transferMarkdown } from "./transfer-markdown.js";
export { transferSvg } from "./transfer-plot.js";
