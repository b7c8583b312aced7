import { FixynnError, mean } from "../../core/index.js";
import { rangeOver } from "../range.js";
import { delayFactors, energyFactors } from "../scaling.js";
import type { MacroLaw, MacroModel, Range } from "../technology.js";
import { type AreaLaw, areaUm2Of, fitArea, fitRelative } from "./fit.js";
import {
  arrayOf,
  cacti45,
  type MacroFamilyName,
  type MemoryMacro,
  macroFamilies,
  openRamCellUm2,
} from "./macros.js";

const geometric = (values: readonly number[]): number => Math.exp(mean(values.map(Math.log)));

const ofPorts = (family: MacroFamilyName, ports: 1 | 2): readonly MemoryMacro[] =>
  macroFamilies[family].macros.filter((macro) => macro.ports === ports);

const areaLaw = (macros: readonly MemoryMacro[], cellUm2?: number): AreaLaw =>
  fitArea(
    macros.map((macro) => ({ ...arrayOf(macro), areaUm2: macro.areaUm2 })),
    cellUm2,
  );

/** Factors of 1 ± the worst error of a law on its macros, widened where the law is another's by ratio. */
function areaSpread(law: AreaLaw, macros: readonly MemoryMacro[], widen = 1): Range {
  const worst = Math.max(...macros.map((m) => Math.abs(areaUm2Of(law, arrayOf(m)) / m.areaUm2 - 1)));
  return { low: (1 - worst) / widen, nominal: 1, high: (1 + worst) * widen };
}

/** Widening of area laws that are derived from another family's ratio of two-port to one-port macros; ours. */
const derivedWiden = 1.25;

/** Energy of a write-through access: fixed + columns × (per column + per column and root of rows × √rows), pJ. */
type EnergyLaw = MacroLaw["energy"];

/**
 * Fit the access energy of SG13G2's one-port macros. Rows enter by their root: a bit line's swing shrinks in tall arrays, and of the laws
 * tried (none, linear, root) only the root stays within 7 % from 16 to 512 rows. Reading and writing are shares of the write-through
 * access, the means over the macros whose Liberty files state all three.
 */
function sg13g2Energy(): EnergyLaw {
  const macros = ofPorts("sg13g2", 1).filter((m) => m.writeThroughPj !== undefined);
  const [fixedPj = 0, perColumnPj = 0, perColumnRootRowPj = 0] = fitRelative(
    macros.map((macro) => {
      const { columns, rows } = arrayOf(macro);
      return [1, columns, columns * Math.sqrt(rows)];
    }),
    macros.map((m) => m.writeThroughPj ?? 0),
  );
  const all = macros.filter((m) => m.readPj !== undefined && m.writePj !== undefined);
  return {
    fixedPj,
    perColumnPj,
    perColumnRootRowPj,
    readShare: mean(all.map((m) => (m.readPj ?? 0) / (m.writeThroughPj ?? 1))),
    writeShare: mean(all.map((m) => (m.writePj ?? 0) / (m.writeThroughPj ?? 1))),
  };
}

/** Evaluate an energy law for one access, pJ. */
export const writeThroughPj = (
  { fixedPj, perColumnPj, perColumnRootRowPj }: EnergyLaw,
  { columns, rows }: { readonly columns: number; readonly rows: number },
): number => fixedPj + columns * (perColumnPj + perColumnRootRowPj * Math.sqrt(rows));

const scaleEnergy = (law: EnergyLaw, factor: number): EnergyLaw => ({
  ...law,
  fixedPj: law.fixedPj * factor,
  perColumnPj: law.perColumnPj * factor,
  perColumnRootRowPj: law.perColumnRootRowPj * factor,
});

/** Fit clock to output of SG13G2's macros: fixed + per row. */
function sg13g2Access(): MacroLaw["access"] {
  const macros = macroFamilies.sg13g2.macros.filter((m) => m.accessPs !== undefined);
  const [fixedPs = 0, perRowPs = 0] = fitRelative(
    macros.map((macro) => [1, arrayOf(macro).rows]),
    macros.map((m) => m.accessPs ?? 0),
  );
  return { fixedPs, perRowPs };
}

const leakagePerBit = (macros: readonly MemoryMacro[]): readonly number[] =>
  macros.flatMap((m) => (m.leakageNw === undefined ? [] : [m.leakageNw / (m.words * m.bits)]));

const ratioLaw = (base: AreaLaw, from: AreaLaw, to: AreaLaw): AreaLaw => ({
  cellUm2: (base.cellUm2 * to.cellUm2) / from.cellUm2,
  overheadColumns: (base.overheadColumns * to.overheadColumns) / from.overheadColumns,
  overheadRows: (base.overheadRows * to.overheadRows) / from.overheadRows,
});

