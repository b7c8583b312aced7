import { CheckFailedError } from "../../core/index.js";

/** Where in a run something fails. */
export type Place = {
  /** Frame, from 0 on. */
  readonly frame: number;
  /** Number of the descriptor, from 0 on. */
  readonly descriptor: number;
};

/** Codes of what the interpreter finds. */
export const FAILURES = {
  /** The engine would wait for ever, or have words of weights left over. */
  hang: "FX5120",
  /** A field, an address or an offset has no meaning. */
  meaningless: "FX5121",
  /** The result depends on which unit is faster. */
  race: "FX5122",
} as const;

/** Build the error for a descriptor that must not be run. */
export function failure(
  kind: keyof typeof FAILURES,
  { frame, descriptor }: Place,
  message: string,
  hint?: string,
): CheckFailedError {
  return new CheckFailedError(FAILURES[kind], message, {
    place: `frame ${frame} descriptor ${descriptor}`,
    ...(hint === undefined ? {} : { hint }),
  });
}
