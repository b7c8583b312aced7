import { assertNever } from "../../src/core/index.js";
import { type Graph, type GraphNode, inputsOf, type NodeName } from "../../src/graph/index.js";
import {
  elementCount,
  type PaddingMode,
  resolvePadding,
  type Shape,
  type Size2,
} from "../../src/tensor/index.js";

type Value = { readonly shape: Shape; readonly data: Float64Array };

/** Visit every (output pixel, kernel pixel) pair whose input pixel lies inside the image. */
function visitWindows(
  input: Shape,
  output: Shape,
  options: { readonly window: Size2; readonly stride: Size2; readonly padding: PaddingMode },
  visit: (outputPixel: number, inputPixel: number, kernelPixel: number) => void,
): void {
  const [height = 0, width = 0] = input;
  const [outHeight = 0, outWidth = 0] = output;
  const { window, stride } = options;
  const pads = resolvePadding(options.padding, { height, width }, window, stride);
  for (let y = 0; y < outHeight; y++) {
    for (let x = 0; x < outWidth; x++) {
      for (let ky = 0; ky < window.height; ky++) {
        for (let kx = 0; kx < window.width; kx++) {
          const iy = y * stride.height + ky - pads.top;
          const ix = x * stride.width + kx - pads.left;
          if (iy < 0 || iy >= height || ix < 0 || ix >= width) continue;
          visit(y * outWidth + x, iy * width + ix, ky * window.width + kx);
        }
      }
    }
  }
}

function evaluate(node: GraphNode, inputs: readonly Value[]): Float64Array {
  const out = new Float64Array(elementCount(node.shape));
  if (node.kind === "input") return out;
  const { shape, data } = inputs[0]!;
  const channels = shape.at(-1)!;
  switch (node.kind) {
    case "conv2d": {
      const [height, width, , outChannels] = node.weights.shape as [number, number, number, number];
      for (let i = 0; i < out.length; i++) out[i] = node.bias?.data[i % outChannels] ?? 0;
      visitWindows(shape, node.shape, { ...node, window: { height, width } }, (o, i, k) => {
        for (let c = 0; c < channels; c++) {
          for (let m = 0; m < outChannels; m++) {
            const weight = node.weights.data[(k * channels + c) * outChannels + m]!;
            out[o * outChannels + m]! += weight * data[i * channels + c]!;
          }
        }
      });
      return out;
    }
    case "depthwiseConv2d": {
      const [height, width, , multiplier] = node.weights.shape as [number, number, number, number];
      const outChannels = channels * multiplier;
      for (let i = 0; i < out.length; i++) out[i] = node.bias?.data[i % outChannels] ?? 0;
      visitWindows(shape, node.shape, { ...node, window: { height, width } }, (o, i, k) => {
        for (let m = 0; m < outChannels; m++) {
          const value = data[i * channels + Math.floor(m / multiplier)]!;
          out[o * outChannels + m]! += node.weights.data[k * outChannels + m]! * value;
        }
      });
      return out;
    }
    case "batchNorm":
      return data.map((value, i) => {
        const c = i % channels;
        const { gamma, beta, mean, variance } = node;
        const normal = (value - mean.data[c]!) / Math.sqrt(variance.data[c]! + node.epsilon);
        return gamma.data[c]! * normal + beta.data[c]!;
      });
    case "relu":
      return data.map((value) => Math.min(Math.max(value, 0), node.max ?? Number.POSITIVE_INFINITY));
    case "zeroPad2d": {
      const [height = 0, width = 0] = shape;
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          const to = ((y + node.padding.top) * node.shape[1]! + x + node.padding.left) * channels;
          out.set(data.subarray((y * width + x) * channels, (y * width + x + 1) * channels), to);
        }
      }
      return out;
    }
    case "maxPool2d":
      out.fill(Number.NEGATIVE_INFINITY);
      visitWindows(shape, node.shape, node, (o, i) => {
        for (let c = 0; c < channels; c++) {
          out[o * channels + c] = Math.max(out[o * channels + c]!, data[i * channels + c]!);
        }
      });
      return out;
    case "averagePool2d": {
      const counts = new Float64Array(out.length);
      visitWindows(shape, node.shape, node, (o, i) => {
        for (let c = 0; c < channels; c++) {
          out[o * channels + c]! += data[i * channels + c]!;
          counts[o * channels + c]! += 1;
        }
      });
      return out.map((sum, i) => sum / counts[i]!);
    }
    case "globalAveragePool2d":
      data.forEach((value, i) => {
        out[i % channels]! += (value * channels) / data.length;
      });
      return out;
    case "dense": {
      const features = node.shape[0]!;
      for (let o = 0; o < features; o++) {
        out[o] = node.bias?.data[o] ?? 0;
        for (let i = 0; i < data.length; i++) out[o]! += data[i]! * node.weights.data[i * features + o]!;
      }
      return out;
    }
    case "add":
      return data.map((value, i) => value + inputs[1]!.data[i]!);
    case "softmax": {
      for (let first = 0; first < data.length; first += channels) {
        const row = data.subarray(first, first + channels);
        const max = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
        const sum = row.reduce((a, b) => a + Math.exp(b - max), 0);
        for (let c = 0; c < channels; c++) out[first + c] = Math.exp(row[c]! - max) / sum;
      }
      return out;
    }
    case "reshape":
    case "dropout":
      return data;
    default:
      return assertNever(node);
  }
}

/**
 * Compute every layer of a float graph for one image, in double precision and straight from the definitions.
 *
 * @param image real network input, channels last
 */
export function runReference(graph: Graph, image: ArrayLike<number>): Map<NodeName, Float64Array> {
  const values = new Map<NodeName, Value>();
  for (const node of graph.nodes) {
    const inputs = inputsOf(node).map((name) => values.get(name)!);
    const data = node.kind === "input" ? Float64Array.from(image) : evaluate(node, inputs);
    values.set(node.name, { shape: node.shape, data });
  }
  return new Map([...values].map(([name, { data }]) => [name, data]));
}

/** Return the largest absolute difference of two equally long arrays; NaN counts as infinite. */
export function maxAbsDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let max = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!);
    max = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : Math.max(max, difference);
  }
  return max;
}