function sg13g2Model(): MacroModel {
  const energy = sg13g2Energy();
  const access = sg13g2Access();
  const errors = ofPorts("sg13g2", 1)
    .filter((m) => m.writeThroughPj !== undefined)
    .map((m) => writeThroughPj(energy, arrayOf(m)) / (m.writeThroughPj ?? 1) - 1);
  const worst = Math.max(...errors.map(Math.abs));
  const law = (ports: 1 | 2): MacroLaw => {
    const macros = ofPorts("sg13g2", ports);
    const area = areaLaw(macros);
    return {
      area,
      areaSpread: areaSpread(area, macros),
      energy,
      energySpread: { low: 1 - worst, nominal: 1, high: 1 + worst },
      leakageNwPerBit: rangeOver(leakagePerBit(macros)),
      access,
      accessSpread: { low: 0.9, nominal: 1, high: 1.1 },
    };
  };
  const { source } = macroFamilies.sg13g2;
  return {
    singlePort: law(1),
    dualPort: law(2),
    limits: { columnMuxes: [4, 8], minimumRows: 16, maximumRows: 512, maximumColumns: 256 },
    source: `${source}; a port of a two-port macro takes the energy of a one-port macro (equal in the Liberty files of 1024x16)`,
  };
}

/**
 * sky130: areas of OpenRAM's macros with their published bit cell. Energies as a range: low, what their files state; high, SG13G2's law at
 * 1.8 V (× V²). The stated ones do not grow with the number of columns, as precharging makes them, so they are no nominal value.
 */
function sky130Model(): MacroModel {
  const macros = ofPorts("sky130", 2);
  const reference = sg13g2Model();
  const dual = areaLaw(macros, openRamCellUm2);
  const single = ratioLaw(dual, reference.dualPort.area, reference.singlePort.area);
  const base = sg13g2Energy();
  const stated = geometric(
    macros.map((m) => (m.readPj ?? 0) / (base.readShare * writeThroughPj(base, arrayOf(m)))),
  );
  const { nominal, low, high } = rangeOver([
    stated,
    (macroFamilies.sky130.supplyV / macroFamilies.sg13g2.supplyV) ** 2,
  ]);
  const periodPs = macros.map((m) => m.accessPs ?? 0);
  const common = {
    energy: scaleEnergy(base, nominal),
    energySpread: { low: low / nominal, nominal: 1, high: high / nominal },
    leakageNwPerBit: rangeOver(leakagePerBit(macros)),
    access: { fixedPs: geometric(periodPs), perRowPs: 0 },
    accessSpread: {
      low: Math.min(...periodPs) / geometric(periodPs),
      nominal: 1,
      high: Math.max(...periodPs) / geometric(periodPs),
    },
  };
  return {
    singlePort: { ...common, area: single, areaSpread: areaSpread(dual, macros, derivedWiden) },
    dualPort: { ...common, area: dual, areaSpread: areaSpread(dual, macros) },
    limits: { columnMuxes: [2, 4, 8], minimumRows: 16, maximumRows: 256, maximumColumns: 256 },
    source: `${macroFamilies.sky130.source}; energy from these (low) to the SG13G2 macros at 1.8 V (high); one-port areas by SG13G2's ratio; access: their least period`,
  };
}

/**
 * Read energy of CACTI 7's 8 KB memory at 45 nm and 1 V over that of SG13G2's law scaled there (0.37): the low end of scaled energies. The
 * macros of an old process scale to more than what a memory designed for the newer one takes.
 */
function cactiShare(): number {
  const energy = sg13g2Energy();
  const { nodeNm, supplyV } = macroFamilies.sg13g2;
  const factor = (energyFactors(45, 1)[0] ?? 1) / (energyFactors(nodeNm, supplyV)[0] ?? 1);
  return (
    cacti45[0].readPj / (energy.readShare * writeThroughPj(energy, { columns: 256, rows: 256 }) * factor)
  );
}

/**
 * ASAP7: areas of its one-port macros; two-port ones by SG13G2's ratio. Energy: over SG13G2's law scaled to 7 nm and 0.7 V (Stillmaker and Baas
 * 2017, both fits), CACTI's 8 KB at 45 nm scaled alike, and what the 8 KB bank states. Leakage is published by nobody: from SG13G2's share of a latch to a whole latch.
 */
