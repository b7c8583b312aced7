import type { Module } from "./netlist.js";

/** Count how often each module is there below the last one, that one included. */
export function copiesOf(modules: readonly Module[]): ReadonlyMap<string, number> {
  const copies = new Map(modules.map(({ name }) => [name, 0]));
  copies.set(modules.at(-1)!.name, 1);
  // Instantiated modules come first.
  for (const { name, cells } of [...modules].reverse()) {
    for (const cell of cells) {
      if (cell.kind !== "instance") continue;
      copies.set(cell.module, (copies.get(cell.module) ?? 0) + copies.get(name)!);
    }
  }
  return copies;
}
