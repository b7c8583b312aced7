/** Words of physical quantities: a number with one of them in its name has its unit in it too. */
const QUANTITIES = new Set(
  [
    ["area", "length", "pitch", "slope"],
    [
      "energy",
      "power",
      "leakage",
      "supply",
      "voltage",
      "current",
      "charge",
      "capacitance",
      "load",
      "resistance",
    ],
    ["delay", "slew", "setup", "hold", "period", "clock", "frequency", "rate", "bandwidth", "throughput"],
    ["time", "latency", "duration", "timeout", "elapsed", "deadline", "pause", "age"],
    ["temperature"],
  ].flat(),
);

/** Units, as the words that names are made of. */
const UNITS = new Set(
  [
    ["um2", "mm2", "um", "mm", "nm"],
    ["pj", "fj", "nj", "uj", "mj", "nw", "uw", "mw", "w", "v", "ff", "pf"],
    ["ps", "ns", "us", "ms", "second", "minute", "hour", "hz", "khz", "mhz", "ghz", "tops"],
    ["bit", "byte", "kb", "mb", "gb", "gib"],
    ["cycle", "step", "frame", "pixel", "image", "epoch"],
  ].flat(),
);

/** Words that a unit may stand before: `energyPjPerBit`, `areaUm2Of`. */
const AFTER_UNIT = new Set(["per", "of", "at", "by", "in", "from", "with"]);

/** Last words of pure numbers: counts, factors, shares and ratios of two of a kind. */
const DIMENSIONLESS =
  /(?:^| )(?:ratio|factor|share|spread|scaling|toggle|(?:toggle|learning) rate|operand load|gate|cell|column|row|adder|count|exponent|index|shape|fan ?out|edge|accuracy|per (?:watt|mm2)|full adder area)(?: at| of)?$/;

/** A technology node in a name, which is not the number's unit: `energyAt16Nm`. */
const NODE = /(?:From|To|At)?\d+Nm(?![a-z])/;

/** Words of a name in any of the cases that are in use; without a plural. */
function wordsOf(name: string): readonly string[] {
  const words = name.replace(NODE, "").split(/(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[^A-Za-z0-9]+/);
  return words
    .map((word) => word.toLowerCase())
    .map((word) => (UNITS.has(word) ? word : word.replace(/s$/, "")));
}

function hasUnit(name: string): boolean {
  const words = wordsOf(name);
  return words.some((word, i) => {
    const next = words[i + 1];
    return UNITS.has(word) && words[i - 1] !== "per" && (next === undefined || AFTER_UNIT.has(next));
  });
}

/**
 * Whether a number's names, outermost first, say that it is a physical quantity without saying its unit. The name nearest to the number that
 * has a unit, or says that there is none, is enough.
 */
export function isBare(names: readonly string[]): boolean {
  if (names.some((name) => hasUnit(name) || DIMENSIONLESS.test(wordsOf(name).join(" ")))) return false;
  // The number of elements, as of an array.
  return names.some((name) => name !== "length" && wordsOf(name).some((word) => QUANTITIES.has(word)));
}
