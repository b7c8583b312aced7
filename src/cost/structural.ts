import { FixynnError } from "../core/index.js";
import { romAreaUm2PerBit, romEnergyPjPerAccessedBit, romLeakageNwPerBit } from "./rom.js";
import type { cellRoles, Range, Technology } from "./technology.js";

/** Numbers of library cells by role; what is absent counts zero. */
export type CellCounts = { readonly [Role in (typeof cellRoles)[number]]?: number };

/** Counts of one frozen layer, taken from its netlist. */
export type LayerCounts = {
  readonly name: string;
  readonly kind: string;
  /** Dense multiply-accumulates a frame: zero weights included, padding excluded. */
  readonly macs: number;
  /** Compressor trees and final adders; a carry-propagate adder counts one full adder a bit. */
  readonly datapath: CellCounts;
  readonly requantization: CellCounts;
  /** Counters, handshake, padding multiplexers. */
  readonly control: CellCounts;
  readonly registerBits: {
    readonly datapath: number;
    readonly window: number;
    readonly control: number;
    /** Registers of programmable normalization: written once, clocked like the others; none by default. */
    readonly configuration?: number;
  };
  readonly sramBits: number;
  /** Line-buffer bits written plus read a frame. */
  readonly sramAccessedBitsPerFrame: number;
  /** Bits of constants in ROMs, and those read a frame; none by default. */
  readonly romBits?: number;
  readonly romAccessedBitsPerFrame?: number;
  /** Clock cycles between two frames that this layer alone would need. */
  readonly cyclesPerFrame: number;
  /** Cycles in which the datapath's inputs change: valid window positions. */
  readonly activeCyclesPerFrame: number;
  readonly latencyCycles: number;
  /** Full adders in a row on the longest path between two registers, ripple carries included. */
  readonly criticalFullAdders: number;
};

/** Output transitions of one layer's cells a frame, averaged over simulated images. Zero-delay: without glitches. */
export type LayerActivity = {
  readonly images: number;
  readonly datapathToggles: number;
  readonly requantizationToggles: number;
  readonly registerToggles: number;
  readonly controlToggles: number;
};

/** Assumptions of the structural tier that no table gives; each a range, all of them ours. */
export const structuralAssumptions = {
  /** Share of the cell outputs that toggle in an active cycle, where no simulated activity is given. */
  logicToggleRate: { low: 0.1, nominal: 0.2, high: 0.35 },
  /** Share of the register bits that toggle in an active cycle, where no simulated activity is given. */
  registerToggleRate: { low: 0.1, nominal: 0.2, high: 0.35 },
  /** Transitions with glitches over transitions without, in adder trees. */
  glitchFactor: { low: 1, nominal: 1.5, high: 2.5 },
  /** Clock energy with its tree over the flip-flops' own; no clock gating. */
  clockTreeFactor: { low: 1.1, nominal: 1.3, high: 1.6 },
} as const satisfies Readonly<Record<string, Range>>;

type Parts<T> = {
  readonly datapath: T;
  readonly requantization: T;
  readonly registers: T;
  readonly sram: T;
  readonly rom: T;
  readonly control: T;
};

/** Area of a layer or a front, µm² of cells (no placement overhead). */
export type AreaParts = Parts<number> & { readonly total: number };

/** Energy a frame, pJ. `registers` is data transitions; `clock` the flip-flops' clock pins and the clock tree. */
export type EnergyParts = Parts<number> & {
  readonly clock: number;
  readonly leakage: number;
  readonly total: number;
};

/** Cost of one layer. */
export type LayerCost = {
  readonly name: string;
  readonly tier: "modelled" | "simulated";
  readonly areaUm2: AreaParts;
  readonly energyPj: EnergyParts;
  readonly energyTotalPj: Range;
  readonly leakageNw: number;
  readonly cyclesPerFrame: number;
  /** Share of the front's cycles in which this layer's datapath works. */
  readonly utilization: number;
  readonly achievableClockMhz: number;
};

/** Result of {@link costFrontEnd}. Area and clock are `modelled`; energy has the tier of its activity. */
export type FrontEndCost = {
  readonly kind: "frontEndCost";
  readonly technology: string;
  readonly nodeNm: number;
  readonly supplyV: number;
  readonly source: string;
  /** `simulated` when every layer's activity came from simulation, else `modelled`. */
  readonly tier: "modelled" | "simulated";
  readonly areaTier: "modelled";
  readonly clockMhz: number;
  readonly achievableClockMhz: number;
  readonly clockMet: boolean;
  /** Layer that limits the clock, or `memory`. */
  readonly clockLimit: string;
  readonly areaMm2: AreaParts;
  readonly energyPerFrameUj: EnergyParts;
  readonly energyPerFrameRangeUj: Range;
  readonly leakageMw: number;
  readonly powerMw: number;
  readonly cyclesPerFrame: number;
  readonly framesPerSecond: number;
  readonly latencyCycles: number;
  readonly macsPerFrame: number;
  readonly tops: number;
  readonly topsPerWatt: number;
  readonly topsPerWattRange: Range;
  readonly topsPerMm2: number;
  readonly layers: readonly LayerCost[];
  readonly notes: readonly string[];
};

