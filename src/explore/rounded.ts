/** Five significant digits: more than any of it is worth, and short to write. */
export const rounded = (value: number): number => Number(value.toPrecision(5));
