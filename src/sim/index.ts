export * from "./axi/index.js";
export { SimModuleBuilder } from "./build.js";
export {
  type FrontEndLayer,
  type FrontEndVerdict,
  type LayerVerdict,
  type Mismatch,
  type VerifyFrontEndOptions,
  verifyFrontEnd,
} from "./front-end.js";
export * from "./ir.js";
export { simNetlistFromJson, simNetlistToJson } from "./json.js";
export type { LayerInput, StreamFormat } from "./layer-run.js";
export type { ToggleClass } from "./layout.js";
export { flatten } from "./link.js";
export { lowerDesign } from "./lower.js";
export {
  hasNativeYosys,
  runNativeYosys,
  type YosysLimits,
  type YosysRun,
  yosysFailed,
} from "./native-yosys.js";
export { printSimModule } from "./print.js";
export { type ReadBackOptions, readBack } from "./read-back.js";
export {
  createSimulator,
  LANES,
  type Simulator,
  type SimulatorOptions,
  type ToggleCounts,
  WORDS_PER_BIT,
} from "./simulator.js";
export { type Backpressure, type StreamJob, type StreamResult, simulateStream } from "./stream.js";
export * from "./timed/index.js";
export { topologicalOrder, verifySimModule } from "./verify.js";
export {
  buildVerilator,
  runVerilator,
  SHORT_RUNS,
  type VerilatorBuild,
  type VerilatorBuildOptions,
  type VerilatorOptions,
  type VerilatorVerdict,
} from "./verilator.js";
export { blackBox, splitModules, type VerilogModule } from "./verilog-split.js";
export { readByYosys, type YosysJob, type YosysOptions } from "./yosys.js";
