import { CheckFailedError, FixynnError } from "./errors.js";

/** An error as it travels between threads, where classes are lost. */
export type PackedError = {
  readonly message: string;
  /** Of a {@link FixynnError}; others have none. */
  readonly code?: string;
  /** Whether a check failed, not the input. */
  readonly check?: true;
  readonly place?: string;
  readonly hint?: string;
};

/** Pack what was thrown in a worker. */
export function packError(error: unknown): PackedError {
  if (!(error instanceof FixynnError))
    return { message: error instanceof Error ? error.message : String(error) };
  const { message, code, place, hint } = error;
  return {
    message,
    code,
    ...(error instanceof CheckFailedError && { check: true as const }),
    ...(place !== undefined && { place }),
    ...(hint !== undefined && { hint }),
  };
}

/**
 * Make the error again that {@link packError} packed.
 *
 * @param otherwise code of an error that had none; absent: it becomes a plain `Error`
 */
export function unpackError(packed: PackedError, otherwise?: string): Error {
  const { message, code = otherwise, check, place, hint } = packed;
  if (code === undefined) return new Error(message);
  const details = { ...(place !== undefined && { place }), ...(hint !== undefined && { hint }) };
  return check ? new CheckFailedError(code, message, details) : new FixynnError(code, message, details);
}
