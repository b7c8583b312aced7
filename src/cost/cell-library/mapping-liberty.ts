import type { BooleanExpression } from "../boolean-expression.js";
import { type CellLibrary, inputsOf, type LibraryCell, type NldmTable, outputsOf } from "./library.js";
import { isUsable } from "./roles.js";

function text(expression: BooleanExpression): string {
  switch (expression.kind) {
    case "constant":
      return `${expression.value}`;
    case "pin":
      return expression.name;
    case "not":
      return `!(${text(expression.operand)})`;
    default: {
      const operator = { and: "&", or: "|", xor: "^" }[expression.kind];
      return `(${expression.operands.map(text).join(operator)})`;
    }
  }
}

const numbers = (values: readonly number[]): string => values.map((v) => Number(v.toPrecision(5))).join(",");

function table(name: string, { rows, columns, values }: NldmTable): string {
  const lines = rows.map(
    (_, i) => `"${numbers(values.slice(i * columns.length, (i + 1) * columns.length))}"`,
  );
  return `${name}(t${rows.length}x${columns.length}){index_1("${numbers(rows)}");index_2("${numbers(columns)}");values(${lines.join(",")});}`;
}

function cellText(cell: LibraryCell): string {
  const [output] = outputsOf(cell);
  const inputs = inputsOf(cell).map(
    (pin) => `pin(${pin.name}){direction:input;capacitance:${Number(pin.capacitanceFf.toPrecision(5))};}`,
  );
  const arcs = inputsOf(cell).flatMap(({ name }) => {
    // The unconditional arc, else the first: ABC wants one for each input.
    const own = cell.delays.filter((arc) => arc.from === name && arc.kind === "combinational");
    const arc = own.find(({ when }) => when === null) ?? own[0];
    if (arc === undefined) return [];
    const { delayPs, slewPs } = arc;
    const sense = { positive: "positive_unate", negative: "negative_unate", either: "non_unate" }[arc.sense];
    const tables = [
      ["cell_rise", delayPs.rise ?? delayPs.fall],
      ["cell_fall", delayPs.fall ?? delayPs.rise],
      ["rise_transition", slewPs.rise ?? slewPs.fall],
      ["fall_transition", slewPs.fall ?? slewPs.rise],
    ] as const;
    if (tables.some(([, t]) => t === null)) return [];
    return [
      `timing(){related_pin:"${name}";timing_sense:${sense};${tables.map(([n, t]) => table(n, t!)).join("")}}`,
    ];
  });
  const most = output!.maxCapacitanceFf;
  const limit = most === null ? "" : `max_capacitance:${most};`;
  return `cell(${cell.name}){area:${cell.areaUm2};${inputs.join("")}pin(${output!.name}){direction:output;function:"${text(output!.function!)}";${limit}${arcs.join("")}}}`;
}

/**
 * Write what ABC may map to as one small Liberty file: combinational cells with one output, their functions, pin capacitances and delay
 * tables, in ps and fF. Full adders, flip-flops, power tables and cells marked `dont_use` are left out.
 */
export function mappingLiberty(library: CellLibrary): string {
  const cells = [...library.cells.values()].filter(
    (cell) =>
      isUsable(cell) &&
      cell.sequential === null &&
      outputsOf(cell).length === 1 &&
      outputsOf(cell)[0]!.function !== null &&
      inputsOf(cell).length > 0,
  );
  const shapes = new Set<string>();
  const note = (t: NldmTable | null): void => {
    if (t !== null) shapes.add(`${t.rows.length}x${t.columns.length}`);
  };
  for (const cell of cells) {
    for (const { delayPs, slewPs } of cell.delays) {
      for (const t of [delayPs.rise, delayPs.fall, slewPs.rise, slewPs.fall]) note(t);
    }
  }
  const axis = (n: string | undefined): string =>
    Array.from({ length: Number(n) }, (_, i) => i + 1).join(",");
  const templates = [...shapes].sort().map((shape) => {
    const [rows, columns] = shape.split("x");
    return `lu_table_template(t${shape}){variable_1:input_net_transition;variable_2:total_output_net_capacitance;index_1("${axis(rows)}");index_2("${axis(columns)}");}`;
  });
  return [
    "library(mapping){",
    'delay_model:table_lookup;time_unit:"1ps";voltage_unit:"1V";current_unit:"1mA";leakage_power_unit:"1nW";pulling_resistance_unit:"1kohm";capacitive_load_unit(1,ff);',
    ...templates,
    ...cells.map(cellText),
    "}",
    "",
  ].join("\n");
}