function asap7Model(latchLeakageNw: number): MacroModel {
  const macros = ofPorts("asap7", 1);
  const reference = sg13g2Model();
  const single = areaLaw(macros);
  const dual = ratioLaw(single, reference.singlePort.area, reference.dualPort.area);
  const base = sg13g2Energy();
  const { nodeNm, supplyV } = macroFamilies.asap7;
  const from = macroFamilies.sg13g2;
  const scaled = energyFactors(nodeNm, supplyV).map(
    (factor) => factor / (energyFactors(from.nodeNm, from.supplyV)[0] ?? 1),
  );
  const stated = macros.flatMap((m) =>
    m.readPj === undefined ? [] : [m.readPj / (base.readShare * writeThroughPj(base, arrayOf(m)))],
  );
  const { low, nominal, high } = rangeOver([...scaled, ...stated, (scaled[0] ?? 1) * cactiShare()]);
  const delays = rangeOver(
    delayFactors(nodeNm, supplyV).map((factor) => factor / (delayFactors(from.nodeNm, from.supplyV)[0] ?? 1)),
  );
  const access = sg13g2Access();
  const common = {
    energy: scaleEnergy(base, nominal),
    energySpread: { low: low / nominal, nominal: 1, high: high / nominal },
    leakageNwPerBit: rangeOver([latchLeakageNw * sg13g2LatchShare, latchLeakageNw]),
    access: { fixedPs: access.fixedPs * delays.nominal, perRowPs: access.perRowPs * delays.nominal },
    accessSpread: { low: delays.low / delays.nominal, nominal: 1, high: delays.high / delays.nominal },
  };
  return {
    singlePort: { ...common, area: single, areaSpread: areaSpread(single, macros) },
    dualPort: { ...common, area: dual, areaSpread: areaSpread(single, macros, derivedWiden) },
    limits: { columnMuxes: [4], minimumRows: 64, maximumRows: 256, maximumColumns: 320 },
    source: `${macroFamilies.asap7.source}; two-port areas by SG13G2's ratio; energy over SG13G2's macros and CACTI's 8 KB at 45 nm, both scaled to 0.7 V (Stillmaker and Baas 2017), and the stated read of the 8 KB bank; delays scaled; leakage from a thirtieth of a latch (as SG13G2) to a latch`,
  };
}

/** Leakage of a bit of SG13G2's one-port macros over that of its latch `dlhq_1` (0.01209 and 0.368537 nW). */
const sg13g2LatchShare = 0.01209 / 0.368537;

/** Scale a model of 130 nm and 1.2 V to another node: areas by a table, energies and delays by the fits. */
function scaledModel(nodeNm: number): MacroModel {
  const area = areaFrom130.get(nodeNm);
  const supplyV = supplyOf.get(nodeNm);
  if (area === undefined || supplyV === undefined) {
    throw new FixynnError("FX7021", `no memory model for ${nodeNm} nm`, {
      hint: `known nodes: ${[...areaFrom130.keys()].join(", ")} nm`,
    });
  }
  const { nodeNm: fromNm, supplyV: fromV } = macroFamilies.sg13g2;
  const factors = energyFactors(nodeNm, supplyV).map(
    (factor) => factor / (energyFactors(fromNm, fromV)[0] ?? 1),
  );
  const energies = rangeOver([...factors, (factors[0] ?? 1) * cactiShare()]);
  const delays = rangeOver(
    delayFactors(nodeNm, supplyV).map((factor) => factor / (delayFactors(fromNm, fromV)[0] ?? 1)),
  );
  const scale = (law: MacroLaw): MacroLaw => ({
    ...law,
    area: { ...law.area, cellUm2: law.area.cellUm2 * area },
    energy: scaleEnergy(law.energy, energies.nominal),
    energySpread: {
      low: (law.energySpread.low * energies.low) / energies.nominal,
      nominal: 1,
      high: (law.energySpread.high * energies.high) / energies.nominal,
    },
    leakageNwPerBit: {
      low: law.leakageNwPerBit.low * area,
      nominal: law.leakageNwPerBit.nominal * area,
      high: law.leakageNwPerBit.high * area,
    },
    access: {
      fixedPs: law.access.fixedPs * delays.nominal,
      perRowPs: law.access.perRowPs * delays.nominal,
    },
    accessSpread: { low: delays.low / delays.nominal, nominal: 1, high: delays.high / delays.nominal },
  });
  const model = sg13g2Model();
  return {
    ...model,
    singlePort: scale(model.singlePort),
    dualPort: scale(model.dualPort),
    source: `the SG13G2 model scaled from 130 nm at 1.2 V to ${nodeNm} nm at ${supplyV} V (Stillmaker and Baas 2017), energies down to CACTI 7's at 45 nm scaled alike; leakage scaled with area, a guess`,
  };
}

/** Area factors from 130 nm (Stillmaker and Baas 2017). */
const areaFrom130: ReadonlyMap<number, number> = new Map([
  [130, 1],
  [45, 0.16],
  [16, 0.03],
  [7, 0.0092],
]);
/** Nominal supplies at which energies are scaled. */
const supplyOf: ReadonlyMap<number, number> = new Map([
  [130, 1.2],
  [45, 1],
  [16, 0.8],
  [7, 0.7],
]);

/**
 * Model of the memory macros that go with a library: those of its own process for sky130, SG13G2 and ASAP7 (found in the name), else SG13G2's
 * scaled to the node.
 *
 * @param latchLeakageNw of a latch of the library; where no macro states leakage, it is taken from this
 * @throws FixynnError FX7021 for a node without scaling factors
 */
export function macroModel(name: string, nodeNm: number, latchLeakageNw: number): MacroModel {
  if (/sky130/i.test(name)) return sky130Model();
  if (/sg13g2/i.test(name)) return sg13g2Model();
  if (/asap7/i.test(name)) return asap7Model(latchLeakageNw);
  return scaledModel(nodeNm);
}
