import { confidence95, percent } from "./format.js";
import { type Content, html, type Markup } from "./markup.js";
import type { AccuracyValue, LayerResult, SweepEntry } from "./results.js";

const width = 680;
const height = 320;
const margin = { top: 46, right: 18, bottom: 46, left: 46 };
const networks = ["float", "int8", "hardware"] as const;
const offsetPx = { float: -9, int8: 0, hardware: 9 } as const;

const r = (value: number): string => value.toFixed(1);

type Point = { readonly share: number; readonly layer: string; readonly entry: SweepEntry };

function marker(network: (typeof networks)[number], x: number, y: number): Markup {
  if (network === "float") return html`<circle class="mark float" cx="${r(x)}" cy="${r(y)}" r="5"/>`;
  if (network === "int8") {
    return html`<rect class="mark int8" x="${r(x - 4.5)}" y="${r(y - 4.5)}" width="9" height="9"/>`;
  }
  return html`<path class="mark hardware" d="M${r(x)} ${r(y - 6.5)}l6.5 6.5l-6.5 6.5l-6.5 -6.5z"/>`;
}

/** Choose a range of whole steps around the values; steps are 1, 2, 5, 10 or 20 points. */
function range(low: number, high: number): { low: number; high: number; step: number } {
  const span = Math.max(100 * (high - low), 1);
  const step = ([1, 2, 5, 10].find((candidate) => span / candidate <= 6) ?? 20) / 100;
  return {
    low: Math.max(0, Math.floor(low / step + 1e-9) * step),
    high: Math.min(1, Math.ceil(high / step - 1e-9) * step),
    step,
  };
}

/**
 * Plot accuracy against the share of MACs in silicon for one dataset: float, int8, hardware at each freeze point with
 * 95 % intervals, and the unfrozen network as a line. Returns undefined when no accuracy is known.
 */
export function accuracyPlot(
  dataset: string,
  entries: readonly SweepEntry[],
  macs: number,
): Markup | undefined {
  const points: Point[] = entries
    .map((entry) => ({
      share: macs > 0 ? entry.freezePoint.frozenMacs / macs : 0,
      layer: entry.freezePoint.layer,
      entry,
    }))
    .sort((a, b) => a.share - b.share);
  const accuracyAt = ({ entry }: Point, network: "unfrozen" | (typeof networks)[number]) =>
    entry.datasets?.find(({ name }) => name === dataset)?.accuracy[network];
  const measured = points.flatMap((point) =>
    (["unfrozen", ...networks] as const).flatMap((network) => accuracyAt(point, network) ?? []),
  );
  if (measured.length === 0) return undefined;
  const bounds = measured.flatMap(({ value, images }) => {
    const half = confidence95(value, images);
    return [Math.max(0, value - half), Math.min(1, value + half)];
  });
  const { low, high, step } = range(Math.min(...bounds), Math.max(...bounds));
  const x = (share: number): number => margin.left + share * (width - margin.left - margin.right);
  const y = (value: number): number =>
    height - margin.bottom - ((value - low) / (high - low)) * (height - margin.top - margin.bottom);
  const grid: Content[] = [];
  for (let i = 0; low + i * step <= high + 1e-9; i++) {
    const at = r(y(low + i * step));
    grid.push(
      html`<line class="grid" x1="${margin.left}" x2="${width - margin.right}" y1="${at}" y2="${at}"/><text class="tick end" x="${margin.left - 8}" y="${at}" dy="4">${((low + i * step) * 100).toFixed(0)}</text>`,
    );
  }
  for (let share = 0; share <= 100; share += 20) {
    grid.push(
      html`<text class="tick middle" x="${r(x(share / 100))}" y="${height - margin.bottom + 18}">${share}</text>`,
    );
  }
  const unfrozen = points.map((point) => accuracyAt(point, "unfrozen")).find((a) => a !== undefined);
  const reference =
    unfrozen !== undefined &&
    html`<line class="unfrozen" x1="${margin.left}" x2="${width - margin.right}" y1="${r(y(unfrozen.value))}" y2="${r(y(unfrozen.value))}"/><text class="label" x="${margin.left + 6}" y="${r(y(unfrozen.value) - 6)}">unfrozen ${percent(unfrozen.value)} %</text>`;
  let previous = { x: Number.NEGATIVE_INFINITY, row: 1 };
  const guides = points.map(({ share, layer }) => {
    const at = x(share);
    const row = at - previous.x < 90 ? 1 - previous.row : 0;
    previous = { x: at, row };
    const side = at > width - 60 ? "end" : at < margin.left + 40 ? "start" : "middle";
    const top = margin.top - 6 - 14 * row;
    return html`<line class="guide" x1="${r(at)}" x2="${r(at)}" y1="${margin.top}" y2="${height - margin.bottom}"/><text class="label ${side}" x="${r(at)}" y="${top}">${layer}</text>`;
  });
  const series = networks.map((network) => {
    const known = points.flatMap((point) => {
      const accuracy: AccuracyValue | undefined = accuracyAt(point, network);
      return accuracy ? [{ at: x(point.share) + offsetPx[network], accuracy, layer: point.layer }] : [];
    });
    const path = known.map(({ at, accuracy }) => `${r(at)},${r(y(accuracy.value))}`).join(" ");
    return html`<g><polyline class="line ${network}" points="${path}"/>${known.map(
      ({ at, accuracy, layer }) => {
        const half = confidence95(accuracy.value, accuracy.images);
        const title = `${layer}, ${network}: ${percent(accuracy.value)} % ± ${percent(half)} (${accuracy.images} images)`;
        return html`<g><title>${title}</title><line class="line ${network}" x1="${r(at)}" x2="${r(at)}" y1="${r(y(Math.max(low, accuracy.value - half)))}" y2="${r(y(Math.min(high, accuracy.value + half)))}"/>${marker(network, at, y(accuracy.value))}</g>`;
      },
    )}</g>`;
  });
  const legend = networks
    .filter((network) => points.some((point) => accuracyAt(point, network)))
    .map(
      (network) =>
        html`<li><svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">${marker(network, 8, 8)}</svg>${network}</li>`,
    );
  return html`<figure>
<figcaption>${dataset}: accuracy against the share of the network in silicon</figcaption>
<div class="scroll"><svg class="plot" viewBox="0 0 ${width} ${height}" role="img" aria-label="${dataset}: accuracy at each freeze point; the figures are in the accuracy table">
${grid}
<text class="axis" x="${margin.left}" y="14">top-1 accuracy, %</text>
<text class="axis end" x="${width - margin.right}" y="${height - 8}">frozen MACs, % of the backbone</text>
${guides}${reference}${series}
</svg></div>
<ul class="legend">${legend}</ul>
<p class="small">Bars are 95 % confidence intervals of the image counts; markers of one freeze point stand side by side.</p>
</figure>
`;
}

