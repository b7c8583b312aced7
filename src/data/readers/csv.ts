import { FixynnError } from "../../core/index.js";
import { readDataFile } from "./file.js";

/**
 * Read a table with a header line. No field may hold the separator.
 *
 * @param columns names of the columns that are wanted; others may be there too
 * @returns each row's wanted fields, in the order of `columns`
 * @throws FixynnError FX2001 missing file, FX2010 missing column or a row of another length
 */
export async function readTable(
  path: string,
  options: { readonly separator: string; readonly columns: readonly string[]; readonly hint: string },
): Promise<readonly (readonly string[])[]> {
  const { separator, columns, hint } = options;
  const text = (await readDataFile(path, hint)).toString("utf8");
  const [head = "", ...lines] = text.trimEnd().split(/\r?\n/);
  const header = head.split(separator);
  const positions = columns.map((name) => header.indexOf(name));
  const missing = columns.filter((_, i) => positions[i]! < 0);
  if (missing.length > 0) {
    throw new FixynnError("FX2010", `no column ${missing.join(", ")}`, { place: path, hint });
  }
  return lines.map((line, i) => {
    const fields = line.split(separator);
    if (fields.length !== header.length) {
      throw new FixynnError("FX2010", `${fields.length} fields, the header has ${header.length}: "${line}"`, {
        place: `${path}:${i + 2}`,
        hint,
      });
    }
    return positions.map((position) => fields[position]!);
  });
}