/** Input of {@link costFrontEnd}. */
export type FrontEndInput = {
  readonly layers: readonly LayerCounts[];
  readonly technology: Technology;
  /** Clock to run at; default: the achievable one. */
  readonly clockMhz?: number | undefined;
  /** By layer name; layers without an entry use the default toggle rates. */
  readonly activity?: ReadonlyMap<string, LayerActivity> | undefined;
};

type Totals = { areaUm2: number; leakageNw: number; outputs: number; energyPerTogglePj: number };

/** Add cells up; energy per toggle is the mean over their outputs. */
function price(counts: CellCounts, technology: Technology): Totals {
  const totals = { areaUm2: 0, leakageNw: 0, outputs: 0, energyPerTogglePj: 0 };
  for (const [role, count] of Object.entries(counts) as [keyof CellCounts, number | undefined][]) {
    const cell = technology.cells[role];
    const n = count ?? 0;
    const outputs = n * (role === "fullAdder" || role === "halfAdder" ? 2 : 1);
    totals.areaUm2 += n * cell.areaUm2;
    totals.leakageNw += n * cell.leakageNw;
    totals.outputs += outputs;
    totals.energyPerTogglePj += outputs * cell.energyPerTogglePj;
  }
  if (totals.outputs > 0) totals.energyPerTogglePj /= totals.outputs;
  return totals;
}

/**
 * Estimate the clock that a pipeline stage allows, in MHz: 1 / (clock to output + full adders in a row × their worst arc +
 * set-up). The worst arc at every adder makes it an underestimate; wires are only in the table's load.
 */
export function achievableClockMhz(criticalFullAdders: number, technology: Technology): number {
  const { fullAdder, enableFlipFlop } = technology.cells;
  return 1e6 / (enableFlipFlop.delayPs + criticalFullAdders * fullAdder.delayPs + enableFlipFlop.setupPs);
}

type Level = keyof Range;

function layerEnergy(
  layer: LayerCounts,
  technology: Technology,
  activity: LayerActivity | undefined,
  frame: { readonly cycles: number; readonly seconds: number; readonly leakageNw: number },
  level: Level,
): EnergyParts {
  const { logicToggleRate, registerToggleRate, glitchFactor, clockTreeFactor } = structuralAssumptions;
  const flop = technology.cells.enableFlipFlop;
  const active = layer.activeCyclesPerFrame;
  const { datapath: d, window: w, control: c, configuration = 0 } = layer.registerBits;
  // What is written once does not toggle.
  const bits = d + w + c;
  const logic = (counts: CellCounts, toggles: number | undefined): number => {
    const { outputs, energyPerTogglePj } = price(counts, technology);
    return (toggles ?? outputs * logicToggleRate[level] * active) * energyPerTogglePj;
  };
  const parts = {
    datapath: logic(layer.datapath, activity?.datapathToggles) * glitchFactor[level],
    requantization: logic(layer.requantization, activity?.requantizationToggles) * glitchFactor[level],
    registers:
      (activity?.registerToggles ?? bits * registerToggleRate[level] * active) * flop.energyPerTogglePj,
    sram: layer.sramAccessedBitsPerFrame * technology.sram.energyPjPerAccessedBit[level],
    rom: (layer.romAccessedBitsPerFrame ?? 0) * romEnergyPjPerAccessedBit(technology)[level],
    control: logic(layer.control, activity?.controlToggles),
    clock: (bits + configuration) * frame.cycles * flop.clockEnergyPerCyclePj * clockTreeFactor[level],
    leakage: frame.leakageNw * frame.seconds * 1e3,
  };
  return { ...parts, total: Object.values(parts).reduce((a, b) => a + b, 0) };
}

function addParts<P extends object>(all: readonly P[], scale: number): P {
  const sum: Record<string, number> = {};
  for (const parts of all) {
    for (const [key, value] of Object.entries(parts) as [string, number][]) {
      sum[key] = (sum[key] ?? 0) + value * scale;
    }
  }
  return sum as P;
}

function checkLayers(layers: readonly LayerCounts[]): void {
  if (layers.length === 0) throw new FixynnError("FX7040", "no frozen layer to cost");
  for (const layer of layers) {
    const counts = [
      layer.macs,
      layer.sramBits,
      layer.sramAccessedBitsPerFrame,
      layer.romBits ?? 0,
      layer.romAccessedBitsPerFrame ?? 0,
      layer.activeCyclesPerFrame,
      layer.criticalFullAdders,
      ...Object.values(layer.registerBits),
      ...Object.values(layer.datapath),
      ...Object.values(layer.requantization),
      ...Object.values(layer.control),
    ];
    if (!(layer.cyclesPerFrame >= 1) || !counts.every((n) => Number.isFinite(n) && n >= 0)) {
      throw new FixynnError("FX7041", "a count is negative, not finite, or the layer has no cycles", {
        place: layer.name,
      });
    }
  }
}

