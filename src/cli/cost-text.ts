import type { EnergyParts, LayerCost, SynthesizedLayer } from "../cost/index.js";
import type { DeliverableCost, TierEnergy } from "../flow/index.js";

const NAME_WIDTH = 24;
const TIER_WIDTH = 12;

const areaColumns = ["datapath", "requantization", "registers", "control", "total"] as const;
const number = (value: number): string => `${Math.round(value)}`.padStart(12);
const percent = (value: number): string =>
  `${value >= 0 ? "+" : ""}${(100 * value).toFixed(1)} %`.padStart(12);
const start = (name: string, tier: string): string => `${name.padEnd(NAME_WIDTH)} ${tier.padEnd(TIER_WIDTH)}`;
const ratio = (own: number, peer: number): number => (peer > 0 ? own / peer - 1 : 0);

/** Areas of all layers, µm² of cells. */
export function areaLines(layers: readonly SynthesizedLayer[]): readonly string[] {
  const lines = [
    `${start("layer", "tier")}${areaColumns.map((name) => name.slice(0, 11).padStart(12)).join("")}`,
  ];
  for (const { name, structural, synthesized, failure } of layers) {
    lines.push(`${start(name, "structural")}${areaColumns.map((c) => number(structural[c])).join("")}`);
    if (synthesized !== null) {
      lines.push(`${start("", "synthesized")}${areaColumns.map((c) => number(synthesized[c])).join("")}`);
      lines.push(
        `${start("", "error")}${areaColumns.map((c) => percent(ratio(structural[c], synthesized[c]))).join("")}`,
      );
    } else if (failure !== null)
      lines.push(`${"".padEnd(NAME_WIDTH)} not mapped, the structural figure stands: ${failure}`);
  }
  return lines;
}

/** Slack of all mapped layers. */
export function timingLines(layers: readonly SynthesizedLayer[], clockMhz: number): readonly string[] {
  return [
    `Timing at ${clockMhz} MHz`,
    ...layers.flatMap(({ name, timing }) => {
      if (timing === null) return [];
      const verdict =
        timing.slackPs >= 0 ? "met" : `${timing.violations} of ${timing.endpoints} endpoints late`;
      return [
        `${name.padEnd(NAME_WIDTH)} slack ${timing.slackPs.toFixed(0).padStart(7)} ps, ${verdict}; ${timing.path.length} cells from ` +
          `${timing.startpoint} to ${timing.endpoint}; ${timing.achievableClockMhz.toFixed(0)} MHz`,
      ];
    }),
  ];
}

const energyColumns = [
  ["datapath", "datapath"],
  ["requantization", "requantiz."],
  ["registers", "registers"],
  ["clock", "clock"],
  ["sram", "line buffers"],
  ["rom", "ROM"],
  ["control", "control"],
  ["leakage", "leakage"],
  ["total", "total"],
] as const satisfies readonly (readonly [keyof EnergyParts, string])[];

const PJ_PER_NJ = 1e3;
const threeDigits = (pj: number): string => {
  const nj = pj / PJ_PER_NJ;
  return nj === 0 ? "0" : nj >= 100 ? nj.toFixed(0) : nj.toPrecision(3);
};

type EnergyRow = {
  readonly energyPj: EnergyParts;
  readonly range: LayerCost["energyTotalPj"];
  readonly glitches: string;
};

function energyRow(name: string, tier: string, row: EnergyRow): string {
  const { energyPj, range } = row;
  const cells = energyColumns.map(([part]) => threeDigits(energyPj[part]).padStart(13)).join("");
  const bounds = `${threeDigits(range.low)} to ${threeDigits(range.high)}`.padStart(22);
  return `${start(name, tier)}${cells}${bounds}${row.glitches.padStart(10)}`;
}

function rowsOf({ cost }: TierEnergy): ReadonlyMap<string, EnergyRow> {
  const total = Object.fromEntries(
    Object.entries(cost.energyPerFrameUj).map(([part, uj]) => [part, uj * 1e6]),
  ) as EnergyParts;
  const { low, nominal, high } = cost.energyPerFrameRangeUj;
  return new Map<string, EnergyRow>([
    ...cost.layers.map(
      ({ name, energyPj, energyTotalPj: range, glitchFactor }) =>
        [
          name,
          {
            energyPj,
            range,
            glitches: glitchFactor === undefined ? "assumed" : `x ${glitchFactor.toFixed(2)}`,
          },
        ] as const,
    ),
    [
      "all layers",
      {
        energyPj: total,
        range: { low: low * 1e6, nominal: nominal * 1e6, high: high * 1e6 },
        glitches: "",
      },
    ] as const,
  ]);
}

/** Energies of all layers a frame, component by component, nJ; the structural tier beside the synthesized one where there is one. */
export function energyLines({ energy, clockMhz, technology }: DeliverableCost): readonly string[] {
  if (energy === undefined) return [];
  const { structural, synthesized, source } = energy;
  const head = energyColumns.map(([, name]) => name.padStart(13)).join("");
  const lines = [
    `Energy a frame, nJ, ${technology} at ${clockMhz} MHz; ${source}`,
    `${start("layer", "tier")}${head}${"range".padStart(22)}${"glitches".padStart(10)}`,
  ];
  const peers = synthesized && rowsOf(synthesized);
  for (const [name, own] of rowsOf(structural)) {
    lines.push(energyRow(name, "structural", own));
    const peer = peers?.get(name);
    if (peer === undefined) continue;
    lines.push(energyRow("", "synthesized", peer));
    const errors = energyColumns.map(([part]) =>
      percent(ratio(own.energyPj[part], peer.energyPj[part])).padStart(13),
    );
    lines.push(`${start("", "error")}${errors.join("")}`);
  }
  const { testOverhead, notes } = (synthesized ?? structural).cost;
  return [
    ...lines,
    `scan flip-flops would add ${threeDigits(testOverhead.energyPerFrameUj * 1e6)} nJ a frame and ${(testOverhead.areaMm2 * 1e6).toFixed(0)} um2`,
    ...[...notes, ...(synthesized?.notes ?? [])].map((note) => `note: ${note}`),
  ];
}
