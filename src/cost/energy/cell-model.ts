import { type TimedCellType, tabulate } from "../../sim/index.js";
import {
  type CellLibrary,
  type EdgeTables,
  evaluateBoolean,
  inputsOf,
  type LibraryCell,
  lookUpNldm,
  outputsOf,
} from "../cell-library/index.js";

/** A rise and a fall of an output. */
export type Edges = { readonly rise: number; readonly fall: number };

/** Mean over tables, each edge on its own; where no table has an edge, the other edge's mean. */
function meanEdges(tables: readonly EdgeTables[], row: number, column: number): Edges | undefined {
  const at = (edge: "rise" | "fall"): number | undefined => {
    const values = tables.flatMap((t) => (t[edge] === null ? [] : [lookUpNldm(t[edge], row, column)]));
    return values.length === 0 ? undefined : values.reduce((a, b) => a + b, 0) / values.length;
  };
  const [rise, fall] = [at("rise"), at("fall")];
  if (rise === undefined && fall === undefined) return undefined;
  return { rise: (rise ?? fall)!, fall: (fall ?? rise)! };
}

/** Arcs of one library cell, gathered for look-ups by pin. */
export class CellModel {
  readonly cell: LibraryCell;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Truth tables of a combinational cell. */
  readonly type: TimedCellType | null;

  constructor(cell: LibraryCell) {
    this.cell = cell;
    this.inputs = inputsOf(cell).map(({ name }) => name);
    this.outputs = outputsOf(cell).map(({ name }) => name);
    this.type = cell.sequential === null ? this.#tabulate() : null;
  }

  #tabulate(): TimedCellType | null {
    const pins = this.inputs;
    if (pins.length > 6 || this.outputs.length > 2 || this.outputs.length === 0) return null;
    const outputs = outputsOf(this.cell).map(({ name, function: f }) => {
      if (f === null) return null;
      const table = tabulate(
        pins.length,
        (state) => evaluateBoolean(f, (pin) => ((state >> pins.indexOf(pin)) & 1 ? -1 : 0)) & 1,
      );
      return { pin: name, table };
    });
    if (outputs.some((output) => output === null)) return null;
    return { name: this.cell.name, inputs: pins, outputs: outputs as TimedCellType["outputs"] };
  }

  /** Delay of an output's edges caused by an input, mean over the conditions that the file lists; `undefined` without an arc. */
  delayPs(from: string, to: string, slewPs: number, loadFf: number): Edges | undefined {
    const arcs = this.cell.delays.filter((arc) => arc.from === from && arc.to === to);
    return meanEdges(
      arcs.map((arc) => arc.delayPs),
      slewPs,
      loadFf,
    );
  }

  /** Slew of an output's edges caused by an input. */
  slewPs(from: string, to: string, slewPs: number, loadFf: number): Edges | undefined {
    const arcs = this.cell.delays.filter((arc) => arc.from === from && arc.to === to);
    return meanEdges(
      arcs.map((arc) => arc.slewPs),
      slewPs,
      loadFf,
    );
  }

  /**
   * Internal energy of a transition of an output, pJ: conditions averaged, supplies added, then the mean over the inputs that can cause it,
   * each at its own slew. 0 where the file has no power.
   */
  internalPj(output: string, slewOf: (pin: string) => number, loadFf: number): Edges {
    const causes = new Map<string, Map<string, EdgeTables[]>>();
    for (const arc of this.cell.power) {
      if (arc.pin !== output) continue;
      const cause = causes.get(arc.related ?? "") ?? new Map<string, EdgeTables[]>();
      causes.set(arc.related ?? "", cause);
      const supply = cause.get(arc.supply ?? "") ?? [];
      cause.set(arc.supply ?? "", supply);
      supply.push(arc.energyPj);
    }
    const all = [...causes].map(([related, supplies]) =>
      [...supplies.values()]
        .map((tables) => meanEdges(tables, slewOf(related), loadFf) ?? { rise: 0, fall: 0 })
        .reduce((a, b) => ({ rise: a.rise + b.rise, fall: a.fall + b.fall })),
    );
    const mean = (edge: keyof Edges): number =>
      all.reduce((sum, one) => sum + one[edge], 0) / Math.max(all.length, 1);
    return { rise: mean("rise"), fall: mean("fall") };
  }
}

/** Models of a library's cells, made when first asked for. */
export class CellModels {
  readonly #models = new Map<string, CellModel>();
  constructor(readonly library: CellLibrary) {}

  get(name: string): CellModel | undefined {
    const known = this.#models.get(name);
    const cell = this.library.cells.get(name);
    if (known !== undefined || cell === undefined) return known;
    const model = new CellModel(cell);
    this.#models.set(name, model);
    return model;
  }
}
