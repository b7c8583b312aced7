export {
  type CompileEngineOptions,
  compileEngine,
  type EngineLayer,
  type EngineProgram,
} from "./compile.js";
export { type EngineLayout, packTensor, unpackTensor } from "./layout.js";
