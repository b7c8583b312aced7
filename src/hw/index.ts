export * from "./adder-map.js";
export { type AdditionTask, type LinearAddition, linearAddition } from "./addition.js";
export { buffersFor, MAXIMUM_FANOUT } from "./buffers.js";
export * from "./builder.js";
export * from "./cell-counts.js";
export { type LogicComponent, logicComponent } from "./components.js";
export { copiesOf } from "./copies.js";
export { lowerDatapath } from "./datapath.js";
export * from "./datapath-plan.js";
export * from "./emit.js";
export { exposeNets } from "./expose.js";
export * from "./fold/index.js";
export * from "./front.js";
export { type FrontLayer, frontGraph } from "./front-graph.js";
export * from "./json.js";
export {
  compileLayer,
  type LayerHardware,
  type LayerOptions,
  type LayerStats,
  moduleNameOf,
} from "./layer.js";
export { defaultClock } from "./layer-datapath.js";
export { type LayerMemory, storedBits } from "./layer-memories.js";
export { emittedRegisters } from "./manifest-registers.js";
export { type BoundMacro, boundMacro, memoryWrapper } from "./memory-wrapper.js";
export * from "./netlist.js";
export * from "./print.js";
export { type RegisterBank, registerBanks } from "./register-banks.js";
export {
  type LayerRegisters,
  type RegisterMap,
  type RegisterWrites,
  registerBits,
  registerWrites,
} from "./registers.js";
export { connectEnables, enablePorts, type StageEnables } from "./stage-enables.js";
export { type ComputedNode, inputPort, type Stream, streamOfNode } from "./streams.js";
export { TESTBENCH_MODULE, type TestVectors, VECTORS_FILE } from "./testbench.js";
export { NetlistTiming, type TimingOptions, type TimingPath } from "./timing.js";
export { fromHexBeats } from "./vectors.js";
export * from "./verify.js";
export { printVerilog, verilogLibrary } from "./verilog.js";
export { planWindow, type WindowPlan, type WindowShape } from "./window-plan.js";
