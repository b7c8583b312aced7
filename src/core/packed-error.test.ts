import { expect, test } from "vitest";
import { CheckFailedError, FixynnError } from "./errors.js";
import { packError, unpackError } from "./packed-error.js";

const travelled = (error: unknown, otherwise?: string): Error =>
  unpackError(structuredClone(packError(error)), otherwise);

test("an error is the same on the other side of a thread", () => {
  const error = travelled(
    new FixynnError("FX1001", "no such layer", { place: "conv_9", hint: "see import" }),
  );
  expect(error).toBeInstanceOf(FixynnError);
  expect(error).not.toBeInstanceOf(CheckFailedError);
  expect((error as FixynnError).oneLine()).toBe("FX1001 conv_9: no such layer (hint: see import)");
});

test("a failed check stays one, so that the exit code does", () => {
  const error = travelled(new CheckFailedError("FX6100", "values differ"));
  expect(error).toBeInstanceOf(CheckFailedError);
  expect((error as CheckFailedError).oneLine()).toBe("FX6100 values differ");
});

test("what has no code gets the one given, or none", () => {
  expect(travelled(new RangeError("out of memory"))).not.toBeInstanceOf(FixynnError);
  expect((travelled("out of memory", "FX3009") as FixynnError).oneLine()).toBe("FX3009 out of memory");
});
