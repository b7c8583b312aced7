import { significant } from "../format.js";

/** A mapping from figures to pixels with the ticks of its axis. */
export type Scale = {
  readonly low: number;
  readonly high: number;
  at(value: number): number;
  readonly ticks: readonly { readonly value: number; readonly text: string }[];
};

/** Print a tick without digits that say nothing. */
export function tickText(value: number): string {
  if (value === 0) return "0";
  const magnitude = Math.abs(value);
  if (magnitude >= 1000 || magnitude < 0.001) {
    const [mantissa = "1", exponent = "0"] = value.toExponential().split("e");
    if (magnitude >= 1000 && magnitude < 1e6) return significant(value);
    return `${Number(mantissa) === 1 ? "" : `${Number(mantissa)}·`}10${superscript(Number(exponent))}`;
  }
  return String(Number(value.toPrecision(3))).replace("-", "−");
}

const superscript = (exponent: number): string =>
  String(exponent).replaceAll(/./g, (c) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(c)] ?? "⁻");

/** Choose whole steps of 1, 2 or 5 times a power of ten around some values; always a span above zero. */
export function linearScale(
  values: readonly number[],
  [from, to]: readonly [number, number],
  most = 6,
): Scale {
  const finite = values.filter(Number.isFinite);
  const lowest = Math.min(...(finite.length > 0 ? finite : [0]));
  const highest = Math.max(...(finite.length > 0 ? finite : [1]));
  const span = highest > lowest ? highest - lowest : Math.abs(highest) || 1;
  const power = 10 ** Math.floor(Math.log10(span / most));
  const step = power * ([1, 2, 5, 10].find((one) => span / (one * power) <= most) ?? 10);
  const low = Math.floor(lowest / step + 1e-9) * step;
  const top = Math.ceil(highest / step - 1e-9) * step;
  const high = top > low ? top : low + step;
  const count = Math.round((high - low) / step);
  const ticks = Array.from({ length: count + 1 }, (_, i) => {
    const value = Number((low + i * step).toPrecision(12));
    return { value, text: tickText(value) };
  });
  return { low, high, ticks, at: (value) => from + ((value - low) / (high - low)) * (to - from) };
}

/** Choose a logarithmic range around positive values; ticks at powers of ten, and at 2 and 5 times these where there is room. */
export function logScale(values: readonly number[], [from, to]: readonly [number, number]): Scale {
  const positive = values.filter((value) => value > 0 && Number.isFinite(value));
  const lowest = Math.min(...(positive.length > 0 ? positive : [1]));
  const highest = Math.max(...(positive.length > 0 ? positive : [10]));
  const steps: number[] = [];
  for (let k = Math.floor(Math.log10(lowest)) - 1; k <= Math.ceil(Math.log10(highest)) + 1; k++)
    for (const one of [1, 2, 5]) steps.push(Number((one * 10 ** k).toPrecision(3)));
  const low = steps.findLast((step) => step <= lowest * 1.0001) ?? lowest;
  const above = steps.find((step) => step >= highest * 0.9999) ?? highest;
  const high = above > low ? above : low * 10;
  const decades = Math.log10(high / low);
  const isShown = (step: number): boolean =>
    step >= low * 0.999 && step <= high * 1.001 && (decades <= 2.7 || Number.isInteger(Math.log10(step)));
  const ticks = steps.filter(isShown).map((value) => ({ value, text: tickText(value) }));
  return {
    ...{ low, high, ticks },
    at: (value) => from + (Math.log(value / low) / Math.log(high / low)) * (to - from),
  };
}
