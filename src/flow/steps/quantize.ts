import { readFileSync } from "node:fs";
import { writeFileAtomic } from "../../core/index.js";
import { subset } from "../../data/index.js";
import { graphToJson, type NodeName } from "../../graph/index.js";
import {
  evaluateQuantNetwork,
  type QuantNetwork,
  quantize,
  quantNetworkFromJson,
  quantNetworkToJson,
  truncateQuantNetwork,
} from "../../quant/index.js";
import type { FlowContext } from "../context.js";
import { fileNameOf } from "../run-directory.js";
import { inputBytes, type LoadedDataset, spreadIndices } from "./data.js";
import type { TrainedNetwork } from "./train.js";

/** An integer network of one dataset and freeze point. */
export type IntegerNetwork = {
  readonly dataset: string;
  readonly freezePoint: NodeName;
  readonly network: QuantNetwork;
  /** Of the golden executor. */
  readonly accuracy: { readonly value: number; readonly images: number };
};

async function quantizeOne(
  context: FlowContext,
  trained: TrainedNetwork,
  loaded: LoadedDataset,
  fixedFront: QuantNetwork | undefined,
): Promise<IntegerNetwork> {
  const { config, run, onProgress } = context;
  const { dataset, key } = loaded;
  const freezePoint = trained.freezePoint!;
  const side = trained.graph.nodes[0]!.shape[0]!;
  const { mode, calibrationImages } = config.quantization;
  const name = `quantize/${dataset.name}/${freezePoint}`;
  const file = `integer/${fileNameOf(dataset.name, freezePoint)}.json`;
  const dependsOn = {
    graph: graphToJson(trained.graph),
    data: key,
    mode,
    calibrationImages,
    fixedFront: fixedFront === undefined ? null : quantNetworkToJson(fixedFront),
  };
  await run.step(
    name,
    dependsOn,
    async () => {
      const chosen = subset(dataset.train, spreadIndices(dataset.train.count, calibrationImages));
      const { bytes, count } = inputBytes(chosen, side, chosen.count);
      const network = await quantize(trained.graph, {
        calibration: { pixels: bytes, count },
        mode,
        onProgress,
        ...(fixedFront !== undefined && { fixedFront }),
      });
      writeFileAtomic(run.path(file), JSON.stringify(quantNetworkToJson(network)));
      return {};
    },
    [file],
  );
  const network = quantNetworkFromJson(JSON.parse(readFileSync(run.path(file), "utf8")), file);
  const limit = config.evaluation.int8Images;
  const evaluated = await run.step(
    `int8/${dataset.name}/${freezePoint}`,
    { ...dependsOn, limit },
    async () => {
      const chosen = subset(dataset.test, spreadIndices(dataset.test.count, limit));
      const { top1, count } = await evaluateQuantNetwork(network, chosen, {
        threads: config.threads,
        onProgress,
      });
      return { value: top1, images: count };
    },
  );
  return { dataset: dataset.name, freezePoint, network, accuracy: evaluated.value };
}

/**
 * Quantize every network with a frozen front. The front of a freeze point is the same silicon for all datasets: it is
 * calibrated on the first one, and the others' tails are quantized behind it.
 */
export async function quantizeAll(
  context: FlowContext,
  trained: readonly TrainedNetwork[],
  datasets: readonly LoadedDataset[],
): Promise<readonly IntegerNetwork[]> {
  const networks: IntegerNetwork[] = [];
  const fronts = new Map<NodeName, QuantNetwork>();
  for (const one of trained) {
    if (one.freezePoint === undefined) continue;
    const loaded = datasets.find(({ dataset }) => dataset.name === one.dataset)!;
    const result = await quantizeOne(context, one, loaded, fronts.get(one.freezePoint));
    if (!fronts.has(one.freezePoint))
      fronts.set(one.freezePoint, truncateQuantNetwork(result.network, one.freezePoint));
    networks.push(result);
  }
  return networks;
}
