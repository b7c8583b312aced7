import { invariant } from "../../core/index.js";
import { concat, type Signal, signalWidth, sliceOf } from "../../hw/index.js";

/** Names of a record's fields and their bits, lowest first. */
export type Widths = Readonly<Record<string, number>>;
/** A record's fields as signals. */
export type Fields<W extends Widths> = { readonly [Name in keyof W]: Signal };

/** Bits of a record. */
export const recordBits = (widths: Widths): number =>
  Object.values(widths).reduce((sum, width) => sum + width, 0);

/** Join a record's fields to one signal. */
export function packRecord<W extends Widths>(widths: W, fields: Fields<W>): Signal {
  return concat(
    Object.entries(widths).map(([name, width]) => {
      const signal = fields[name as keyof W];
      invariant(signalWidth(signal) === width, `${name} has ${signalWidth(signal)} bits, not ${width}`);
      return signal;
    }),
  );
}

/** Take a record apart. */
export function unpackRecord<W extends Widths>(widths: W, signal: Signal): Fields<W> {
  let at = 0;
  const entries = Object.entries(widths).map(([name, width]) => {
    at += width;
    return [name, sliceOf(signal, at - width, width)] as const;
  });
  return Object.fromEntries(entries) as Fields<W>;
}
