export * from "./nvdla.js";
export * from "./paper.js";
export * from "./rom.js";
export * from "./scaling.js";
export * from "./sram.js";
export * from "./structural.js";
export * from "./technology.js";
export * from "./technology-import.js";
