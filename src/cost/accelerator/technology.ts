import { buildEngine, type EngineConfig, engineConfig } from "../../accel/index.js";
import { FixynnError } from "../../core/index.js";
import { cellTableOf } from "../cell-table.js";
import { memoryCost } from "../memory/index.js";
import { exactly, scaleRange } from "../range.js";
import { scalingTo16Nm } from "../scaling.js";
import { type Range, readTechnology, type Technology } from "../technology.js";
import { engineClock } from "./clock.js";
import { dramPjPerByte } from "./dram.js";
import { type EngineEvent, unitEvents } from "./events.js";
import { type EngineFile, readEngineFile } from "./file.js";
import { priceScale } from "./price-scale.js";
import type { AcceleratorTechnology, EngineTier, MemoryFigures, UnitPricesPj } from "./types.js";
import { type EngineUnit, structuralUnits, type UnitCells } from "./units.js";

/** Keep what a function gave for a key. */
function kept<Argument, Value>(
  keyOf: (argument: Argument) => string,
  make: (argument: Argument) => Value,
): (argument: Argument) => Value {
  const values = new Map<string, Value>();
  return (argument) => {
    const key = keyOf(argument);
    const known = values.get(key);
    if (known !== undefined) return known;
    const value = make(argument);
    values.set(key, value);
    return value;
  };
}

/** What an engine's cells depend on; buffers only lengthen addresses. */
const cellsKey = (config: EngineConfig): string =>
  [
    config.cPar,
    config.kPar,
    config.requantizers,
    config.weightBits,
    config.multiplierBits,
    config.stripePixels,
    config.axiDataBytes,
    config.input !== null,
  ].join(" ");

type Units = ReadonlyMap<EngineUnit, UnitCells>;
type Shape = EngineFile["shapes"][number];

/** The engines that the file has are of 8-bit weights and multipliers of 16 bits. */
const isShipped = ({ weightBits, multiplierBits }: EngineConfig): boolean =>
  weightBits === 8 && multiplierBits === 16;

/** Cells of the file's shape with the same array; those of another engine are counted, and corrected as its shape's were by mapping. */
function unitsFromFile(file: EngineFile, tier: EngineTier, counted: (config: EngineConfig) => Units) {
  return (config: EngineConfig): Units => {
    const { cPar, kPar, requantizers, input } = config;
    const ofArray = file.shapes.filter((shape) => shape.cPar === cPar && shape.kPar === kPar);
    const same = ofArray.find((shape) => shape.requantizers === requantizers);
    const shape: Shape | undefined = same ?? ofArray[0];
    if (shape === undefined)
      throw new FixynnError("FX5100", `no engine of ${cPar}×${kPar}`, {
        hint: "4 to 64 channels, 4 to 32 lanes",
      });
    const entries = Object.entries(shape.units) as [EngineUnit, Shape["units"][EngineUnit]][];
    const present = entries.filter(([unit]) => unit !== "stream" || input !== null);
    if (same !== undefined && isShipped(config))
      return new Map(present.map(([unit, cells]) => [unit, cells![tier]]));
    const own = counted(config);
    return new Map(
      present.map(([unit, cells]) => {
        const { areaUm2, leakageNw } = own.get(unit)!;
        const { structural, synthesized } = cells!;
        const mapped = tier === "synthesized";
        return [
          unit,
          {
            areaUm2: areaUm2 * (mapped ? synthesized.areaUm2 / structural.areaUm2 : 1),
            leakageNw: leakageNw * (mapped ? synthesized.leakageNw / structural.leakageNw : 1),
          },
        ];
      }),
    );
  };
}

/** Prices of the engine that was measured, moved to another by the sizes of the units. */
function pricesFromFile(
  { energy }: EngineFile,
  tier: EngineTier,
  { units, factor = 1, from }: { units: (config: EngineConfig) => Units; factor?: number; from?: Units },
) {
  return (config: EngineConfig): UnitPricesPj => {
    const prices = new Map<EngineUnit, ReadonlyMap<EngineEvent, Range>>();
    for (const [unit, { areaUm2 }] of units(config)) {
      const measured = energy[tier][unit];
      if (measured === undefined) continue;
      const reference = { config: energy, areaUm2: from?.get(unit)?.areaUm2 ?? measured.areaUm2 };
      prices.set(
        unit,
        new Map(
          unitEvents[unit].map((event) => [
            event,
            scaleRange(
              measured.pricesPj[event] ?? exactly(0),
              factor * priceScale(unit, event, { config, areaUm2 }, reference),
            ),
          ]),
        ),
      );
    }
    return prices;
  };
}

/** Figures of a two-port memory by its size. */
function memoryOf(technology: Technology): AcceleratorTechnology["memory"] {
  const figures = kept(
    ({ words, bits }: { words: number; bits: number }) => `${words} ${bits}`,
    ({ words, bits }): MemoryFigures => {
      const cost = memoryCost({ words, bits, ports: 2 }, technology);
      const { areaUm2, readPj, writePj, leakageNw, wrapperUm2, form } = cost;
      const macroUm2 = form.kind === "macros" ? areaUm2.nominal - wrapperUm2 : 0;
      return { areaUm2, macroUm2, readPj, writePj, leakageNw };
    },
  );
  return (words, bits) => figures({ words, bits });
}

