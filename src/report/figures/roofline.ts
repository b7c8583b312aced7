import { type Content, html, type Markup } from "../markup.js";
import { axes, type Box, figure, legend, px, seriesClass } from "./frame.js";
import { marker, markerShapes } from "./marker.js";
import { logScale } from "./scale.js";

/** A machine's roof: attainable TOPS = min(peak, operations per byte × bandwidth) (Williams, Waterman and Patterson 2009). */
export type Roof = {
  readonly name: string;
  readonly peakTops: number;
  readonly dramGbPerSecond: number;
};

/** One layer on a machine. */
export type RooflineLayer = {
  readonly name: string;
  /** `conv`, `depthwise`, `dense`: gives the shape. */
  readonly kind: string;
  /** 2 · MACs over DRAM bytes, weights and activations. */
  readonly operationsPerByte: number;
  /** What it reaches, utilization included. */
  readonly tops: number;
};

/** Data of {@link roofline}. */
export type Roofline = {
  readonly title: string;
  readonly source: string;
  readonly roofs: readonly Roof[];
  readonly layers: readonly RooflineLayer[];
};

const width = 820;
const plotHeight = 330;

/** TOPS that a roof allows at an intensity; GB/s × operations/byte = 1e9 operations/s. */
export function attainableTops(roof: Roof, operationsPerByte: number): number {
  return Math.min(roof.peakTops, roof.dramGbPerSecond * operationsPerByte * 1e-3);
}

/** Draw layers under the roofs of the machines that run them, both axes logarithmic; undefined when nothing moves a byte. */
export function roofline({ title, source, roofs, layers }: Roofline): Markup | undefined {
  const shown = layers.filter(
    ({ operationsPerByte, tops }) => Number.isFinite(operationsPerByte) && operationsPerByte > 0 && tops > 0,
  );
  if (shown.length === 0) return undefined;
  const kinds = [...new Set(shown.map(({ kind }) => kind))];
  const keys = legend(
    kinds.map((kind, i) => ({
      name: kind,
      mark: (x, y) =>
        html`<g class="${seriesClass(i)}">${marker(markerShapes[i % markerShapes.length]!, { x, y }, "mark")}</g>`,
    })),
    { left: 12, right: width - 12, top: 42 },
  );
  const top = 42 + keys.height + 26;
  const box: Box = { left: 62, right: width - 26, top, bottom: top + plotHeight };
  const ridges = roofs.map(({ peakTops, dramGbPerSecond }) => (peakTops / dramGbPerSecond) * 1e3);
  const intensities = shown.map(({ operationsPerByte }) => operationsPerByte);
  const x = logScale(
    [...intensities, ...ridges, Math.max(...intensities, ...ridges) * 2],
    [box.left + 8, box.right - 8],
  );
  const lowest = Math.min(...shown.map(({ tops }) => tops));
  const highest = Math.max(...roofs.map(({ peakTops }) => peakTops), ...shown.map(({ tops }) => tops));
  const y = logScale([lowest, highest * 1.3], [box.bottom, box.top]);
  const lines: Content = roofs.map((roof, i) => {
    const from = Math.max(x.low, (y.low / roof.dramGbPerSecond) * 1e3);
    const ridge = Math.min(x.high, Math.max(from, ridges[i]!));
    const points = [from, ridge, x.high].map(
      (intensity) => `${px(x.at(intensity))},${px(y.at(Math.max(y.low, attainableTops(roof, intensity))))}`,
    );
    return html`<polyline class="edge" fill="none" stroke-width="2" points="${points.join(" ")}"/><text class="quiet end halo" x="${box.right - 4}" y="${px(y.at(roof.peakTops) - 6)}">${roof.name}</text>`;
  });
  const marks = shown.map((layer) => {
    const i = kinds.indexOf(layer.kind);
    const at = { x: x.at(layer.operationsPerByte), y: y.at(layer.tops) };
    const text = `${layer.name}: ${layer.operationsPerByte.toPrecision(3)} operations/byte, ${layer.tops.toPrecision(3)} TOPS`;
    return html`<g class="${seriesClass(i)}">${marker(markerShapes[i % markerShapes.length]!, at, "mark", text)}</g>`;
  });
  return figure(
    { width, height: box.bottom + 48, label: `${title}; ${source}` },
    html`<text class="strong" x="12" y="18">${title}</text><text class="quiet end" x="${width - 8}" y="18">${source}</text>`,
    keys.markup,
    axes(box, { scale: x, label: "operations per DRAM byte" }, { scale: y, label: "TOPS" }),
    lines,
    marks,
  );
}
