import { type PlotSeries, scatterPlot } from "../src/report/index.js";
import type { AccuracyRow } from "./paper-accuracy.js";
import type { PaperFigure } from "./paper-figures.js";
import type { PaperResults } from "./paper-results.js";

const accelerators = { array: "the generated engine", nvdla: "NVDLA" } as const;

/** Freeze points that lose more are left out: they would press the others together, points. */
export const MOST_LOSS = 6;

/** `Conv2d_5_pointwise` → `5`. */
const blockOf = (layer: string): string => /\d+/.exec(layer.slice(layer.indexOf("_")))?.[0] ?? layer;

/** Change of accuracy by freezing against TOPS/W of the whole chip: a line a task and form, points joined by depth; one figure an accelerator. */
export function accuracyFigures({
  accuracy,
  frontLayers,
  freezePoint,
}: PaperResults): readonly PaperFigure[] {
  const { rows, totalAreaMm2 } = accuracy;
  const origin = frontLayers[0]?.node.replace("16 nm from ", "16 nm, scaled from ");
  const tasks = [...new Set(rows.flatMap(({ changes }) => Object.keys(changes)))];
  const forms = [...new Set(rows.flatMap(({ designs }) => designs.map(({ form }) => form)))];
  return (["array", "nvdla"] as const).map((accelerator) => {
    const tops = ({ designs }: AccuracyRow, form: string) =>
      designs.find((one) => one.form === form && one.accelerator === accelerator && one.node === origin)
        ?.topsPerWatt;
    const series = forms.flatMap((form) =>
      tasks.map(
        (task): PlotSeries => ({
          name: `${task}, ${form} front`,
          style: "line",
          isHollow: form === "folded",
          points: rows.flatMap((row) => {
            const [at, change] = [tops(row, form), row.changes[task]];
            if (at === undefined || at === null || change === undefined || change < -MOST_LOSS) return [];
            return [
              {
                ...{ x: at.nominal, y: change, name: blockOf(row.layer) },
                isNamed: task === tasks.at(-1),
              },
            ];
          }),
        }),
      ),
    );
    const title = `Accuracy against efficiency, ${accelerators[accelerator]} behind the front`;
    return {
      file: `paper-accuracy-${accelerator}.svg`,
      alt: `${title}: change of accuracy in points against TOPS/W; the freeze point is ${freezePoint.layer}`,
      markup: scatterPlot({
        title,
        source: `${totalAreaMm2} mm², 16 nm from ${origin?.split(" ").at(-1)}; int8 at 128×128`,
        x: { label: "TOPS/W of the whole chip, without DRAM", scale: "log" },
        y: { label: "change of top-1 accuracy by freezing, points", scale: "linear" },
        series,
        references: [
          { axis: "y", value: -1, name: "one point lost: the paper's bound", kind: "bound" },
          { axis: "x", value: 11.2, name: "paper, part frozen: 11.2 (published)" },
        ],
      }),
    };
  });
}
