import { idleEnables, type LayerStimulus, type SampleOptions, sampleWindows } from "../../sim/index.js";
import type { Range } from "../technology.js";
import { type NetComponent, netComponents } from "./components.js";
import type { PricedNetlist } from "./priced-netlist.js";
import { windowEnergy } from "./windows-energy.js";

/** Energy of one layer a frame from windows of real images, pJ. Memory macros, leakage and the test overhead come on top. */
export type MeasuredEnergy = {
  readonly kind: "measuredEnergy";
  /** By component, glitches and wires included; flip-flop data under `registers`. */
  readonly netsPj: Readonly<Record<NetComponent, number>>;
  /** Transitions with glitches over settled ones, priced; 1 where nothing moves. */
  readonly glitchFactor: Readonly<Record<NetComponent, number>>;
  /** Of all components together. */
  readonly totalGlitchFactor: number;
  /** Share of the net energy that charges wires. */
  readonly wireShare: number;
  /** Clock pins, flip-flops and clock gates; the clock tree as a factor on it is in `clockPj`. */
  readonly clockPinsPj: number;
  readonly clockPj: number;
  /** Nets and clock. */
  readonly totalPj: number;
  /** Of `totalPj` at the clock tree's and the wires' low and high ends. */
  readonly totalRangePj: Range;
  /** Standard error of `totalPj` from the spread between windows, relative. */
  readonly relativeError: number;
  readonly windows: number;
  readonly cyclesSimulated: number;
  /** Cycles of a frame at full speed, and between two frames of the front, in which it waits. */
  readonly cyclesPerFrame: number;
  readonly idleCycles: number;
  /** Latest transition after a clock edge in any window, ps. */
  readonly lastTransitionPs: number;
  readonly events: number;
  readonly timedSeconds: number;
  readonly preludeSeconds: number;
};

export type MeasureOptions = SampleOptions & {
  /** Cycles between two frames of the whole front; default those of the layer at full speed. */
  readonly frontCycles?: number;
  /** Clock tree over the clock pins' and cells' energy. */
  readonly clockTreeFactor: Range;
};

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** Measure a layer's energy a frame: mean energy of a cycle over sampled windows × cycles, idle cycles clocked as they are when it waits. */
export function measureEnergy(
  priced: PricedNetlist,
  stimulus: LayerStimulus,
  options: MeasureOptions,
): MeasuredEnergy {
  const { clockTreeFactor } = options;
  const sample = sampleWindows(priced.netlist, stimulus, options);
  const energies = sample.windows.map((window) => windowEnergy(priced, window));
  const { cyclesPerFrame } = sample;
  const cycles = sum(energies.map((one) => one.cycles));
  const perFrame = (of: (one: (typeof energies)[0]) => number): number =>
    (sum(energies.map(of)) / cycles) * cyclesPerFrame;
  const byComponent = (f: (name: NetComponent) => number): Record<NetComponent, number> =>
    Object.fromEntries(netComponents.map((name) => [name, f(name)])) as Record<NetComponent, number>;
  const netsPj = byComponent((name) => perFrame((one) => one.netsPj[name]));
  const settledPj = byComponent((name) => perFrame((one) => one.settledPj[name]));
  const idleCycles = Math.max(0, (options.frontCycles ?? cyclesPerFrame) - cyclesPerFrame);
  const idle = idleEnables(priced.netlist);
  const idlePj = sum(priced.groups.map((g, i) => (idle[i] === 1 ? g.enabledPj : g.disabledPj)));
  const clockPinsPj = perFrame((one) => one.clockPj) + idleCycles * idlePj;
  const netsTotal = sum(Object.values(netsPj));
  const settledTotal = sum(Object.values(settledPj));
  const wiresPj = perFrame((one) => one.wiresPj);
  const at = (level: keyof Range): number =>
    netsTotal + (priced.wireSpread[level] - 1) * wiresPj + clockPinsPj * clockTreeFactor[level];
  const totalPj = at("nominal");
  const perCycle = energies.map(
    (one) => (sum(Object.values(one.netsPj)) + one.clockPj * clockTreeFactor.nominal) / one.cycles,
  );
  const mean = sum(perCycle) / perCycle.length;
  const variance = sum(perCycle.map((e) => (e - mean) ** 2)) / Math.max(1, perCycle.length - 1);
  return {
    kind: "measuredEnergy",
    netsPj,
    glitchFactor: byComponent((name) => (settledPj[name] > 0 ? netsPj[name] / settledPj[name] : 1)),
    totalGlitchFactor: settledTotal > 0 ? netsTotal / settledTotal : 1,
    wireShare: netsTotal > 0 ? wiresPj / netsTotal : 0,
    clockPinsPj,
    clockPj: clockPinsPj * clockTreeFactor.nominal,
    totalPj,
    totalRangePj: { low: at("low"), nominal: totalPj, high: at("high") },
    relativeError:
      mean > 0 ? ((Math.sqrt(variance / perCycle.length) / mean) * (mean * cyclesPerFrame)) / totalPj : 0,
    windows: energies.length,
    cyclesSimulated: cycles,
    cyclesPerFrame,
    idleCycles,
    lastTransitionPs: Math.max(...sample.windows.map(({ lastPs }) => lastPs)),
    events: sample.events,
    timedSeconds: sample.timedSeconds,
    preludeSeconds: sample.preludeSeconds,
  };
}
