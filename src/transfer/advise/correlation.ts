/** Ranks from 1, ties sharing their mean rank. */
export function ranksOf(values: readonly number[]): readonly number[] {
  return values.map((value) => {
    const below = values.filter((other) => other < value).length;
    const equal = values.filter((other) => other === value).length;
    return below + (equal + 1) / 2;
  });
}

/**
 * Spearman's rank correlation: Pearson's correlation of the ranks, which allows for ties.
 *
 * @returns −1 to 1; undefined for fewer than two pairs or when one side does not vary
 */
export function spearman(a: readonly number[], b: readonly number[]): number | undefined {
  const [x, y] = [ranksOf(a), ranksOf(b)];
  const mean = (a.length + 1) / 2;
  let [xy, xx, yy] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    xy += (x[i]! - mean) * (y[i]! - mean);
    xx += (x[i]! - mean) ** 2;
    yy += (y[i]! - mean) ** 2;
  }
  return xx === 0 || yy === 0 ? undefined : xy / Math.sqrt(xx * yy);
}

/**
 * Kendall's rank correlation with ties, tau-b (Kendall 1945): (concordant − discordant) / √((pairs − ties of a)(pairs − ties of b)).
 *
 * @returns −1 to 1; undefined for fewer than two pairs or when one side does not vary
 */
export function kendall(a: readonly number[], b: readonly number[]): number | undefined {
  let [sum, differA, differB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    for (let j = 0; j < i; j++) {
      const [x, y] = [Math.sign(a[i]! - a[j]!), Math.sign(b[i]! - b[j]!)];
      sum += x * y;
      differA += x * x;
      differB += y * y;
    }
  }
  return differA === 0 || differB === 0 ? undefined : sum / Math.sqrt(differA * differB);
}
