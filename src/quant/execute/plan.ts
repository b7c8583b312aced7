import { invariant } from "../../core/index.js";
import type { NodeName } from "../../graph/index.js";
import { elementCount, NO_PADDING, type Padding } from "../../tensor/index.js";
import { inputsOfQuantNode, type QuantNode, type QuantType } from "../nodes.js";
import { allocateValues, type QuantValues } from "../types.js";
import { KernelMemory, moveRecord, type ValueLayout, viewValues } from "./fast/memory.js";
import { type FastLayer, fastLayer, type KernelCall } from "./fast/prepare.js";
import { plainLayer } from "./plain.js";

/** How layers are computed: `plain` is the definition; `fast` gives the same bytes, layer by layer where its proof holds. */
export type ExecuteForm = "plain" | "fast";

/** What a plan computes. */
export type PlanRequest = {
  /** Values that are given. */
  readonly sources: readonly { readonly name: NodeName; readonly output: QuantType }[];
  /** Layers to compute, in topological order. */
  readonly nodes: readonly Exclude<QuantNode, { kind: "input" }>[];
  readonly wanted: readonly NodeName[];
  readonly form: ExecuteForm;
};

/** Buffers and steps for one image after another. */
export type ExecutionPlan = {
  /** Layers in fast form. */
  readonly fastLayers: ReadonlySet<NodeName>;
  /**
   * @param sources for each source `count` images
   * @returns for each wanted layer `count` images
   */
  run(sources: readonly QuantValues[], count: number): Map<NodeName, QuantValues>;
};

/** Memory that a plan's kernels may take, in bytes. */
const MEMORY_LIMIT = 2 ** 30;

/**
 * A layer's values. Outside, plain layers and callers see them dense, in the type's array; inside, fast layers see them in the layout of
 * the kernels. Whoever has made them in one form, they are moved to the other when somebody needs that.
 */
type Value = {
  readonly type: QuantType;
  readonly isMadeInside: boolean;
  /** Value whose dense form this one shares: a reshape changes nothing outside. */
  readonly sameAs?: Value;
  isNeededInside: boolean;
  isNeededOutside: boolean;
  /** Border that the layers which read it inside ask for. */
  border: Padding;
};

function widest(a: Padding, b: Padding): Padding {
  return {
    top: Math.max(a.top, b.top),
    bottom: Math.max(a.bottom, b.bottom),
    left: Math.max(a.left, b.left),
    right: Math.max(a.right, b.right),
  };
}

type Layer = {
  readonly node: Exclude<QuantNode, { kind: "input" }>;
  readonly inputs: readonly Value[];
  readonly output: Value;
  readonly fast: FastLayer | undefined;
};

/** Decide each layer's form, and in which forms each value is needed. */
function decide({ sources, nodes, wanted, form }: PlanRequest): {
  readonly values: ReadonlyMap<NodeName, Value>;
  readonly layers: readonly Layer[];
} {
  const values = new Map<NodeName, Value>();
  const unused = { isNeededInside: false, isNeededOutside: false, border: NO_PADDING };
  for (const { name, output } of sources) {
    values.set(name, { type: output, isMadeInside: false, ...unused, isNeededOutside: true });
  }
  const layers: Layer[] = [];
  for (const node of nodes) {
    const inputs = inputsOfQuantNode(node).map((name) => {
      const value = values.get(name);
      invariant(value !== undefined, `layer ${node.name} comes before its input ${name}`);
      return value;
    });
    const types = inputs.map(({ type }) => type);
    const fast = form === "plain" || node.kind === "reshape" ? undefined : fastLayer(node, types);
    const output: Value = {
      type: node.output,
      isMadeInside: fast !== undefined,
      ...(node.kind === "reshape" && { sameAs: inputs[0]! }),
      ...unused,
      isNeededInside: fast !== undefined,
      isNeededOutside: fast === undefined,
    };
    for (const input of inputs) {
      if (fast === undefined) input.isNeededOutside = true;
      else {
        input.isNeededInside = true;
        input.border = widest(input.border, fast.border);
      }
    }
    values.set(node.name, output);
    layers.push({ node, inputs, output, fast });
  }
  for (const name of wanted) values.get(name)!.isNeededOutside = true;
  return { values, layers };
}

