/** Area and delay of a cell; delays are worst arcs at a typical load. */
export type CellFigures = { readonly areaUm2: number; readonly delayPs: number };
/** An adder cell: delays to the sum and to the carry. */
export type AdderFigures = { readonly areaUm2: number; readonly sumPs: number; readonly carryPs: number };

/** What the arithmetic needs to know of a cell library: a few areas and delays. */
export type CellTable = {
  readonly name: string;
  readonly fullAdder: AdderFigures;
  readonly halfAdder: AdderFigures;
  readonly inverter: CellFigures;
  readonly nand2: CellFigures;
  readonly and2: CellFigures;
  readonly or2: CellFigures;
  readonly xor2: CellFigures;
  readonly mux2: CellFigures;
  /** Flip-flop with enable. */
  readonly register: { readonly areaUm2: number; readonly clockToOutputPs: number; readonly setupPs: number };
};

/** SkyWater sky130_fd_sc_hd, tt 25 °C 1.80 V, two full-adder inputs of load: the figures of `technologies/sky130hd.json`. */
export const sky130Cells: CellTable = {
  name: "sky130hd",
  fullAdder: { areaUm2: 20.02, sumPs: 534, carryPs: 370 },
  halfAdder: { areaUm2: 12.51, sumPs: 320, carryPs: 244 },
  inverter: { areaUm2: 3.75, delayPs: 113 },
  nand2: { areaUm2: 3.75, delayPs: 133 },
  and2: { areaUm2: 6.26, delayPs: 210 },
  or2: { areaUm2: 6.26, delayPs: 256 },
  xor2: { areaUm2: 8.76, delayPs: 244 },
  mux2: { areaUm2: 11.26, delayPs: 334 },
  register: { areaUm2: 30.03, clockToOutputPs: 426, setupPs: 259 },
};

/** A clock period in a cell library; without a period nothing is registered. */
export type ClockTarget = { readonly periodPs: number; readonly cells: CellTable };

/** No clock: purely combinational. */
export const combinational: ClockTarget = { periodPs: Number.POSITIVE_INFINITY, cells: sky130Cells };
