import {
  type FakeQuantization,
  type Graph,
  type GraphNode,
  inputsOf,
  int,
  type NodeName,
  OnnxBuilder,
  type OnnxModel,
} from "../../graph/index.js";
import { tensor } from "../../tensor/index.js";
import { emitBoundary } from "./boundary.js";
import type { EmitContext, Emitted, Handler, ParameterRole, Value } from "./emit.js";
import {
  checkFakeQuantization,
  type FakeQuantized,
  fakeQuantizeOutput,
  fakeQuantizeParameter,
} from "./fake-quantize.js";
import { HANDLERS } from "./handlers.js";
import { type Layout, programShape, reshapeTo, sumOver } from "./layout.js";
import { PROGRAM } from "./names.js";
import { parameterOf, type TrainingPlan, totalLength } from "./plan.js";
import { emitStateUpdate, type OptimizerConstants } from "./update.js";

/** A training program and what must be fed to it. */
export type TrainingProgram = {
  readonly model: OnnxModel;
  readonly batch: number;
  /** Dropout nodes that need a mask. */
  readonly dropouts: readonly {
    readonly name: NodeName;
    readonly shape: readonly number[];
    readonly rate: number;
  }[];
};

class ProgramEmitter {
  readonly onnx = new OnnxBuilder();
  readonly values = new Map<NodeName, Value>();
  readonly parameters = new Map<string, string>();
  readonly statistics = new Map<NodeName, readonly [string, string]>();
  readonly dropouts: { name: NodeName; shape: readonly number[]; rate: number }[] = [];
  /** Weights and biases as fake quantization leaves them. */
  readonly rounded = new Map<string, FakeQuantized>();

  constructor(
    readonly plan: TrainingPlan,
    readonly layout: Layout,
    readonly fake: FakeQuantization | undefined,
  ) {}

  /** Cut the flat parameters into the graph's tensors. */
  splitParameters(flat: string): void {
    const { parameters } = this.plan;
    const lengths = this.onnx.int64s(parameters.map((slot) => slot.length));
    const parts = this.onnx.ops("Split", [flat, lengths], parameters.length, { axis: int(0) });
    parameters.forEach(({ node, role, shape }, i) => {
      this.parameters.set(`${node}/${role}`, reshapeTo(this.onnx, parts[i]!, shape));
    });
  }

  /** Join the statistics that batch norms have handed over, in the order of the plan. */
  batchStatistics(): string {
    const measured = this.plan.statistics.map(({ node, role }) => {
      const [mean, variance] = this.statistics.get(node)!;
      return role === "mean" ? mean : variance;
    });
    return this.onnx.op("Concat", measured, { axis: int(0) });
  }

  /** A parameter as it is stored: a slice of the flat parameters, or a constant. */
  stored(node: GraphNode, role: ParameterRole): string {
    const key = `${node.name}/${role}`;
    const known = this.parameters.get(key);
    if (known !== undefined) return known;
    const { shape, data } = parameterOf(node, role);
    const constant = this.onnx.constant(key, tensor("float32", shape, data));
    this.parameters.set(key, constant);
    return constant;
  }

  /** A parameter as the forward pass sees it. */
  parameter(node: GraphNode, role: ParameterRole): string {
    const value = this.stored(node, role);
    const grid = this.fake?.weights.get(node.name);
    if (grid === undefined || (role !== "weights" && role !== "bias")) return value;
    const key = `${node.name}/${role}`;
    const rounded = this.rounded.get(key) ?? fakeQuantizeParameter(this.onnx, node, role, { value, grid });
    this.rounded.set(key, rounded);
    return rounded.value;
  }

  context(node: GraphNode): EmitContext {
    const { onnx, layout } = this;
    return {
      onnx,
      ...layout,
      trainable: this.plan.trainable.has(node.name),
      inputs: inputsOf(node).map((name) => this.values.get(name)!),
      parameter: (role) => this.parameter(node, role),
      statistics: (mean, variance) => this.statistics.set(node.name, [mean, variance]),
      dropoutMask: () => {
        const shape = programShape(node.shape, layout);
        if (node.kind === "dropout") this.dropouts.push({ name: node.name, shape, rate: node.rate });
        return onnx.input(PROGRAM.dropout(node.name), "float32", shape);
      },
    };
  }
}

/** Mean cross-entropy of softmax(logits) against target distributions, and its gradient (softmax − target) / batch. */
function emitLoss(onnx: OnnxBuilder, logits: string, batch: number): { loss: string; gradient: string } {
  const logProbabilities = onnx.op("LogSoftmax", [logits], { axis: int(1) });
  const product = onnx.op("Mul", [logProbabilities, PROGRAM.targets]);
  const loss = onnx.op("Mul", [sumOver(onnx, product, [0, 1]), onnx.scalar(-1 / batch)]);
  const difference = onnx.op("Sub", [onnx.op("Softmax", [logits], { axis: int(1) }), PROGRAM.targets]);
  return { loss, gradient: onnx.op("Mul", [difference, onnx.scalar(1 / batch)]) };
}

