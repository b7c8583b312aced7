import { sum } from "../../core/index.js";
import { idleEnables, type LayerStimulus, type SampleOptions, sampleWindows } from "../../sim/index.js";
import type { Range } from "../technology.js";
import { type NetComponent, netComponents } from "./components.js";
import type { PricedNetlist } from "./priced-netlist.js";
import { windowEnergy } from "./windows-energy.js";

/** Energy of one layer a frame at full speed from windows of real images, pJ. Memory macros and leakage come on top. */
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
  /** Clock pins, flip-flops and clock gates in a frame at full speed, and in a cycle in which the layer waits; the tree not included. */
  readonly clockPinsPj: number;
  readonly idleClockPinsPj: number;
  readonly flipFlops: number;
  readonly clockGates: number;
  /** Share of the flip-flops that an average cycle at full speed clocks. */
  readonly clockedShare: number;
  /** Standard error of the nets' energy from the spread between windows, relative; the clock is counted over the whole frame. */
  readonly relativeError: number;
  readonly wireSpread: Range;
  readonly images: number;
  readonly windows: number;
  readonly cyclesSimulated: number;
  /** Cycles of a frame at full speed. */
  readonly cyclesPerFrame: number;
  /** Latest transition after a clock edge in any window, ps. */
  readonly lastTransitionPs: number;
  readonly events: number;
  readonly timedSeconds: number;
  readonly preludeSeconds: number;
};

/**
 * Regression estimator of a mean (Cochran, Sampling Techniques, chapter 7): windows are a sample of the frame, `x` is known in each and, as
 * `frameMean`, over all of it.
 *
 * @returns from values of the windows the frame's mean and its standard error; with three windows or fewer, or one x only, the plain mean
 */
function regression(x: readonly number[], frameMean: number) {
  const n = x.length;
  const xMean = sum(x) / n;
  const spread = sum(x.map((one) => (one - xMean) ** 2));
  return (y: readonly number[]): { readonly mean: number; readonly standardError: number } => {
    const yMean = sum(y) / n;
    const useful = n > 3 && spread > 1e-9 * xMean * xMean * n;
    const slope = useful ? sum(x.map((one, i) => (one - xMean) * (y[i]! - yMean))) / spread : 0;
    const residuals = sum(y.map((one, i) => (one - yMean - slope * (x[i]! - xMean)) ** 2));
    const freedom = Math.max(1, n - (useful ? 2 : 1));
    return {
      mean: yMean + slope * (frameMean - xMean),
      standardError: Math.sqrt(residuals / (freedom * n)),
    };
  };
}

/**
 * Measure a layer's energy a frame: the clock exactly, by the enables of the whole frame; nets by windows, corrected for how many flip-flops these
 * happen to clock beside the frame's mean. What it costs while it waits for the front's slower
 * layers is kept apart, by the clock groups that are enabled then.
 */
export function measureEnergy(
  priced: PricedNetlist,
  stimulus: LayerStimulus,
  options: SampleOptions,
): MeasuredEnergy {
  const sample = sampleWindows(priced.netlist, stimulus, options);
  const energies = sample.windows.map((window) => windowEnergy(priced, window));
  const flipFlops = sum(priced.groups.map((g) => g.flipFlops));
  const clockedIn = (enabled: Uint32Array): number =>
    sum(priced.groups.map((g, i) => g.flipFlops * enabled[i]!));
  const clockedFrame = clockedIn(sample.frameEnabled);
  /** Flip-flops clocked in a cycle of each window, and of the frame: what nets move goes with it. */
  const regressor = regression(
    sample.windows.map(({ enabled, cycles: length }) => clockedIn(enabled) / length),
    clockedFrame / sample.cyclesPerFrame,
  );
  const { cyclesPerFrame } = sample;
  const cycles = sum(energies.map((one) => one.cycles));
  const perFrame = (of: (one: (typeof energies)[0]) => number): number =>
    Math.max(0, regressor(energies.map((one) => of(one) / one.cycles)).mean) * cyclesPerFrame;
  const byComponent = (f: (name: NetComponent) => number): Record<NetComponent, number> =>
    Object.fromEntries(netComponents.map((name) => [name, f(name)])) as Record<NetComponent, number>;
  const netsPj = byComponent((name) => perFrame((one) => one.netsPj[name]));
  const settledPj = byComponent((name) => perFrame((one) => one.settledPj[name]));
  const idle = idleEnables(priced.netlist);
  const netsTotal = sum(Object.values(netsPj));
  const settledTotal = sum(Object.values(settledPj));
  const total = regressor(energies.map((one) => sum(Object.values(one.netsPj)) / one.cycles));
  const clockPinsPj = sum(
    priced.groups.map(
      (g, i) =>
        sample.frameEnabled[i]! * g.enabledPj + (cyclesPerFrame - sample.frameEnabled[i]!) * g.disabledPj,
    ),
  );
  return {
    kind: "measuredEnergy",
    netsPj,
    glitchFactor: byComponent((name) => (settledPj[name] > 0 ? netsPj[name] / settledPj[name] : 1)),
    totalGlitchFactor: settledTotal > 0 ? netsTotal / settledTotal : 1,
    wireShare: netsTotal > 0 ? perFrame((one) => one.wiresPj) / netsTotal : 0,
    clockPinsPj,
    idleClockPinsPj: sum(priced.groups.map((g, i) => (idle[i] === 1 ? g.enabledPj : g.disabledPj))),
    flipFlops,
    clockGates: sum(priced.groups.map((g) => g.clockGates)),
    clockedShare: flipFlops > 0 ? clockedFrame / (flipFlops * cyclesPerFrame) : 0,
    relativeError: total.mean > 0 ? total.standardError / total.mean : 0,
    wireSpread: priced.wireSpread,
    images: Math.min(stimulus.images, energies.length),
    windows: energies.length,
    cyclesSimulated: cycles,
    cyclesPerFrame,
    lastTransitionPs: Math.max(...sample.windows.map(({ lastPs }) => lastPs)),
    events: sample.events,
    timedSeconds: sample.timedSeconds,
    preludeSeconds: sample.preludeSeconds,
  };
}

/** What a measured layer costs a frame in a front with so many cycles between frames: nets and clock, pJ, memory macros and leakage not included. */
export function measuredTotalPj(
  measured: MeasuredEnergy,
  { frontCycles, clockTreeFactor }: { readonly frontCycles: number; readonly clockTreeFactor: number },
): { readonly netsPj: number; readonly clockPj: number; readonly totalPj: number } {
  const netsPj = sum(Object.values(measured.netsPj));
  const idleCycles = Math.max(0, frontCycles - measured.cyclesPerFrame);
  const clockPj = (measured.clockPinsPj + idleCycles * measured.idleClockPinsPj) * clockTreeFactor;
  return { netsPj, clockPj, totalPj: netsPj + clockPj };
}
