import { expect, test } from "vitest";
import { type CellTable, sky130Cells } from "../arith/index.js";
import { cellTableOf } from "./cell-table.js";
import { readTechnology, shippedTechnologies } from "./technology.js";

test("the arithmetic's own figures are those of the sky130 table, rounded", () => {
  const rounded = (table: CellTable) =>
    JSON.parse(
      JSON.stringify(table, (key, value) =>
        typeof value === "number" ? Math.round(key === "areaUm2" ? value * 100 : value) : value,
      ),
    );
  expect(rounded(cellTableOf(readTechnology("sky130hd")))).toEqual(rounded(sky130Cells));
});

test("every shipped table has a figure for each cell", () => {
  for (const name of shippedTechnologies()) {
    const { fullAdder, register, mux2 } = cellTableOf(readTechnology(name));
    for (const figure of [fullAdder.sumPs, fullAdder.carryPs, register.clockToOutputPs, mux2.areaUm2])
      expect(figure).toBeGreaterThan(0);
  }
});
