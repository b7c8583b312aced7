import { ratio, significant } from "../format.js";
import { type Content, html, type Markup } from "../markup.js";
import { figure, legend, px, seriesClass } from "./frame.js";
import { linearScale } from "./scale.js";

/** One design at one area. Without a value: why there is none. */
export type IsoAreaBar = {
  readonly name: string;
  /** Bar of the same group that the ratio is to; absent: the first, which names none. */
  readonly comparedWith?: string;
} & ({ readonly value: number; readonly low: number; readonly high: number } | { readonly absent: string });

/** Designs of one total area; unless they say otherwise, the first is what the others are compared with. */
export type IsoAreaGroup = { readonly areaMm2: number; readonly bars: readonly IsoAreaBar[] };

/** Data of {@link isoAreaBars}. */
export type IsoAreaBars = {
  readonly title: string;
  readonly source: string;
  /** Quantity and unit of the bars: `TOPS/W`. */
  readonly unit: string;
  readonly groups: readonly IsoAreaGroup[];
};

const width = 820;
const barHeight = 20;
const groupGap = 16;

/** Draw designs of the same total area side by side, with ranges and the ratio to the first of each group; undefined without a value. */
export function isoAreaBars({ title, source, unit, groups }: IsoAreaBars): Markup | undefined {
  const bars = groups.flatMap((group) => group.bars);
  const values = bars.flatMap((bar) => ("value" in bar ? [bar.value, bar.high] : []));
  if (values.length === 0) return undefined;
  const names = [...new Set(bars.map(({ name }) => name))];
  const keys = legend(
    names.map((name, i) => ({
      name,
      mark: (x, y) =>
        html`<rect class="fill ${seriesClass(i)}" x="${px(x - 6)}" y="${px(y - 6)}" width="12" height="12" rx="2"/>`,
    })),
    { left: 12, right: width - 12, top: 42 },
  );
  const [left, right] = [76, width - 130];
  const scale = linearScale([0, ...values], [left, right]);
  let y = 42 + keys.height + 10;
  const first = y;
  const drawn: Content[] = [];
  for (const { areaMm2, bars: own } of groups) {
    const middle = y + (own.length * barHeight) / 2;
    drawn.push(
      html`<text class="strong end" x="${left - 12}" y="${px(middle)}" dy="4">${significant(areaMm2)} mm²</text>`,
    );
    for (const bar of own) {
      const { comparedWith } = bar;
      const reference = comparedWith === undefined ? own[0] : own.find(({ name }) => name === comparedWith);
      drawn.push(barOf(bar, reference, { y, scale: scale.at, index: names.indexOf(bar.name) }));
      y += barHeight;
    }
    y += groupGap;
  }
  const bottom = y - groupGap + 6;
  const ticks = scale.ticks.map(({ value, text }) => {
    const x = px(scale.at(value));
    return html`<line class="grid" x1="${x}" x2="${x}" y1="${first - 4}" y2="${bottom}"/><text class="tick middle" x="${x}" y="${bottom + 16}">${text}</text>`;
  });
  return figure(
    { width, height: bottom + 42, label: `${title}; ${source}` },
    html`<text class="strong" x="12" y="18">${title}</text><text class="quiet end" x="${width - 8}" y="18">${source}</text>`,
    keys.markup,
    ticks,
    drawn,
    html`<text class="axis end" x="${right}" y="${bottom + 34}">${unit}</text>`,
  );
}

function barOf(
  bar: IsoAreaBar,
  reference: IsoAreaBar | undefined,
  {
    y,
    scale,
    index,
  }: { readonly y: number; readonly scale: (value: number) => number; readonly index: number },
): Markup {
  const middle = y + barHeight / 2;
  if ("absent" in bar)
    return html`<text class="quiet halo" x="${px(scale(0) + 6)}" y="${px(middle)}" dy="4">${bar.name}: ${bar.absent}</text>`;
  const { value, low, high, name } = bar;
  const isCompared = reference !== undefined && reference !== bar && "value" in reference;
  const times = isCompared ? ` (${ratio(value / reference.value)})` : "";
  const whisker =
    high > low &&
    html`<path class="whisker" fill="none" d="M${px(scale(low))} ${px(middle - 3)}v6m0 -3H${px(scale(high))}m0 -3v6"/>`;
  return html`<g class="${seriesClass(index)}"><rect class="fill" x="${px(scale(0))}" y="${y + 2}" width="${px(scale(value) - scale(0))}" height="${barHeight - 4}" rx="2"><title>${name}: ${significant(value)} (${significant(low)} to ${significant(high)})</title></rect>${whisker}<text class="halo" x="${px(scale(Math.max(high, value)) + 6)}" y="${px(middle)}" dy="4"><tspan class="strong">${significant(value)}</tspan>${times}</text></g>`;
}
