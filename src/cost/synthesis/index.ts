export { MAXIMUM_FANOUT } from "../../hw/index.js";
export {
  defaultEngine,
  nativeEngine,
  type SynthesisEngine,
  wasmEngine,
} from "./engine.js";
export {
  type LogicAreaUm2,
  type ReportedLayer,
  type SynthesizedFront,
  type SynthesizedLayer,
  structuralLayers,
  synthesizeFront,
} from "./front-report.js";
export { type LayerMapping, type LayerToMap, type MapLayersOptions, mapLayers } from "./map-layers.js";
export { type MappedAreaUm2, mappedAreaUm2 } from "./mapped-area.js";
export { MAPPED_JSON_VERSION, mappedNetlistFromJson, mappedNetlistToJson } from "./mapped-json.js";
export * from "./mapped-netlist.js";
export { printMappedNetlist } from "./mapped-print.js";
export { verifyMappedNetlist } from "./mapped-verify.js";
export { memoryTiming } from "./memory-timing.js";
export {
  analyzeTiming,
  CLOCK_SLEW_PS,
  type MemoryTiming,
  type PathStep,
  PORT_SLEW_PS,
  type TimingOptions,
  type TimingReport,
} from "./static-timing.js";
export { netLoadsFf, noWires, type WireModel } from "./timing-graph.js";
export { mappedToSim } from "./to-sim.js";
