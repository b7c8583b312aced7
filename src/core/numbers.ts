/** Sum, 0 of nothing. */
export const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** Mean, 0 of nothing. */
export const mean = (values: readonly number[]): number =>
  values.length === 0 ? 0 : sum(values) / values.length;
