import { FixynnError } from "../core/index.js";
import { delayFactors, energyFactors } from "./scaling.js";
import type { Range, SramModel } from "./technology.js";

/**
 * Published SRAM macros of SkyWater 130 nm, two ports, 8 Kbit: OpenRAM, VLSIDA/sky130_sram_macros (BSD-3). Size of the LEF
 * view, and the read energy of the Liberty view (both clock edges of port 1 with the port selected).
 * `32x256`: 479.78 × 397.5 µm; 2.843 + 2.582 pJ for 32 bits. `8x1024`: 464.82 × 447.14 µm; 2.288 + 2.262 pJ for 8 bits.
 */
const macros = [
  {
    name: "sky130_sram_1kbyte_1rw1r_32x256_8",
    bits: 8192,
    word: 32,
    areaUm2: 479.78 * 397.5,
    readPj: 5.425334,
  },
  {
    name: "sky130_sram_1kbyte_1rw1r_8x1024_8",
    bits: 8192,
    word: 8,
    areaUm2: 464.82 * 447.14,
    readPj: 4.549585,
  },
] as const;
const leakageNwPer8Kbit = 911.7994;
const minimumPeriodPs = 6875;

/** CACTI 7, 45 nm, 8 KB, 64-bit port: 6.05 pJ a read. Evaluated at 1.0 V of the high-performance fit. */
const cacti = { pj: 6.05, bits: 64, nodeNm: 45, supplyV: 1 } as const;

/** Area factors from 130 nm (Stillmaker and Baas 2017). */
const areaFrom130: ReadonlyMap<number, number> = new Map([
  [130, 1],
  [45, 0.16],
  [16, 0.03],
  [7, 0.0092],
]);
/** Nominal supplies at which energies are scaled. */
const supplyOf: ReadonlyMap<number, number> = new Map([
  [130, 1.8],
  [45, 1],
  [16, 0.8],
  [7, 0.7],
]);

const range = (values: readonly number[]): Range => {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return { low, nominal: Math.sqrt(low * high), high };
};

/**
 * Model memories: area = bits × µm² per bit, energy = accessed bits × pJ per bit, as ranges over published figures: the
 * two OpenRAM macros of sky130, and CACTI's 8 KB read at 45 nm scaled to 130 nm. Other nodes are scaled from 130 nm.
 * The nominal value is the geometric mean. Line buffers are smaller than these macros, whose overhead per bit grows as
 * they shrink: below 1 KB the area is an underestimate.
 *
 * @throws FixynnError FX7021 for a node without scaling factors
 */
export function sramModel(nodeNm: number): SramModel {
  const area = areaFrom130.get(nodeNm);
  const supply = supplyOf.get(nodeNm);
  if (area === undefined || supply === undefined) {
    throw new FixynnError("FX7021", `no memory model for ${nodeNm} nm`, {
      hint: `known nodes: ${[...areaFrom130.keys()].join(", ")} nm`,
    });
  }
  const factor = (toNm: number, toV: number, fromNm: number, fromV: number): number =>
    toNm === fromNm ? 1 : (energyFactors(toNm, toV)[0] ?? 0) / (energyFactors(fromNm, fromV)[0] ?? 1);
  const cactiAt130 = (cacti.pj / cacti.bits) * factor(130, 1.8, cacti.nodeNm, cacti.supplyV);
  const to = factor(nodeNm, supply, 130, 1.8);
  return {
    areaUm2PerBit: range(macros.map((macro) => (macro.areaUm2 / macro.bits) * area)),
    energyPjPerAccessedBit: range([
      ...macros.map((macro) => (macro.readPj / macro.word) * to),
      cactiAt130 * to,
    ]),
    leakageNwPerBit: (leakageNwPer8Kbit / 8192) * area,
    minimumPeriodPs:
      minimumPeriodPs * ((delayFactors(nodeNm, supply)[0] ?? 1) / (delayFactors(130, 1.8)[0] ?? 1)),
    source:
      nodeNm === 130
        ? "OpenRAM sky130 macros (LEF size, Liberty read energy); CACTI 7 at 45 nm scaled to 130 nm (Stillmaker and Baas 2017)"
        : `the sky130 model scaled from 130 nm at 1.8 V to ${nodeNm} nm at ${supply} V (Stillmaker and Baas 2017); leakage scaled with area`,
  };
}
