import { html, type Markup } from "../markup.js";
import { px } from "./frame.js";

/** Shapes that tell series apart without colour. */
export const markerShapes = ["circle", "square", "diamond", "triangle", "cross"] as const;
/** A shape of a point. */
export type MarkerShape = (typeof markerShapes)[number];

/** Draw a point; `title` is shown on hover and read out. */
export function marker(
  shape: MarkerShape,
  { x, y, size = 5 }: { readonly x: number; readonly y: number; readonly size?: number },
  kind: string,
  title?: string,
): Markup {
  const tip = title !== undefined && html`<title>${title}</title>`;
  switch (shape) {
    case "circle":
      return html`<circle class="${kind}" cx="${px(x)}" cy="${px(y)}" r="${px(size)}">${tip}</circle>`;
    case "square":
      return html`<rect class="${kind}" x="${px(x - size * 0.9)}" y="${px(y - size * 0.9)}" width="${px(size * 1.8)}" height="${px(size * 1.8)}">${tip}</rect>`;
    case "diamond":
      return html`<path class="${kind}" d="M${px(x)} ${px(y - size * 1.3)}l${px(size * 1.3)} ${px(size * 1.3)}l${px(-size * 1.3)} ${px(size * 1.3)}l${px(-size * 1.3)} ${px(-size * 1.3)}z">${tip}</path>`;
    case "triangle":
      return html`<path class="${kind}" d="M${px(x)} ${px(y - size * 1.2)}l${px(size * 1.25)} ${px(size * 2.1)}h${px(-size * 2.5)}z">${tip}</path>`;
    case "cross":
      return html`<path class="${kind}" d="M${px(x - size)} ${px(y - size * 0.35)}h${px(size * 0.65)}v${px(-size * 0.65)}h${px(size * 0.7)}v${px(size * 0.65)}h${px(size * 0.65)}v${px(size * 0.7)}h${px(-size * 0.65)}v${px(size * 0.65)}h${px(-size * 0.7)}v${px(-size * 0.65)}h${px(-size * 0.65)}z">${tip}</path>`;
  }
}
