import { FixynnError } from "../../core/index.js";
import type { Technology } from "../technology.js";
import { layerArea } from "./area.js";
import { structuralAssumptions } from "./assumptions.js";
import { achievableClockMhz } from "./clock.js";
import type { FrontEndCost, FrontEndInput, LayerCost } from "./cost-types.js";
import { checkLayers, type LayerCounts } from "./counts.js";
import { type Level, layerEnergy, measuredLayerEnergy, testOverhead } from "./energy.js";
import { priceMemory, slowestMemory } from "./memories.js";
import type { EnergyParts } from "./parts.js";

function addParts<P extends object>(all: readonly P[], scale: number): P {
  const sum: Record<string, number> = {};
  for (const parts of all) {
    for (const [key, value] of Object.entries(parts) as [string, number][]) {
      sum[key] = (sum[key] ?? 0) + value * scale;
    }
  }
  return sum as P;
}

/** Where glitches, wires and activity come from. */
function energyNotes(layers: readonly LayerCounts[], measured: FrontEndInput["measured"]): readonly string[] {
  const timed = layers.flatMap(({ name }) => measured?.get(name) ?? []);
  const notes: string[] = [];
  if (timed.length > 0) {
    const cycles = timed.reduce((sum, one) => sum + one.cyclesSimulated, 0);
    const worst = Math.max(...timed.map((one) => one.relativeError));
    const factors = timed.map((one) => one.totalGlitchFactor);
    notes.push(
      `${timed.length} of ${layers.length} layers simulated with delays on windows of real images: ${cycles} cycles in all, standard error of a layer up to ${(100 * worst).toFixed(1)} %, ` +
        `glitches × ${Math.min(...factors).toFixed(2)} to × ${Math.max(...factors).toFixed(2)}, wires included`,
    );
  }
  if (timed.length < layers.length) {
    const { glitchFactor } = structuralAssumptions;
    notes.push(
      `glitches in adder trees assumed × ${glitchFactor.nominal} (${glitchFactor.low} to ${glitchFactor.high}) where nothing was simulated with delays`,
    );
  }
  return notes;
}

/** The clock that a layer allows: by its deepest pipeline stage, or its slowest memory. */
function clockLimitOf(
  layer: LayerCounts,
  technology: Technology,
): { readonly name: string; readonly clockMhz: number } {
  const stageMhz = achievableClockMhz(layer.criticalFullAdders, technology);
  const memory = slowestMemory(layer, technology);
  return memory !== undefined && memory.clockMhz < stageMhz
    ? { name: `${layer.name} (${memory.name})`, clockMhz: memory.clockMhz }
    : { name: layer.name, clockMhz: stageMhz };
}

/** What the memories are built of. */
function memoryNotes(layers: readonly LayerCounts[], technology: Technology): readonly string[] {
  const all = layers.flatMap(({ memories }) => memories);
  const rams = all.filter(({ kind }) => kind === "ram");
  const latches = rams.filter((ram) => priceMemory(ram, technology).macroUm2 === 0);
  return [
    ...(rams.length > 0
      ? [
          `memories by their sizes: ${latches.length} as arrays of latches, ${rams.length - latches.length} as macros`,
        ]
      : []),
    ...(all.length > rams.length
      ? ["ROMs priced as synthesized logic (a third of a NAND gate a bit), of which a read toggles a fifth"]
      : []),
  ];
}

/**
 * Structural tier: area, energy, clock and throughput of a frozen front from its layers' counts and a technology table.
 *
 * - area: cells × area, memories by the laws of their sizes; no placement or routing overhead
 * - energy a frame: transitions with glitches × (internal + pins + wire) where a layer was simulated with delays, else toggles × energy per
 *   toggle × an assumed glitch factor; clock pins and clock gates, idle cycles gated; reads and writes of each memory × energy of one; leakage × time
 * - frames/s = clock / the slowest layer's cycles; TOPS = 2 · MACs · frames/s
 *
 * @throws FixynnError FX7040 without layers, FX7041 for counts that cannot be, FX7042 for a clock that is not positive
 */
