import { assertNever } from "../core/index.js";
import type { Tensor } from "../tensor/index.js";
import type { GraphNode } from "./nodes.js";

/** A named constant of a node. */
export type NodeWeight = { readonly role: string; readonly value: Tensor<"float32"> };

/** List the constants of a node with the role each plays, in a fixed order. */
export function weightsOf(node: GraphNode): readonly NodeWeight[] {
  switch (node.kind) {
    case "conv2d":
    case "depthwiseConv2d":
    case "dense": {
      const weights: NodeWeight = { role: "weights", value: node.weights };
      return node.bias === undefined ? [weights] : [weights, { role: "bias", value: node.bias }];
    }
    case "batchNorm":
      return (["gamma", "beta", "mean", "variance"] as const).map((role) => ({ role, value: node[role] }));
    case "input":
    case "relu":
    case "zeroPad2d":
    case "maxPool2d":
    case "averagePool2d":
    case "globalAveragePool2d":
    case "reshape":
    case "add":
    case "softmax":
    case "dropout":
      return [];
    default:
      return assertNever(node);
  }
}
