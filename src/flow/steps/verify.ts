import { join } from "node:path";
import { defaultCacheFolder, subset } from "../../data/index.js";
import { classify, executeFrom, quantNetworkToJson, truncateQuantNetwork } from "../../quant/index.js";
import { verifyFrontEnd } from "../../sim/index.js";
import type { FlowContext } from "../context.js";
import type { FrozenFront, VerifiedFront } from "../fronts.js";
import { inputBytes, type LoadedDataset, spreadIndices } from "./data.js";
import { filesKey } from "./freeze.js";
import type { IntegerNetwork } from "./quantize.js";

type VerifyValue = Omit<VerifiedFront, "freezePoint">;

/** Simulate one front on test images of every dataset; finish each image with the golden tail. */
async function verifyOne(
  context: FlowContext,
  front: FrozenFront,
  integer: readonly IntegerNetwork[],
  datasets: readonly LoadedDataset[],
): Promise<VerifiedFront> {
  const { config, run, onProgress } = context;
  const { freezePoint } = front;
  const networks = integer.filter((one) => one.freezePoint === freezePoint);
  const { hardwareImages } = config.evaluation;
  const dependsOn = {
    rtl: filesKey(front.files),
    networks: networks.map(({ network }) => quantNetworkToJson(network)),
    data: datasets.map(({ key }) => key),
    hardwareImages,
    seed: config.seed,
  };
  const step = await run.step<VerifyValue>(`verify/${freezePoint}`, dependsOn, async () => {
    const layers = new Map<string, VerifiedFront["layers"][number]>();
    const hardware: VerifiedFront["hardware"][number][] = [];
    let simulator = "";
    let images = 0;
    let values = 0;
    let mismatches = 0;
    let firstMismatch: VerifiedFront["verified"]["firstMismatch"];
    for (const { dataset } of datasets) {
      const { network } = networks.find((one) => one.dataset === dataset.name)!;
      const side = network.nodes[0]!.output.shape[0]!;
      const chosen = subset(dataset.test, spreadIndices(dataset.test.count, hardwareImages));
      const { bytes, count } = inputBytes(chosen, side, chosen.count);
      const verdict = await verifyFrontEnd({
        files: front.files,
        network: truncateQuantNetwork(network, freezePoint),
        layers: front.layers.map(({ name, module }) => ({ node: name, module })),
        images: bytes,
        count,
        threads: config.threads,
        seed: config.seed,
        countToggles: true,
        cacheFolder: join(defaultCacheFolder(), "simulation"),
        onProgress,
      });
      simulator = verdict.simulator;
      images += verdict.images;
      values += verdict.values;
      mismatches += verdict.mismatches;
      for (const layer of verdict.layers) {
        const { node, firstMismatch: first } = layer;
        const before = layers.get(node);
        layers.set(node, {
          name: node,
          images: (before?.images ?? 0) + layer.images,
          values: (before?.values ?? 0) + layer.values,
          mismatches: (before?.mismatches ?? 0) + layer.mismatches,
          cyclesPerFrame: layer.cyclesPerFrame,
          toggles: layer.toggles,
          countedFrames: layer.countedFrames,
        });
        if (first !== null && firstMismatch === undefined) {
          const { image, y, x, channel, expected, actual } = first;
          firstMismatch = { layer: node, image, row: y, column: x, channel, expected, actual };
        }
      }
      const logits = executeFrom(network, freezePoint, verdict.outputs).get(network.output)!;
      const classes = classify(network, logits);
      const correct = classes.reduce((sum, label, i) => sum + (label === chosen.labels[i] ? 1 : 0), 0);
      hardware.push({ dataset: dataset.name, accuracy: { value: correct / count, images: count } });
    }
    return {
      verified: { simulator, images, values, mismatches, ...(firstMismatch && { firstMismatch }) },
      layers: [...layers.values()],
      hardware,
    };
  });
  return { freezePoint, ...step.value };
}

/** Verify every front: all values of all its layers against the integer network. */
export async function verifyAll(
  context: FlowContext,
  fronts: readonly FrozenFront[],
  integer: readonly IntegerNetwork[],
  datasets: readonly LoadedDataset[],
): Promise<readonly VerifiedFront[]> {
  const verified: VerifiedFront[] = [];
  for (const front of fronts) verified.push(await verifyOne(context, front, integer, datasets));
  return verified;
}
