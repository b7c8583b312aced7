import { assertNever } from "../core/index.js";
import { formatShape, type PaddingMode, type Size2 } from "../tensor/index.js";
import { type Graph, type GraphNode, inputsOf } from "./nodes.js";
import { weightsOf } from "./weights.js";

function printPadding(padding: PaddingMode): string {
  if (padding.kind !== "explicit") return padding.kind;
  return `pad ${padding.top},${padding.bottom},${padding.left},${padding.right}`;
}

const size = ({ height, width }: Size2): string => `${height}x${width}`;

function attributes(node: GraphNode): string {
  switch (node.kind) {
    case "conv2d":
    case "depthwiseConv2d": {
      const [height = 0, width = 0] = node.weights.shape;
      return `${height}x${width} stride ${size(node.stride)} ${printPadding(node.padding)}`;
    }
    case "maxPool2d":
    case "averagePool2d":
      return `${size(node.window)} stride ${size(node.stride)} ${printPadding(node.padding)}`;
    case "zeroPad2d":
      return printPadding(node.padding);
    case "batchNorm":
      return `epsilon ${node.epsilon}`;
    case "relu":
      return node.max === undefined ? "" : `max ${node.max}`;
    case "globalAveragePool2d":
      return node.keepDims ? "keepDims" : "";
    case "dropout":
      return `rate ${node.rate}`;
    case "input":
    case "reshape":
    case "dense":
    case "add":
    case "softmax":
      return "";
    default:
      return assertNever(node);
  }
}

/** Print a graph as text, one line a node: name, kind, inputs, output shape, attributes, weight shapes. */
export function printGraph(graph: Graph): string {
  const rows = graph.nodes.map((node) => [
    node.name,
    node.kind,
    inputsOf(node).join(", "),
    formatShape(node.shape),
    [
      attributes(node),
      ...weightsOf(node)
        .filter(({ role }) => role === "weights" || role === "bias")
        .map(({ role, value }) => `${role} ${formatShape(value.shape)}`),
    ]
      .filter((text) => text !== "")
      .join(" "),
  ]);
  const widths = [0, 1, 2, 3, 4].map((i) => Math.max(...rows.map((row) => row[i]!.length)));
  const lines = rows.map((row) => `  ${row.map((cell, i) => cell.padEnd(widths[i]!)).join("  ")}`.trimEnd());
  const { scale, offset } = graph.encoding;
  return `graph ${graph.name}: real = ${scale} * byte + ${offset}\n${lines.join("\n")}\n  output ${graph.output}\n`;
}
