import { FixynnError } from "../core/index.js";

/** A Boolean expression over named pins, as Liberty's `function`, `when` and `next_state` give it. */
export type BooleanExpression =
  | { readonly kind: "constant"; readonly value: 0 | 1 }
  | { readonly kind: "pin"; readonly name: string }
  | { readonly kind: "not"; readonly operand: BooleanExpression }
  | { readonly kind: "and" | "or" | "xor"; readonly operands: readonly BooleanExpression[] };

/**
 * Parse a Liberty expression: `!`, postfix `'`, `&` `*` or juxtaposition, `^`, `|` `+`, parentheses, 0, 1. Precedence from tight to
 * loose: not, xor, and, or (Liberty user guide).
 *
 * @throws FixynnError FX7003 when the text is no such expression
 */
export function parseBoolean(text: string, place?: string): BooleanExpression {
  const tokens = text.match(/[A-Za-z_][\w[\].]*|[01]|[^\s]/g) ?? [];
  let at = 0;
  const fail = (): never => {
    throw new FixynnError("FX7003", `cannot read the function "${text}"`, {
      ...(place === undefined ? {} : { place }),
      hint: "write e.g. (A & B) | !C",
    });
  };
  const unary = (): BooleanExpression => {
    const token = tokens[at++];
    let value: BooleanExpression;
    if (token === "!") value = { kind: "not", operand: unary() };
    else if (token === "(") {
      value = or();
      if (tokens[at++] !== ")") return fail();
    } else if (token === "0" || token === "1") value = { kind: "constant", value: token === "1" ? 1 : 0 };
    else if (token !== undefined && /^\w/.test(token)) value = { kind: "pin", name: token };
    else return fail();
    while (tokens[at] === "'") {
      at++;
      value = { kind: "not", operand: value };
    }
    return value;
  };
  const chain = (
    kind: "and" | "or" | "xor",
    operators: readonly string[],
    next: () => BooleanExpression,
  ): BooleanExpression => {
    const operands = [next()];
    for (;;) {
      const token = tokens[at];
      if (token !== undefined && operators.includes(token)) at++;
      else if (kind !== "and" || token === undefined || !/^[\w!(]/.test(token)) break;
      operands.push(next());
    }
    return operands.length === 1 ? operands[0]! : { kind, operands };
  };
  const xor = (): BooleanExpression => chain("xor", ["^"], unary);
  const and = (): BooleanExpression => chain("and", ["&", "*"], xor);
  const or = (): BooleanExpression => chain("or", ["|", "+"], and);
  const value = or();
  return at === tokens.length ? value : fail();
}

/**
 * Evaluate 32 cases at once: bit i of the result is the value where each pin has bit i of what `pin` returns for it.
 *
 * @param pin value of a pin in each case
 */
export function evaluateBoolean(expression: BooleanExpression, pin: (name: string) => number): number {
  switch (expression.kind) {
    case "constant":
      return expression.value === 1 ? -1 : 0;
    case "pin":
      return pin(expression.name);
    case "not":
      return ~evaluateBoolean(expression.operand, pin);
    default: {
      let value = evaluateBoolean(expression.operands[0]!, pin);
      for (const operand of expression.operands.slice(1)) {
        const next = evaluateBoolean(operand, pin);
        value =
          expression.kind === "and" ? value & next : expression.kind === "or" ? value | next : value ^ next;
      }
      return value;
    }
  }
}

/** List the pins that an expression names, each once, in the order of their first appearance. */
export function pinsOfBoolean(expression: BooleanExpression): readonly string[] {
  const names = new Set<string>();
  const visit = (e: BooleanExpression): void => {
    if (e.kind === "pin") names.add(e.name);
    else if (e.kind === "not") visit(e.operand);
    else if (e.kind !== "constant") for (const operand of e.operands) visit(operand);
  };
  visit(expression);
  return [...names];
}

/**
 * Tabulate an expression over at most five pins: bit i is its value where pin k has the value of bit k of i.
 *
 * @throws FixynnError FX7003 for more pins, or a name that is none of them
 */
export function tabulateBoolean(expression: BooleanExpression, pins: readonly string[]): number {
  const known = new Set(pins);
  const foreign = pinsOfBoolean(expression).find((name) => !known.has(name));
  if (pins.length > 5 || foreign !== undefined) {
    throw new FixynnError("FX7003", foreign === undefined ? "too many pins" : `no pin ${foreign}`, {
      hint: `pins: ${pins.join(" ")}`,
    });
  }
  const size = 2 ** pins.length;
  const columns = new Map(
    pins.map((name, k) => {
      let bits = 0;
      for (let i = 0; i < size; i++) if ((i >> k) & 1) bits |= 1 << i;
      return [name, bits] as const;
    }),
  );
  const value = evaluateBoolean(expression, (name) => columns.get(name)!);
  return (size === 32 ? value : value & ((1 << size) - 1)) >>> 0;
}
