import type { ProgrammableRequantization } from "./nodes.js";
import { type IntegerRange, typeRange } from "./types.js";

/** Return all multipliers that a register can hold. */
export function multiplierRegisterRange({
  multiplierBits: bits,
  signed,
}: Pick<ProgrammableRequantization, "multiplierBits" | "signed">): IntegerRange {
  return typeRange({ bits, signed });
}

/** Return all biases that a register can hold. */
export function biasRegisterRange({
  biasBits: bits,
}: Pick<ProgrammableRequantization, "biasBits">): IntegerRange {
  return typeRange({ bits, signed: true });
}
