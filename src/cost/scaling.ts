import { FixynnError } from "../core/index.js";
import { rangeOver } from "./range.js";
import type { Range } from "./technology.js";

/**
 * Fits of Stillmaker and Baas, "Scaling equations for the accurate prediction of CMOS device performance from 180 nm to
 * 7 nm", Integration 58 (2017) 74-81: delay factor a3·V³ + a2·V² + a1·V + a0, energy factor b2·V² + b1·V + b0.
 * A node below 65 nm has a high-performance and a low-power fit. The energy fits of 65 nm and 32 nm reproduce the
 * example of the authors' corrigendum (2.604 at 1.3 V, 0.4571 at 0.9 V).
 */
type Fit = {
  readonly delay: readonly [number, number, number, number];
  readonly energy: readonly [number, number, number];
};

const fits: ReadonlyMap<number, readonly Fit[]> = new Map([
  [130, [{ delay: [-76.65, 334.9, -493.4, 275.8], energy: [7.171, -6.709, 2.904] }]],
  [90, [{ delay: [-60.34, 262.5, -384.2, 210.9], energy: [4.762, -4.781, 2.092] }]],
  [65, [{ delay: [-53.3, 230.4, -333.9, 178.6], energy: [3.755, -4.398, 1.975] }]],
  [
    45,
    [
      { delay: [-501.6, 1567, -1619, 566.1], energy: [1.018, -0.3107, 0.1539] },
      { delay: [-285.7, 1239, -1795, 898.8], energy: [1.103, -0.362, 0.2767] },
    ],
  ],
  [
    32,
    [
      { delay: [-1047, 2982, -2797, 873.5], energy: [0.8367, -0.4341, 0.1701] },
      { delay: [-325.9, 1374, -1922, 913.2], energy: [0.9559, -0.7823, 0.471] },
    ],
  ],
  [
    16,
    [
      { delay: [0, 24.8, -47.52, 28.87], energy: [0.2958, -0.1241, 0.03024] },
      { delay: [-114.6, 366.7, -397.4, 153.6], energy: [0.2139, -0.1187, 0.05639] },
    ],
  ],
  [
    7,
    [
      { delay: [-28.58, 76.6, -70.26, 24.69], energy: [0.1776, -0.09097, 0.02447] },
      { delay: [-61.79, 196.1, -210.3, 79.55], energy: [0.09365, -0.03409, 0.02043] },
    ],
  ],
]);

/** Area at 16 nm over area at a node (the paper's area table), and the reverse for 7 nm. */
const areaTo16: ReadonlyMap<number, number> = new Map([
  [130, 0.03],
  [90, 0.067],
  [65, 0.13],
  [45, 0.19],
  [32, 0.41],
  [16, 1],
  [7, 3.2],
]);

/** Highest supply inside the range of the 130 nm fit that we trust; sky130 runs at 1.8 V, beyond it. */
const trusted130V = 1.3;

/** Factors that take area, energy and delay of one node to 16 nm at 0.8 V. */
export type ScalingTo16Nm = {
  readonly fromNm: number;
  readonly fromV: number;
  readonly areaFactor: number;
  readonly energyFactor: Range;
  readonly delayFactor: Range;
  readonly leakageFactor: number;
  readonly source: string;
};

/**
 * Leakage power at 16 nm over that at another node: cell for cell the same, an assumption, since Stillmaker and Baas give no factor and our own tables
 * contradict a scaling with area (a full adder leaks 0.25 nW in ASAP7, between SG13G2's 0.61 and sky130's 0.007 nW, but a µm² of it 70 to 2,300 times as
 * much as theirs); good to an order of magnitude.
 */
export const leakageFactorTo16Nm = 1;

const polynomial = (coefficients: readonly number[], x: number): number =>
  coefficients.reduce((sum, c) => sum * x + c, 0);

/** Return the energy factors of a node at a supply, one for each fit (high performance, low power). */
export function energyFactors(nodeNm: number, supplyV: number): readonly number[] {
  return (fits.get(nodeNm) ?? []).map(({ energy }) => polynomial(energy, supplyV));
}

/** Return the delay factors of a node at a supply, one for each fit (high performance, low power). */
export function delayFactors(nodeNm: number, supplyV: number): readonly number[] {
  return (fits.get(nodeNm) ?? []).map(({ delay }) => polynomial(delay, supplyV));
}

/**
 * Return the factors from a node to 16 nm at 0.8 V as ranges: over the high-performance and low-power fits, and for
 * 130 nm above 1.3 V also over the supply at which the fit is evaluated (the true one, or 1.3 V). The nominal value is the
 * geometric mean. Area has one table value and no range; leakage is {@link leakageFactorTo16Nm}.
 *
 * @throws FixynnError FX7020 for a node without published factors
 */
export function scalingTo16Nm(fromNm: number, fromV: number): ScalingTo16Nm {
  const area = areaTo16.get(fromNm);
  const from = fits.get(fromNm);
  if (area === undefined || from === undefined) {
    throw new FixynnError("FX7020", `no scaling factors for ${fromNm} nm`, {
      hint: `known nodes: ${[...fits.keys()].join(", ")} nm`,
    });
  }
  const supplies = fromNm === 130 && fromV > trusted130V ? [fromV, trusted130V] : [fromV];
  const to = fits.get(16) ?? [];
  const ratios = (pick: (fit: Fit) => readonly number[]): number[] =>
    fromNm === 16
      ? [1]
      : supplies.flatMap((v) =>
          from.flatMap((source) => to.map((t) => polynomial(pick(t), 0.8) / polynomial(pick(source), v))),
        );
  return {
    fromNm,
    fromV,
    areaFactor: area,
    energyFactor: rangeOver(ratios((fit) => fit.energy)),
    delayFactor: rangeOver(ratios((fit) => fit.delay)),
    leakageFactor: leakageFactorTo16Nm,
    source: "Stillmaker and Baas 2017, tables of area, delay and energy factors",
  };
}
