import type { ExploreResults } from "../../src/report/explore-results.js";
import { axes, type Box, figure, px } from "../../src/report/figures/frame.js";
import { marker } from "../../src/report/figures/marker.js";
import { linearScale, logScale, type Scale } from "../../src/report/figures/scale.js";
import { html, type Markup, raw } from "../../src/report/markup.js";
import { axisLabel, type Figure } from "./figures.js";
import type { Placed } from "./selection.js";

/** A published design on the axes. */
export type Reference = { readonly name: string; readonly x: number; readonly y: number };

/** Place published designs, which have an area and TOPS/W and no other figure. */
export function referencesOn(
  { references = [] }: Pick<ExploreResults, "references">,
  x: Pick<Figure, "id">,
  y: Pick<Figure, "id">,
): readonly Reference[] {
  const keys = ["areaMm2", "topsPerWatt"] as const;
  const [across, up] = [keys.find((key) => key === x.id), keys.find((key) => key === y.id)];
  if (across === undefined || up === undefined || across === up) return [];
  return references.map((one) => ({ name: one.name, x: one[across], y: one[up] }));
}

/** What the plot shows. */
export type PlotView = {
  readonly x: Figure;
  readonly y: Figure;
  readonly all: readonly Placed[];
  readonly front: readonly Placed[];
  readonly knee: Placed | undefined;
  readonly isFrontOnly: boolean;
  /** Published designs, where the axes are theirs. */
  readonly references: readonly Reference[];
  readonly width: number;
};

/** A drawn plot, and where its designs lie. */
export type DrawnPlot = {
  readonly markup: Markup;
  readonly box: Box;
  readonly width: number;
  readonly height: number;
  at(one: Placed): readonly [number, number];
};

const scaleOf = ({ scale }: Figure, values: readonly number[], pixels: readonly [number, number]): Scale =>
  scale === "log" && values.every((value) => value > 0)
    ? logScale(values, pixels)
    : linearScale(values, pixels);

/** Draw designs as a cloud, the Pareto front on top of it. */
export function drawPlot(view: PlotView): DrawnPlot {
  const { x, y, all, front, knee, isFrontOnly, references } = view;
  const width = Math.max(300, view.width);
  const height = Math.round(Math.min(560, Math.max(320, width * 0.66)));
  const box: Box = { left: 56, right: width - 14, top: 34, bottom: height - 48 };
  const shown = isFrontOnly ? front : all;
  const across = scaleOf(
    x,
    [...shown, ...references].map((one) => one.x),
    [box.left + 8, box.right - 8],
  );
  const up = scaleOf(
    y,
    [...shown, ...references].map((one) => one.y),
    [box.bottom - 4, box.top + 4],
  );
  const at = (one: Placed): readonly [number, number] => [across.at(one.x), up.at(one.y)];
  // One path for the whole cloud: thousands of elements would be slow.
  const dots = shown.map((one) => {
    const [left, top] = at(one);
    return `M${px(left - 2.5)} ${px(top)}a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0 -5 0`;
  });
  const line = front.map((one, i) => {
    const [left, top] = at(one);
    return i === 0 ? `M${px(left)} ${px(top)}` : `H${px(left)}V${px(top)}`;
  });
  const marks = front.map((one) => {
    const [left, top] = at(one);
    return one === knee
      ? html`<circle class="knee" cx="${px(left)}" cy="${px(top)}" r="6"/>`
      : html`<circle class="on-front" cx="${px(left)}" cy="${px(top)}" r="4"/>`;
  });
  const published = references.map(({ name, ...one }) =>
    marker("cross", { x: across.at(one.x), y: up.at(one.y) }, "published", `${name} (published)`),
  );
  const last = references[0];
  const name =
    last &&
    html`<text class="quiet end halo" x="${px(across.at(last.x) - 8)}" y="${px(up.at(last.y) + 16)}">NVDLA on ResNet-50 (published)</text>`;
  const markup = figure(
    { width, height, label: `${axisLabel(y)} against ${axisLabel(x)}: ${all.length} designs` },
    axes(box, { scale: across, label: axisLabel(x) }, { scale: up, label: axisLabel(y) }),
    html`<path class="design" d="${raw(dots.join(""))}"/><path class="front-line" d="${raw(line.join(""))}"/>${published}${name}${marks}<g id="rings"></g>`,
  );
  return { markup, box, width, height, at };
}

/** The rings around the design under the pointer and the chosen one. */
export function rings(plot: DrawnPlot, chosen: Placed | undefined, hovered: Placed | undefined): Markup {
  const ring = (one: Placed | undefined, kind: string, radius: number) => {
    if (one === undefined) return undefined;
    const [left, top] = plot.at(one);
    return html`<circle class="${kind}" cx="${px(left)}" cy="${px(top)}" r="${radius}"/>`;
  };
  return html`${ring(chosen, "chosen-ring", 8)}${ring(hovered, "hover", 6)}`;
}

/** The design nearest to a place, within some pixels; those on the front win when both are near. */
export function nearest(
  plot: DrawnPlot,
  [left, top]: readonly [number, number],
  { all, front, isFrontOnly }: Pick<PlotView, "all" | "front" | "isFrontOnly">,
): Placed | undefined {
  const closest = (list: readonly Placed[], within: number): Placed | undefined => {
    let best: Placed | undefined;
    let least = within * within;
    for (const one of list) {
      const [x, y] = plot.at(one);
      const distance = (x - left) ** 2 + (y - top) ** 2;
      if (distance <= least) {
        best = one;
        least = distance;
      }
    }
    return best;
  };
  return closest(front, 9) ?? (isFrontOnly ? closest(front, 24) : closest(all, 24));
}
