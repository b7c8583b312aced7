import type { Range } from "../src/cost/index.js";
import { type IsoAreaBar, isoAreaBars } from "../src/report/index.js";
import type { PaperFigure } from "./paper-figures.js";
import type { ComparisonRow, PaperResults } from "./paper-results.js";

const accelerators = { array: "the generated engine", nvdla: "NVDLA" } as const;
type Accelerator = keyof typeof accelerators;

/** `16 nm, scaled from asap7` → `asap7`. */
const originOf = (node: string): string => node.replace("16 nm, scaled from ", "");

const barOf = (name: string, topsPerWatt: Range | undefined, absent: string): IsoAreaBar =>
  topsPerWatt === undefined
    ? { name, absent }
    : { name, value: topsPerWatt.nominal, low: topsPerWatt.low, high: topsPerWatt.high };

/** Bars of one area: the array has a baseline in each technology, NVDLA one for all. */
function barsOf(rows: readonly ComparisonRow[], accelerator: Accelerator): readonly IsoAreaBar[] {
  const baselineName = (row: ComparisonRow): string =>
    accelerator === "nvdla" ? "all programmable" : `all programmable, ${originOf(row.node)}`;
  const names = [...new Set(rows.map(baselineName))];
  return names.flatMap((name) => {
    const own = rows.filter((row) => baselineName(row) === name);
    const baseline = own.find((row) => row.baseline !== null) ?? own[0];
    return [
      {
        ...barOf(name, baseline?.baseline?.topsPerWatt, baseline?.reason ?? "not feasible"),
        comparedWith: name,
      },
      ...own.map((row) => ({
        ...barOf(`${row.form}, ${originOf(row.node)}`, row.hybrid?.topsPerWatt, row.reason ?? "not feasible"),
        comparedWith: name,
      })),
    ];
  });
}

/** Efficiency at equal area, chips as fast as they can: one figure a depth and accelerator. */
export function isoAreaFigures({ comparisons }: PaperResults): readonly PaperFigure[] {
  const atFullSpeed = comparisons.filter(({ frameRate }) => frameRate === null);
  const depths = [...new Set(atFullSpeed.map(({ frozenLayers }) => frozenLayers))];
  return depths.flatMap((frozenLayers) =>
    (["array", "nvdla"] as const).map((accelerator) => {
      const rows = atFullSpeed.filter(
        (row) => row.frozenLayers === frozenLayers && row.accelerator === accelerator,
      );
      const areas = [...new Set(rows.map(({ totalAreaMm2 }) => totalAreaMm2))].sort((a, b) => a - b);
      const title = `Efficiency at equal area, ${frozenLayers} layers frozen, against ${accelerators[accelerator]}`;
      return {
        file: `paper-iso-area-${frozenLayers}-${accelerator}.svg`,
        alt: `${title}: TOPS/W at ${areas.join(", ")} mm²`,
        markup: isoAreaBars({
          title,
          source: "16 nm, modelled",
          unit: `TOPS/W without DRAM; in brackets the ratio to all programmable${accelerator === "array" ? " of the same origin" : ""}`,
          groups: areas.map((areaMm2) => ({
            areaMm2,
            bars: barsOf(
              rows.filter(({ totalAreaMm2 }) => totalAreaMm2 === areaMm2),
              accelerator,
            ),
          })),
        }),
      };
    }),
  );
}
