import type { Table } from "./table.js";

/** A piece of HTML or SVG that is already escaped. Only {@link html} and {@link raw} make one. */
export class Markup {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** Escape text for element content and quoted attributes; control characters that HTML forbids become spaces. */
export function escapeHtml(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: HTML forbids them
      .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g, " ")
      .replaceAll("&", "&amp;")
      .replaceAll("<", "&lt;")
      .replaceAll(">", "&gt;")
      .replaceAll('"', "&quot;")
      .replaceAll("'", "&#39;")
  );
}

/** What may stand in a template; undefined and false print nothing. */
export type Content = string | number | Markup | undefined | false | readonly Content[];

function textOf(content: Content): string {
  if (content === undefined || content === false) return "";
  if (content instanceof Markup) return content.text;
  if (typeof content === "object") return content.map(textOf).join("");
  return escapeHtml(String(content));
}

/** Build markup from a template: every value is escaped unless it is markup itself. */
export function html(strings: TemplateStringsArray, ...values: readonly Content[]): Markup {
  return new Markup(strings.map((text, i) => text + textOf(values[i])).join(""));
}

/** Take our own constant text as it is (the style sheet); never data. */
export const raw = (text: string): Markup => new Markup(text);

/** Make an id out of a name: letters, digits, `-` and `_` only. */
export const idOf = (text: string): string => text.replaceAll(/[^A-Za-z0-9_-]+/g, "-");

/** Print a table: caption, header cells with units, row headers, numbers at the end, notes below. */
export function tableMarkup(table: Table): Markup {
  const id = idOf(table.id);
  const head = table.columns.map(
    ({ header, unit, align }) =>
      html`<th scope="col" class="${align}">${header}${unit !== undefined && html` <span class="unit">${unit}</span>`}</th>`,
  );
  const rows = table.rows.map(({ cells, strong, quiet }) => {
    const columns = cells.map(({ text, detail, tone }, i) => {
      const kind = `${table.columns[i]?.align ?? "start"}${tone === undefined ? "" : ` ${tone}`}`;
      const body = html`${text}${detail !== undefined && html`<small>${detail}</small>`}`;
      return i === 0
        ? html`<th scope="row" class="${kind}">${body}</th>`
        : html`<td class="${kind}">${body}</td>`;
    });
    return html`<tr${strong === true ? raw(' class="chosen"') : quiet === true && raw(' class="quiet"')}>${columns}</tr>\n`;
  });
  return html`<div class="scroll" tabindex="0" role="region" aria-labelledby="${id}-caption"><table id="${id}">
<caption id="${id}-caption">${table.caption}</caption>
<thead><tr>${head}</tr></thead>
<tbody>
${rows}</tbody>
</table></div>
${table.notes.length > 0 && html`<ul class="notes">${table.notes.map((note) => html`<li>${note}</li>`)}</ul>`}
`;
}
