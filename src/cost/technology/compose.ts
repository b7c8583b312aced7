import type { TechnologyCell, TechnologyFlipFlop } from "../technology.js";

/** A part of a composed cell. */
export type Part = {
  readonly count: number;
  readonly cell: TechnologyCell;
  /** How many of them are on the worst path. */
  readonly onPath: number;
  /** Toggles of all of them together for one toggle of one output of the whole. */
  readonly togglesPerOutput: number;
  /** Load when it drives a net inside the composed cell; without it, it drives the table's load. */
  readonly innerFf?: number;
};

/** Supply, and the wire of a net with one sink, inside composed cells. */
export type InnerNet = { readonly supplyV: number; readonly wireFf: number };

/** Make a cell of library cells: areas and leakages add up, energies by toggles and loads, delays along the path. */
export function compose(
  parts: readonly Part[],
  input: TechnologyCell,
  { supplyV }: InnerNet,
): TechnologyCell {
  const add = (pick: (part: Part) => number): number => parts.reduce((sum, part) => sum + pick(part), 0);
  const counts = new Map<string, number>();
  for (const { cell, count } of parts) counts.set(cell.cell, (counts.get(cell.cell) ?? 0) + count);
  const switchingPj = ({ cell, innerFf }: Part): number =>
    innerFf === undefined
      ? cell.energyPerTogglePj - cell.internalEnergyPerTogglePj
      : 0.5 * innerFf * supplyV ** 2 * 1e-3;
  const inside = ({ innerFf }: Part): boolean => innerFf !== undefined;
  return {
    cell: [...counts].map(([name, count]) => (count === 1 ? name : `${count} ${name}`)).join(" + "),
    composed: true,
    areaUm2: add(({ count, cell }) => count * cell.areaUm2),
    leakageNw: add(({ count, cell }) => count * cell.leakageNw),
    inputCapacitanceFf: input.inputCapacitanceFf,
    // Inner nets belong to the cell: only the output's own load is left out.
    internalEnergyPerTogglePj: add(
      (part) =>
        part.togglesPerOutput *
        (part.cell.internalEnergyPerTogglePj + (inside(part) ? switchingPj(part) : 0)),
    ),
    energyPerTogglePj: add(
      (part) => part.togglesPerOutput * (part.cell.internalEnergyPerTogglePj + switchingPj(part)),
    ),
    delayPs: add(({ cell, onPath }) => onPath * cell.delayPs),
  };
}

/** Give an adder its worst arc to the carry. */
export const withCarry = (cell: TechnologyCell, carryDelayPs: number): TechnologyCell => ({
  ...cell,
  carryDelayPs,
});

/** Cells that others are composed of. */
export type Gates = {
  readonly inverter: TechnologyCell;
  readonly nand2: TechnologyCell;
  readonly and2: TechnologyCell;
  readonly xor2: TechnologyCell;
};

/** Full adder of 2 xor and 3 nand; half adder of xor and and; multiplexer of 3 nand and an inverter. */
export const composedCells = {
  fullAdder: ({ xor2, nand2 }: Gates, net: InnerNet): TechnologyCell => {
    // The first xor drives the second and a nand; two nands drive the third.
    const xorFf = xor2.inputCapacitanceFf + nand2.inputCapacitanceFf + net.wireFf;
    const nandFf = nand2.inputCapacitanceFf + net.wireFf;
    const parts = [
      { count: 1, cell: xor2, onPath: 1, togglesPerOutput: 0.5, innerFf: xorFf },
      { count: 1, cell: xor2, onPath: 1, togglesPerOutput: 0.5 },
      { count: 2, cell: nand2, onPath: 0, togglesPerOutput: 1, innerFf: nandFf },
      { count: 1, cell: nand2, onPath: 0, togglesPerOutput: 0.5 },
    ];
    return withCarry(compose(parts, xor2, net), xor2.delayPs + 2 * nand2.delayPs);
  },
  halfAdder: ({ xor2, and2 }: Gates, net: InnerNet): TechnologyCell => {
    const parts = [
      { count: 1, cell: xor2, onPath: 1, togglesPerOutput: 0.5 },
      { count: 1, cell: and2, onPath: 0, togglesPerOutput: 0.5 },
    ];
    return withCarry(compose(parts, xor2, net), and2.delayPs);
  },
  mux2: ({ nand2, inverter }: Gates, net: InnerNet): TechnologyCell => {
    const nandFf = nand2.inputCapacitanceFf + net.wireFf;
    const parts = [
      { count: 1, cell: nand2, onPath: 1, togglesPerOutput: 1 },
      { count: 2, cell: nand2, onPath: 1, togglesPerOutput: 1, innerFf: nandFf },
      { count: 1, cell: inverter, onPath: 1, togglesPerOutput: 0.5, innerFf: nandFf },
    ];
    return compose(parts, nand2, net);
  },
} as const;

/** Put a cell before a flip-flop's data input (multiplexer, and) or after its output (inverter). */
export function extendFlipFlop(
  flop: TechnologyFlipFlop,
  cell: TechnologyCell,
  side: "before" | "after",
  net: InnerNet,
): TechnologyFlipFlop {
  const before = side === "before";
  const inner = (sink: TechnologyCell) => ({ innerFf: sink.inputCapacitanceFf + net.wireFf });
  const sum = compose(
    [
      { count: 1, cell: flop, onPath: 1, togglesPerOutput: 1, ...(before ? {} : inner(cell)) },
      { count: 1, cell, onPath: before ? 0 : 1, togglesPerOutput: 1, ...(before ? inner(flop) : {}) },
    ],
    before ? cell : flop,
    net,
  );
  return {
    ...sum,
    setupPs: flop.setupPs + (before ? cell.delayPs : 0),
    clockPinCapacitanceFf: flop.clockPinCapacitanceFf,
    clockEnergyPerCyclePj: flop.clockEnergyPerCyclePj,
    dataEnergyPerTogglePj: flop.dataEnergyPerTogglePj,
  };
}
