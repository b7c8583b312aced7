import { freezePoints, type Graph, type NodeName, simplify, statistics } from "../graph/index.js";
import type { LayerStats } from "../hw/index.js";
import { inputsOfQuantNode, truncateQuantNetwork } from "../quant/index.js";
import {
  type AccuracyValue,
  type DatasetResult,
  type FreezePointResult,
  type LayerResult,
  type Results,
  resultsSchemaId,
  type SweepEntry,
} from "../report/index.js";
import type { FlowContext } from "./context.js";
import type { FrontCost, FrozenFront, SimulatedSystem, VerifiedFront } from "./fronts.js";
import { describeMachine, describeTool } from "./machine.js";
import type { LoadedDataset } from "./steps/data.js";
import type { IntegerNetwork } from "./steps/quantize.js";
import type { TrainedNetwork, TrainingFigures } from "./steps/train.js";
import type { Sweep } from "./sweep.js";

/** What the steps gave. */
export type FlowOutcome = Sweep & {
  readonly fronts?: readonly FrozenFront[];
  readonly verified?: readonly VerifiedFront[];
  readonly costs?: readonly FrontCost[];
  readonly systems?: readonly SimulatedSystem[];
  readonly startedAt: Date;
};

function freezePointResult(backbone: Graph, layer: NodeName): FreezePointResult {
  const point = freezePoints(backbone).find((one) => one.layer === layer)!;
  return { layer, frozenLayers: point.frozenLayers, frozenParams: point.params, frozenMacs: point.macs };
}

/** Write an accuracy as the results hold it. */
export const accuracyResult = ({ accuracy }: TrainedNetwork | IntegerNetwork): AccuracyValue => ({
  ...{ value: accuracy.value, images: accuracy.images },
  ...(accuracy.seeds && { seeds: [...accuracy.seeds] }),
});

const trainingResult = (training: TrainingFigures): NonNullable<DatasetResult["training"]>["tail"] => ({
  ...training,
  trials: training.trials.map((trial) => ({ ...trial })),
});

function datasetResult(outcome: FlowOutcome, loaded: LoadedDataset, layer: NodeName): DatasetResult {
  const { name, classes, train, test, source } = loaded.dataset;
  const networkOf = (point: NodeName | undefined): TrainedNetwork | undefined =>
    outcome.trained.find((one) => one.dataset === name && one.freezePoint === point);
  const unfrozen = networkOf(undefined);
  const tail = networkOf(layer);
  const integerOf = (point: NodeName | undefined) =>
    outcome.integer.find((one) => one.dataset === name && one.freezePoint === point);
  const [unfrozenInteger, integer] = [integerOf(undefined), integerOf(layer)];
  const hardware = outcome.verified
    ?.find((one) => one.freezePoint === layer)
    ?.hardware.find((one) => one.dataset === name);
  return {
    name,
    classes: classes.length,
    train: train.count,
    test: test.count,
    source,
    accuracy: {
      ...(unfrozen && { unfrozen: accuracyResult(unfrozen) }),
      ...(unfrozenInteger && { unfrozenInt8: accuracyResult(unfrozenInteger) }),
      ...(tail && { float: accuracyResult(tail) }),
      ...(integer && { int8: accuracyResult(integer) }),
      ...(hardware && { hardware: hardware.accuracy }),
    },
    training: {
      ...(unfrozen && { unfrozen: trainingResult(unfrozen.training) }),
      ...(tail && { tail: trainingResult(tail.training) }),
    },
    ...((unfrozenInteger?.fineTuning ?? integer?.fineTuning) && {
      fineTuning: {
        ...(unfrozenInteger?.fineTuning && { unfrozen: unfrozenInteger.fineTuning }),
        ...(integer?.fineTuning && { tail: integer.fineTuning }),
      },
    }),
  };
}

