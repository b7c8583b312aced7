export * from "./bit-format.js";
export * from "./bit-netlist.js";
export * from "./cell-table.js";
export * from "./final-adder.js";
export * from "./offset-sums.js";
export * from "./read-bits.js";
export * from "./schedule.js";
