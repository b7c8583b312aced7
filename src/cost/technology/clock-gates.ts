import type { LibertyGroup } from "../liberty.js";
import type { TechnologyClockGate, TechnologyLatch } from "../technology.js";
import type { Candidate } from "./candidates.js";
import type { Gates } from "./compose.js";
import { groupsNamed, isLogic, type LibertyLibrary, pinsOf } from "./liberty-library.js";
import {
  capacitanceFf,
  delayPs,
  internalPj,
  leakageNw,
  type PinValues,
  type Point,
  setupPs,
} from "./measure.js";

/** Flip-flops that one clock gate drives where its delay and energy are read; our choice, a small group. */
export const clockGateFanOut = 16;

type GateCandidate = Candidate & {
  readonly clock: LibertyGroup;
  readonly enable: LibertyGroup;
  readonly test: LibertyGroup | undefined;
  readonly output: LibertyGroup;
  readonly forbidden: boolean;
};

/** Find the integrated clock gates of rising-edge clocks (`clock_gating_integrated_cell : latch_posedge…`). */
export function clockGates(libraries: readonly LibertyLibrary[]): GateCandidate[] {
  return libraries.flatMap((library) =>
    groupsNamed(library.group.groups, "cell").flatMap((cell): GateCandidate[] => {
      const kind = cell.attributes.get("clock_gating_integrated_cell");
      if (!kind?.startsWith("latch_posedge") || !isLogic(cell)) return [];
      const inputs = pinsOf(cell, "input");
      const marked = (name: string): LibertyGroup | undefined =>
        [...inputs, ...pinsOf(cell, "output")].find((pin) => pin.attributes.get(name) === "true");
      const clock = marked("clock_gate_clock_pin") ?? marked("clock");
      const output = marked("clock_gate_out_pin") ?? pinsOf(cell, "output")[0];
      const test = marked("clock_gate_test_pin");
      const enable = marked("clock_gate_enable_pin") ?? inputs.find((pin) => pin !== clock && pin !== test);
      if (!clock || !enable || !output) return [];
      return [
        {
          library,
          cell,
          name: cell.args[0] ?? "",
          areaUm2: Number(cell.attributes.get("area")),
          inputs: [enable],
          outputs: [{ pin: output, function: 0, inverted: false }],
          clock,
          enable,
          test: test ?? inputs.find((pin) => pin !== clock && pin !== enable),
          output,
          forbidden: cell.attributes.get("dont_use") === "true",
        },
      ];
    }),
  );
}

/** Prefer one without a test pin, then one that synthesis may use, then the smallest. */
export const pickClockGate = (found: readonly GateCandidate[]): GateCandidate | undefined =>
  [...found].sort(
    (a, b) =>
      Number(a.test !== undefined) - Number(b.test !== undefined) ||
      Number(a.forbidden) - Number(b.forbidden) ||
      a.areaUm2 - b.areaUm2 ||
      (a.name < b.name ? -1 : 1),
  )[0];

/** Read an integrated clock gate's figures; `loadFf` is the capacitance of the clock net that it drives. */
export function measureClockGate(
  candidate: GateCandidate,
  slewPs: number,
  loadFf: number,
  warnings: Set<string>,
): TechnologyClockGate {
  const { library, clock, enable, test, output, cell } = candidate;
  const point: Point = { slewPs, loadFf, netFf: loadFf };
  const stateAt = (enabled: boolean, level: boolean): PinValues =>
    new Map([
      [enable.args[0] ?? "", enabled],
      ...(test === undefined ? [] : [[test.args[0] ?? "", false] as const]),
      [clock.args[0] ?? "", level],
      [output.args[0] ?? "", enabled && level],
    ]);
  const pj = (pin: LibertyGroup, edge: "rise" | "fall", enabled: boolean): number =>
    internalPj(candidate, pin, point, { edges: [edge], state: stateAt(enabled, edge === "fall") }) ?? 0;
  const both = (pin: LibertyGroup, enabled: boolean): number =>
    Math.max(0, pj(pin, "rise", enabled) + pj(pin, "fall", enabled));
  if (internalPj(candidate, clock, point) === undefined)
    warnings.add(`${candidate.name} has no clock power: only its pin charge counts`);
  if (candidate.forbidden)
    warnings.add(`clock gate: ${candidate.name} is marked dont_use (clock gates are placed, not mapped to)`);
  const clockPinCapacitanceFf = capacitanceFf(library, clock);
  const chargePj = clockPinCapacitanceFf * library.units.supplyV ** 2 * 1e-3;
  return {
    cell: candidate.name,
    composed: false,
    areaUm2: candidate.areaUm2,
    leakageNw: leakageNw(library, cell),
    clockPinCapacitanceFf,
    enablePinCapacitanceFf: capacitanceFf(library, enable),
    energyPerEnabledCyclePj: chargePj + both(clock, true) + both(output, true),
    energyPerDisabledCyclePj: chargePj + both(clock, false),
    setupPs: setupPs(library, [enable], slewPs),
    delayPs: delayPs(library, output, point),
    fanOut: clockGateFanOut,
  };
}

/** Make a clock gate of a latch and an and gate; the latch must be open while the clock is low, else the clock is inverted for it. */
export function composeClockGate(
  latch: TechnologyLatch,
  openAt: boolean,
  { inverter, and2 }: Gates,
  supplyV: number,
): TechnologyClockGate {
  const chargePj = (capacitanceFf: number): number => capacitanceFf * supplyV ** 2 * 1e-3;
  const extra = openAt ? [inverter] : [];
  const disabledPj =
    latch.enableEnergyPerPulsePj +
    chargePj(and2.inputCapacitanceFf) +
    (openAt ? 2 * inverter.internalEnergyPerTogglePj + chargePj(inverter.inputCapacitanceFf) : 0);
  const parts = [latch, and2, ...extra];
  return {
    cell: parts.map(({ cell }) => cell).join(" + "),
    composed: true,
    areaUm2: parts.reduce((sum, part) => sum + part.areaUm2, 0),
    leakageNw: parts.reduce((sum, part) => sum + part.leakageNw, 0),
    clockPinCapacitanceFf:
      and2.inputCapacitanceFf + (openAt ? inverter.inputCapacitanceFf : latch.enablePinCapacitanceFf),
    enablePinCapacitanceFf: latch.inputCapacitanceFf,
    energyPerEnabledCyclePj: disabledPj + 2 * and2.internalEnergyPerTogglePj,
    energyPerDisabledCyclePj: disabledPj,
    setupPs: latch.setupPs,
    delayPs: and2.delayPs,
    fanOut: clockGateFanOut,
  };
}
