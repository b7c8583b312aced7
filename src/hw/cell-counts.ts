import { fastAdderCells } from "../arith/index.js";
import { assertNever } from "../core/index.js";
import { type Cell, type Signal, signalWidth } from "./netlist.js";

/** Estimated library cells by role. */
export type CellCounts = {
  readonly fullAdder: number;
  readonly halfAdder: number;
  readonly inverter: number;
  readonly nand2: number;
  readonly and2: number;
  readonly or2: number;
  readonly xor2: number;
  readonly mux2: number;
};

export const NO_CELL_COUNTS: CellCounts = {
  fullAdder: 0,
  halfAdder: 0,
  inverter: 0,
  nand2: 0,
  and2: 0,
  or2: 0,
  xor2: 0,
  mux2: 0,
};

const isConstant = (signal: Signal, constantNets: ReadonlySet<number>): boolean =>
  signal.every((slice) => slice.kind === "constant" || constantNets.has(slice.net));

const constantBits = (signal: Signal, constantNets: ReadonlySet<number>): number =>
  signalWidth(signal.filter((slice) => isConstant([slice], constantNets)));

/**
 * Estimate the library cells of a module's cells. A carry-propagate adder is one full adder a bit, a faster one what it is made of; a comparison or a multiplexer
 * with a constant side is one gate a bit; an addition of a constant is one half adder a bit, a full adder with one constant input a half adder. Registers, memories, instances: none.
 */
export function countCells(cells: readonly Cell[]): CellCounts {
  const counts: { -readonly [Role in keyof CellCounts]: number } = { ...NO_CELL_COUNTS };
  const constantNets = new Set(cells.flatMap((cell): number[] => (cell.kind === "constant" ? [cell.y] : [])));
  const constant = (signal: Signal): boolean => isConstant(signal, constantNets);
  for (const cell of cells) {
    switch (cell.kind) {
      case "fullAdders":
        {
          const known = [cell.a, cell.b, cell.c].reduce((n, pin) => n + constantBits(pin, constantNets), 0);
          counts.halfAdder += known;
          counts.fullAdder += signalWidth(cell.a) - known;
        }
        break;
      case "halfAdders":
        counts.halfAdder += signalWidth(cell.a);
        break;
      case "not":
        counts.inverter += signalWidth(cell.a);
        break;
      case "and":
        counts.and2 += signalWidth(cell.operands[0]!) * (cell.operands.length - 1);
        break;
      case "or":
        counts.or2 += signalWidth(cell.operands[0]!) * (cell.operands.length - 1);
        break;
      case "xor":
        counts.xor2 += signalWidth(cell.operands[0]!) * (cell.operands.length - 1);
        break;
      case "mux": {
        const half = constant(cell.whenTrue) || constant(cell.whenFalse);
        counts[half ? "and2" : "mux2"] += signalWidth(cell.whenTrue);
        break;
      }
      case "add":
      case "sub":
        if (cell.architecture === undefined)
          counts[constant(cell.b) ? "halfAdder" : "fullAdder"] += signalWidth(cell.a);
        else {
          const columns = new Array<boolean>(signalWidth(cell.a)).fill(!constant(cell.b));
          const own = Object.entries(fastAdderCells(cell.architecture, columns));
          for (const [role, count] of own) counts[role as keyof CellCounts] += count;
        }
        break;
      case "equal":
      case "less":
        counts.and2 += signalWidth(cell.a);
        if (!constant(cell.a) && !constant(cell.b)) counts.xor2 += signalWidth(cell.a);
        break;
      case "register":
      case "ram":
      case "rom":
      case "constant":
      case "assign":
      case "instance":
        break;
      default:
        assertNever(cell);
    }
  }
  return counts;
}

/** Add two counts. */
export function addCellCounts(a: CellCounts, b: CellCounts): CellCounts {
  return {
    fullAdder: a.fullAdder + b.fullAdder,
    halfAdder: a.halfAdder + b.halfAdder,
    inverter: a.inverter + b.inverter,
    nand2: a.nand2 + b.nand2,
    and2: a.and2 + b.and2,
    or2: a.or2 + b.or2,
    xor2: a.xor2 + b.xor2,
    mux2: a.mux2 + b.mux2,
  };
}
