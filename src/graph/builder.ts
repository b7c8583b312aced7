import { FixynnError } from "../core/index.js";
import type { Shape } from "../tensor/index.js";
import { inferShape, type NodeSpec } from "./infer.js";
import { type Graph, type GraphNode, type InputEncoding, inputsOf, type NodeName } from "./nodes.js";
import { verifyGraph } from "./verify.js";

/** The usual encoding of Keras and TensorFlow image models: real = byte / 127.5 − 1. */
export const SYMMETRIC_ENCODING: InputEncoding = { scale: 1 / 127.5, offset: -1 };

/** Collects nodes in topological order and infers their shapes. */
export class GraphBuilder {
  readonly #nodes: GraphNode[] = [];
  readonly #shapes = new Map<NodeName, Shape>();

  /**
   * Append a node.
   *
   * @returns its name, to be used as an input of later nodes
   * @throws FixynnError FX1010 when it does not fit its inputs, FX1011 when an input is not known or its name is taken
   */
  add(spec: NodeSpec): NodeName {
    if (this.#shapes.has(spec.name)) {
      throw new FixynnError("FX1011", "two layers have this name", { place: `layer ${spec.name}` });
    }
    // inputsOf reads only `kind`, `input` and `inputs`, which a spec has.
    const inputs = inputsOf(spec as GraphNode).map((name) => this.shapeOf(name, spec.name));
    const node = { ...spec, shape: inferShape(spec, inputs) } as GraphNode;
    this.#nodes.push(node);
    this.#shapes.set(node.name, node.shape);
    return node.name;
  }

  /** Return the output shape of a node added before. */
  shapeOf(name: NodeName, reader = "?"): Shape {
    const shape = this.#shapes.get(name);
    if (shape === undefined) {
      throw new FixynnError("FX1011", `reads "${name}", which no earlier layer computes`, {
        place: `layer ${reader}`,
      });
    }
    return shape;
  }

  /** Tell whether a name is taken. */
  has(name: NodeName): boolean {
    return this.#shapes.has(name);
  }

  /**
   * Close the graph and verify it.
   *
   * @throws FixynnError as `verifyGraph`
   */
  build(options: {
    readonly name: string;
    readonly output: NodeName;
    readonly encoding?: InputEncoding;
  }): Graph {
    return verifyGraph({
      kind: "graph",
      name: options.name,
      encoding: options.encoding ?? SYMMETRIC_ENCODING,
      nodes: [...this.#nodes],
      output: options.output,
    });
  }
}
