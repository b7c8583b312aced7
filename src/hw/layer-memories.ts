import { invariant } from "../core/index.js";
import { copiesOf } from "./copies.js";
import { type Module, signalWidth } from "./netlist.js";

/** A memory of a layer and how often it is used. */
export type LayerMemory = {
  readonly kind: "ram" | "rom";
  /** Cell name within the layer, such as `line_buffer`. */
  readonly name: string;
  readonly words: number;
  /** Of a word. */
  readonly bits: number;
  /** 2: a read and a write in the same cycle, as `fx_ram` does; a ROM has 1. */
  readonly ports: 1 | 2;
  /** Words read and written a frame, nothing pausing. */
  readonly readsPerFrame: number;
  readonly writesPerFrame: number;
};

/** Words read and written a frame. */
export type MemoryUse = { readonly reads: number; readonly writes: number };

/**
 * List the memories of a layer; copies of a module have their own.
 *
 * @param modules instantiated ones before those that use them; the layer's own is the last
 * @param useOf a RAM's or ROM's use by its name; undefined for an unknown one
 */
export function memoriesOf(
  modules: readonly Module[],
  useOf: (name: string, words: number) => MemoryUse | undefined,
): readonly LayerMemory[] {
  const copies = copiesOf(modules);
  return modules.flatMap(({ name: module, cells }) => {
    const own = cells.flatMap((cell): LayerMemory[] => {
      if (cell.kind !== "ram" && cell.kind !== "rom") return [];
      const { kind, name, depth: words } = cell;
      const use = useOf(name, words);
      invariant(use !== undefined, `${module}: how often ${name} is used`);
      return [
        {
          ...{ kind, name, words },
          bits: cell.kind === "ram" ? signalWidth(cell.writeData) : cell.contents[0]!.length,
          ports: cell.kind === "ram" ? 2 : 1,
          readsPerFrame: use.reads,
          writesPerFrame: use.writes,
        },
      ];
    });
    return Array.from({ length: copies.get(module)! }, () => own).flat();
  });
}

/** Bits stored in all memories of a kind. */
export function storedBits(memories: readonly LayerMemory[], kind: LayerMemory["kind"]): number {
  return memories.reduce((sum, one) => sum + (one.kind === kind ? one.words * one.bits : 0), 0);
}
