/** Where something went wrong and what to do about it. */
export type ErrorDetails = {
  /** File, layer, field or flag at fault, as a user would name it. */
  readonly place?: string;
  /** What the user can do next. */
  readonly hint?: string;
  readonly cause?: unknown;
};

/**
 * Report bad input with a stable code, a place and a hint. The command line prints it as one line and exits with 2.
 *
 * Codes: FX1xxx import, FX2xxx data, FX3xxx training, FX4xxx quantization, FX5xxx hardware, FX6xxx simulation,
 * FX7xxx cost, FX8xxx configuration and run directory, FX9xxx tools and environment.
 */
export class FixynnError extends Error {
  override readonly name: string = "FixynnError";
  readonly code: string;
  readonly place: string | undefined;
  readonly hint: string | undefined;

  constructor(code: string, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.place = details.place;
    this.hint = details.hint;
  }

  /** Return the error as one line: `FX1001 PLACE: MESSAGE (hint: HINT)`. */
  oneLine(): string {
    const place = this.place === undefined ? "" : ` ${this.place}:`;
    const hint = this.hint === undefined ? "" : ` (hint: ${this.hint})`;
    return `${this.code}${place} ${this.message}${hint}`.replaceAll(/\s*\n\s*/g, " ");
  }
}

/** Report a check that the tool made and that failed (mismatch, accuracy bound). The command line exits with 1. */
export class CheckFailedError extends FixynnError {
  override readonly name: string = "CheckFailedError";
}

/** Report layers that cannot be handled, all at once, before any work starts. */
export class UnsupportedOpError extends FixynnError {
  override readonly name: string = "UnsupportedOpError";
  readonly ops: readonly { readonly op: string; readonly node: string; readonly hint: string }[];

  constructor(code: string, ops: UnsupportedOpError["ops"], details: ErrorDetails = {}) {
    const list = ops.map(({ op, node, hint }) => `${op} "${node}" (${hint})`).join("; ");
    super(code, `unsupported: ${list}`, details);
    this.ops = ops;
  }
}

/** Assert what our own code guarantees. A failure is a bug of ours, never of the input. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`internal error: ${message}`);
}

/** Close a switch over a `kind` union; a missing case is a type error. */
export function assertNever(value: never): never {
  throw new Error(`internal error: unexpected ${JSON.stringify(value)}`);
}