/**
 * Structural tier: area, energy, clock and throughput of a frozen front from its layers' counts and a technology table.
 *
 * - area: cells × area, memory and ROM bits × area per bit; no placement or routing overhead
 * - energy a frame: toggles × energy per toggle × glitch factor; clock pins of all registers in every cycle (no gating);
 *   accessed memory bits × energy per bit; leakage × frame time
 * - frames/s = clock / the slowest layer's cycles; TOPS = 2 · MACs · frames/s
 *
 * @throws FixynnError FX7040 without layers, FX7041 for counts that cannot be, FX7042 for a clock that is not positive
 */
export function costFrontEnd(input: FrontEndInput): FrontEndCost {
  const { layers, technology, activity } = input;
  checkLayers(layers);
  const { sram, cells } = technology;
  const stageMhz = layers.map((layer) => achievableClockMhz(layer.criticalFullAdders, technology));
  const memoryMhz = layers.some((layer) => layer.sramBits > 0)
    ? 1e6 / sram.minimumPeriodPs
    : Number.POSITIVE_INFINITY;
  const slowest = Math.min(...stageMhz);
  const achievable = Math.min(slowest, memoryMhz);
  const clockMhz = input.clockMhz ?? achievable;
  if (!(clockMhz > 0)) throw new FixynnError("FX7042", `not a clock: ${clockMhz} MHz`);
  const cyclesPerFrame = Math.max(...layers.map((layer) => layer.cyclesPerFrame));
  const framesPerSecond = (clockMhz * 1e6) / cyclesPerFrame;
  const seconds = 1 / framesPerSecond;

  const costs = layers.map((layer, i): LayerCost => {
    const datapath = price(layer.datapath, technology);
    const requantization = price(layer.requantization, technology);
    const control = price(layer.control, technology);
    const { datapath: d, window: w, control: c, configuration = 0 } = layer.registerBits;
    const flop = cells.enableFlipFlop;
    const area = {
      datapath: datapath.areaUm2,
      requantization: requantization.areaUm2,
      registers: (d + w + configuration) * flop.areaUm2,
      sram: layer.sramBits * sram.areaUm2PerBit.nominal,
      rom: (layer.romBits ?? 0) * romAreaUm2PerBit(technology).nominal,
      control: control.areaUm2 + c * (flop.areaUm2 + cells.and2.areaUm2),
    };
    const leakageNw =
      datapath.leakageNw +
      requantization.leakageNw +
      control.leakageNw +
      (d + w + c + configuration) * flop.leakageNw +
      c * cells.and2.leakageNw +
      layer.sramBits * sram.leakageNwPerBit +
      (layer.romBits ?? 0) * romLeakageNwPerBit(technology);
    const own = activity?.get(layer.name);
    const frame = { cycles: cyclesPerFrame, seconds, leakageNw };
    const at = (level: Level): EnergyParts => layerEnergy(layer, technology, own, frame, level);
    const energyPj = at("nominal");
    return {
      name: layer.name,
      tier: own === undefined ? "modelled" : "simulated",
      areaUm2: { ...area, total: Object.values(area).reduce((a, b) => a + b, 0) },
      energyPj,
      energyTotalPj: { low: at("low").total, nominal: energyPj.total, high: at("high").total },
      leakageNw,
      cyclesPerFrame: layer.cyclesPerFrame,
      utilization: Math.min(1, layer.activeCyclesPerFrame / cyclesPerFrame),
      achievableClockMhz: stageMhz[i] ?? 0,
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
  const { glitchFactor, clockTreeFactor, logicToggleRate } = structuralAssumptions;
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
    clockMet: clockMhz <= achievable * (1 + 1e-9),
    clockLimit: memoryMhz < slowest ? "memory" : (layers[stageMhz.indexOf(slowest)]?.name ?? ""),
    areaMm2,
    energyPerFrameUj,
    energyPerFrameRangeUj: range,
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
      `glitches in adder trees assumed × ${glitchFactor.nominal} (${glitchFactor.low} to ${glitchFactor.high}), clock tree × ${clockTreeFactor.nominal} (${clockTreeFactor.low} to ${clockTreeFactor.high}) of the registers' clock energy, no clock gating`,
      ...(simulated
        ? []
        : [
            `no simulated activity for some layers: ${logicToggleRate.nominal} of the outputs (${logicToggleRate.low} to ${logicToggleRate.high}) assumed to toggle in an active cycle`,
          ]),
      ...(layers.some((layer) => (layer.romBits ?? 0) > 0)
        ? ["ROMs priced as synthesized logic (a third of a NAND gate a bit), their reads as SRAM reads"]
        : []),
      "every register has an enable; the clock estimate takes the worst arc at every full adder",
    ],
  };
}
