import { type InputPacking, inputPackings, MOST_PER_AXIS, packedGeometry } from "../../accel/index.js";
import { geometryOfShape, hasOperation, operationOf } from "./operation.js";
import type { AcceleratorLayer } from "./types.js";

/** The layer that reads the image, when it is a convolution and alone in that. */
function imageLayer(layers: readonly AcceleratorLayer[]): number | undefined {
  const first = layers.findIndex(hasOperation);
  // What lies before it is no convolution's image as it comes.
  if (first !== 0 || layers[first]?.kind !== "conv2d") return undefined;
  const names = new Set(layers.map(({ name }) => name));
  // A layer that reads what none makes reads the image; without names each reads the one before.
  const readsImage = ({ inputs }: AcceleratorLayer): boolean =>
    inputs?.some((name) => !names.has(name)) ?? false;
  return layers.some((layer, i) => i !== first && readsImage(layer)) ? undefined : first;
}

/**
 * List the ways to pack the image of a network (`src/accel/packing`); the first leaves it as it is, and is the only one when the first layer is no convolution.
 *
 * @returns for each way the layers as the engine then runs them
 */
export function packedImages(layers: readonly AcceleratorLayer[]): readonly (readonly AcceleratorLayer[])[] {
  const at = imageLayer(layers);
  if (at === undefined) return [layers];
  const layer = layers[at]!;
  const { source, output, kernel, stride, pad } = operationOf(layer);
  const [plain, ...packings] = inputPackings(
    {
      ...{ extent: source.height, outputs: output.height },
      ...{ kernel: kernel.height, stride: stride.height, before: pad.top },
    },
    {
      ...{ extent: source.width, outputs: output.width },
      ...{ kernel: kernel.width, stride: stride.width, before: pad.left },
    },
  );
  if (plain === undefined) return [layers];
  const products =
    output.height * output.width * output.channels * kernel.height * kernel.width * source.channels;
  return [
    layers,
    // The stream input takes no more channels.
    ...packings
      .filter((packing) => packedGeometry(packing, source.channels).channels <= MOST_PER_AXIS)
      .map((packing) => layers.with(at, { ...layer, ...packedLayer(layer, packing, products) })),
  ];
}

function packedLayer(
  { inputShape, outputShape }: AcceleratorLayer,
  packing: InputPacking,
  products: number,
): Partial<AcceleratorLayer> {
  const { rows, columns } = packing;
  const { height, width, channels } = packedGeometry(packing, geometryOfShape(inputShape).channels);
  return {
    inputShape: [height, width, channels],
    kernel: [rows.kernel, columns.kernel],
    stride: [rows.stride, columns.stride],
    weightBytes: rows.kernel * columns.kernel * channels * outputShape.at(-1)!,
    packed: { rows: rows.block, columns: columns.block, products },
  };
}
