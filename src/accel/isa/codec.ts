import { invariant } from "../../core/index.js";
import type { Field } from "./fields.js";

/** Values of a table's fields. */
export type Values<Table extends Record<string, Field>> = { readonly [Name in keyof Table]: number };

const rangeOf = ({ width, signed }: Field): readonly [number, number] =>
  signed === true ? [-(2 ** (width - 1)), 2 ** (width - 1) - 1] : [0, 2 ** width - 1];

/** Tell whether a value fits a field. */
export function fits(field: Field, value: number): boolean {
  const [low, high] = rangeOf(field);
  return Number.isInteger(value) && value >= low && value <= high;
}

/** Write fields into `bytes` from `offset` on; every value must fit (see {@link fits}). */
export function encodeFields<Table extends Record<string, Field>>(
  table: Table,
  values: Values<Table>,
  bytes: Uint8Array,
  offset = 0,
): void {
  for (const [name, field] of Object.entries(table)) {
    const value = values[name as keyof Table];
    invariant(fits(field, value), `field ${name}: ${value} does not fit ${field.width} bits`);
    const bits = BigInt.asUintN(field.width, BigInt(value)) << BigInt(field.at % 8);
    const from = offset + Math.floor(field.at / 8);
    const count = Math.ceil(((field.at % 8) + field.width) / 8);
    for (let i = 0; i < count; i++) bytes[from + i]! |= Number((bits >> BigInt(8 * i)) & 0xffn);
  }
}

/** Read fields from `bytes` at `offset`. */
export function decodeFields<Table extends Record<string, Field>>(
  table: Table,
  bytes: Uint8Array,
  offset = 0,
): Values<Table> {
  const decode = (field: Field): number => {
    const from = offset + Math.floor(field.at / 8);
    const count = Math.ceil(((field.at % 8) + field.width) / 8);
    let bits = 0n;
    for (let i = 0; i < count; i++) bits |= BigInt(bytes[from + i]!) << BigInt(8 * i);
    const value = bits >> BigInt(field.at % 8);
    return Number(
      field.signed === true ? BigInt.asIntN(field.width, value) : BigInt.asUintN(field.width, value),
    );
  };
  return Object.fromEntries(
    Object.entries(table).map(([name, field]) => [name, decode(field)]),
  ) as Values<Table>;
}
