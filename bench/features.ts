import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { createRng } from "../src/core/index.js";
import { NO_AUGMENTATION, type Split } from "../src/data/index.js";
import { type Graph, nodeName, splitGraph } from "../src/graph/index.js";
import { type QuantNetwork, quantize } from "../src/quant/index.js";
import { mobilenetV1 } from "../src/train/index.js";
import { extractFeatures } from "../src/transfer/index.js";
import type { BenchRow, BenchTable } from "./table.js";

const CORES = [1, 2] as const;
const SIDES = [96, 128] as const;
const ROUNDS = 5;
const IMAGES = 1500;

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

/** Random pictures of CIFAR's size: neither the front nor the files care what they show. */
export function randomPictures(count: number, classes: number): Split {
  const rng = createRng(3);
  const bytes = new Uint8Array(new SharedArrayBuffer(count * 32 * 32 * 3));
  for (let i = 0; i < bytes.length; i++) bytes[i] = rng.integer(256);
  const labels = Uint16Array.from({ length: count }, (_, i) => i % classes);
  return { count, height: 32, width: 32, channels: 3, store: { kind: "memory", bytes }, labels };
}

/** MobileNetV1-0.25 and its whole feature extractor in integers. */
export async function integerMobilenet(
  side: number,
): Promise<{ readonly graph: Graph; readonly front: QuantNetwork }> {
  const rng = createRng(1);
  const graph = mobilenetV1({ alpha: 0.25, side, classes: 100, rng });
  const pixels = Uint8Array.from({ length: 8 * side * side * 3 }, () => rng.integer(256));
  const front = await quantize(splitGraph(graph, "conv_pw_13").front, { calibration: { pixels, count: 8 } });
  return { graph, front };
}

/**
 * Measure feature extraction as a sweep does it: 32×32 pictures augmented and resized, the integer front of MobileNetV1-0.25 with all of its features, the
 * values of three freeze points with checksums to disk; on one core and on two, in turns, medians of the rounds.
 */
export async function run(): Promise<BenchTable> {
  const split = randomPictures(IMAGES, 10);
  const layers = ["conv_pw_5", "conv_pw_7", "conv_pw_13"].map(nodeName);
  const augmentation = { ...NO_AUGMENTATION, flip: true, shift: 3 };
  const rows: BenchRow[] = [];
  for (const side of SIDES) {
    const { front } = await integerMobilenet(side);
    const rates = CORES.map((): number[] => []);
    for (let round = 0; round < ROUNDS; round++) {
      for (const [i, threads] of CORES.entries()) {
        const cacheFolder = mkdtempSync(join(tmpdir(), "fixynn-bench-"));
        try {
          const start = performance.now();
          await extractFeatures({
            ...{ front, layers, split, augmentation, views: 1, seed: round, cacheFolder, threads },
          });
          rates[i]!.push((1000 * IMAGES) / (performance.now() - start));
        } finally {
          rmSync(cacheFolder, { recursive: true, force: true });
        }
      }
    }
    for (const [i, cores] of CORES.entries()) {
      rows.push({
        name: `MobileNetV1-0.25, ${side}x${side}, ${cores === 1 ? "1 core" : `${cores} cores`}`,
        metric: "feature extraction",
        value: median(rates[i]!),
        unit: "images/s",
        ...(cores > 1 && {
          peer: { name: "1 core", value: median(rates[0]!) },
          ratio: median(rates[i]!) / median(rates[0]!),
        }),
      });
    }
  }
  return { bench: "features", machine: cpus()[0]?.model ?? "unknown", rows };
}
