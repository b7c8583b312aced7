/** Stand for a value that the run has not measured. */
export const absent = "–";

/** Group the digits of an integer: 1234567 → `1,234,567`. */
export function grouped(value: number): string {
  const digits = String(Math.abs(Math.round(value))).replace(/\B(?=(\d{3})+$)/g, ",");
  return Math.round(value) < 0 ? `−${digits}` : digits;
}

/** Print three significant digits; integers are grouped and never rounded. */
export function significant(value: number): string {
  if (Number.isInteger(value) || Math.abs(value) >= 100) return grouped(value);
  return value.toPrecision(3).replace("-", "−");
}

/** Print a share (0 to 1) in percent, one decimal, without the sign %. */
export function percent(share: number): string {
  return (100 * share).toFixed(1);
}

/** Print a difference of two shares in percentage points with its sign: `+0.3`, `−1.2`, `0.0`. */
export function points(difference: number): string {
  const text = Math.abs(100 * difference).toFixed(1);
  if (text === "0.0") return text;
  return `${difference < 0 ? "−" : "+"}${text}`;
}

/** Print a ratio: `2.31×`. */
export function ratio(value: number): string {
  return `${value.toFixed(2)}×`;
}

/** Print a duration: `4.2 s`, `3 min 12 s`, `1 h 05 min`. */
export function duration(seconds: number): string {
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

/** Print a count with its noun: `1 layer`, `2 layers`. */
export function plural(count: number, noun: string): string {
  return `${grouped(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** Print a tensor shape: `48×48×3`. */
export function shapeText(shape: readonly number[]): string {
  return shape.join("×");
}

/**
 * Return the half-width of the 95 % confidence interval of an accuracy, 0 to 1 (normal approximation of the binomial:
 * 1.96 · √(p(1 − p)/n)).
 */
export function confidence95(value: number, images: number): number {
  return 1.96 * Math.sqrt((value * (1 - value)) / images);
}

/** Apply a formatter to a value that may be absent. */
export function optional<T>(value: T | undefined, format: (value: T) => string): string {
  return value === undefined ? absent : format(value);
}
