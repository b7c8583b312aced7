export { accuracyCsv, layersCsv } from "./csv.js";
export { reportHtml } from "./html.js";
export * from "./results.js";
export { summaryMarkdown } from "./summary.js";
