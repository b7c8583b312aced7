export * from "./boolean-expression.js";
export * from "./library.js";
