import { FixynnError } from "../../core/index.js";
import { type MacroLaw, type Range, type Technology, wireCapacitanceFf } from "../technology.js";
import { areaUm2Of } from "./fit.js";
import { writeThroughPj } from "./laws.js";

/** A memory to price. */
export type MemoryShape = {
  readonly words: number;
  readonly bits: number;
  /** 1: one read or write a cycle; 2: a read and a write in the same cycle, as `fx_ram` does. */
  readonly ports: 1 | 2;
};

/** How a memory is built. */
export type MemoryForm =
  | {
      readonly kind: "macros";
      readonly count: number;
      readonly words: number;
      readonly bits: number;
      readonly columnMux: number;
    }
  | { readonly kind: "latches" };

/** Cost of one memory, its wrapper included. Ranges are over the published figures and the error of the fits. */
export type MemoryCost = {
  readonly form: MemoryForm;
  readonly areaUm2: Range;
  /** Part of the area that is the wrapper's: two registers, comparator and multiplexer. 0 for latches. */
  readonly wrapperUm2: number;
  readonly readPj: Range;
  readonly writePj: Range;
  /** A cycle without access, its clock gated. */
  readonly idlePjPerCycle: number;
  readonly leakageNw: Range;
  readonly accessPs: Range;
  readonly source: string;
};

/** Toggles of a data bit an access; ours, half of the bits differ from those before. */
const dataToggles = 0.5;

const scaleRange = ({ low, nominal, high }: Range, factor: number): Range => ({
  low: low * factor,
  nominal: nominal * factor,
  high: high * factor,
});
const shiftRange = ({ low, nominal, high }: Range, by: number): Range => ({
  low: low + by,
  nominal: nominal + by,
  high: high + by,
});

type Tiling = {
  readonly count: number;
  readonly active: number;
  readonly columns: number;
  readonly rows: number;
  readonly columnMux: number;
  readonly areaUm2: number;
};

/** Split a memory into the macros of least area: side by side for width, of which all work; stacked for depth, of which one does. */
function tile({ words, bits, ports }: MemoryShape, technology: Technology): Tiling {
  const { singlePort, dualPort, limits } = technology.sram.macros;
  const law = ports === 1 ? singlePort : dualPort;
  const tilings = limits.columnMuxes.flatMap((columnMux): Tiling[] => {
    const least = Math.ceil((bits * columnMux) / limits.maximumColumns);
    const stacked = Math.ceil(words / (columnMux * limits.maximumRows));
    return [least, least + 1].flatMap((abreast) => {
      const columns = Math.ceil(bits / abreast) * columnMux;
      const rows = Math.max(limits.minimumRows, Math.ceil(words / stacked / columnMux));
      const count = abreast * stacked;
      return [
        {
          count,
          active: abreast,
          columns,
          rows,
          columnMux,
          areaUm2: count * areaUm2Of(law.area, { columns, rows }),
        },
      ];
    });
  });
  return tilings.reduce((best, tiling) => (tiling.areaUm2 < best.areaUm2 ? tiling : best));
}

/**
 * Wrapper of a macro that leaves reading and writing one word in one cycle undefined, as `memoryWrapper` prints it: a register of the write
 * on its way, a register that holds the word read, a comparator and a multiplexer. Two-port memories only.
 */
function wrapperOf({ words, bits, ports }: MemoryShape, { cells, clockGate }: Technology) {
  if (ports === 1) return { areaUm2: 0, leakageNw: 0, writePj: 0, readPj: 0 };
  const address = Math.max(1, Math.ceil(Math.log2(words)));
  // The write on its way, and the word read that is held.
  const flops = 2 * bits + address + 2;
  const parts = [
    [flops, cells.flipFlop],
    [bits, cells.mux2],
    [address, cells.xor2],
    [address, cells.or2],
    [2, clockGate],
  ] as const;
  const { flipFlop, mux2 } = cells;
  return {
    areaUm2: parts.reduce((sum, [count, cell]) => sum + count * cell.areaUm2, 0),
    leakageNw: parts.reduce((sum, [count, cell]) => sum + count * cell.leakageNw, 0),
    writePj:
      (bits + address) * (flipFlop.clockEnergyPerCyclePj + dataToggles * flipFlop.energyPerTogglePj) +
      clockGate.energyPerEnabledCyclePj,
    readPj:
      bits *
        (flipFlop.clockEnergyPerCyclePj +
          dataToggles * (flipFlop.energyPerTogglePj + mux2.energyPerTogglePj)) +
      clockGate.energyPerEnabledCyclePj,
  };
}

