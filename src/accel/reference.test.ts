import { describe, expect, test } from "vitest";
import { fieldTable } from "./isa/describe.js";
import * as isa from "./isa/index.js";
import { describeInstructionSet } from "./reference.js";
import { engineRegisters, registerFields } from "./registers.js";

/** Bits that the first column of a table's rows names, row by row. */
const bitsOf = (table: string): readonly (readonly [number, number])[] =>
  table
    .split("\n")
    .slice(2)
    .map((line) => {
      const [high, low = high] = line.split("|")[1]!.trim().split(":").map(Number);
      return [low!, high!] as const;
    });

describe("docs/accel-isa.md", () => {
  test("is what the tables say (-u writes it again)", async () => {
    await expect(describeInstructionSet()).toMatchFileSnapshot("../../docs/accel-isa.md");
  });

  test("names every field and register", () => {
    const page = describeInstructionSet();
    const tables = [
      isa.headerFields,
      isa.weightEntryFields,
      isa.parameterFields,
      isa.endFields,
      isa.transferFields,
      isa.layerFields,
      ...Object.values(registerFields),
    ];
    for (const table of tables)
      for (const [name, { doc }] of Object.entries(table)) {
        expect(page).toContain(`| \`${name}\` | ${doc} |`);
        expect(doc).not.toMatch(/\||^the same/);
        expect(doc.length).toBeGreaterThan(10);
      }
    for (const { doc } of Object.values(engineRegisters)) expect(page).toContain(`| ${doc} |`);
  });

  test.each([
    ["header", isa.headerFields, 1024],
    ["layer", isa.layerFields, 1024],
    ["transfer", isa.transferFields, 1024],
    ["end", isa.endFields, 1024],
    ["weight entry", isa.weightEntryFields, 128],
    ["parameters", isa.parameterFields, 128],
    ["status", registerFields.status, 32],
  ])("%s: each bit stands in one row", (_, fields, bits) => {
    let next = 0;
    for (const [low, high] of bitsOf(fieldTable(fields, bits))) {
      expect(low).toBe(next);
      next = high + 1;
    }
    expect(next).toBe(bits);
  });
});
