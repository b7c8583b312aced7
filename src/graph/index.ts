export * from "./nodes.js";