function macroCost(shape: MemoryShape, technology: Technology): MemoryCost {
  const { sram, clockGate } = technology;
  const law: MacroLaw = shape.ports === 1 ? sram.macros.singlePort : sram.macros.dualPort;
  const tiling = tile(shape, technology);
  const wrapper = wrapperOf(shape, technology);
  const accessPj = tiling.active * writeThroughPj(law.energy, tiling);
  const at = (share: number, extraPj: number): Range =>
    shiftRange(scaleRange(law.energySpread, share * accessPj), extraPj);
  const cells = tiling.count * tiling.columns * tiling.rows;
  const accessPs = law.access.fixedPs + law.access.perRowPs * tiling.rows;
  return {
    form: {
      kind: "macros",
      count: tiling.count,
      words: tiling.rows * tiling.columnMux,
      bits: tiling.columns / tiling.columnMux,
      columnMux: tiling.columnMux,
    },
    areaUm2: shiftRange(scaleRange(law.areaSpread, tiling.areaUm2), wrapper.areaUm2),
    wrapperUm2: wrapper.areaUm2,
    readPj: at(law.energy.readShare, wrapper.readPj),
    writePj: at(law.energy.writeShare, wrapper.writePj),
    idlePjPerCycle: clockGate.energyPerDisabledCyclePj,
    leakageNw: shiftRange(scaleRange(law.leakageNwPerBit, cells), wrapper.leakageNw),
    accessPs: scaleRange(law.accessSpread, accessPs),
    source: sram.macros.source,
  };
}

/**
 * Array of latches: a latch, an and gate and an or gate a bit (one-hot read, or tree), an and gate and a clock gate a word, registers for the
 * word and the address. Reading toggles, for each bit that differs, the gate that closes and the one that opens and the or gates on their
 * ways to the output; writing drives a wire to all words, and pulses one word's latches.
 */
function latchCost({ words, bits }: MemoryShape, technology: Technology): MemoryCost {
  const { cells, clockGate, wire, supplyV } = technology;
  const { latch, and2, or2, flipFlop } = cells;
  const address = Math.max(1, Math.ceil(Math.log2(words)));
  const registers = bits + address;
  const parts = [
    [words * bits, latch],
    [words * bits, and2],
    [(words - 1) * bits, or2],
    [2 * words, and2],
    [words + 1, clockGate],
    [registers, flipFlop],
  ] as const;
  const add = (pick: (cell: { readonly areaUm2: number; readonly leakageNw: number }) => number): number =>
    parts.reduce((sum, [count, cell]) => sum + count * pick(cell), 0);
  const spread = wire.spread;
  const inputPj = (level: keyof Range): number =>
    0.5 * (words * latch.inputCapacitanceFf + wireCapacitanceFf(wire, words)[level]) * supplyV ** 2 * 1e-3;
  const wordPj = bits * latch.enableEnergyPerPulsePj + clockGate.energyPerEnabledCyclePj;
  const registerPj = registers * (flipFlop.clockEnergyPerCyclePj + dataToggles * flipFlop.energyPerTogglePj);
  const write = (level: keyof Range): number =>
    registerPj + wordPj + bits * dataToggles * (inputPj(level) + latch.energyPerTogglePj);
  const read =
    bits * dataToggles * 2 * (and2.energyPerTogglePj + address * or2.energyPerTogglePj) +
    address * (flipFlop.clockEnergyPerCyclePj + 2 * and2.energyPerTogglePj);
  const areaUm2 = add((cell) => cell.areaUm2);
  const leakageNw = add((cell) => cell.leakageNw);
  const same = (value: number): Range => ({ low: value, nominal: value, high: value });
  return {
    form: { kind: "latches" },
    areaUm2: same(areaUm2),
    wrapperUm2: 0,
    readPj: scaleRange({ low: Math.max(0.5, spread.low), nominal: 1, high: spread.high }, read),
    writePj: { low: write("low"), nominal: write("nominal"), high: write("high") },
    idlePjPerCycle: clockGate.energyPerDisabledCyclePj,
    leakageNw: same(leakageNw),
    accessPs: same(flipFlop.delayPs + 2 * and2.delayPs + address * or2.delayPs),
    source: `cells of ${technology.name}, counted: an estimate without synthesis`,
  };
}

/**
 * Price a memory of any size: the macros that its process has, split or stacked for least area, or an array of latches where that
 * is smaller (below a few kilobits the periphery of a macro outweighs its cells).
 *
 * @param form build it so, instead of the smaller way
 * @throws FixynnError FX7022 for a memory without words or bits
 */
export function memoryCost(
  shape: MemoryShape,
  technology: Technology,
  form?: MemoryForm["kind"],
): MemoryCost {
  if (!(shape.words >= 1 && shape.bits >= 1)) {
    throw new FixynnError("FX7022", `no memory of ${shape.words} words of ${shape.bits} bits`);
  }
  const both = [macroCost(shape, technology), latchCost(shape, technology)] as const;
  if (form !== undefined) return form === "macros" ? both[0] : both[1];
  return both[1].areaUm2.nominal <= both[0].areaUm2.nominal ? both[1] : both[0];
}
