import { type InputPacking, inputPackings, packedGeometry } from "../../accel/index.js";
import { geometryOfShape, hasOperation, operationOf } from "./operation.js";
import type { AcceleratorLayer } from "./types.js";

/** The layer that reads the image, when it is a convolution and alone in that. */
function imageLayer(layers: readonly AcceleratorLayer[]): number | undefined {
  const first = layers.findIndex(hasOperation);
  if (layers[first]?.kind !== "conv2d") return undefined;
  const image = layers[first].inputs?.[0];
  const reads = ({ inputs }: AcceleratorLayer): boolean =>
    image !== undefined && (inputs ?? []).includes(image);
  return layers.some((layer, i) => i !== first && reads(layer)) ? undefined : first;
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
    ...packings.map((packing) => layers.with(at, { ...layer, ...packedLayer(layer, packing, products) })),
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
