import { type Content, html, type Markup } from "../markup.js";
import { axes, type Box, figure, legend, px, seriesClass } from "./frame.js";
import {
  type LabelPlace,
  labelRect,
  lineRects,
  markRect,
  placeLabel,
  placesAlong,
  placesAround,
  type Rect,
} from "./labels.js";
import { type MarkerShape, marker, markerShapes } from "./marker.js";
import { linearScale, logScale, type Scale } from "./scale.js";

/** One axis; `log` needs positive figures. */
export type PlotAxis = { readonly label: string; readonly scale: "linear" | "log" };

/** One point, with ranges as whiskers. */
export type PlotPoint = {
  readonly x: number;
  readonly y: number;
  /** Shown on hover, and beside the point when `isNamed`. */
  readonly name: string;
  readonly isNamed?: boolean;
  readonly xRange?: { readonly low: number; readonly high: number };
  readonly yRange?: { readonly low: number; readonly high: number };
};

/** Points that belong together. */
export type PlotSeries = {
  readonly name: string;
  readonly points: readonly PlotPoint[];
  /** `cloud`: small and quiet, not in the colours; `line`: joined in order; `steps`: joined as a Pareto front; `points`: alone. */
  readonly style: "cloud" | "points" | "line" | "steps";
  readonly isHollow?: boolean;
};

/** A value to compare with, as a line across. */
export type PlotReference = {
  readonly axis: "x" | "y";
  readonly value: number;
  readonly name: string;
  readonly kind?: "bound" | "reference";
};

/** Data of {@link scatterPlot}. */
export type ScatterPlot = {
  readonly title: string;
  readonly source: string;
  readonly x: PlotAxis;
  readonly y: PlotAxis;
  readonly series: readonly PlotSeries[];
  readonly references?: readonly PlotReference[];
};

const width = 820;
const plotHeight = 330;

const isDrawable = (axis: PlotAxis, value: number): boolean =>
  Number.isFinite(value) && (axis.scale === "linear" || value > 0);

/** Draw points of several series on two axes, lines of reference across; undefined when there is no point. */
export function scatterPlot(plot: ScatterPlot): Markup | undefined {
  const series = plot.series
    .map((one) => ({
      ...one,
      points: one.points.filter(({ x, y }) => isDrawable(plot.x, x) && isDrawable(plot.y, y)),
    }))
    .filter(({ points }) => points.length > 0);
  if (series.length === 0) return undefined;
  const references = (plot.references ?? []).filter(({ axis, value }) => isDrawable(plot[axis], value));
  let colour = -1;
  const looks = series.map(({ style, isHollow }): { kind: string; shape: MarkerShape; index: number } => {
    if (style === "cloud") return { kind: "cloud", shape: "circle", index: -1 };
    colour++;
    return {
      ...{ kind: isHollow === true ? "hollow" : "mark", index: colour },
      shape: markerShapes[colour % markerShapes.length]!,
    };
  });
  const keys = legend(
    series.map(({ name }, s) => ({
      name,
      mark: (x, y) =>
        html`<g class="${seriesClass(Math.max(0, looks[s]!.index))}">${marker(looks[s]!.shape, { x, y }, looks[s]!.kind)}</g>`,
    })),
    { left: 12, right: width - 12, top: 42 },
  );
  const top = 42 + keys.height + 26;
  const box: Box = { left: 62, right: width - 26, top, bottom: top + plotHeight };
  const all = series.flatMap(({ points }) => points);
  const values = (axis: "x" | "y"): number[] => [
    ...all.flatMap((point) => {
      const range = point[`${axis}Range`];
      return [point[axis], ...(range ? [range.low, range.high] : [])];
    }),
    ...references.filter((one) => one.axis === axis).map(({ value }) => value),
  ];
  const scaleOf = (axis: "x" | "y", pixels: readonly [number, number]) =>
    plot[axis].scale === "log"
      ? logScale(
          values(axis).filter((value) => value > 0),
          pixels,
        )
      : linearScale(values(axis), pixels);
  const x = scaleOf("x", [box.left + 8, box.right - 8]);
  const y = scaleOf("y", [box.bottom, box.top]);
  const lines = references.map(({ axis, value, kind = "reference" }) =>
    axis === "y"
      ? html`<line class="${kind}" x1="${box.left}" x2="${box.right}" y1="${px(y.at(value))}" y2="${px(y.at(value))}"/>`
      : html`<line class="${kind}" x1="${px(x.at(value))}" x2="${px(x.at(value))}" y1="${box.top}" y2="${box.bottom}"/>`,
  );
  const within = (value: number, low: number): number => Math.max(value, low);
  const drawn = series.map(({ points, style }, s) => {
    const { kind, shape, index } = looks[s]!;
    const places = points.map((point) => ({ point, at: [x.at(point.x), y.at(point.y)] as const }));
    const path = places.map(({ at: [px0, py0] }, i) => {
      if (i === 0) return `M${px(px0)} ${px(py0)}`;
      return style === "steps" ? `H${px(px0)}V${px(py0)}` : `L${px(px0)} ${px(py0)}`;
    });
    const whiskers: Content = places.map(({ point: { xRange, yRange }, at: [px0, py0] }) => [
      xRange !== undefined &&
        html`<path class="range" d="M${px(x.at(within(xRange.low, x.low)))} ${px(py0)}H${px(x.at(xRange.high))}"/>`,
      yRange !== undefined &&
        html`<path class="range" d="M${px(px0)} ${px(y.at(within(yRange.low, y.low)))}V${px(y.at(yRange.high))}"/>`,
    ]);
    const size = style === "cloud" ? 2.4 : 5;
    return html`<g class="${seriesClass(Math.max(0, index))}">${
      (style === "line" || style === "steps") && html`<path class="line" d="${path.join("")}"/>`
    }${whiskers}${places.map(({ point, at: [px0, py0] }) => marker(shape, { x: px0, y: py0, size }, kind, point.name))}</g>\n`;
  });
  return figure(
    { width, height: box.bottom + 48, label: `${plot.title}; ${plot.source}` },
    html`<text class="strong" x="12" y="18">${plot.title}</text><text class="quiet end" x="${width - 8}" y="18">${plot.source}</text>`,
    keys.markup,
    axes(box, { scale: x, label: plot.x.label }, { scale: y, label: plot.y.label }),
    lines,
    drawn,
    allLabels(series, references, { x, y, box }),
  );
}

