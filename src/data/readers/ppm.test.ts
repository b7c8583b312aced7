import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { makePpm } from "../../../test/helpers/data-files.js";
import { decodePpm } from "./ppm.js";

describe("PPM", () => {
  it("gives back the pixels", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }), fc.nat(), (w, h, seed) => {
        const pixel = (x: number, y: number) => [x * 7 + seed, y * 5 + seed, x * y].map((v) => v & 255);
        const { width, height, bytes } = decodePpm(
          makePpm(w, h, (x, y) => pixel(x, y) as [number, number, number]),
        );
        expect([width, height, bytes.length]).toEqual([w, h, 3 * w * h]);
        expect(Array.from(bytes.subarray(-3))).toEqual(pixel(w - 1, h - 1));
      }),
    );
  });

  it("reads comments and any blanks in the header", () => {
    const file = Buffer.from("P6 # made by a test\n#another\n 2\t1\r255\nabcdef", "latin1");
    expect(Buffer.from(decodePpm(file).bytes).toString()).toBe("abcdef");
  });

  it.each([
    ["P5\n1 1\n255\na", /not a P6/],
    ["P6\n2 2\n255\nabc", /truncated: 3 of 12/],
    ["P6\n1 1\n65535\nabcdef", /maximum 65535/],
    ["P6\n0 1\n255\n", /unlikely size/],
    ["P6\n99999 1\n255\n", /unlikely size/],
    ["P6\nx", /damaged header/],
    ["P6", /damaged header/],
    ["P6\n1 1\n255", /damaged header/],
    ["", /not a P6/],
  ])("refuses %j", (text, message) => {
    expect(() => decodePpm(Buffer.from(text, "latin1"))).toThrow(message);
  });
});