/** One row of horizontal bars. */
export type Bar = {
  readonly label: string;
  /** Printed value at the row's end. */
  readonly value: string;
  readonly parts: readonly { readonly name: string; readonly amount: number }[];
};

/** Draw rows of stacked bars on one linear scale, label and value as text, so that they stay readable when narrow. */
export function stackedBars(caption: string, bars: readonly Bar[]): Markup | undefined {
  const total = ({ parts }: Bar): number => parts.reduce((sum, { amount }) => sum + amount, 0);
  const longest = Math.max(0, ...bars.map(total));
  if (longest === 0) return undefined;
  const names = [
    ...new Set(bars.flatMap(({ parts }) => parts.filter(({ amount }) => amount > 0).map(({ name }) => name))),
  ];
  const rows = bars.map((bar) => {
    let at = 0;
    const rects = bar.parts.map(({ name, amount }) => {
      const length = (100 * amount) / longest;
      const rect = html`<rect class="part ${name.replaceAll(/[^a-z]/g, "-")}" x="${at.toFixed(3)}" width="${length.toFixed(3)}" height="10"><title>${bar.label}, ${name}: ${percent(amount / (total(bar) || 1))} %</title></rect>`;
      at += length;
      return rect;
    });
    return html`<div class="bar"><span class="name">${bar.label}</span><svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">${rects}</svg><span class="amount">${bar.value}</span></div>
`;
  });
  return html`<figure>
<figcaption>${caption}</figcaption>
<div class="bars">${rows}</div>
${names.length > 1 && html`<ul class="legend">${names.map((name) => html`<li><i class="swatch ${name.replaceAll(/[^a-z]/g, "-")}"></i>${name}</li>`)}</ul>`}
</figure>
`;
}

/** Draw the network as one strip, each layer as wide as its share of the MACs, cut where the silicon ends. */
export function cutStrip(layers: readonly LayerResult[]): Markup | undefined {
  const total = layers.reduce((sum, { macs }) => sum + macs, 0);
  if (total === 0) return undefined;
  let at = 0;
  const rects = layers.map(({ name, macs, frozen }) => {
    const length = (1000 * macs) / total;
    const rect = html`<rect class="${frozen ? "frozen" : "tail"}" x="${r(at)}" width="${r(Math.max(0, length - 1.5))}" height="40"><title>${name}: ${percent(macs / total)} % of the MACs, ${frozen ? "silicon" : "program"}</title></rect>`;
    at += length;
    return rect;
  });
  const share = layers.filter(({ frozen }) => frozen).reduce((sum, { macs }) => sum + macs, 0) / total;
  return html`<figure class="strip">
<svg viewBox="0 0 1000 40" preserveAspectRatio="none" role="img" aria-label="${percent(share)} % of the MACs are in silicon">${rects}</svg>
<p class="ends"><span>${percent(share)} % of the MACs in silicon</span><span>${percent(1 - share)} % programmable</span></p>
<figcaption>Every layer in order, as wide as its share of the multiply-accumulates</figcaption>
</figure>
`;
}
