export * from "./components.js";
export { mappedPriced } from "./mapped-priced.js";
export { type MeasuredEnergy, measuredTotalPj, measureEnergy } from "./measure.js";
export {
  defaultSample,
  MAXIMUM_CELLS,
  type MeasureFrontOptions,
  measuredLayers,
  measureFront,
} from "./measure-front.js";
export type { PricedNetlist } from "./priced-netlist.js";
export { structuralPriced } from "./structural-priced.js";
