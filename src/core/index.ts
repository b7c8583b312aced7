export * from "./brand.js";
export * from "./errors.js";
export * from "./files.js";
export * from "./packed-error.js";
export * from "./pool.js";
export * from "./progress.js";
export * from "./rng.js";
export * from "./wasm.js";