/** Count an engine's cells in a technology, as its netlist is generated for a period. */
const counterOf = (technology: Technology, target: () => Parameters<typeof buildEngine>[1]) =>
  kept(cellsKey, (config: EngineConfig) => structuralUnits(buildEngine(config, target()), technology));

/** The technology whose measured energies estimate those of technologies that none ship for. */
const MODEL = "sky130hd";

/** Energy of a technology's cells over another's: geometric mean of an adder's toggle and a flip-flop's clock cycle. */
function energyRatio(of: Technology, over: Technology): number {
  const adders = of.cells.fullAdder.energyPerTogglePj / over.cells.fullAdder.energyPerTogglePj;
  const clocks = of.cells.flipFlop.clockEnergyPerCyclePj / over.cells.flipFlop.clockEnergyPerCyclePj;
  return Math.sqrt(adders * clocks);
}

/** Without a file: cells counted from netlists that are built now, energies from another technology's. */
function estimated(technology: Technology): AcceleratorTechnology {
  const model = readEngineFile(MODEL);
  if (model === undefined)
    throw new FixynnError("FX7071", `no engine cost of ${MODEL}`, { hint: "npm run reproduce -- engine" });
  const clock = engineClock(technology);
  const units = counterOf(technology, () => clock.target);
  const { cPar, kPar } = model.energy;
  const from = units(engineConfig({ cPar, kPar, input: { height: 16, width: 16, channels: 16 } }));
  const factor = energyRatio(technology, readTechnology(MODEL));
  return {
    name: technology.name,
    node: `${technology.nodeNm} nm`,
    source: `${technology.name}: engine counted from its netlist, energies after ${MODEL}; memories: ${technology.sram.source}`,
    tier: "structural",
    clockMhz: 1e6 / clock.periodPs,
    units,
    pricesPj: pricesFromFile(model, "structural", { units, factor, from }),
    memory: memoryOf(technology),
    dramPjPerByte,
    energyScaling: exactly(1),
  };
}

/**
 * Figures of the engine in a technology, at its own node, from `technologies/engine`; estimated where none ship. Memories by the technology's model.
 *
 * @param tier cells counted from the netlist, or mapped; default mapped
 */
export function acceleratorTechnology(
  technology: Technology,
  tier: EngineTier = "synthesized",
): AcceleratorTechnology {
  const file = readEngineFile(technology.name);
  if (file === undefined) return estimated(technology);
  const target = () => ({ periodPs: file.targetPs, cells: cellTableOf(technology) });
  const units = kept(cellsKey, unitsFromFile(file, tier, counterOf(technology, target)));
  const how = tier === "synthesized" ? `mapped by ${file.source.tool}` : "counted from its netlist";
  return {
    name: technology.name,
    node: `${technology.nodeNm} nm`,
    source: `${technology.name}: engine ${how}; memories: ${technology.sram.source}`,
    tier,
    clockMhz: 1e6 / file.periodPs,
    units,
    pricesPj: pricesFromFile(file, tier, { units }),
    memory: memoryOf(technology),
    dramPjPerByte,
    energyScaling: exactly(1),
  };
}

/** NVDLA's clock, and the most that a scaled design is taken to reach. */
const MOST_MHZ_AT_16NM = 1000;

/**
 * Take the figures to 16 nm at 0.8 V: area, energy and delay by Stillmaker and Baas 2017, leakage by {@link leakageFactorTo16Nm}. Energies take the nominal factor, whose range is
 * `energyScaling`: a comparison at 16 nm takes front and engine from the same technology, so the error of scaling is common to both.
 */
export function acceleratorTechnologyAt16Nm(
  technology: Technology,
  tier: EngineTier = "synthesized",
): AcceleratorTechnology {
  const own = acceleratorTechnology(technology, tier);
  const scaling = scalingTo16Nm(technology.nodeNm, technology.supplyV);
  const scaled = (figure: Range): Range => scaleRange(figure, scaling.energyFactor.nominal);
  return {
    ...own,
    node: `16 nm, scaled from ${technology.name}`,
    source: `${own.source}; ${scaling.source}`,
    clockMhz: Math.min(own.clockMhz / scaling.delayFactor.nominal, MOST_MHZ_AT_16NM),
    units: kept(
      cellsKey,
      (config: EngineConfig): Units =>
        new Map(
          [...own.units(config)].map(([unit, { areaUm2, leakageNw }]) => [
            unit,
            { areaUm2: areaUm2 * scaling.areaFactor, leakageNw: leakageNw * scaling.leakageFactor },
          ]),
        ),
    ),
    pricesPj: (config) =>
      new Map(
        [...own.pricesPj(config)].map(([unit, prices]) => [
          unit,
          new Map([...prices].map(([event, price]) => [event, scaled(price)])),
        ]),
      ),
    memory: (words, bits) => {
      const { areaUm2, macroUm2, readPj, writePj, leakageNw } = own.memory(words, bits);
      return {
        areaUm2: scaleRange(areaUm2, scaling.areaFactor),
        macroUm2: macroUm2 * scaling.areaFactor,
        readPj: scaled(readPj),
        writePj: scaled(writePj),
        leakageNw: scaleRange(leakageNw, scaling.leakageFactor),
      };
    },
    energyScaling: scaleRange(scaling.energyFactor, 1 / scaling.energyFactor.nominal),
  };
}
