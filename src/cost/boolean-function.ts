import { FixynnError } from "../core/index.js";
import { evaluateBoolean, parseBoolean, tabulateBoolean } from "./boolean-expression.js";

/**
 * Tabulate a Liberty function over at most five named pins: bit i of the result is its value where pin k has the value of bit k of i.
 *
 * @throws FixynnError FX7003 when the text is no such expression or names another pin
 */
export const truthTable = (text: string, pins: readonly string[]): number =>
  tabulateBoolean(parseBoolean(text), pins);

/**
 * Evaluate a Liberty expression for given values of its pins.
 *
 * @throws FixynnError FX7003 when the text is no expression or names a pin without a value
 */
export function evaluateFunction(text: string, values: ReadonlyMap<string, boolean>): boolean {
  const pin = (name: string): number => {
    const value = values.get(name);
    if (value === undefined)
      throw new FixynnError("FX7003", `no pin ${name}`, { hint: `pins: ${[...values.keys()].join(" ")}` });
    return value ? -1 : 0;
  };
  return evaluateBoolean(parseBoolean(text), pin) !== 0;
}
