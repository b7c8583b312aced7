import { describe, expect, test } from "vitest";
import { buildEngine } from "../src/accel/index.js";
import { structuralPriced } from "../src/cost/energy/structural-priced.js";
import {
  acceleratorLayerOf,
  cellTableOf,
  engineMemories,
  layerWork,
  readTechnology,
  shapeConfig,
  unitModules,
} from "../src/cost/index.js";
import { requireShared } from "../test/helpers/environment.js";
import { eventsOf, productsPerEmit } from "./engine-events.js";
import { engineLayerCases } from "./engine-layers.js";
import { recordEngine } from "./engine-probe.js";
import { replayUnit, spreadWindows } from "./engine-replay.js";

const technology = readTechnology("sky130hd");
const clock = { periodPs: 5000, cells: cellTableOf(technology) };
const runs = [
  { layer: "Conv2d_5_pointwise", side: 6 },
  { layer: "Conv2d_4_depthwise", side: 8 },
] as const;

describe("a real layer on the engine's netlist", () => {
  for (const run of runs)
    test(`${run.layer}: the cost model's loops are what the units see, and energy follows it`, async (context) => {
      requireShared(context, "models");
      const config = shapeConfig({ cPar: 8, kPar: 8 });
      const engine = buildEngine(config, clock);
      const [one] = await engineLayerCases([run]);
      const { network, products } = one!;
      const recorded = recordEngine(engine, network, one!);
      const whole = { start: 0, cycles: recorded.cycles - 2 };
      const seen = eventsOf(recorded, productsPerEmit(products, recorded))(whole);
      const [input, layer] = network.nodes;
      const { events, weights } = layerWork(
        acceleratorLayerOf(layer!, input!.output.shape, products),
        config,
      );
      for (const event of [
        "channelFetches",
        "windowFetches",
        "emits",
        "laneLoads",
        "parameterLoads",
        "passes",
        "drainedPixels",
      ] as const)
        expect(seen[event], event).toBe(events[event]);
      expect(seen.products / events.products).toBeCloseTo(1, 9);
      const ring = engineMemories(config).find(({ role }) => role === "ring")!;
      const bytes = weights.groups * (weights.parameterBytes + weights.blockBytes);
      expect(seen.ringWrites).toBe((8 * bytes) / ring.bits);
      const accumulators = structuralPriced(
        { kind: "design", modules: unitModules(engine).get("accumulators")! },
        technology,
      );
      const windows = spreadWindows(recorded.cycles, 12, 16);
      const measured = replayUnit(accumulators, recorded.units.get("accumulators")!, windows);
      const count = eventsOf(recorded, 1);
      const busy = measured.filter((window) => count(window).emits > 8);
      const idle = measured.filter((window) => count(window).emits + count(window).drainedPixels === 0);
      expect(busy.length).toBeGreaterThan(0);
      expect(idle.length).toBeGreaterThan(0);
      const most = Math.max(...idle.map(({ energyPj }) => energyPj.nominal));
      for (const { energyPj } of busy) {
        expect(energyPj.nominal).toBeGreaterThan(3 * most);
        expect(energyPj.low).toBeLessThan(energyPj.nominal);
        expect(energyPj.high).toBeGreaterThan(energyPj.nominal);
      }
    }, 120_000);
});
