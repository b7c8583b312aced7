/** One cell; `detail` is a quieter second line where there is room for it. */
export type Cell = {
  readonly text: string;
  readonly detail?: string;
  readonly tone?: "good" | "bad";
};

/** One column; numbers align at the end and the unit stands in the header. */
export type Column = {
  readonly header: string;
  readonly unit?: string;
  readonly align: "start" | "end";
};

/** A table before it is Markdown or HTML: every row has one cell for each column. */
export type Table = {
  readonly id: string;
  readonly caption: string;
  readonly columns: readonly Column[];
  readonly rows: readonly {
    readonly cells: readonly Cell[];
    /** The chosen freeze point. */
    readonly strong?: boolean;
    /** Beside the point, such as a layer outside the silicon. */
    readonly quiet?: boolean;
  }[];
  /** Where the numbers come from and how to read them. */
  readonly notes: readonly string[];
};

/** Make a column of text. */
export const textColumn = (header: string): Column => ({ header, align: "start" });

/** Make a column of numbers in a unit. */
export const numberColumn = (header: string, unit?: string): Column =>
  unit === undefined ? { header, align: "end" } : { header, unit, align: "end" };

/** Make a plain cell. */
export const cell = (text: string): Cell => ({ text });

const headerText = (column: Column): string =>
  column.unit === undefined ? column.header : `${column.header} (${column.unit})`;

/** Keep a name from ending its Markdown cell, line or code; control characters become spaces. */
export function escapeMarkdown(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal would obey them
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, " ").replaceAll(/[\\|`<]/g, "\\$&");
}

/** Print a Markdown table whose columns line up in a fixed-width font. */
export function markdownTable(table: Pick<Table, "columns" | "rows">): string {
  const grid = [
    table.columns.map((column) => escapeMarkdown(headerText(column))),
    ...table.rows.map((row) => row.cells.map(({ text }) => escapeMarkdown(text))),
  ];
  const widths = table.columns.map((_, i) => Math.max(3, ...grid.map((line) => [...(line[i] ?? "")].length)));
  const pad = (text: string, i: number): string => {
    const space = " ".repeat((widths[i] ?? 0) - [...text].length);
    return table.columns[i]?.align === "end" ? space + text : text + space;
  };
  const rule = table.columns.map((column, i) => {
    const dashes = "-".repeat((widths[i] ?? 3) - 1);
    return column.align === "end" ? `${dashes}:` : `${dashes}-`;
  });
  const [head = [], ...body] = grid;
  return [head.map(pad), rule, ...body.map((line) => line.map(pad))]
    .map((line) => `| ${line.join(" | ")} |`)
    .join("\n");
}
