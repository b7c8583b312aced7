import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { sharedPath } from "../bench/photos.js";
import { FixynnError, writeFileAtomic } from "../src/core/index.js";
import { mappedPriced } from "../src/cost/energy/mapped-priced.js";
import {
  analyzeTiming,
  buildPart,
  defaultEngine,
  mapLayers,
  type PartName,
  type PartsFile,
  partClock,
  partNames,
  partsFileSchema,
  partsPath,
  readCellLibrary,
  readTechnology,
  wireCapacitanceFf,
} from "../src/cost/index.js";
import { printVerilog, verilogLibrary } from "../src/hw/index.js";
import { partEnergy } from "./parts-energy.js";
import { OPERANDS, recordOperands } from "./parts-operands.js";

/** Technologies whose parts are synthesized, and their Liberty files by the beginning of their names. */
const libraries: Readonly<Record<string, string>> = {
  sky130hd: "sky130hd",
  sg13g2: "sg13g2",
  asap7: "asap7",
};

function libertyFiles(folder: string, prefix: string): readonly string[] {
  const files = existsSync(folder)
    ? readdirSync(folder).filter((file) => file.startsWith(prefix) && /\.lib(\.gz)?$/.test(file))
    : [];
  if (files.length > 0) return files.sort().map((file) => join(folder, file));
  throw new FixynnError("FX9002", `no Liberty file ${prefix}*.lib`, {
    place: folder,
    hint: "give the folder by --libraries, or set FIXYNN_SHARED",
  });
}

/**
 * Synthesize the parts of the MAC array in each technology: map their Verilog to the library's cells, simulate the mapped netlists with delays
 * on recorded operands, and write `technologies/parts/NAME.json`.
 *
 * @returns paths of the files
 * @throws FixynnError FX9002 without libraries, models or photos; FX9012 when a part cannot be mapped
 */
export async function reproduceParts(options: {
  readonly libraries?: string | undefined;
  readonly cache: string;
}): Promise<readonly string[]> {
  const folder = options.libraries ?? sharedPath("tech");
  const operands = await recordOperands();
  const paths: string[] = [];
  for (const [name, prefix] of Object.entries(libraries)) {
    const technology = readTechnology(name);
    const library = readCellLibrary(libertyFiles(folder, prefix));
    const clock = partClock(technology);
    const modules = new Map(partNames.map((part) => [part, buildPart(part, clock)]));
    const files = new Map([
      ...verilogLibrary,
      ...[...modules.values()].map(
        ({ module }) => [`${module.name}.sv`, printVerilog(module, new Map())] as const,
      ),
    ]);
    const layers = partNames.map((part) => ({ name: part, module: modules.get(part)!.module.name }));
    const engine = defaultEngine();
    const mapped = await mapLayers(layers, files, { library, engine, cacheFolder: options.cache });
    const measure = (part: PartName): PartsFile["parts"][PartName] => {
      const mapping = mapped.get(part)!;
      if (mapping.kind === "failed")
        throw new FixynnError("FX9012", `cannot map ${part}: ${mapping.message}`, { place: name });
      const netlist = mapping.netlist();
      const priced = mappedPriced(netlist, library, technology);
      const { energyPj, glitchFactor } = partEnergy(priced, operands.get(part)!);
      const cells = netlist.instances.map(({ cell }) => library.cells.get(cell)!);
      const isFlipFlop = (cell: (typeof cells)[number]): boolean => cell.sequential?.kind === "flipFlop";
      const flipFlops = cells.filter(isFlipFlop).length;
      const timing = analyzeTiming(netlist, library, {
        periodPs: clock.periodPs,
        wire: (fanOut) => wireCapacitanceFf(technology.wire, fanOut).nominal,
        memory: () => ({ delayPs: 0, setupPs: 0 }),
        // Operands come out of registers; a part without one of its own is on their paths.
        inputArrivalPs: technology.cells.flipFlop.delayPs,
      });
      return {
        areaUm2: cells.reduce((sum, cell) => sum + cell.areaUm2, 0),
        leakageNw: cells.reduce((sum, cell) => sum + cell.leakageNw, 0),
        delayPs: 1e6 / timing.achievableClockMhz,
        energyPjPerOperation: energyPj,
        glitchFactor,
        latencyCycles: modules.get(part)!.latencyCycles,
        instances: cells.length,
        flipFlops,
      };
    };
    const parts = Object.fromEntries(partNames.map((part) => [part, measure(part)]));
    const file = partsFileSchema.parse({
      schema: "fixynn.accelerator-parts.v1",
      technology: name,
      nodeNm: technology.nodeNm,
      supplyV: library.supplyV,
      clockPeriodPs: clock.periodPs,
      source: {
        libraries: library.files.map((one) => one.name),
        tool: `${engine.name} and ABC, adders as library cells`,
        command: "npm run reproduce -- parts",
      },
      operands: OPERANDS,
      parts,
      notes: [
        "area and leakage of mapped cells, without placement; delay: static timing of the mapped netlist, wires by fan-out",
        "energy: delay-annotated transitions of the mapped netlist × Liberty's internal energy and the charge of pins and wires, clock pins × the clock-tree factor",
      ],
    });
    const path = partsPath(name);
    writeFileAtomic(path, `${JSON.stringify(rounded(file), null, 2)}\n`);
    paths.push(path);
  }
  return paths;
}

/** Six digits are more than the figures are good for. */
function rounded(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, one: unknown) => (typeof one === "number" ? Number(one.toPrecision(6)) : one)),
  );
}
