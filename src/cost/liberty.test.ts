import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { truthTable } from "./boolean-function.js";
import { libertyTable, lookUp, parseLiberty } from "./liberty.js";

const small = `
/* a comment with { and " */
library (tiny) {
  time_unit : "1ns"; // line comment }
  capacitive_load_unit (1, pf);
  define(some, library, string)
  lu_table_template (t) { variable_1 : input_net_transition; variable_2 : total_output_net_capacitance;
    index_1 ("0, 2"); index_2 ("0, 10"); }
  lu_table_template (swapped) { variable_1 : total_output_net_capacitance; variable_2 : input_net_transition;
    index_1 ("0, 10"); index_2 ("0, 1, 2"); }
  cell ("a b") {
    area : 1.5
    pin (Y) { function : "(A&B)"; timing () { cell_rise (t) { values("1, 2", \\
      "3, 4"); } cell_fall (swapped) { values ("1, 2, 3", "4, 5, 6"); } } }
  }
}
`;

describe("parseLiberty", () => {
  test("reads groups, simple and complex attributes, comments and continuations", () => {
    const library = parseLiberty(small, "tiny.lib");
    expect(library.args).toEqual(["tiny"]);
    expect(library.attributes.get("time_unit")).toBe("1ns");
    expect(library.complex.get("capacitive_load_unit")).toEqual(["1", "pf"]);
    const cell = library.groups[2]!;
    expect([cell.args, cell.attributes.get("area")]).toEqual([["a b"], "1.5"]);
    expect(cell.groups[0]!.attributes.get("function")).toBe("(A&B)");
    expect(cell.groups[0]!.groups[0]!.groups[0]!.complex.get("values")).toEqual(["1, 2", "3, 4"]);
  });

  test.each([
    ["library (x) { cell (y) { area : 1; }", "a } is missing"],
    ["library (x) { } }", "a } too many"],
    ["library (x) { /* ", "comment is never closed"],
    ['library (x) { a : "b; }', "string is never closed"],
    ["library (x) { a (b; }", "missing )"],
    ["", "empty"],
    ["cell (x) {}", "expected"],
  ])("rejects %j with the line", (text, message) => {
    expect(() => parseLiberty(text, "bad.lib")).toThrow(message);
    expect(() => parseLiberty(text, "bad.lib")).toThrow(
      expect.objectContaining({ code: "FX7001", place: "bad.lib:1" }),
    );
  });
});

describe("tables", () => {
  const library = parseLiberty(small, "tiny.lib");
  const templates = new Map(library.groups.map((group) => [group.args[0]!, group]));
  const timing = library.groups[2]!.groups[0]!.groups[0]!;
  const table = libertyTable(timing.groups[0]!, templates);

  test("interpolate bilinearly and hold at the edges", () => {
    expect(lookUp(table, 0, 0)).toBe(1);
    expect(lookUp(table, 2, 10)).toBe(4);
    expect(lookUp(table, 1, 5)).toBe(2.5);
    expect(lookUp(table, 99, -5)).toBe(3);
  });

  test("turn a load-first template round", () => {
    const swapped = libertyTable(timing.groups[1]!, templates);
    expect(swapped).toEqual({ slews: [0, 1, 2], loads: [0, 10], values: [1, 4, 2, 5, 3, 6] });
  });

  test("reject values that do not fit", () => {
    const bad = parseLiberty('library (x) { cell_rise (t) { values ("1, 2, x, 4"); } }', "bad.lib")
      .groups[0]!;
    expect(() => libertyTable(bad, templates)).toThrow(expect.objectContaining({ code: "FX7002" }));
  });
});

describe("truthTable", () => {
  test.each([
    ["(A&!B) | (!A&B)", 0b0110],
    ["A^B", 0b0110],
    ["A B' + A' B", 0b0110],
    ["!(A * B)", 0b0111],
    ["1", 0b1111],
  ])("reads %s", (text, table) => {
    expect(truthTable(text, ["A", "B"])).toBe(table);
  });

  test("rejects unknown pins and broken text", () => {
    for (const text of ["A & C", "A &", "(A", "A ) B", ""]) {
      expect(() => truthTable(text, ["A", "B"])).toThrow(expect.objectContaining({ code: "FX7003" }));
    }
  });

  test("equals evaluation of random expressions", () => {
    type Expression = { text: string; at: (bits: number) => boolean };
    const pins = ["A", "B", "C", "D", "E"];
    const leaf: fc.Arbitrary<Expression> = fc
      .integer({ min: 0, max: 4 })
      .map((k) => ({ text: pins[k]!, at: (bits) => ((bits >> k) & 1) === 1 }));
    const { expression } = fc.letrec<{ expression: Expression }>((tie) => ({
      expression: fc.oneof(
        { maxDepth: 5 },
        leaf,
        tie("expression").map((e) => ({ text: `!(${e.text})`, at: (b: number) => !e.at(b) })),
        tie("expression").map((e) => ({ text: `(${e.text})'`, at: (b: number) => !e.at(b) })),
        fc.tuple(tie("expression"), tie("expression"), fc.constantFrom("&", "|", "^")).map(([l, r, op]) => ({
          text: `(${l.text})${op}(${r.text})`,
          at: (b: number) =>
            op === "&" ? l.at(b) && r.at(b) : op === "|" ? l.at(b) || r.at(b) : l.at(b) !== r.at(b),
        })),
      ),
    }));
    fc.assert(
      fc.property(expression, ({ text, at }) => {
        const table = truthTable(text, pins);
        for (let i = 0; i < 32; i++) expect(((table >>> i) & 1) === 1).toBe(at(i));
      }),
      { numRuns: 200, seed: 7 },
    );
  });
});
