import { seriesClass, spread, svgFile } from "./figures/index.js";
import { percent, points } from "./format.js";
import { datasetNamesOf, freezingLoss, type Precision } from "./freeze-verdict.js";
import { type Content, html, type Markup } from "./markup.js";
import { freezePointsOf, type Results } from "./results.js";
import { PAPER_BOUND } from "./transfer-tables.js";

const width = 720;
const height = 380;
const margin = { top: 40, right: 128, bottom: 52, left: 52 };

const r = (value: number): string => value.toFixed(1);

type Line = {
  readonly name: string;
  readonly points: readonly { readonly share: number; readonly change: number; readonly layer: string }[];
};

function linesOf(results: Results, precision: Precision): readonly Line[] {
  const macs = results.backbone?.macs ?? 0;
  return datasetNamesOf(results).map((name) => ({
    name,
    points: freezePointsOf(results).flatMap((entry) => {
      const loss = freezingLoss(entry, name, precision);
      const share = macs > 0 ? entry.freezePoint.frozenMacs / macs : 0;
      return loss === undefined ? [] : [{ share, change: -loss, layer: entry.freezePoint.layer }];
    }),
  }));
}

/** Whole points below and above all changes, with room for the bound. */
function axisOf(lines: readonly Line[]): { low: number; high: number; step: number } {
  const changes = lines.flatMap(({ points: all }) => all.map(({ change }) => change));
  const low = Math.min(-2 * PAPER_BOUND, ...changes);
  const high = Math.max(PAPER_BOUND, ...changes);
  const step = [0.01, 0.02, 0.05, 0.1, 0.2].find((one) => (high - low) / one <= 8) ?? 0.5;
  return { low: Math.floor(low / step - 1e-9) * step, high: Math.ceil(high / step - 1e-9) * step, step };
}

/**
 * Plot the change of accuracy by freezing, in points, against the share of MACs in silicon: one line a dataset, the paper's bound as
 * a line. Undefined when nothing was compared.
 */
export function transferPlot(results: Results, precision: Precision): Markup | undefined {
  const lines = linesOf(results, precision).filter(({ points: all }) => all.length > 0);
  if (lines.length === 0) return undefined;
  const { low, high, step } = axisOf(lines);
  const x = (share: number): number => margin.left + share * (width - margin.left - margin.right);
  const y = (change: number): number =>
    margin.top + ((high - change) / (high - low)) * (height - margin.top - margin.bottom);
  const right = width - margin.right;
  const grid: Content[] = [];
  for (let i = 0; low + i * step <= high + 1e-9; i++) {
    const at = r(y(low + i * step));
    grid.push(
      html`<line class="grid" x1="${margin.left}" x2="${right}" y1="${at}" y2="${at}"/><text class="tick end" x="${margin.left - 8}" y="${at}" dy="4">${points(low + i * step).replace(".0", "")}</text>`,
    );
  }
  for (let share = 0; share <= 100; share += 20) {
    grid.push(
      html`<text class="tick middle" x="${r(x(share / 100))}" y="${height - margin.bottom + 18}">${share}</text>`,
    );
  }
  const ends = spread(
    lines.map((line) => y(line.points.at(-1)!.change)),
    15,
  );
  const series = lines.map((line, i) => {
    const path = [{ share: 0, change: 0 }, ...line.points].map((p) => `${r(x(p.share))},${r(y(p.change))}`);
    const marks = line.points.map(
      (p) =>
        html`<circle cx="${r(x(p.share))}" cy="${r(y(p.change))}" r="4" class="fill"><title>${line.name}, ${p.layer}: ${points(p.change)} points with ${percent(p.share)} % of the MACs frozen</title></circle>`,
    );
    return html`<g class="${seriesClass(i)}"><polyline class="line" points="${path.join(" ")}"/>${marks}<text class="name" x="${right + 8}" y="${r(ends[i]!)}" dy="4">${line.name}</text></g>`;
  });
  return html`<svg class="figure" viewBox="0 0 ${width} ${height}" role="img" aria-label="Change of accuracy against the share of MACs frozen, ${precision}">
${grid}
<text class="axis" x="${margin.left}" y="16">change of top-1 accuracy by freezing, points (${precision})</text>
<text class="axis end" x="${right}" y="${height - 10}">frozen MACs, % of the backbone</text>
<line class="bound" x1="${margin.left}" x2="${right}" y1="${r(y(-PAPER_BOUND))}" y2="${r(y(-PAPER_BOUND))}"/>
<text class="quiet end" x="${right - 4}" y="${r(y(-PAPER_BOUND) - 6)}">one point lost: the paper's bound</text>
${series}
</svg>`;
}

/** The plot as a file of its own. */
export function transferSvg(results: Results, precision: Precision): string | undefined {
  const plot = transferPlot(results, precision);
  return plot === undefined ? undefined : svgFile(plot);
}