/** One row for every integer layer of the network, the frozen ones with what their silicon is. */
function layerResults(outcome: FlowOutcome, layer: NodeName): LayerResult[] {
  const integer = outcome.integer.find((one) => one.freezePoint === layer);
  if (integer === undefined) return [];
  const { network } = integer;
  const trained = outcome.trained.find((one) => one.freezePoint === layer)!;
  const macs = new Map(statistics(simplify(trained.graph)).layers.map((one) => [one.name, one.macs]));
  const front = new Set(truncateQuantNetwork(network, layer).nodes.map(({ name }) => name));
  const typeOf = new Map(network.nodes.map((node) => [node.name, node.output]));
  const design = outcome.fronts?.find((one) => one.freezePoint === layer);
  const verdict = outcome.verified?.find((one) => one.freezePoint === layer);
  const cost = outcome.costs?.find((one) => one.freezePoint === layer);
  return network.nodes.flatMap((node): LayerResult[] => {
    if (node.kind === "input" || node.kind === "reshape") return [];
    const hardware = design?.layers.find((one) => one.name === node.name);
    const checked = verdict?.layers.find((one) => one.name === node.name);
    const costed = cost?.layers.find((one) => one.name === node.name);
    const weights = "weights" in node ? node.weights.data : undefined;
    const zeros = weights?.reduce((count: number, weight: number) => count + (weight === 0 ? 1 : 0), 0);
    return [
      {
        name: node.name,
        kind: node.kind,
        inputShape: [...typeOf.get(inputsOfQuantNode(node)[0]!)!.shape],
        outputShape: [...node.output.shape],
        macs: macs.get(node.name) ?? 0,
        weights: weights?.length ?? 0,
        frozen: front.has(node.name),
        ...(weights !== undefined && { zeroShare: (zeros ?? 0) / weights.length }),
        ...(hardware && hardwareCounts(hardware.stats)),
        ...costed?.figures,
        ...(checked && {
          verified: { images: checked.images, values: checked.values, mismatches: checked.mismatches },
          cyclesPerFrame: checked.cyclesPerFrame,
        }),
      },
    ];
  });
}

/** The counts of a layer's netlist, requantization included. */
function hardwareCounts(stats: LayerStats): Partial<LayerResult> {
  const { datapath, requantization, registerBits } = stats;
  return {
    csdDigits: stats.csdDigits,
    adders: {
      fullAdders: datapath.fullAdders + requantization.fullAdders,
      halfAdders: datapath.halfAdders + requantization.halfAdders,
      carryPropagateBits: datapath.finalAdderBits + requantization.finalAdderBits,
    },
    registerBits: Object.values(registerBits).reduce((sum: number, bits: number) => sum + bits, 0),
    sramBits: stats.sramBits,
    cyclesPerFrame: stats.cyclesPerFrame,
  };
}

function sweepEntry(outcome: FlowOutcome, layer: NodeName): SweepEntry {
  const front = outcome.fronts?.find((one) => one.freezePoint === layer);
  const verdict = outcome.verified?.find((one) => one.freezePoint === layer);
  const cost = outcome.costs?.find((one) => one.freezePoint === layer);
  const simulated = outcome.systems?.find((one) => one.freezePoint === layer);
  const layers = layerResults(outcome, layer);
  return {
    freezePoint: freezePointResult(outcome.prepared.graph, layer),
    datasets: outcome.datasets.map((loaded) => datasetResult(outcome, loaded, layer)),
    ...(layers.length > 0 && { layers }),
    ...(front && { rtl: { ...front.rtl, ...(verdict && { verified: verdict.verified }) } }),
    ...(simulated?.system && { system: simulated.system }),
    ...(simulated?.noSystem !== undefined && { noSystem: simulated.noSystem }),
    ...cost?.results,
  };
}

/** Put the results of all steps into the contract of results.json; the deepest freeze point with hardware is the chosen one. */
export function assembleResults(context: FlowContext, outcome: FlowOutcome): Results {
  const { config, run } = context;
  const sweep = outcome.points.map((layer) => sweepEntry(outcome, layer));
  const chosen = sweep.findLast(({ rtl }) => rtl !== undefined) ?? sweep.at(-1);
  const { params } = statistics(outcome.prepared.graph);
  const { macs } = statistics(simplify(outcome.prepared.graph));
  const weighted = outcome.prepared.graph.nodes.filter((node) => "weights" in node).length;
  return {
    schema: resultsSchemaId,
    tool: describeTool(),
    config: JSON.parse(JSON.stringify(config)),
    seed: config.seed,
    machine: describeMachine(),
    startedAt: outcome.startedAt.toISOString(),
    seconds: (Date.now() - outcome.startedAt.getTime()) / 1000,
    steps: run.steps.map((step) => ({ ...step })),
    backbone: {
      name: outcome.prepared.graph.name,
      inputShape: [...outcome.prepared.graph.nodes[0]!.shape],
      layers: weighted,
      params,
      macs,
    },
    ...chosen,
    sweep,
  };
}