/** Emit the backward pass; returns the gradient of every parameter by `node/role`. */
function emitBackward(
  emitter: ProgramEmitter,
  emitted: ReadonlyMap<NodeName, Emitted>,
  logitsGradient: string,
): Map<string, string> {
  const { onnx, plan } = emitter;
  const gradients = new Map<NodeName, string>([[plan.logits.name, logitsGradient]]);
  const parameterGradients = new Map<string, string>();
  for (const node of plan.active.toReversed()) {
    const gradient = gradients.get(node.name)!;
    const names = inputsOf(node);
    const needed = names.map((name) => emitted.has(name));
    const result = emitted.get(node.name)!.backward(gradient, needed);
    for (const [role, value] of Object.entries(result.parameters)) {
      const key = `${node.name}/${role}`;
      parameterGradients.set(key, emitter.rounded.get(key)?.passes(value) ?? value);
    }
    names.forEach((name, i) => {
      const part = result.inputs[i];
      if (part === undefined || !needed[i]) return;
      const sum = gradients.get(name);
      gradients.set(name, sum === undefined ? part : onnx.op("Add", [sum, part]));
    });
  }
  return parameterGradients;
}

/**
 * Turn a graph with frozen and trainable parts into one ONNX program: forward, backward and update.
 *
 * Inputs: `boundary:…` values (bytes of images, or features of the frozen front), `targets` [batch, classes] (each row a
 * distribution), `learningRate`, the flat `parameters`, `velocity` and `statistics`, dropout masks. Outputs: the three
 * flat arrays after the step, `loss`, `logits`, and with `exposeGradient` the flat gradient (without weight decay).
 *
 * @throws FixynnError FX3011 when fake quantization does not fit the network
 */
export function buildTrainingProgram(
  graph: Graph,
  plan: TrainingPlan,
  options: {
    readonly batch: number;
    /** Block of ONNX Runtime's blocked kernels (see `blockedLanes`); used when it divides the batch. Default 1: none. */
    readonly lanes?: number;
    /** Without one the program ends with `gradient` and `batchStatistics` instead of a new state. */
    readonly optimizer: OptimizerConstants | undefined;
    readonly exposeGradient?: boolean;
    /** Where the forward pass rounds and clips as an integer network; the backward pass goes straight through. */
    readonly fakeQuantization?: FakeQuantization;
  },
): TrainingProgram {
  const { batch, optimizer, fakeQuantization: fake } = options;
  if (fake !== undefined) checkFakeQuantization(plan.active, fake);
  const lanes = options.lanes !== undefined && batch % options.lanes === 0 ? options.lanes : 1;
  const layout: Layout = { batch, lanes };
  const emitter = new ProgramEmitter(plan, layout, fake);
  const { onnx } = emitter;
  const classes = plan.logits.shape.at(-1)!;
  const parameterCount = totalLength(plan.parameters);
  const statisticCount = totalLength(plan.statistics);
  onnx.input(PROGRAM.parameters, "float32", [parameterCount]);
  onnx.input(PROGRAM.targets, "float32", [batch, classes]);
  emitter.splitParameters(PROGRAM.parameters);
  for (const node of plan.boundary) {
    const grid = fake?.activations.get(node.name);
    emitter.values.set(node.name, emitBoundary(onnx, graph, node, { layout, grid }));
  }
  const emitted = new Map<NodeName, Emitted>();
  for (const node of plan.active) {
    if (node.kind === "input" || node.kind === "softmax") continue;
    const handler = HANDLERS[node.kind] as Handler<GraphNode>;
    const grid = fake?.activations.get(node.name);
    const exact = handler(emitter.context(node), node);
    const result = grid === undefined ? exact : fakeQuantizeOutput(onnx, exact, grid);
    emitted.set(node.name, result);
    emitter.values.set(node.name, { name: result.output, shape: node.shape });
  }
  const logitsValue = emitter.values.get(plan.logits.name)!;
  const isImage = plan.logits.shape.length === 3;
  const swap = (value: string): string =>
    onnx.op("Transpose", [value], { perm: { kind: "ints", value: [1, 0] } });
  const flatLogits = isImage ? swap(reshapeTo(onnx, logitsValue.name, [classes, batch])) : logitsValue.name;
  const { loss, gradient } = emitLoss(onnx, flatLogits, batch);
  const logitsGradient = isImage
    ? reshapeTo(onnx, swap(gradient), programShape(plan.logits.shape, layout))
    : gradient;
  const parameterGradients = emitBackward(emitter, emitted, logitsGradient);
  const flatGradients = plan.parameters.map(({ node, role, length }) =>
    reshapeTo(onnx, parameterGradients.get(`${node}/${role}`)!, [length]),
  );
  const flat = onnx.op("Concat", flatGradients, { axis: int(0) });
  const measured = statisticCount > 0 ? emitter.batchStatistics() : undefined;
  if (optimizer !== undefined) {
    emitStateUpdate(onnx, plan, { optimizer, gradient: flat, statistics: measured });
  } else if (measured !== undefined) {
    onnx.alias(measured, PROGRAM.batchStatistics);
    onnx.output(PROGRAM.batchStatistics, "float32", [statisticCount]);
  }
  onnx.alias(loss, PROGRAM.loss);
  onnx.output(PROGRAM.loss, "float32", []);
  onnx.alias(flatLogits, PROGRAM.logits);
  onnx.output(PROGRAM.logits, "float32", [batch, classes]);
  if (options.exposeGradient || optimizer === undefined) {
    onnx.alias(flat, PROGRAM.gradient);
    onnx.output(PROGRAM.gradient, "float32", [parameterCount]);
  }
  return { model: onnx.build(`${graph.name}-training`), batch, dropouts: emitter.dropouts };
}
