import { readFileSync } from "node:fs";
import { FixynnError } from "../core/index.js";
import { parseResults, type Results } from "../report/index.js";

/**
 * Read and check a `results.json`.
 *
 * @throws FixynnError FX8003 when it cannot be read or is no JSON, FX8010 when it is not the results of a run
 */
export function readResults(path: string): Results {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FixynnError("FX8003", `cannot read results: ${reason}`, {
      place: path,
      hint: "give the results.json of a run",
      cause,
    });
  }
  return parseResults(value, path);
}
