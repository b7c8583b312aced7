export * from "./mapped-netlist.js";
