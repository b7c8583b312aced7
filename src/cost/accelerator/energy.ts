import { addRanges, exactly, multiplyRanges, scaleRange } from "../range.js";
import type { Range } from "../technology.js";
import { arrayAssumptions } from "./assumptions.js";
import type { LayerTraffic } from "./traffic.js";
import type { AcceleratorConfig, AcceleratorTechnology, PartName } from "./types.js";
import type { LayerWork } from "./work.js";

const KB_BITS = 8 * 1024;

/** Dynamic energy of a layer or a frame, pJ, without DRAM. */
export type ArrayEnergy = {
  readonly multipliers: Range;
  readonly accumulators: Range;
  readonly registers: Range;
  readonly requantization: Range;
  readonly weightBuffer: Range;
  readonly activationBuffer: Range;
  readonly control: Range;
  readonly total: Range;
};

/** Prices a layer's work on one configuration; made once, used for every layer. */
export type EnergyModel = (work: LayerWork, traffic: LayerTraffic) => ArrayEnergy;

/**
 * Make the energy model of a configuration: operations × energy of a part's operation, buffer accesses × energy of an access. What
 * comes from DRAM is written into a buffer once. Lanes and multipliers without an operand are isolated and clock-gated: they cost nothing.
 */
export function energyModel(config: AcceleratorConfig, technology: AcceleratorTechnology): EnergyModel {
  const part = (name: PartName, operations: number): Range =>
    scaleRange(technology.parts[name].energyPjPerOperation, operations);
  const activations = config.activationBufferKb * KB_BITS;
  const reads = technology.memory(activations, 8 * config.cPar);
  const writes = technology.memory(activations, 8 * config.kPar);
  const weights = technology.memory(config.weightBufferKb * KB_BITS, 8 * config.cPar);
  return (work, traffic) => {
    const logic = {
      multipliers: addRanges(
        part("dot8", work.multiplications / 8),
        part("treeAdder", work.treeAdditions),
        config.mapping === "window" ? part("operandMux", work.multiplications) : exactly(0),
      ),
      accumulators: part("accumulator", work.accumulations),
      registers: part("operandRegister", work.operandLoads),
      requantization: part("requantizer", work.requantizations),
    };
    const buffers = {
      weightBuffer: addRanges(
        scaleRange(weights.readPj, work.weightReadBytes / config.cPar),
        scaleRange(weights.writePj, traffic.weights / config.cPar),
      ),
      activationBuffer: addRanges(
        scaleRange(reads.readPj, work.activationReads),
        scaleRange(writes.writePj, work.activationWrites + traffic.activations / config.kPar),
      ),
    };
    const dynamic = addRanges(...Object.values(logic), ...Object.values(buffers));
    const control = multiplyRanges(dynamic, arrayAssumptions.controlShare);
    return { ...logic, ...buffers, control, total: addRanges(dynamic, control) };
  };
}
