import { engineConfig, streamGeometry } from "../../accel/index.js";
import { acceleratorTechnology, costEngine, type Technology } from "../../cost/index.js";
import { type NodeName, simplify, statistics } from "../../graph/index.js";
import { findQuantNode, truncateQuantNetwork } from "../../quant/index.js";
import type { SystemResult } from "../../report/index.js";
import type { SimulatedSystem } from "../fronts.js";
import { acceleratorLayer, shapedLayers } from "./cost-layers.js";
import type { IntegerNetwork } from "./quantize.js";
import type { TrainedNetwork } from "./train.js";

type Networks = {
  readonly integer: readonly IntegerNetwork[];
  readonly trained: readonly TrainedNetwork[];
};

/** Price the engine of a chip and each task's tail on it, at the technology's own node. */
function costOf(
  { engine, tasks }: SystemResult,
  freezePoint: NodeName,
  { integer, trained }: Networks,
  technology: Technology,
): NonNullable<SystemResult["cost"]> {
  const priced = acceleratorTechnology(technology);
  const costs = tasks.map(({ dataset }) => {
    const ofTask = (one: { readonly dataset: string; readonly freezePoint: NodeName | undefined }): boolean =>
      one.dataset === dataset && one.freezePoint === freezePoint;
    const { network } = integer.find(ofTask)!;
    const graph = simplify(trained.find(ofTask)!.graph);
    const macs = new Map(statistics(graph).layers.map((layer) => [layer.name as string, layer.macs]));
    const frozen = new Set(truncateQuantNetwork(network, freezePoint).nodes.map(({ name }) => name));
    const tail = shapedLayers(network, macs).filter(({ node }) => !frozen.has(node.name));
    const { memory: _, ...sizes } = engine;
    const input = streamGeometry(findQuantNode(network, freezePoint).output);
    return costEngine({
      engine: engineConfig({ ...sizes, input }),
      layers: tail.map(acceleratorLayer),
      technology: priced,
    });
  });
  const [{ area, run, ...about }] = costs as [(typeof costs)[0]];
  return {
    ...{ technology: about.technology, tier: about.tier === "synthesized" ? "synthesized" : "modelled" },
    source: about.source,
    clockMhz: priced.clockMhz,
    areaMm2: { ...area.totalMm2 },
    unitsMm2: Object.fromEntries(
      [...area.units].map(([unit, { cellsMm2, macrosMm2 }]) => [unit, cellsMm2.nominal + macrosMm2.nominal]),
    ),
    leakageMw: { ...area.leakageMw },
    tasks: costs.map((cost, i) => ({
      dataset: tasks[i]!.dataset,
      energyPerFrameUj: { ...cost.run.energyPerFrameUj },
      memoryEnergyPerFrameUj: { ...cost.run.dramEnergyUj },
    })),
  };
}

/** Price the engines of simulated chips: area by unit, and the energy of a frame of each task. */
export function costSystems(
  systems: readonly SimulatedSystem[],
  networks: Networks,
  technology: Technology,
): readonly SimulatedSystem[] {
  return systems.map((simulated) => {
    const { system, freezePoint } = simulated;
    if (system === undefined) return simulated;
    return { ...simulated, system: { ...system, cost: costOf(system, freezePoint, networks, technology) } };
  });
}
