import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { sharedPath } from "../../../bench/photos.js";
import { readCellLibrary } from "../cell-library/index.js";
import { readTechnology } from "../technology.js";
import { delayShapeOf } from "./delay-shape.js";
import { sky130Delays, sky130Reference } from "./sky130-delays.js";

test("the delays kept are those of the library", (context) => {
  const liberty = sharedPath("tech", "sky130hd_tt.lib.gz");
  if (!existsSync(liberty)) return context.skip();
  const technology = readTechnology("sky130hd");
  expect(delayShapeOf(readCellLibrary([liberty]), technology)).toEqual(sky130Delays);
  for (const [role, delayPs] of Object.entries(sky130Reference))
    expect(technology.cells[role as keyof typeof sky130Reference].delayPs).toBe(delayPs);
}, 60_000);
