import { createRng, FixynnError } from "../core/index.js";
import type { Split } from "../data/index.js";
import { createBatchFiller, firstIndices, NO_AUGMENTATION } from "../data/index.js";
import { createFloatExecutor, type Graph } from "../graph/index.js";
import { elementCount } from "../tensor/index.js";

/** Accuracy of a network on images. */
export type Evaluation = {
  readonly images: number;
  readonly correct: number;
  /** correct / images. */
  readonly top1: number;
};

/** Index of the first largest of `length` values. */
export function argmax(values: ArrayLike<number>, first: number, length: number): number {
  let best = 0;
  for (let i = 1; i < length; i++) if (values[first + i]! > values[first + best]!) best = i;
  return best;
}

/** Check that a split's images can enter a graph. */
export function checkSplit(graph: Graph, split: Split): void {
  const shape = graph.nodes[0]!.shape;
  if (shape.length !== 3 || shape[2] !== split.channels) {
    throw new FixynnError("FX3003", `images of ${split.channels} channels do not fit the network's input`, {
      place: `graph ${graph.name}`,
      hint: `the network reads ${shape.join("x")}`,
    });
  }
}

/**
 * Measure top-1 accuracy: images resized to the network's input, batched, on one thread.
 *
 * @param options.limit only the first so many images
 * @throws FixynnError FX3003 when the images do not fit the network
 */
export async function evaluate(
  graph: Graph,
  split: Split,
  options: { readonly limit?: number; readonly batch?: number } = {},
): Promise<Evaluation> {
  checkSplit(graph, split);
  const [height, width, channels] = graph.nodes[0]!.shape as [number, number, number];
  const images = Math.min(options.limit ?? split.count, split.count);
  const batch = Math.min(options.batch ?? 32, Math.max(images, 1));
  const filler = createBatchFiller(split, { height, width }, NO_AUGMENTATION);
  const executor = createFloatExecutor(graph, { batch });
  const classes = elementCount(graph.nodes.find((node) => node.name === graph.output)!.shape);
  const indices = firstIndices(images);
  const rng = createRng(0);
  let correct = 0;
  try {
    for (let first = 0; first < images; first += batch) {
      const count = Math.min(batch, images - first);
      const bytes = new Uint8Array(count * height * width * channels);
      filler.fill({ indices, first, count }, bytes, rng);
      const logits = (await executor.run(bytes, count)).get(graph.output)!;
      for (let i = 0; i < count; i++) {
        if (argmax(logits, i * classes, classes) === split.labels[first + i]) correct++;
      }
    }
  } finally {
    filler.close();
    await executor.close();
  }
  return { images, correct, top1: images === 0 ? 0 : correct / images };
}
