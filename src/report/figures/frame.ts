import { type Content, html, type Markup, raw } from "../markup.js";
import type { Scale } from "./scale.js";

/** Parts of a layer's area or energy, in the order in which they are stacked. */
export const stackParts = [
  "datapath",
  "requantization",
  "registers",
  "clock",
  "sram",
  "rom",
  "control",
  "leakage",
  "accelerator",
  "other",
] as const;
/** Name of a part. */
export type StackPart = (typeof stackParts)[number];

/** Print a coordinate. */
export const px = (value: number): string => value.toFixed(1);

/** Colours that tell series apart for all kinds of colour vision (Okabe and Ito 2008), by number; darker or lighter with the page. */
export const SERIES = 6;

const LIGHT = `--card: #ffffff; --ink: #1c1f23; --quiet: #5c6470; --rule: #dedcd4; --silicon: #0b6e69; --program: #b4560c;
--datapath: #0b6e69; --registers: #3f6fb5; --sram: #d08a1d; --rom: #8457a8;`;
const DARK = `--card: #1c2024; --ink: #e8e9ea; --quiet: #a3abb5; --rule: #343a41; --silicon: #4fc0b8; --program: #f0a05a;
--datapath: #4fc0b8; --registers: #7fa8e6; --sram: #e6ae55; --rom: #b993d8;`;

/** Further colours of the figures, which the report's own style sheet has not; light and dark. */
const LIGHT_MORE = `--requantization: #6db5ad; --clock: #a3c1ea; --control: #8a8f98; --leakage: #b3574e;
--series-0: #0072b2; --series-1: #d55e00; --series-2: #008a63; --series-3: #b8578f; --series-4: #a87400; --series-5: #2f8fc4;`;
const DARK_MORE = `--requantization: #2a8079; --clock: #47689c; --control: #7d8590; --leakage: #e58c82;
--series-0: #5aa9e6; --series-1: #ff9a4d; --series-2: #3cc79b; --series-3: #e08fc0; --series-4: #e6b34d; --series-5: #8fd0f5;`;

const SERIES_RULES = Array.from(
  { length: SERIES },
  (_, i) => `.series-${i} { --series: var(--series-${i}); }`,
).join(" ");

/** Rules of all figures; the report's page includes them beside its own. */
export const figureRules = `
.figure { display: block; width: 100%; max-width: 820px; height: auto; min-width: 480px; } @media print { .figure { min-width: 0; } }
:root, svg.alone { ${LIGHT_MORE} }
@media (prefers-color-scheme: dark) { :root, svg.alone { ${DARK_MORE} } }
.figure text { font: 12px system-ui, "Segoe UI", Roboto, Arial, sans-serif; fill: var(--ink); } .figure .tick, .figure .axis, .figure .quiet, .figure tspan.quiet { fill: var(--quiet); }
.figure .start { text-anchor: start; } .figure .end { text-anchor: end; } .figure .middle { text-anchor: middle; } .figure .strong { font-weight: 650; } .figure .plain { font-weight: 400; }
.figure .grid { stroke: var(--rule); } .figure .bound { stroke: var(--ink); stroke-dasharray: 6 4; } .figure .reference { stroke: var(--quiet); stroke-dasharray: 2 4; }
.figure .edge { stroke: var(--quiet); } .figure .whisker { stroke: var(--ink); stroke-width: 1.25; } .figure .range { fill: none; stroke: var(--series); stroke-width: 5; stroke-opacity: .25; stroke-linecap: round; }
${SERIES_RULES} .figure .float { --series: var(--registers); } .figure .int8 { --series: var(--silicon); } .figure .hardware { --series: var(--program); }
.figure .line { fill: none; stroke: var(--series); stroke-width: 2; } .figure .fill { fill: var(--series); } .figure .name { fill: var(--series); }
.figure .mark { fill: var(--series); stroke: var(--card); stroke-width: 1.25; } .figure .hollow { fill: var(--card); stroke: var(--series); stroke-width: 2; } .figure .cloud { fill: var(--quiet); fill-opacity: .28; }
.figure .halo { paint-order: stroke; stroke: var(--card); stroke-width: 3px; stroke-linejoin: round; }
.figure .stack { stroke: var(--card); stroke-width: .75; } ${stackParts
  .map((part) => `.figure .stack-${part} { fill: var(--${partVariable(part)}); }`)
  .join(" ")}
`;

