import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { FixynnError } from "../core/index.js";
import { MANIFEST_FILE } from "../hw/index.js";

/**
 * Find the folder of emitted Verilog: the one given, or the only one below `rtl` of a run.
 *
 * @param freezePoint which one of a run's, when it has several
 * @throws FixynnError FX7069 when there is none, or several to choose from
 */
export function findRtlFolder(folder: string, freezePoint?: string): string {
  if (existsSync(join(folder, MANIFEST_FILE))) return folder;
  const below = join(folder, "rtl");
  const names = existsSync(below)
    ? readdirSync(below).filter((name) => existsSync(join(below, name, MANIFEST_FILE)))
    : [];
  if (freezePoint !== undefined && names.includes(freezePoint)) return join(below, freezePoint);
  if (freezePoint === undefined && names.length === 1) return join(below, names[0]!);
  throw new FixynnError("FX7069", names.length === 0 ? "no emitted Verilog here" : "several fronts here", {
    place: folder,
    hint:
      names.length === 0
        ? 'give a folder that "fixynn freeze" has written, or a run'
        : `choose one with --through: ${names.join(", ")}`,
  });
}