export function costFrontEnd(input: FrontEndInput): FrontEndCost {
  const { layers, technology, activity, measured } = input;
  checkLayers(layers);
  const { sram } = technology;
  const limits = layers.map((layer) => clockLimitOf(layer, technology));
  const slowest = limits.reduce((least, limit) => (limit.clockMhz < least.clockMhz ? limit : least));
  const achievable = slowest.clockMhz;
  const clockMhz = input.clockMhz ?? achievable;
  if (!(clockMhz > 0)) throw new FixynnError("FX7042", `not a clock: ${clockMhz} MHz`);
  const clockMet = clockMhz <= achievable * (1 + 1e-9);
  const cyclesPerFrame = Math.max(input.cyclesPerFrame ?? 0, ...layers.map((layer) => layer.cyclesPerFrame));
  const framesPerSecond = (clockMhz * 1e6) / cyclesPerFrame;
  const seconds = 1 / framesPerSecond;

  const costs = layers.map((layer, i): LayerCost => {
    const { areaUm2: area, macroUm2, leakageNw } = layerArea(layer, technology);
    const own = activity?.get(layer.name);
    const frame = { cycles: cyclesPerFrame, seconds, leakageNw };
    const timed = measured?.get(layer.name);
    const at = (level: Level): EnergyParts =>
      timed === undefined
        ? layerEnergy(layer, technology, own, frame, level)
        : measuredLayerEnergy(layer, technology, timed, frame, level);
    const energyPj = at("nominal");
    return {
      name: layer.name,
      tier: own === undefined && timed === undefined ? "modelled" : "simulated",
      testOverhead: testOverhead(layer, technology, frame),
      ...(timed === undefined ? {} : { glitchFactor: timed.totalGlitchFactor }),
      areaUm2: area,
      macroUm2,
      energyPj,
      energyTotalPj: { low: at("low").total, nominal: energyPj.total, high: at("high").total },
      leakageNw,
      cyclesPerFrame: layer.cyclesPerFrame,
      utilization: Math.min(1, layer.activeCyclesPerFrame / cyclesPerFrame),
      achievableClockMhz: limits[i]!.clockMhz,
    };
  });

  const areaMm2 = addParts(
    costs.map((cost) => cost.areaUm2),
    1e-6,
  );
  const energyPerFrameUj = addParts(
    costs.map((cost) => cost.energyPj),
    1e-6,
  );
  const range = addParts(
    costs.map((cost) => cost.energyTotalPj),
    1e-6,
  );
  const macsPerFrame = layers.reduce((sum, layer) => sum + layer.macs, 0);
  const topsPerWattAt = (energyUj: number): number => (2 * macsPerFrame * 1e-6) / energyUj;
  const tops = 2 * macsPerFrame * framesPerSecond * 1e-12;
  const simulated = costs.every((cost) => cost.tier === "simulated");
  const { clockTreeFactor, logicToggleRate } = structuralAssumptions;
  return {
    kind: "frontEndCost",
    technology: technology.name,
    nodeNm: technology.nodeNm,
    supplyV: technology.supplyV,
    source: `${technology.source.origin}; memories: ${sram.source}`,
    tier: simulated ? "simulated" : "modelled",
    areaTier: "modelled",
    clockMhz,
    achievableClockMhz: achievable,
    clockMet,
    clockLimit: slowest.name,
    areaMm2,
    macroAreaMm2: costs.reduce((sum, cost) => sum + cost.macroUm2, 0) * 1e-6,
    energyPerFrameUj,
    energyPerFrameRangeUj: range,
    testOverhead: {
      areaMm2: costs.reduce((sum, cost) => sum + cost.testOverhead.areaUm2, 0) * 1e-6,
      energyPerFrameUj: costs.reduce((sum, cost) => sum + cost.testOverhead.energyPj, 0) * 1e-6,
    },
    leakageMw: costs.reduce((sum, cost) => sum + cost.leakageNw, 0) * 1e-6,
    powerMw: energyPerFrameUj.total * framesPerSecond * 1e-3,
    cyclesPerFrame,
    framesPerSecond,
    latencyCycles: layers.reduce((sum, layer) => sum + layer.latencyCycles, 0),
    macsPerFrame,
    tops,
    topsPerWatt: topsPerWattAt(energyPerFrameUj.total),
    topsPerWattRange: {
      low: topsPerWattAt(range.high),
      nominal: topsPerWattAt(range.nominal),
      high: topsPerWattAt(range.low),
    },
    topsPerMm2: tops / areaMm2.total,
    layers: costs,
    notes: [
      "area is cell and macro area, without placement and routing overhead",
      ...(clockMet
        ? []
        : [
            `the clock of ${clockMhz.toFixed(0)} MHz is not met: ${slowest.name} allows ${achievable.toFixed(0)} MHz`,
          ]),
      ...energyNotes(layers, measured),
      `clock tree × ${clockTreeFactor.nominal} (${clockTreeFactor.low} to ${clockTreeFactor.high}) of the energy of clock pins, flip-flops and clock gates`,
      "flip-flops without scan; what scan would add is a figure of its own",
      ...(simulated
        ? []
        : [
            `no simulated activity for some layers: ${logicToggleRate.nominal} of the outputs (${logicToggleRate.low} to ${logicToggleRate.high}) assumed to toggle in an active cycle`,
          ]),
      ...memoryNotes(layers, technology),
      "the clock estimate takes the worst arc at every full adder",
    ],
  };
}
