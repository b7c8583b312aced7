import type { Engine } from "../src/accel/index.js";
import { sum } from "../src/core/index.js";
import type { PricedNetlist } from "../src/cost/energy/priced-netlist.js";
import { addEvents, type EngineUnit, type EventCounts, type Range, unitEvents } from "../src/cost/index.js";
import { eventsOf, productsPerEmit } from "./engine-events.js";
import { fitPrices } from "./engine-fit.js";
import type { EngineLayerCase } from "./engine-layers.js";
import { type RecordedRun, recordEngine } from "./engine-probe.js";
import { replayUnit, spreadWindows } from "./engine-replay.js";

/** A window of a unit: what happened in the engine, and the energy that the unit took, pJ. */
export type UnitWindow = { readonly events: EventCounts; readonly energyPj: Range };

/** A layer as it ran on an engine. */
export type EngineRun = { readonly name: string; readonly products: number; readonly run: RecordedRun };

/** Windows of a run, and cycles of each: long against the engine's pipelines, so that an event and its energy lie in the same one. */
const WINDOWS = { count: 24, cycles: 24 } as const;

/** Run a layer on an engine's netlist. */
export function runCase(engine: Engine, layer: EngineLayerCase): EngineRun {
  const { name, network, products } = layer;
  return { name, products, run: recordEngine(engine, network, layer) };
}

/** Measure a unit's windows in runs of layers. */
export function measureUnit(
  unit: EngineUnit,
  priced: PricedNetlist,
  runs: readonly EngineRun[],
): readonly UnitWindow[] {
  return runs.flatMap(({ products, run }) => {
    const ports = run.units.get(unit);
    if (ports === undefined) return [];
    const count = eventsOf(run, productsPerEmit(products, run));
    const windows = spreadWindows(run.cycles, WINDOWS.count, WINDOWS.cycles);
    return replayUnit(priced, ports, windows).map(({ energyPj, ...window }) => ({
      energyPj,
      events: count(window),
    }));
  });
}

/** Prices of a unit's events, pJ, and the root mean square of what they leave over that of the windows. */
export type UnitPrices = { readonly pricesPj: Readonly<Record<string, Range>>; readonly residual: number };

/** Fit a unit's prices to its windows; low and high are the nominal ones times the ratios of all windows together. */
export function fitUnit(unit: EngineUnit, windows: readonly UnitWindow[]): UnitPrices {
  const events = unitEvents[unit];
  const { prices, residual } = fitPrices(
    windows.map((window) => events.map((event) => window.events[event])),
    windows.map(({ energyPj }) => energyPj.nominal),
  );
  const total = (level: keyof Range): number => sum(windows.map(({ energyPj }) => energyPj[level]));
  const [low, high] = [total("low") / total("nominal"), total("high") / total("nominal")];
  return {
    pricesPj: Object.fromEntries(
      events.map((event, i) => [
        event,
        { low: prices[i]! * low, nominal: prices[i]!, high: prices[i]! * high },
      ]),
    ),
    residual,
  };
}

/** Events and nominal energy of all windows together. */
export function totalOf(windows: readonly UnitWindow[]): UnitWindow {
  const of = (level: keyof Range): number => sum(windows.map(({ energyPj }) => energyPj[level]));
  return {
    events: addEvents(...windows.map(({ events }) => events)),
    energyPj: { low: of("low"), nominal: of("nominal"), high: of("high") },
  };
}
