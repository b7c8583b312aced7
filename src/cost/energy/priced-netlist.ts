import type { TimedNet, TimedNetlist } from "../../sim/index.js";
import { type NetComponent, netComponents } from "./components.js";

/** A clock group with what it costs. */
export type PricedGroup = {
  readonly flipFlops: number;
  readonly clockGates: number;
  /** A cycle in which the group is clocked: flip-flops and gates, without the clock tree. */
  readonly enabledPj: number;
  /** A cycle in which its gates stop the clock. */
  readonly disabledPj: number;
};

/** Area and leakage of the cells charged to one component. */
export type CellTotals = { readonly areaUm2: number; readonly leakageNw: number; readonly cells: number };

/** A timed netlist with the energy of each net's transitions. All per-net arrays are indexed by net. */
export type PricedNetlist = {
  readonly netlist: TimedNetlist;
  /** Inside the driving cell, one rise or fall of the net. */
  readonly internalRisePj: Float64Array;
  readonly internalFallPj: Float64Array;
  /** ½·C·V² of the pins that the net drives, one transition. */
  readonly pinPj: Float64Array;
  /** ½·C·V² of its wire, nominal. */
  readonly wirePj: Float64Array;
  /** Inside the flip-flops whose data pin the net drives, one transition. */
  readonly flipFlopDataPj: Float64Array;
  /** Component that each net is charged to: index into {@link netComponents}. */
  readonly componentOfNet: Uint8Array;
  /** In the order of the netlist's clock groups. */
  readonly groups: readonly PricedGroup[];
  /** Low, nominal and high factor on `wirePj`. */
  readonly wireSpread: { readonly low: number; readonly nominal: number; readonly high: number };
  readonly totals: Readonly<Record<NetComponent | "clockGating", CellTotals>>;
};

/** Charge each net to the component of what drives it; inputs from outside to the registers, whose twins drive them. */
export function componentsOfNets(netlist: TimedNetlist): Uint8Array {
  const of = new Uint8Array(netlist.netCount).fill(netComponents.indexOf("registers"));
  const set = (net: TimedNet | null, component: number): void => {
    if (net !== null) of[net] = component;
  };
  for (const { outputs, component } of netlist.cells) for (const net of outputs) set(net, component);
  for (const { q, component } of netlist.flipFlops) set(q, component);
  for (const { reads, component } of netlist.memories)
    for (const { q } of reads) for (const net of q) set(net, component);
  return of;
}

/** Adds up areas and leakages by component. */
export class TotalsBuilder {
  readonly #totals = new Map<
    NetComponent | "clockGating",
    { areaUm2: number; leakageNw: number; cells: number }
  >();

  add(
    component: NetComponent | "clockGating",
    cell: { areaUm2: number; leakageNw: number },
    count = 1,
  ): void {
    const sum = this.#totals.get(component) ?? { areaUm2: 0, leakageNw: 0, cells: 0 };
    sum.areaUm2 += count * cell.areaUm2;
    sum.leakageNw += count * cell.leakageNw;
    sum.cells += count;
    this.#totals.set(component, sum);
  }

  build(): PricedNetlist["totals"] {
    const none = { areaUm2: 0, leakageNw: 0, cells: 0 };
    const all = [...netComponents, "clockGating" as const].map(
      (name) => [name, this.#totals.get(name) ?? none] as const,
    );
    return Object.fromEntries(all) as PricedNetlist["totals"];
  }
}

/** How many sinks each net drives, and their capacitance. */
export class Loads {
  readonly fanOut: Uint32Array;
  readonly pinsFf: Float64Array;

  constructor(nets: number) {
    this.fanOut = new Uint32Array(nets);
    this.pinsFf = new Float64Array(nets);
  }

  add(net: TimedNet, capacitanceFf: number, sinks = 1): void {
    this.fanOut[net]! += sinks;
    this.pinsFf[net]! += sinks * capacitanceFf;
  }
}

/** ½·C·V² in pJ of a capacitance in fF. */
export const switchingPj = (capacitanceFf: number, supplyV: number): number =>
  0.5e-3 * capacitanceFf * supplyV * supplyV;