function partVariable(part: StackPart): string {
  if (part === "accelerator") return "program";
  return part === "other" ? "quiet" : part;
}

/** What a figure that stands alone needs beside its rules. */
const ALONE = `svg.alone { ${LIGHT} background: var(--card); } @media (prefers-color-scheme: dark) { svg.alone { ${DARK} } }`;

/** Turn a figure into the text of an SVG file with its own style, light and dark by the reader's setting. */
export function svgFile(figure: Markup): string {
  const text = figure.text.replace(
    'class="figure"',
    'class="figure alone" xmlns="http://www.w3.org/2000/svg"',
  );
  const end = text.indexOf(">") + 1;
  // The file's root is the svg itself: `:root` rules of the page match it as well.
  return `${text.slice(0, end)}<style>${figureRules.replaceAll(/(min|max)-width: \d+px;/g, "")}${ALONE}</style>${text.slice(end)}\n`;
}

/** The outer element of a figure. */
export function figure(
  { width, height, label }: { readonly width: number; readonly height: number; readonly label: string },
  ...content: readonly Content[]
): Markup {
  return html`<svg class="figure" viewBox="0 0 ${width} ${height}" role="img" aria-label="${label}">
${content}
</svg>`;
}

/** Where a plot's axes lie. */
export type Box = {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
};

/** Draw both axes: ticks, horizontal grid, labels above the vertical axis and under the horizontal one. */
export function axes(
  box: Box,
  horizontal: { readonly scale: Scale; readonly label: string },
  vertical: { readonly scale: Scale; readonly label: string },
): Content {
  const rows = vertical.scale.ticks.map(({ value, text }) => {
    const y = px(vertical.scale.at(value));
    return html`<line class="grid" x1="${box.left}" x2="${box.right}" y1="${y}" y2="${y}"/><text class="tick end" x="${box.left - 8}" y="${y}" dy="4">${text}</text>`;
  });
  const columns = horizontal.scale.ticks.map(({ value, text }) => {
    const x = px(horizontal.scale.at(value));
    return html`<line class="edge" x1="${x}" x2="${x}" y1="${box.bottom}" y2="${box.bottom + 4}"/><text class="tick middle" x="${x}" y="${box.bottom + 18}">${text}</text>`;
  });
  return html`${rows}${columns}<text class="axis" x="${box.left}" y="${box.top - 16}">${vertical.label}</text><text class="axis end" x="${box.right}" y="${box.bottom + 38}">${horizontal.label}</text>`;
}

/** Push labels on one line apart where they would overlap, within bounds where there is room. */
export function spread(
  wanted: readonly number[],
  gap: number,
  highest = Number.POSITIVE_INFINITY,
): readonly number[] {
  const order = wanted.map((at, i) => ({ at, i })).sort((a, b) => a.at - b.at);
  for (let k = 1; k < order.length; k++) {
    const [before, one] = [order[k - 1]!, order[k]!];
    one.at = Math.max(one.at, before.at + gap);
  }
  for (let k = order.length - 1; k >= 0; k--) {
    const limit = k === order.length - 1 ? highest : order[k + 1]!.at - gap;
    order[k]!.at = Math.min(order[k]!.at, limit);
  }
  const result = new Array<number>(wanted.length);
  for (const { at, i } of order) result[i] = at;
  return result;
}

/** Width of a text at 12 px, about. */
export const textWidth = (text: string): number => 6.9 * [...text].length;

/** Lay names out in rows of a legend; returns the rows' markup and its height. */
export function legend(
  entries: readonly { readonly mark: (x: number, y: number) => Markup; readonly name: string }[],
  { left, right, top }: Pick<Box, "left" | "right" | "top">,
): { readonly markup: Content; readonly height: number } {
  let [x, y] = [left, top];
  const parts: Content[] = [];
  for (const { mark, name } of entries) {
    const width = 18 + textWidth(name) + 16;
    if (x > left && x + width > right) {
      x = left;
      y += 18;
    }
    parts.push(html`${mark(x + 6, y)}<text x="${px(x + 18)}" y="${px(y + 4)}">${name}</text>`);
    x += width;
  }
  return { markup: parts, height: entries.length === 0 ? 0 : y - top + 18 };
}

/** A class attribute of a series. */
export const seriesClass = (index: number): Markup => raw(`series-${index % SERIES}`);
