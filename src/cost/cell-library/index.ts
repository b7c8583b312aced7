export * from "../boolean-expression.js";
export * from "./library.js";
export { mappingLiberty } from "./mapping-liberty.js";
export { readCellLibrary } from "./read.js";
export * from "./roles.js";
