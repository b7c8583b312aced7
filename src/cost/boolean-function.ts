import { FixynnError } from "../core/index.js";

/**
 * Evaluate a Liberty function (`!`, postfix `'`, `&` `*` or juxtaposition, `^`, `|` `+`, parentheses, 0, 1) on all
 * assignments of the named pins: bit i of the result is its value where pin k has the value of bit k of i.
 * At most five pins. Precedence from tight to loose: not, xor, and, or (Liberty user guide).
 *
 * @throws FixynnError FX7003 when the text is no such expression or names another pin
 */
export function truthTable(text: string, pins: readonly string[]): number {
  const tokens = text.match(/[A-Za-z_][\w[\]]*|[01]|[!'&*^|+()]/g) ?? [];
  const size = 2 ** pins.length;
  const all = size === 32 ? -1 : (1 << size) - 1;
  let at = 0;
  const fail = (): never => {
    throw new FixynnError("FX7003", `cannot read the function "${text}"`, {
      hint: `pins: ${pins.join(" ")}`,
    });
  };
  if (pins.length > 5) fail();
  const pin = (name: string): number => {
    const k = pins.indexOf(name);
    if (k < 0) fail();
    let bits = 0;
    for (let i = 0; i < size; i++) if ((i >> k) & 1) bits |= 1 << i;
    return bits;
  };
  const startsOperand = (): boolean => at < tokens.length && /^[\w!(]/.test(tokens[at]!);
  const unary = (): number => {
    const token = tokens[at++];
    let value: number;
    if (token === "!") value = ~unary();
    else if (token === "(") {
      value = or();
      if (tokens[at++] !== ")") fail();
    } else if (token === "0") value = 0;
    else if (token === "1") value = -1;
    else if (token !== undefined && /^\w/.test(token)) value = pin(token);
    else return fail();
    while (tokens[at] === "'") {
      at++;
      value = ~value;
    }
    return value;
  };
  const xor = (): number => {
    let value = unary();
    while (tokens[at] === "^") {
      at++;
      value ^= unary();
    }
    return value;
  };
  const and = (): number => {
    let value = xor();
    for (;;) {
      if (tokens[at] === "&" || tokens[at] === "*") at++;
      else if (!startsOperand()) return value;
      value &= xor();
    }
  };
  const or = (): number => {
    let value = and();
    while (tokens[at] === "|" || tokens[at] === "+") {
      at++;
      value |= and();
    }
    return value;
  };
  const value = or();
  if (at !== tokens.length) fail();
  return (value & all) >>> 0;
}

/**
 * Evaluate a Liberty expression for given values of its pins.
 *
 * @throws FixynnError FX7003 when the text is no expression or names a pin without a value
 */
export function evaluateFunction(text: string, values: ReadonlyMap<string, boolean>): boolean {
  const filled = text.replaceAll(/[A-Za-z_][\w[\]]*/g, (name) => {
    const value = values.get(name);
    return value === undefined ? name : value ? "1" : "0";
  });
  return truthTable(filled, []) === 1;
}
