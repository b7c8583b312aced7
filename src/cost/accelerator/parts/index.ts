export * from "./file.js";
export * from "./from-table.js";
export * from "./modules.js";
