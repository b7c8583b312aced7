export {
  type CompileEngineOptions,
  compileEngine,
  type EngineLayer,
  type EngineProgram,
} from "./compile.js";
export { type Schedule, scheduleOf, sizesOf } from "./layer-fields.js";
export { type EngineLayout, packTensor, unpackTensor } from "./layout.js";
export type { Geometry, Operation } from "./operation.js";
