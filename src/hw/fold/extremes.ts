/** Return the largest of some big integers. */
export function largest(values: readonly bigint[]): bigint {
  let best = values[0]!;
  for (const value of values) if (value > best) best = value;
  return best;
}

/** Return the smallest of some big integers. */
export function smallest(values: readonly bigint[]): bigint {
  let best = values[0]!;
  for (const value of values) if (value < best) best = value;
  return best;
}
