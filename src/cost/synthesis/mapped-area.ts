import type { CellLibrary } from "../cell-library/index.js";
import { type MappedComponent, type MappedNetlist, mappedComponents } from "./mapped-netlist.js";

/** Area of a mapped netlist's cells by component, µm²; memories excluded, no placement overhead. */
export type MappedAreaUm2 = { readonly [C in MappedComponent]: number } & { readonly total: number };

/** Add the cells of a mapped netlist up. */
export function mappedAreaUm2(netlist: MappedNetlist, library: CellLibrary): MappedAreaUm2 {
  const area = Object.fromEntries(mappedComponents.map((c) => [c, 0])) as { [C in MappedComponent]: number };
  for (const { cell, component } of netlist.instances) area[component] += library.cells.get(cell)!.areaUm2;
  return { ...area, total: Object.values(area).reduce((a, b) => a + b, 0) };
}
