export { figureRules, type StackPart, seriesClass, spread, stackParts, svgFile } from "./frame.js";
export * from "./iso-area.js";
export * from "./layer-stack.js";
export * from "./roofline.js";
export * from "./scatter.js";
