import { significant } from "../format.js";
import { html, type Markup } from "../markup.js";
import { figure, legend, px, type StackPart, stackParts, textWidth } from "./frame.js";
import { linearScale } from "./scale.js";

/** One bar: a layer and the parts of its figure. */
export type StackRow = {
  readonly name: string;
  readonly parts: { readonly [Part in StackPart]?: number };
  /** Range of the total, as a whisker. */
  readonly range?: { readonly low: number; readonly high: number };
  /** Quiet text at the right edge: the layer's form, say. */
  readonly note?: string;
  /** Quiet text right behind the value. */
  readonly remark?: string;
};

/** Data of {@link layerStack}. */
export type LayerStack = {
  /** Heading with the unit: `Area of each layer, mm²`. */
  readonly title: string;
  /** Where the figures come from: `modelled, sky130hd`. */
  readonly source: string;
  readonly rows: readonly StackRow[];
};

const width = 820;
const rowHeight = 19;
const top = 34;

/** Narrower parts get no outline, which would hide them. */
const THIN_PX = 2.5;

const totalOf = ({ parts }: StackRow): number =>
  Object.values(parts).reduce((sum: number, amount: number) => sum + amount, 0);

/**
 * Draw one stacked bar a layer, parts in the order of {@link stackParts}, on one linear scale, the total at its end. Undefined when there is
 * nothing above zero.
 */
export function layerStack({ title, source, rows }: LayerStack): Markup | undefined {
  const totals = rows.map(totalOf);
  if (!(Math.max(0, ...totals) > 0)) return undefined;
  const left = 20 + Math.min(220, Math.max(...rows.map(({ name }) => textWidth(name))));
  const noteRoom = Math.max(0, ...rows.map(({ note }) => (note === undefined ? 0 : textWidth(note) + 10)));
  const remarkRoom = Math.max(
    0,
    ...rows.map(({ remark }) => (remark === undefined ? 0 : textWidth(remark) + 8)),
  );
  const right = width - 66 - noteRoom - remarkRoom;
  const used = stackParts.filter((part) => rows.some(({ parts }) => (parts[part] ?? 0) > 0));
  const keys = legend(
    used.map((part) => ({
      name: part === "sram" || part === "rom" ? part.toUpperCase() : part,
      mark: (x, y) =>
        html`<rect class="stack stack-${part}" x="${px(x - 6)}" y="${px(y - 6)}" width="12" height="12" rx="2"/>`,
    })),
    { left: 12, right: width - 12, top: top + 12 },
  );
  const first = top + keys.height + 14;
  const bottom = first + rows.length * rowHeight;
  const scale = linearScale([0, ...totals, ...rows.map(({ range }) => range?.high ?? 0)], [left, right]);
  const ticks = scale.ticks.map(({ value, text }) => {
    const x = px(scale.at(value));
    return html`<line class="grid" x1="${x}" x2="${x}" y1="${first - 2}" y2="${bottom}"/><text class="tick middle" x="${x}" y="${bottom + 16}">${text}</text>`;
  });
  const bars = rows.map((row, i) => {
    const y = first + i * rowHeight;
    let at = 0;
    const rects = used.map((part) => {
      const amount = row.parts[part] ?? 0;
      if (!(amount > 0)) return undefined;
      const [from, to] = [scale.at(at), scale.at(at + amount)];
      at += amount;
      return html`<rect class="${to - from < THIN_PX ? "thin" : "stack"} stack-${part}" x="${px(from)}" y="${y + 2}" width="${px(to - from)}" height="${rowHeight - 5}"><title>${row.name}, ${part}: ${significant(amount)}</title></rect>`;
    });
    const { range, note, remark } = row;
    const middle = y + rowHeight / 2;
    const whisker =
      range !== undefined &&
      html`<path class="whisker" fill="none" d="M${px(scale.at(range.low))} ${middle - 3.5}v6m0 -3H${px(scale.at(range.high))}m0 -3v6"/>`;
    const end = scale.at(Math.max(at, range?.high ?? 0)) + 6;
    return html`<g><text class="end" x="${left - 8}" y="${px(middle)}" dy="3.5">${row.name}</text>${rects}${whisker}<text class="strong" x="${px(end)}" y="${px(middle)}" dy="3.5">${significant(totalOf(row))}${
      remark !== undefined && html`<tspan class="quiet plain" dx="8">${remark}</tspan>`
    }</text>${
      note !== undefined &&
      html`<text class="quiet end" x="${width - 8}" y="${px(middle)}" dy="3.5">${note}</text>`
    }</g>\n`;
  });
  return figure(
    { width, height: bottom + 26, label: `${title}; ${source}` },
    html`<text class="strong" x="12" y="18">${title}</text><text class="quiet end" x="${width - 8}" y="18">${source}</text>`,
    keys.markup,
    ticks,
    bars,
  );
}
