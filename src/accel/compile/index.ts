export {
  type CompileEngineOptions,
  compileEngine,
  type EngineLayer,
  type EngineLayout,
  type EngineProgram,
} from "./compile.js";
