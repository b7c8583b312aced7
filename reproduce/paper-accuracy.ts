import {
  type AcceleratorLayer,
  acceleratorTechnologyAt16Nm,
  compareAtEqualArea,
  createArrayCatalogue,
  frontFiguresAt16Nm,
  type Range,
  readTechnology,
} from "../src/cost/index.js";
import { costOf } from "./paper-front-cost.js";
import type { CompiledFront } from "./paper-fronts.js";
import type { SweepRow } from "./transfer-table.js";

/** A chip with a front frozen up to one layer. */
export type AccuracyDesign = {
  readonly form: string;
  readonly node: string;
  readonly accelerator: string;
  /** Null where front and tail do not fit. */
  readonly topsPerWatt: Range | null;
};

/** A freeze point of the transfer sweep with the chips that it gives. */
export type AccuracyRow = SweepRow & {
  readonly frozenLayers: number;
  readonly designs: readonly AccuracyDesign[];
};

/** Accuracy against efficiency. */
export type AccuracyResult = { readonly totalAreaMm2: number; readonly rows: readonly AccuracyRow[] };

/** The largest area of the page: nearly all fronts fit. */
const totalAreaMm2 = 4;

/** Give each freeze point of the sweep the TOPS/W of the whole chip, classifier included, as fast as it can, without DRAM. */
export function accuracyResult(
  layers: readonly AcceleratorLayer[],
  fronts: readonly CompiledFront[],
  sweep: readonly SweepRow[],
): AccuracyResult {
  const chips = fronts.map((front) => {
    const technology = acceleratorTechnologyAt16Nm(readTechnology(front.technology));
    return { front, technology, catalogue: createArrayCatalogue({ layers, technology }) };
  });
  const rows = sweep.flatMap((row): readonly AccuracyRow[] => {
    const frozenLayers = layers.findIndex(({ name }) => name === row.layer) + 1;
    if (frozenLayers === 0) return [];
    const designs = chips.flatMap(({ front, technology, catalogue }) => {
      const common = {
        ...{ layers, frozenLayers, totalAreaMm2 },
        front: frontFiguresAt16Nm(costOf(front, frozenLayers)),
        operatingPoint: { kind: "throughput" } as const,
      };
      return [
        compareAtEqualArea({ ...common, accelerator: "array", technology, catalogue }),
        compareAtEqualArea({ ...common, accelerator: "nvdla" }),
      ].map(
        (result): AccuracyDesign => ({
          form: front.form,
          node: technology.node,
          accelerator: result.accelerator,
          topsPerWatt: result.feasible ? result.hybrid.topsPerWatt : null,
        }),
      );
    });
    return [{ ...row, frozenLayers, designs }];
  });
  return { totalAreaMm2, rows };
}
