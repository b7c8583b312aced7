import { type AccuracyValue, freezePointsOf, type Results, type SweepEntry } from "./results.js";

/** Which networks are compared: as floats, or as integers on both sides. */
export type Precision = "float" | "int8";

/** Accuracy of the fully trainable network. */
export function unfrozenOf(
  entry: SweepEntry,
  dataset: string,
  precision: Precision,
): AccuracyValue | undefined {
  const accuracy = entry.datasets?.find(({ name }) => name === dataset)?.accuracy;
  return precision === "float" ? accuracy?.unfrozen : accuracy?.unfrozenInt8;
}

/** Accuracy that a frozen front costs, 0 to 1: of the fully trainable network less that of the frozen one; negative when freezing helps. */
export function freezingLoss(entry: SweepEntry, dataset: string, precision: Precision): number | undefined {
  const unfrozen = unfrozenOf(entry, dataset, precision);
  const frozen = entry.datasets?.find(({ name }) => name === dataset)?.accuracy[precision];
  return unfrozen && frozen && unfrozen.value - frozen.value;
}

/** Names of all datasets of a run. */
export function datasetNamesOf(results: Results): readonly string[] {
  const names = freezePointsOf(results).flatMap(({ datasets = [] }) => datasets.map(({ name }) => name));
  return [...new Set(names)];
}

/**
 * Find the deepest freeze point at which every one of some datasets loses less than a bound against its fully trainable network.
 *
 * @param bound 0 to 1; the paper allows 0.01 (Whatmough 2019)
 * @returns undefined when there is none, or when a figure is missing
 */
export function deepestWithin(
  results: Results,
  datasets: readonly string[],
  options: { readonly bound: number; readonly precision: Precision },
): SweepEntry | undefined {
  const { bound, precision } = options;
  return freezePointsOf(results).findLast((entry) =>
    datasets.every(
      (dataset) => (freezingLoss(entry, dataset, precision) ?? Number.POSITIVE_INFINITY) < bound,
    ),
  );
}
