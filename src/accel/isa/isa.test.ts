import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeFields,
  encodeFields,
  type Field,
  headerFields,
  layerFields,
  parameterFields,
  parseProgram,
  transferFields,
  weightEntryFields,
} from "./index.js";

const TABLES: readonly (readonly [string, Record<string, Field>, number])[] = [
  ["header", headerFields, 128],
  ["layer", layerFields, 128],
  ["transfer", transferFields, 128],
  ["weight entry", weightEntryFields, 16],
  ["parameters", parameterFields, 16],
];

describe("tables of fields", () => {
  for (const [name, table, bytes] of TABLES) {
    it(`${name}: fields fit and do not overlap`, () => {
      const sorted = Object.values(table).sort((a, b) => a.at - b.at);
      sorted.forEach(({ at, width }, i) => {
        expect(at + width).toBeLessThanOrEqual(sorted[i + 1]?.at ?? 8 * bytes);
      });
    });
    it(`${name}: values survive the codec`, () => {
      const arbitrary = fc.record(
        Object.fromEntries(
          Object.entries(table).map(([key, { width, signed }]) => [
            key,
            signed
              ? fc.integer({ min: -(2 ** (width - 1)), max: 2 ** (width - 1) - 1 })
              : fc.maxSafeNat().map((n) => n % 2 ** width),
          ]),
        ),
      );
      fc.assert(
        fc.property(arbitrary, (values) => {
          const memory = new Uint8Array(bytes);
          encodeFields(table, values, memory);
          expect(decodeFields(table, memory)).toEqual({ ...values });
        }),
      );
    });
  }
  it("refuses a program without its magic word", () => {
    expect(() => parseProgram(new Uint8Array(256))).toThrow(expect.objectContaining({ code: "FX5110" }));
  });
});
