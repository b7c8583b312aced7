import type { CellTable } from "../arith/index.js";
import type { Technology, TechnologyCell } from "./technology.js";

/** Give a technology's figures in the form that the arithmetic schedules and chooses by. */
export function cellTableOf({ name, cells }: Technology): CellTable {
  const gate = ({ areaUm2, delayPs }: TechnologyCell) => ({ areaUm2, delayPs });
  const adder = ({ areaUm2, delayPs, carryDelayPs = delayPs }: TechnologyCell) => ({
    areaUm2,
    sumPs: delayPs,
    carryPs: carryDelayPs,
  });
  const { areaUm2, delayPs, setupPs } = cells.enableFlipFlop;
  return {
    name,
    fullAdder: adder(cells.fullAdder),
    halfAdder: adder(cells.halfAdder),
    inverter: gate(cells.inverter),
    nand2: gate(cells.nand2),
    and2: gate(cells.and2),
    or2: gate(cells.or2),
    xor2: gate(cells.xor2),
    mux2: gate(cells.mux2),
    register: { areaUm2, clockToOutputPs: delayPs, setupPs },
  };
}
