export * from "./builder.js";
export * from "./netlist.js";
export * from "./verify.js";
