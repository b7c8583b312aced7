import { expect, test } from "vitest";
import { createProgressPrinter } from "./progress.js";

/** Collect the lines that a log would get. */
function lines(events: readonly (readonly [string, number])[]): string[] {
  const written: string[] = [];
  const stream = {
    isTTY: false,
    write: (text: string) => written.push(text.trim()),
  } as unknown as NodeJS.WriteStream;
  const print = createProgressPrinter(stream);
  for (const [job, done] of events) print({ job, done, total: 4, unit: "steps" });
  return written.map((line) => line.split("  ")[0]!.trim());
}

test("a log gets the first, the last and nothing twice", () => {
  expect(
    lines([
      ["a", 0],
      ["a", 1],
      ["a", 2],
      ["a", 4],
      ["a", 4],
    ]),
  ).toEqual(["0 %", "100 %"]);
});

test("a job that starts again is shown again", () => {
  expect(
    lines([
      ["a", 1],
      ["a", 4],
      ["a", 1],
      ["a", 4],
    ]),
  ).toEqual(["25 %", "100 %", "25 %", "100 %"]);
});