/** A text at a place. */
const textAt = ({ x, y, anchor }: LabelPlace, text: string, kind = ""): Markup =>
  html`<text class="${kind}${anchor} halo" x="${px(x)}" y="${px(y)}">${text}</text>`;

/** Names of lines and of points, each where it covers least. */
function allLabels(
  series: readonly PlotSeries[],
  references: readonly PlotReference[],
  { x, y, box }: { readonly x: Scale; readonly y: Scale; readonly box: Box },
): Content {
  const taken: Rect[] = series.flatMap(({ points }) =>
    points.flatMap((point) => {
      const [left, top] = [x.at(point.x), y.at(point.y)];
      const { xRange, yRange } = point;
      return [
        markRect(left, top),
        ...(xRange
          ? [{ left: x.at(xRange.low), right: x.at(xRange.high), top: top - 2, bottom: top + 2 }]
          : []),
        ...(yRange
          ? [{ left: left - 2, right: left + 2, top: y.at(yRange.high), bottom: y.at(yRange.low) }]
          : []),
      ];
    }),
  );
  for (const { points, style } of series) {
    if (style !== "line" && style !== "steps") continue;
    for (let i = 1; i < points.length; i++) {
      const [before, one] = [points[i - 1]!, points[i]!];
      const [from, to] = [[x.at(before.x), y.at(before.y)] as const, [x.at(one.x), y.at(one.y)] as const];
      const corner = style === "steps" ? ([to[0], from[1]] as const) : to;
      taken.push(...lineRects(from, corner), ...lineRects(corner, to));
    }
  }
  const put = (text: string, candidates: readonly LabelPlace[], kind?: string): Markup => {
    const place = placeLabel(text, candidates, taken, { ...box, right: width - 4 });
    taken.push(labelRect(text, place));
    return textAt(place, text, kind);
  };
  const lines = references.map(({ axis, value, name }) => {
    if (axis === "y") return put(name, placesAlong(box, y.at(value) - 5), "quiet ");
    const at = x.at(value);
    const beside = (top: number): readonly LabelPlace[] => [
      { x: at + 5, y: top, anchor: "start" },
      { x: at - 5, y: top, anchor: "end" },
    ];
    return put(name, [...beside(box.top + 12), ...beside(box.bottom - 8)], "quiet ");
  });
  const named = series.flatMap(({ points }) => points.filter(({ isNamed }) => isNamed === true));
  return [lines, named.map((point) => put(point.name, placesAround(x.at(point.x), y.at(point.y))))];
}
