export * from "./boolean-expression.js";
export * from "./library.js";
export { readCellLibrary } from "./read.js";
