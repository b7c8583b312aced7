import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NO_AUGMENTATION, type Split } from "../src/data/index.js";
import { freezePoints, type Graph, nodeName } from "../src/graph/index.js";
import { BACKBONE_OPTIONS, type TrainOptions, trainNetwork } from "../src/train/index.js";
import { extractFeatures, tailOf } from "../src/transfer/index.js";
import { integerMobilenet, randomPictures } from "./features.js";
import type { BenchRow } from "./table.js";

const SIDE = 96;
const IMAGES = 960;
const ROUNDS = 3;
const POINTS = ["conv_pw_5", "conv_pw_7", "conv_pw_11"] as const;

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

/**
 * Measure tail training from cached features on disk against training the whole network on images, both as a sweep does it (reading, batches, targets
 * and steps), one core, batch 32, in turns.
 */
export async function tailRows(): Promise<BenchRow[]> {
  const { graph, front } = await integerMobilenet(SIDE);
  const split = randomPictures(IMAGES, 100);
  const cacheFolder = mkdtempSync(join(tmpdir(), "fixynn-bench-"));
  const augmentation = { ...NO_AUGMENTATION, flip: true, shift: 3 };
  const options: TrainOptions = { ...BACKBONE_OPTIONS, epochs: 1, batch: 32, learningRate: 0.01 };
  const rate = async (network: Graph, images: Split, own: TrainOptions): Promise<number> => {
    const { history } = await trainNetwork({ graph: network, split: images, options: own, seed: 1 });
    return IMAGES / history[0]!.seconds;
  };
  try {
    const layers = POINTS.map(nodeName);
    const features = await extractFeatures({
      ...{ front, layers, split, augmentation, views: 4, seed: 1, cacheFolder },
    });
    const whole: number[] = [];
    const tails = layers.map((): number[] => []);
    for (let round = 0; round < ROUNDS; round++) {
      whole.push(await rate(graph, split, { ...options, augmentation }));
      for (const [i, layer] of layers.entries()) {
        const tail = tailOf(graph, layer, front);
        tails[i]!.push(await rate(tail, features.get(layer)!, { ...options, augmentation: NO_AUGMENTATION }));
      }
    }
    const peer = { name: "whole network on images", value: median(whole) };
    return layers.map((layer, i) => {
      const { macsShare } = freezePoints(graph).find((point) => point.layer === layer)!;
      const value = median(tails[i]!);
      return {
        name: `tail behind ${layer}, ${(100 * macsShare).toFixed(0)} % of the MACs frozen, ${SIDE}x${SIDE}, batch 32, 1 core`,
        metric: "training throughput from cached features",
        ...{ value, unit: "images/s", peer, ratio: value / peer.value },
      };
    });
  } finally {
    rmSync(cacheFolder, { recursive: true, force: true });
  }
}
