import type { ExplorePoint, ExploreResults } from "./explore-results.js";
import { significant } from "./format.js";

/** Figures of a design at an operating point: as fast as it can, or at the rate of a camera. */
export type OperatingFigures = {
  readonly energyPerFrameUj: number;
  readonly powerMw: number;
  readonly topsPerWatt: number;
  readonly topsPerWattWithDram: number;
  readonly gain?: number | undefined;
  readonly gainWithDram?: number | undefined;
};

/**
 * Return a design's figures at an operating point.
 *
 * @param cameraFramesPerSecond one of the exploration's rates; undefined: as fast as the design can
 * @returns undefined when the design does not reach the rate
 */
export function operatingFigures(
  results: Pick<ExploreResults, "cameraFramesPerSecond">,
  point: ExplorePoint,
  cameraFramesPerSecond?: number | undefined,
): OperatingFigures | undefined {
  if (cameraFramesPerSecond === undefined)
    return { ...point, powerMw: point.energyPerFrameUj * point.framesPerSecond * 1e-3 };
  const place = results.cameraFramesPerSecond.indexOf(cameraFramesPerSecond);
  const at = (column: keyof ExplorePoint["atCamera"]): number | undefined =>
    point.atCamera[column][place] ?? undefined;
  const energyPerFrameUj = at("energyPerFrameUj");
  const powerMw = at("powerMw");
  const topsPerWatt = at("topsPerWatt");
  const topsPerWattWithDram = at("topsPerWattWithDram");
  if (
    energyPerFrameUj === undefined ||
    powerMw === undefined ||
    topsPerWatt === undefined ||
    topsPerWattWithDram === undefined
  )
    return undefined;
  const gains = { gain: at("gain"), gainWithDram: at("gainWithDram") };
  return { energyPerFrameUj, powerMw, topsPerWatt, topsPerWattWithDram, ...gains };
}

/** Say which operating point it is. */
export const operatingText = (cameraFramesPerSecond: number | undefined): string =>
  cameraFramesPerSecond === undefined
    ? "as fast as it can"
    : `at ${significant(cameraFramesPerSecond)} frames/s`;
