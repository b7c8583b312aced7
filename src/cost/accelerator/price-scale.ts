import type { EngineConfig } from "../../accel/index.js";
import type { EngineEvent } from "./events.js";
import type { EngineUnit } from "./units.js";

/** An array and the cells of one of its units. */
export type SizedUnit = { readonly config: Pick<EngineConfig, "cPar" | "kPar">; readonly areaUm2: number };

const windowColumns = (cPar: number): number => Math.min(4, cPar / 4);

/**
 * How much more an event of a unit takes on another engine than on the one that was measured. As a unit's cells; but
 *
 * - a product: as a multiplier's share of the lane; a lane's load: as a lane's cells
 * - a fetch for windows: as the window registers of all lanes; in the activation memory as the bytes that come out, and its control stays the same
 * - a drained pixel: as its values
 */
export function priceScale(unit: EngineUnit, event: EngineEvent, to: SizedUnit, from: SizedUnit): number {
  const cells = to.areaUm2 / from.areaUm2;
  const lanes = to.config.kPar / from.config.kPar;
  const channels = to.config.cPar / from.config.cPar;
  if (unit === "array") {
    if (event === "products") return cells / (lanes * channels);
    if (event === "laneLoads") return cells / lanes;
    if (event === "windowFetches")
      return (lanes * windowColumns(to.config.cPar)) / windowColumns(from.config.cPar);
  }
  if (unit === "drain" && event === "drainedPixels") return lanes;
  if (unit === "activations") {
    const words = Math.max(to.config.cPar, to.config.kPar) / Math.max(from.config.cPar, from.config.kPar);
    if (event === "cycles") return 1;
    if (event === "windowFetches" || event === "drainedPixels") return lanes;
    return words;
  }
  return cells;
}
