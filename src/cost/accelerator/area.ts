import { addRanges, multiplyRanges, scaleRange } from "../range.js";
import type { Range } from "../technology.js";
import { arrayAssumptions } from "./assumptions.js";
import type { AcceleratorConfig, AcceleratorTechnology, PartName } from "./types.js";

const KB_BITS = 8 * 1024;

/** Area, leakage and contents of an array, at its technology's node. */
export type ArrayStructure = {
  readonly areaMm2: {
    readonly logic: Range;
    readonly weightBuffer: Range;
    readonly activationBuffer: Range;
    readonly total: Range;
  };
  readonly leakageMw: Range;
};

/** Count the parts of a configuration. */
export function partCounts(config: AcceleratorConfig): { readonly [Part in PartName]: number } {
  const { cPar, kPar, requantizers, mapping } = config;
  return {
    dot8: (cPar / 8) * kPar,
    treeAdder: (cPar / 8 - 1) * kPar,
    accumulator: kPar,
    // Two weight bytes a multiplier; one activation byte for every eight lanes, or each multiplier's own where lanes see their own windows.
    operandRegister: 2 * cPar * kPar + (mapping === "window" ? cPar * kPar : cPar * Math.ceil(kPar / 8)),
    requantizer: requantizers,
    operandMux: mapping === "window" ? cPar * kPar : 0,
  };
}

/**
 * Price the area and leakage of a configuration: parts × their synthesized figures, a control share, cell area over placement density,
 * buffers by the memory model.
 */
export function arrayStructure(config: AcceleratorConfig, technology: AcceleratorTechnology): ArrayStructure {
  const counts = Object.entries(partCounts(config)) as [PartName, number][];
  const { controlShare, placementDensity } = arrayAssumptions;
  const withControl = { low: 1, nominal: 1, high: 1 };
  const share = addRanges(withControl, controlShare);
  const parts = (figure: "areaUm2" | "leakageNw"): Range =>
    multiplyRanges(
      addRanges(...counts.map(([part, count]) => scaleRange(technology.parts[part][figure], count))),
      share,
    );
  const weight = technology.memory(config.weightBufferKb * KB_BITS, 8 * config.cPar);
  const activation = technology.memory(
    config.activationBufferKb * KB_BITS,
    8 * Math.max(config.cPar, config.kPar),
  );
  const cells = parts("areaUm2");
  const logic = {
    low: cells.low / placementDensity.high,
    nominal: cells.nominal / placementDensity.nominal,
    high: cells.high / placementDensity.low,
  };
  return {
    areaMm2: {
      logic: scaleRange(logic, 1e-6),
      weightBuffer: scaleRange(weight.areaUm2, 1e-6),
      activationBuffer: scaleRange(activation.areaUm2, 1e-6),
      total: scaleRange(addRanges(logic, weight.areaUm2, activation.areaUm2), 1e-6),
    },
    leakageMw: scaleRange(addRanges(parts("leakageNw"), weight.leakageNw, activation.leakageNw), 1e-6),
  };
}
