import { describe, expect, test } from "vitest";
import { buildEngine } from "../src/accel/index.js";
import { structuralPriced } from "../src/cost/energy/structural-priced.js";
import {
  acceleratorLayerOf,
  cellTableOf,
  engineActivity,
  engineMemories,
  layerWork,
  readTechnology,
  shapeConfig,
  unitModules,
} from "../src/cost/index.js";
import { macsOfQuantNode } from "../src/explore/network-layers.js";
import { type Bit, createSimulator, simModuleOf, type TimedNetlist } from "../src/sim/index.js";
import { requireShared } from "../test/helpers/environment.js";
import { eventsOf, productsPerEmit } from "./engine-events.js";
import { engineLayerCases } from "./engine-layers.js";
import { type RecordedPort, recordEngine } from "./engine-probe.js";
import { replayUnit, spreadWindows } from "./engine-replay.js";

const technology = readTechnology("sky130hd");
const clock = { periodPs: 5000, cells: cellTableOf(technology) };
const runs = [
  { layer: "Conv2d_5_pointwise", side: 6 },
  { layer: "Conv2d_4_depthwise", side: 8 },
] as const;

/** Count reads and writes of a unit's memories over a whole run. */
function accessesOf(netlist: TimedNetlist, recorded: readonly RecordedPort[]) {
  const ports = netlist.ports.flatMap(({ name, direction, nets }) => {
    const record = recorded.find((one) => one.name === name);
    if (direction !== "input" || record === undefined) return [];
    return [{ name, nets, record, planes: new Uint32Array(4 * nets.length) }];
  });
  const enables = (of: "reads" | "writes") =>
    netlist.memories.flatMap((memory) => memory[of].map(({ enable }) => enable)) as unknown as Bit[];
  const [readEnables, writeEnables] = [enables("reads"), enables("writes")];
  const ones = (planes: Uint32Array): number => planes.reduce((sum, word) => sum + (word & 1), 0);
  const simulator = createSimulator(simModuleOf(netlist), {
    lanes: 1,
    dataPorts: ports.map(({ name }) => name),
  });
  const cycles = recorded[0]!.bits.length / recorded[0]!.width;
  let [reads, writes] = [0, 0];
  for (let cycle = -4; cycle < cycles; cycle++) {
    for (const { name, nets, record, planes } of ports) {
      let changed = cycle <= 0;
      for (let i = 0; i < nets.length; i++) {
        const bit = cycle < 0 ? 0 : record.bits[cycle * record.width + i]!;
        changed ||= planes[4 * i] !== bit;
        planes[4 * i] = bit;
      }
      if (changed) simulator.setWord(name, planes);
    }
    simulator.settle();
    if (cycle >= 0) {
      reads += ones(simulator.readBits(readEnables));
      writes += ones(simulator.readBits(writeEnables));
    }
    simulator.tick();
  }
  return { reads, writes };
}

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
      const macs = macsOfQuantNode(layer!, input!.output.shape);
      const { events, weights } = layerWork(acceleratorLayerOf(layer!, input!.output.shape, macs), config);
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
      const activity = engineActivity(
        layerWork(acceleratorLayerOf(layer!, input!.output.shape, macs), config),
        {
          weightBytes: bytes,
          loadBytes: seen.loadWords * 8,
          storeBytes: seen.storeWords * 8,
        },
        config,
        { cycles: recorded.cycles, streamed: undefined },
      );
      const units = unitModules(engine);
      for (const { unit, role } of engineMemories(config)) {
        if (unit === "transfer") continue;
        const { netlist } = structuralPriced({ kind: "design", modules: units.get(unit)! }, technology);
        const { reads, writes } = accessesOf(netlist, recorded.units.get(unit)!);
        const model = activity.accesses[role];
        // Padding is not read, and which rows of a window are is taken as their mean.
        if (role !== "bank") expect([reads, writes], role).toEqual([model.reads, model.writes]);
        else {
          expect(writes).toBe(model.writes);
          expect(Math.abs(reads / model.reads - 1)).toBeLessThan(0.1);
        }
      }
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
