import type { Field } from "./fields.js";

/** Cells of a table in Markdown; `|` inside them is not expected. */
const row = (cells: readonly (string | number)[]): string => `| ${cells.join(" | ")} |`;

/** Write rows of cells as a table in Markdown, the first one the head. */
export function markdownTable(
  head: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): string {
  return [row(head), row(head.map(() => "---")), ...rows.map(row)].join("\n");
}

const bitsOf = (at: number, width: number): string => (width === 1 ? `${at}` : `${at + width - 1}:${at}`);
const typeOf = ({ width, signed }: Field): string => `${signed === true ? "s" : "u"}${width}`;

/**
 * Describe a table of fields bit by bit in Markdown, in the order of their bits. Bits that no field has are listed as reserved, so that each of the `bits` bits
 * stands in one row.
 *
 * @param fields which do not overlap and end before `bits`
 * @param bits of all
 */
export function fieldTable(fields: Readonly<Record<string, Field>>, bits: number): string {
  const rows: (readonly string[])[] = [];
  const reserve = (from: number, to: number): void => {
    if (from < to) rows.push([bitsOf(from, to - from), place(from), "", "—", "reserved, 0"]);
  };
  const place = (at: number): string => (at % 8 === 0 ? `${at / 8}` : `${Math.floor(at / 8)}, bit ${at % 8}`);
  let end = 0;
  for (const [name, field] of Object.entries(fields).sort(([, a], [, b]) => a.at - b.at)) {
    reserve(end, field.at);
    rows.push([bitsOf(field.at, field.width), place(field.at), typeOf(field), `\`${name}\``, field.doc]);
    end = field.at + field.width;
  }
  reserve(end, bits);
  return markdownTable(["bits", "from byte", "type", "field", "meaning"], rows);
}
