import { exactly, multiplyRanges, scaleRange } from "../range.js";
import { scalingTo16Nm } from "../scaling.js";
import type { Range, Technology } from "../technology.js";
import { dramPjPerByte } from "./dram.js";
import { memoryOf } from "./memory.js";
import { partClock, partsFromTable, readParts } from "./parts/index.js";
import {
  type AcceleratorTechnology,
  type MemoryFigures,
  type PartFigures,
  type PartName,
  partNames,
} from "./types.js";

type Parts = { readonly [Part in PartName]: PartFigures };

function mapParts(parts: Parts, f: (figures: PartFigures) => PartFigures): Parts {
  return Object.fromEntries(partNames.map((part) => [part, f(parts[part])])) as Parts;
}

/**
 * Figures of the array in a technology, at its own node: synthesized parts where they ship (`technologies/parts`), else estimated from
 * the table; buffers by the technology's memory model.
 */
export function acceleratorTechnology(technology: Technology): AcceleratorTechnology {
  const file = readParts(technology.name);
  const parts =
    file === undefined
      ? partsFromTable(technology)
      : (Object.fromEntries(
          partNames.map((part) => {
            const { areaUm2, leakageNw, delayPs, energyPjPerOperation } = file.parts[part];
            return [
              part,
              {
                areaUm2: exactly(areaUm2),
                leakageNw: exactly(leakageNw),
                delayPs: exactly(delayPs),
                energyPjPerOperation,
              },
            ];
          }),
        ) as Parts);
  const source = file === undefined ? "parts estimated from the table" : `parts: ${file.source.tool}`;
  return {
    name: technology.name,
    node: `${technology.nodeNm} nm`,
    source: `${technology.name}: ${source}; memories: ${technology.sram.source}`,
    clockMhz:
      1e6 /
      Math.max(
        ...partNames.map((part) => parts[part].delayPs.nominal),
        minimumPeriodPs(technology, file !== undefined),
      ),
    parts,
    memory: memoryOf(technology),
    dramPjPerByte,
    energyScaling: exactly(1),
  };
}

/** Estimated parts meet the clock that they are pipelined for; synthesized ones say what they meet. Memories bound both. */
const minimumPeriodPs = (technology: Technology, synthesized: boolean): number =>
  Math.max(technology.sram.minimumPeriodPs, synthesized ? 0 : partClock(technology).periodPs);

/** NVDLA's clock, and the most that a scaled design is taken to reach. */
const MOST_MHZ_AT_16NM = 1000;

/**
 * Take the figures to 16 nm at 0.8 V: area, energy and delay by Stillmaker and Baas 2017, leakage by {@link leakageFactorTo16Nm}. Energies take the nominal factor, whose range is
 * `energyScaling`: a comparison at 16 nm takes front and array from the same technology, so the error of scaling is common to both.
 */
export function acceleratorTechnologyAt16Nm(technology: Technology): AcceleratorTechnology {
  const own = acceleratorTechnology(technology);
  const scaling = scalingTo16Nm(technology.nodeNm, technology.supplyV);
  const scaled = (figure: Range): Range => scaleRange(figure, scaling.energyFactor.nominal);
  const parts = mapParts(own.parts, (figures) => ({
    areaUm2: scaleRange(figures.areaUm2, scaling.areaFactor),
    leakageNw: scaleRange(figures.leakageNw, scaling.leakageFactor),
    delayPs: multiplyRanges(figures.delayPs, scaling.delayFactor),
    energyPjPerOperation: scaled(figures.energyPjPerOperation),
  }));
  const memory = (bits: number, wordBits: number): MemoryFigures => {
    const { areaUm2, readPj, writePj, leakageNw } = own.memory(bits, wordBits);
    return {
      areaUm2: scaleRange(areaUm2, scaling.areaFactor),
      readPj: scaled(readPj),
      writePj: scaled(writePj),
      leakageNw: scaleRange(leakageNw, scaling.leakageFactor),
    };
  };
  return {
    ...own,
    node: `16 nm, scaled from ${technology.name}`,
    source: `${own.source}; ${scaling.source}`,
    clockMhz: Math.min(own.clockMhz / scaling.delayFactor.nominal, MOST_MHZ_AT_16NM),
    parts,
    memory,
    energyScaling: scaleRange(scaling.energyFactor, 1 / scaling.energyFactor.nominal),
  };
}
