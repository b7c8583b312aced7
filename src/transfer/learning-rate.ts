/** One short training of a search. */
export type Trial = { readonly learningRate: number; readonly validationAccuracy: number };

/** The rate found and all that was tried. */
export type LearningRateSearch = { readonly learningRate: number; readonly trials: readonly Trial[] };

/**
 * Search a peak learning rate on validation accuracy: start with a rate and its neighbours, a factor apart, and move on while the best is at
 * an end. Of equal accuracies the lowest rate wins.
 *
 * @param options.measure trains briefly at a rate; a training that diverges counts as accuracy 0
 * @param options.mostTrials ends the search, at least 3
 */
export async function searchLearningRate(options: {
  readonly start: number;
  readonly factor: number;
  readonly mostTrials: number;
  readonly measure: (learningRate: number) => Promise<number>;
}): Promise<LearningRateSearch> {
  const { start, factor, mostTrials, measure } = options;
  const tried = new Map<number, number>();
  const best = (): number =>
    [...tried].reduce((a, b) => (b[1] > a[1] || (b[1] === a[1] && b[0] < a[0]) ? b : a))[0];
  // By exponents: rates that are the same are the same key.
  for (const exponent of [0, -1, 1]) tried.set(exponent, await measure(start * factor ** exponent));
  while (tried.size < mostTrials) {
    const exponent = best();
    const next = [exponent - 1, exponent + 1].find((one) => !tried.has(one));
    if (next === undefined) break;
    tried.set(next, await measure(start * factor ** next));
  }
  const trials = [...tried]
    .sort(([a], [b]) => a - b)
    .map(([exponent, validationAccuracy]) => ({
      learningRate: start * factor ** exponent,
      validationAccuracy,
    }));
  return { learningRate: start * factor ** best(), trials };
}
