import { type AcceleratorLayer, type DramBytes, elements } from "../accelerator/index.js";

/** What a layer moves to and from DRAM, bytes. */
export type NvdlaLayerTraffic = { readonly weights: number; readonly activations: number };

/** Buffers that decide the traffic. */
type Buffers = { readonly weightBufferKb: number; readonly activationBufferKb: number };

const KB = 1024;

/**
 * Count DRAM bytes of a frame, layer after layer.
 *
 * - The first layer's input arrives as a stream (camera or frozen front) and is used row by row: it costs nothing.
 * - A layer's output stays on chip when it fits beside the layer's resident input, else it is written to DRAM, and the next
 *   layer reads it back.
 * - Weights: none when those of all layers fit in their buffer, where they then stay from frame to frame; else once a frame
 *   each. A layer whose weights do not fit and whose input does not either reads the cheaper of the two once for every load of the other.
 *
 * A residual operand is taken as resident when its addition's output is.
 */
export function nvdlaTraffic(
  layers: readonly AcceleratorLayer[],
  buffers: Buffers,
): readonly NvdlaLayerTraffic[] {
  const weightBytes = buffers.weightBufferKb * KB;
  const activationBytes = buffers.activationBufferKb * KB;
  const allWeights = layers.reduce((sum, layer) => sum + layer.weightBytes, 0);
  const stay = allWeights <= weightBytes;
  /** Where the current layer's input is: `stream` is used once and takes no room. */
  let input: "stream" | "chip" | "dram" = "stream";
  const last = layers.findLastIndex((layer) => layer.kind !== "other");
  return layers.map((layer, i) => {
    if (layer.kind === "other") return { weights: 0, activations: 0 };
    const inputBytes = elements(layer.inputShape);
    const outputBytes = elements(layer.outputShape);
    const resident = input === "chip" ? inputBytes : 0;
    // The result of the last layer leaves the chip on both sides of a comparison.
    const outputStays = i === last || resident + outputBytes <= activationBytes;
    let weights = stay ? 0 : layer.weightBytes;
    let read = input === "dram" ? inputBytes : 0;
    if (input === "dram" && !stay && layer.weightBytes > weightBytes) {
      const strips = Math.ceil(inputBytes / activationBytes);
      const groups = Math.ceil(layer.weightBytes / weightBytes);
      if (layer.weightBytes * strips + inputBytes <= layer.weightBytes + inputBytes * groups)
        weights = layer.weightBytes * strips;
      else read = inputBytes * groups;
    }
    input = outputStays ? "chip" : "dram";
    return { weights, activations: read + (outputStays ? 0 : outputBytes) };
  });
}

/** Add a frame's traffic up. */
export function totalNvdlaTraffic(traffic: readonly NvdlaLayerTraffic[]): DramBytes {
  const weights = traffic.reduce((sum, layer) => sum + layer.weights, 0);
  const activations = traffic.reduce((sum, layer) => sum + layer.activations, 0);
  return { weights, activations, total: weights + activations };
}
