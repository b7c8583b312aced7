import type { SampledWindow } from "../../sim/index.js";
import { type NetComponent, netComponents } from "./components.js";
import type { PricedNetlist } from "./priced-netlist.js";

/** Energy of one window of cycles, pJ. */
export type WindowEnergy = {
  /** Transitions with their glitches, wires included, flip-flop data pins under `registers`. */
  readonly netsPj: Readonly<Record<NetComponent, number>>;
  /** The same with settled transitions only. */
  readonly settledPj: Readonly<Record<NetComponent, number>>;
  /** Share of `netsPj` that charges wires. */
  readonly wiresPj: number;
  /** Clock pins, flip-flops and gates, without the tree. */
  readonly clockPj: number;
  readonly cycles: number;
};

/** Price the transitions of a window. */
export function windowEnergy(priced: PricedNetlist, window: SampledWindow): WindowEnergy {
  const { netlist, internalRisePj, internalFallPj, pinPj, wirePj, flipFlopDataPj, componentOfNet } = priced;
  const { rises, falls, settled } = window.counts;
  const nets = new Float64Array(netComponents.length);
  const quiet = new Float64Array(netComponents.length);
  const registers = netComponents.indexOf("registers");
  let wiresPj = 0;
  for (let n = 2; n < netlist.netCount; n++) {
    const transitions = rises[n]! + falls[n]!;
    if (transitions === 0) continue;
    const c = componentOfNet[n]!;
    const switching = pinPj[n]! + wirePj[n]!;
    nets[c]! += rises[n]! * internalRisePj[n]! + falls[n]! * internalFallPj[n]! + transitions * switching;
    quiet[c]! += settled[n]! * (0.5 * (internalRisePj[n]! + internalFallPj[n]!) + switching);
    nets[registers]! += transitions * flipFlopDataPj[n]!;
    quiet[registers]! += settled[n]! * flipFlopDataPj[n]!;
    wiresPj += transitions * wirePj[n]!;
  }
  let clockPj = 0;
  for (const [g, group] of priced.groups.entries()) {
    const enabled = window.enabled[g]!;
    clockPj += enabled * group.enabledPj + (window.cycles - enabled) * group.disabledPj;
  }
  const named = (list: Float64Array): Record<NetComponent, number> =>
    Object.fromEntries(netComponents.map((name, i) => [name, list[i]!])) as Record<NetComponent, number>;
  return { netsPj: named(nets), settledPj: named(quiet), wiresPj, clockPj, cycles: window.cycles };
}
