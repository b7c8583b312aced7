import { type AcceleratorLayer, operationOf } from "../accelerator/index.js";

/**
 * Guess a configuration's atom: input channels × output channels of one cycle. 64 × 32 for 2048 MACs and 8 × 8 for 64 are
 * NVIDIA's (nv_full, nv_small); the others follow their rule, powers of two with input channels ≥ output channels.
 */
export function nvdlaAtoms(macs: number): {
  readonly inputChannels: number;
  readonly outputChannels: number;
} {
  const inputChannels = 2 ** Math.ceil(Math.log2(macs) / 2);
  return { inputChannels, outputChannels: macs / inputChannels };
}

const fill = (channels: number, atom: number): number => channels / (Math.ceil(channels / atom) * atom);

/** Channels of NVDLA's pixel formats, at most. */
const PIXEL_CHANNELS = 4;
/** Lines of a kernel that image mode can lay side by side. */
const POST_EXTENSIONS = [1, 2, 4] as const;

/**
 * Share of an atom's input channels that an image fills. Image mode takes a line of the kernel as channels (pre-extension), and where they and a step of the stride fit a half or a
 * quarter of the atom, two or four lines at once (post-extension): nvdla.org, Hardware Architectural Specification, "Convolution with Image Input".
 */
function imageFill(layer: AcceleratorLayer, atom: number): number {
  const { source, kernel, stride } = operationOf(layer);
  const lines = kernel.height;
  const line = source.channels * kernel.width;
  const step = source.channels * stride.width;
  const fills = POST_EXTENSIONS.filter((count) => count === 1 || Math.max(line, step) <= atom / count).map(
    (count) => {
      const cycles = Math.ceil(lines / count) * Math.ceil((count * line) / atom);
      return (lines * line) / (cycles * atom);
    },
  );
  return Math.max(...fills);
}

/**
 * Share of the MACs that a layer's channels can use; a depthwise layer uses one input channel of each atom.
 *
 * @param isImage the layer reads the image: a convolution of up to four channels runs in image mode
 */
export function atomUtilization(layer: AcceleratorLayer, macs: number, isImage = false): number {
  const atoms = nvdlaAtoms(macs);
  const inputs = layer.inputShape.at(-1) ?? 1;
  const outputFill = fill(layer.outputShape.at(-1) ?? 1, atoms.outputChannels);
  if (layer.kind === "depthwiseConv2d") return outputFill / atoms.inputChannels;
  if (isImage && layer.kind === "conv2d" && inputs <= PIXEL_CHANNELS)
    return outputFill * imageFill(layer, atoms.inputChannels);
  return outputFill * fill(inputs, atoms.inputChannels);
}
