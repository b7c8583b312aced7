import { addRanges, exactly, multiplyRanges, scaleRange } from "../range.js";
import type { Range } from "../technology.js";
import { arrayAssumptions } from "./assumptions.js";
import type { LayerTraffic } from "./traffic.js";
import type { AcceleratorConfig, AcceleratorTechnology, PartName } from "./types.js";
import type { LayerWork } from "./work.js";

const KB_BITS = 8 * 1024;

/** What dynamic energy is charged on. */
export type EnergyComponent =
  | "multipliers"
  | "accumulators"
  | "registers"
  | "requantization"
  | "weightBuffer"
  | "activationBuffer";

/** Counts of a layer's work and traffic that have a price of their own. */
export const pricedCounts = [
  "multiplications",
  "treeAdditions",
  "accumulations",
  "operandLoads",
  "requantizations",
  "activationReads",
  "activationWrites",
  "weightReadBytes",
  "weightWriteBytes",
  "spilledBytes",
] as const;
type PricedCount = (typeof pricedCounts)[number];

const componentOf: { readonly [Count in PricedCount]: EnergyComponent } = {
  multiplications: "multipliers",
  treeAdditions: "multipliers",
  accumulations: "accumulators",
  operandLoads: "registers",
  requantizations: "requantization",
  activationReads: "activationBuffer",
  activationWrites: "activationBuffer",
  weightReadBytes: "weightBuffer",
  weightWriteBytes: "weightBuffer",
  spilledBytes: "activationBuffer",
};

/** Energy of one of each count on a configuration, pJ, the control share included. */
export type EnergyPricesPj = { readonly [Count in PricedCount]: Range };

/** Join a layer's work and traffic to the counts that are priced. */
export const countsToPrice = (
  work: LayerWork,
  traffic: LayerTraffic,
): { readonly [Count in PricedCount]: number } => ({
  multiplications: work.multiplications,
  treeAdditions: work.treeAdditions,
  accumulations: work.accumulations,
  operandLoads: work.operandLoads,
  requantizations: work.requantizations,
  activationReads: work.activationReads,
  activationWrites: work.activationWrites,
  weightReadBytes: work.weightReadBytes,
  weightWriteBytes: traffic.weights,
  spilledBytes: traffic.activations,
});

/**
 * Price the counts on a configuration: operations at the energy of a part's operation, buffer accesses at the energy of a word. What comes
 * from DRAM is written into a buffer once. Lanes and multipliers without an operand are isolated and clock-gated: they cost nothing.
 */
export function energyPricesPj(config: AcceleratorConfig, technology: AcceleratorTechnology): EnergyPricesPj {
  const { cPar, kPar, mapping } = config;
  const part = (name: PartName): Range => technology.parts[name].energyPjPerOperation;
  const activations = config.activationBufferKb * KB_BITS;
  const reads = technology.memory(activations, 8 * cPar);
  const writes = technology.memory(activations, 8 * kPar);
  const weights = technology.memory(config.weightBufferKb * KB_BITS, 8 * cPar);
  const multiplication = scaleRange(part("dot8"), 1 / 8);
  const bare: EnergyPricesPj = {
    multiplications: mapping === "window" ? addRanges(multiplication, part("operandMux")) : multiplication,
    treeAdditions: part("treeAdder"),
    accumulations: part("accumulator"),
    operandLoads: part("operandRegister"),
    requantizations: part("requantizer"),
    activationReads: reads.readPj,
    activationWrites: writes.writePj,
    weightReadBytes: scaleRange(weights.readPj, 1 / cPar),
    weightWriteBytes: scaleRange(weights.writePj, 1 / cPar),
    spilledBytes: scaleRange(writes.writePj, 1 / kPar),
  };
  const withControl = addRanges(exactly(1), arrayAssumptions.controlShare);
  return Object.fromEntries(
    pricedCounts.map((count) => [count, multiplyRanges(bare[count], withControl)]),
  ) as EnergyPricesPj;
}

/** Dynamic energy of some work by component, pJ, without DRAM. */
export type ArrayEnergyPj = { readonly [Component in EnergyComponent | "total"]: Range };

/** Charge counts at their prices. */
export function chargedEnergyPj(
  prices: EnergyPricesPj,
  counts: { readonly [Count in PricedCount]: number },
): ArrayEnergyPj {
  const energy: { [Component in EnergyComponent | "total"]: Range } = {
    multipliers: exactly(0),
    accumulators: exactly(0),
    registers: exactly(0),
    requantization: exactly(0),
    weightBuffer: exactly(0),
    activationBuffer: exactly(0),
    total: exactly(0),
  };
  for (const count of pricedCounts) {
    const charged = scaleRange(prices[count], counts[count]);
    const component = componentOf[count];
    energy[component] = addRanges(energy[component], charged);
    energy.total = addRanges(energy.total, charged);
  }
  return energy;
}

/** The nominal total alone, pJ: what a search over many configurations needs. */
export function nominalEnergyPj(
  prices: EnergyPricesPj,
  counts: { readonly [Count in PricedCount]: number },
): number {
  return pricedCounts.reduce((total, count) => total + prices[count].nominal * counts[count], 0);
}