const bytesOf = ({ bits }: QuantType): number => (bits <= 8 ? 1 : bits <= 16 ? 2 : 4);

/** Lay out what a plan needs and connect its steps; undefined when the kernels would need too much memory. */
function connect(
  values: readonly Value[],
  layers: readonly Layer[],
):
  | { readonly outside: ReadonlyMap<Value, QuantValues>; readonly steps: readonly (() => void)[] }
  | undefined {
  const memory = new KernelMemory();
  const inside = new Map<Value, ValueLayout>();
  const addresses = new Map<Value, number>();
  const moves = new Map<Value, number>();
  for (const value of values) {
    const { type, sameAs } = value;
    if (value.isNeededInside) {
      const layout = memory.reserveValue(type, value.border, !value.isMadeInside);
      inside.set(value, layout);
      if (value.isNeededOutside) moves.set(value, memory.place(moveRecord(layout, type)));
    }
    if (!value.isNeededOutside) continue;
    addresses.set(
      value,
      sameAs === undefined
        ? memory.reserve(elementCount(type.shape) * bytesOf(type))
        : addresses.get(sameAs)!,
    );
  }
  const calls = new Map<Layer, { readonly run: KernelCall["run"]; readonly record: number }>();
  for (const layer of layers) {
    if (layer.fast === undefined) continue;
    const inputs = layer.inputs.map((input) => inside.get(input)!);
    const { run, record } = layer.fast.place(memory, inputs, inside.get(layer.output)!);
    calls.set(layer, { run, record: memory.place(record) });
  }
  if (calls.size > 0 && memory.size > MEMORY_LIMIT) return undefined;
  const kernel = calls.size === 0 ? undefined : memory.instantiate();

  const outside = new Map<Value, QuantValues>();
  for (const [value, address] of addresses) {
    const { type, sameAs } = value;
    const dense =
      kernel === undefined
        ? (outside.get(sameAs ?? value) ?? allocateValues(type, elementCount(type.shape)))
        : viewValues(kernel, address, type);
    outside.set(value, dense);
  }
  const steps: (() => void)[] = [];
  const move = (value: Value): void => {
    const record = moves.get(value);
    if (kernel === undefined || record === undefined) return;
    const address = addresses.get(value)!;
    const direction = value.isMadeInside ? kernel.unpack : kernel.pack;
    steps.push(() => direction(record, address));
  };
  const computed = new Set(layers.map(({ output }) => output));
  for (const value of values) if (!computed.has(value)) move(value);
  for (const layer of layers) {
    const { node, inputs, output } = layer;
    const call = calls.get(layer);
    if (kernel !== undefined && call !== undefined) {
      const run = kernel[call.run];
      steps.push(() => run(call.record));
    } else if (node.kind !== "reshape") {
      const types = inputs.map(({ type }) => type);
      const plain = plainLayer(node, types);
      const sources = inputs.map((input) => outside.get(input)!);
      const target = outside.get(output)!;
      steps.push(() => plain(sources, target));
    }
    move(output);
  }
  return { outside, steps };
}

/** Plan the execution of some layers on given values. */
export function planExecution(request: PlanRequest): ExecutionPlan {
  const { values, layers } = decide(request);
  const connected = connect([...values.values()], layers);
  if (connected === undefined) return planExecution({ ...request, form: "plain" });
  const { outside, steps } = connected;
  const denseOf = (name: NodeName): QuantValues => outside.get(values.get(name)!)!;
  const starts = request.sources.map(({ name }) => denseOf(name));
  return {
    fastLayers: new Set(layers.filter(({ fast }) => fast !== undefined).map(({ node }) => node.name)),
    run(sources, count) {
      const results = new Map<NodeName, QuantValues>();
      const copies: { readonly from: QuantValues; readonly to: QuantValues }[] = [];
      for (const name of request.wanted) {
        const from = denseOf(name);
        const to = allocateValues(values.get(name)!.type, count * from.length);
        results.set(name, to);
        copies.push({ from, to });
      }
      for (let image = 0; image < count; image++) {
        for (const [i, start] of starts.entries()) {
          start.set(sources[i]!.subarray(image * start.length, (image + 1) * start.length));
        }
        for (const step of steps) step();
        for (const { from, to } of copies) to.set(from, image * from.length);
      }
      return results;
    },
  };
}
