import {
  addersSaved,
  type ConstantsPoint,
  type ConstantsResults,
  largestSaving,
} from "./constants-results.js";
import { svgFile } from "./figures/index.js";
import { confidence95, percent, plural } from "./format.js";
import { type Content, html, type Markup } from "./markup.js";

const width = 680;
const height = 340;
const margin = { top: 40, right: 24, bottom: 50, left: 52 };
const right = width - margin.right;
const bottom = height - margin.bottom;
const NETWORKS = ["float", "int8"] as const;
type Network = (typeof NETWORKS)[number];
const SHIFT_PX = { float: -4, int8: 4 } as const;

const r = (value: number): string => value.toFixed(1);

function marker(network: Network, x: number, y: number): Markup {
  return network === "float"
    ? html`<circle class="mark float" cx="${r(x)}" cy="${r(y)}" r="4.5"/>`
    : html`<rect class="mark int8" x="${r(x - 4)}" y="${r(y - 4)}" width="8" height="8"/>`;
}

/** Whole steps around some shares: of 1, 2, 5, 10 or 20 points. */
function axisOf(values: readonly number[]): { low: number; high: number; step: number } {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const step = [0.01, 0.02, 0.05, 0.1].find((one) => (high - low) / one <= 6) ?? 0.2;
  const from = Math.floor(low / step + 1e-9) * step;
  return { low: from, high: Math.max(Math.ceil(high / step - 1e-9) * step, from + step), step };
}

/** Plot accuracy, float and int8 with 95 % intervals, against the full adders saved, as an SVG file of its own. */
export function constantsSvg(results: ConstantsResults): string {
  const { points, dataset, freezePoint, boundPoints } = results;
  const line = points[0]!.accuracy.int8.value - boundPoints / 100;
  const interval = (point: ConstantsPoint, network: Network): readonly [number, number] => {
    const { value, images } = point.accuracy[network];
    const half = confidence95(value, images);
    return [Math.max(0, value - half), Math.min(1, value + half)];
  };
  const vertical = axisOf([
    line,
    ...points.flatMap((point) => NETWORKS.flatMap((one) => interval(point, one))),
  ]);
  const horizontal = axisOf([0, 0.1, ...points.map((point) => addersSaved(results, point))]);
  const x = (saved: number): number =>
    margin.left +
    12 +
    ((saved - horizontal.low) / (horizontal.high - horizontal.low)) * (right - margin.left - 24);
  const y = (value: number): number =>
    bottom - ((value - vertical.low) / (vertical.high - vertical.low)) * (bottom - margin.top);
  const grid: Content[] = [];
  for (let value = vertical.low; value <= vertical.high + 1e-9; value += vertical.step) {
    const at = r(y(value));
    grid.push(
      html`<line class="grid" x1="${margin.left}" x2="${right}" y1="${at}" y2="${at}"/><text class="tick end" x="${margin.left - 8}" y="${at}" dy="4">${(100 * value).toFixed(0)}</text>`,
    );
  }
  for (let saved = horizontal.low; saved <= horizontal.high + 1e-9; saved += horizontal.step) {
    grid.push(
      html`<text class="tick middle" x="${r(x(saved))}" y="${bottom + 18}">${(100 * saved).toFixed(0)}</text>`,
    );
  }
  const ordered = points.toSorted((a, b) => addersSaved(results, a) - addersSaved(results, b));
  const series = NETWORKS.map((network) => {
    const at = (point: ConstantsPoint): number => x(addersSaved(results, point)) + SHIFT_PX[network];
    const path = ordered.map((point) => `${r(at(point))},${r(y(point.accuracy[network].value))}`).join(" ");
    const marks = ordered.map((point) => {
      const [low, high] = interval(point, network);
      const title = `${percent(point.share)} % of the digits, ${network}: ${percent(point.accuracy[network].value)} %`;
      return html`<g><title>${title}</title><line class="line ${network}" x1="${r(at(point))}" x2="${r(at(point))}" y1="${r(y(low))}" y2="${r(y(high))}"/>${marker(network, at(point), y(point.accuracy[network].value))}</g>`;
    });
    return html`<polyline class="line ${network}" points="${path}"/>${marks}`;
  });
  const chosen = r(x(addersSaved(results, largestSaving(results))));
  const legend = NETWORKS.map(
    (network, i) =>
      html`${marker(network, right - 100 + 56 * i, 14)}<text x="${right - 91 + 56 * i}" y="18">${network}</text>`,
  );
  return svgFile(
    html`<svg class="figure" viewBox="0 0 ${width} ${height}" role="img" aria-label="${dataset}, frozen up to ${freezePoint}: accuracy against full adders saved">
${grid}
<text class="axis" x="${margin.left}" y="18">${dataset}, ${freezePoint}: top-1 accuracy, %</text>
<text class="axis end" x="${right}" y="${height - 10}">full adders saved in the front, %</text>
<line class="bound" x1="${margin.left}" x2="${right}" y1="${r(y(line))}" y2="${r(y(line))}"/>
<text x="${margin.left + 6}" y="${r(y(line) + 14)}">int8 as quantized, less ${plural(boundPoints, "point")}</text>
<line class="reference" x1="${chosen}" x2="${chosen}" y1="${margin.top}" y2="${bottom}"/><text class="middle" x="${chosen}" y="${margin.top - 6}">chosen</text>
${series}
${legend}
</svg>`,
  );
}
