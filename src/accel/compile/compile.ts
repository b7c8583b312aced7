import { FixynnError, UnsupportedOpError } from "../../core/index.js";
import type { NodeName } from "../../graph/index.js";
import { inputsOfQuantNode, type QuantNetwork, type QuantNode, typeRange } from "../../quant/index.js";
import { checkEngineConfig, type EngineConfig, engineShape } from "../config.js";
import { engineFingerprint } from "../fingerprint.js";
import { DESCRIPTOR_BYTES, encodeProgram, type Program, WEIGHT_ENTRY_BYTES } from "../isa/index.js";
import { placeTensors, type Tensor } from "./buffers.js";
import { Emitter, type Home } from "./emit.js";
import { sizesOf, tooLarge } from "./layer-fields.js";
import type { EngineLayout } from "./layout.js";
import { geometryOf, lowerNode, type Operand } from "./lower.js";
import type { Geometry } from "./operation.js";
import { rowBytesOf, type Step } from "./tiles.js";

/** What became of a layer. */
export type EngineLayer = {
  readonly name: NodeName;
  readonly kind: QuantNode["kind"];
  readonly macs: number;
  /** First descriptor, and the one behind the last. */
  readonly descriptors: readonly [number, number];
  /** Bank address of its output, when all of it lies on chip. */
  readonly start: number | undefined;
  /** Bytes that its loads and stores move. */
  readonly externalBytes: number;
  readonly tiles: number;
  /** Where its output is stored in the space of results, when it is. */
  readonly stored: EngineLayout | undefined;
};

/** A program and what a host must know of it. */
export type EngineProgram = {
  readonly bytes: Uint8Array;
  readonly program: Program;
  /** Where the input comes from; in memory it has the layout given. */
  readonly input:
    | {
        readonly kind: "stream";
        /** Bytes on the stream are the integers plus 128. */
        readonly signed: boolean;
      }
    | { readonly kind: "image"; readonly layout: EngineLayout };
  readonly result: EngineLayout;
  readonly resultBytes: number;
  readonly imageBytes: number;
  readonly scratchBytes: number;
  readonly layers: readonly EngineLayer[];
  /** Bytes of loads and stores, and of weights, a frame. */
  readonly externalBytes: { readonly transfers: number; readonly weights: number };
};

export type CompileEngineOptions = {
  readonly network: QuantNetwork;
  readonly config: EngineConfig;
  /** The layer whose output is the engine's input; the network's input unless told. */
  readonly from?: NodeName;
  /** Store every layer's output among the results. */
  readonly keepAll?: boolean;
};

type Computed = Exclude<QuantNode, { kind: "input" | "reshape" }>;

/** Layers behind `from` that the output needs, in order. */
function neededNodes({ nodes, output, name: network }: QuantNetwork, from: NodeName): readonly QuantNode[] {
  const needed = new Set<NodeName>([output]);
  for (const node of [...nodes].reverse()) {
    if (!needed.has(node.name) || node.name === from) continue;
    if (node.kind === "input")
      throw new FixynnError("FX4001", `the output does not follow from "${from}" alone`, {
        place: `integer network ${network}`,
        hint: "start at a layer that every path goes through",
      });
    for (const name of inputsOfQuantNode(node)) needed.add(name);
  }
  const start = nodes.findIndex(({ name }) => name === from);
  if (start < 0)
    throw new FixynnError("FX4001", `no layer "${from}"`, { place: `integer network ${network}` });
  return nodes.slice(start + 1).filter(({ name }) => needed.has(name));
}

function expectBytes({ name, output }: QuantNode): void {
  if (output.bits > 8)
    throw new FixynnError("FX5114", `outputs of ${output.bits} bits; the engine holds bytes`, {
      place: `layer ${name}`,
      hint: "quantize the layer's output to 8 bits",
    });
}

const sameVector = (a: readonly number[], b: readonly number[]): boolean => {
  const [left, right] = [a, b].map((shape) => shape.filter((extent) => extent !== 1));
  return left!.length === right!.length && left!.every((extent, i) => extent === right![i]);
};

const align = (value: number, step: number): number => Math.ceil(value / step) * step;

/**
 * Compile an integer network, or what lies behind one of its layers, to a program for an engine. The same network and engine give the same bytes.
 *
 * @throws FixynnError FX5111 when buffers are too small for any tile, FX5114 for outputs above 8 bits, FX5115 for what a descriptor cannot say
 * @throws UnsupportedOpError FX5113 for layers without an exact form
 */
export function compileEngine({
  network,
  config,
  from = network.nodes[0]!.name,
  keepAll = false,
}: CompileEngineOptions): EngineProgram {
  checkEngineConfig(config);
  const { wordBytes, burstBytes } = engineShape(config);
  const nodes = neededNodes(network, from);
  const first = network.nodes.find(({ name }) => name === from)!;
  expectBytes(first);
  const { shape } = first.output;
  const inputGeometry: Geometry =
    shape.length === 1
      ? { height: 1, width: 1, channels: shape[0]! }
      : { height: shape[0]!, width: shape[1]!, channels: shape[2]! };
  const stream = config.input;
  const isStream =
    stream !== null &&
    stream.height === inputGeometry.height &&
    stream.width === inputGeometry.width &&
    stream.channels === inputGeometry.channels;
  const rangeOf = (node: QuantNode) => ("clamp" in node ? node.clamp : typeRange(node.output));
  const operands = new Map<NodeName, Operand>([
    [from, { tensor: from, geometry: inputGeometry, type: first.output, range: rangeOf(first) }],
  ]);
  const steps: (Step & { readonly kind: QuantNode["kind"] })[] = [];
  for (const node of nodes) {
    expectBytes(node);
    if (node.kind === "input") continue;
    if (node.kind === "reshape") {
      const operand = operands.get(node.input)!;
      const { height, width, channels } = operand.geometry;
      if (node.output.shape.length > 1 && !sameVector(node.output.shape, [height, width, channels]))
        throw new UnsupportedOpError("FX5113", [
          { op: node.kind, node: node.name, hint: "only a reshape to a vector needs no hardware" },
        ]);
      operands.set(node.name, operand);
      continue;
    }
    const computed: Computed = node;
    const read = inputsOfQuantNode(computed).map((name) => operands.get(name)!);
    steps.push({
      node: node.name,
      kind: node.kind,
      operations: lowerNode(computed, read, config.weightBits),
    });
    const inherited = node.kind === "maxPool2d" || node.kind === "averagePool2d";
    operands.set(node.name, {
      tensor: node.name,
      geometry: geometryOf(computed, read),
      type: node.output,
      range: inherited ? typeRange(node.output) : rangeOf(node),
    });
  }
  const result = operands.get(network.output)!;
  if (steps.length === 0 || result.tensor === from)
    throw new FixynnError("FX5113", "there is nothing to compute", {
      place: `integer network ${network.name}`,
      hint: "start at an earlier layer",
    });
  const names = [from, ...steps.map(({ node }) => node)];
  const tensors = names.map((name, i): Tensor => {
    const consumers = steps.flatMap((step, s) => (step.operations[0]!.sources.includes(name) ? [s] : []));
    const inputFirst = consumers[0] ?? 0;
    return {
      name,
      geometry: operands.get(name)!.geometry,
      inSlot: i === 0 && isStream,
      external: i === 0 && !isStream,
      first: i === 0 ? inputFirst : i - 1,
      last: Math.max(i - 1, ...consumers),
      consumers,
      stored: i > 0 && (keepAll || name === result.tensor),
    };
  });
  const placement = placeTensors(steps, tensors, config);
  const { spilled } = placement;
  const homes = new Map<NodeName, Home>();
  const used = { scratch: 0, result: 0, image: 0 };
  const pitchOf = ({ name, geometry, first: born, external, consumers }: Tensor): number => {
    const users = external ? consumers : [born, ...consumers];
    const inParts = spilled.has(name) && users.some((step) => placement.tilings[step]!.tiles.length > 1);
    const rowBytes = rowBytesOf(geometry, config);
    return inParts ? align(rowBytes, burstBytes) : rowBytes;
  };
  for (const tensor of [...tensors].reverse()) {
    if (!tensor.external && !tensor.stored && !spilled.has(tensor.name)) continue;
    const space = tensor.external ? "image" : tensor.stored ? "result" : "scratch";
    const rowPitchBytes = pitchOf(tensor);
    homes.set(tensor.name, { space, offset: used[space], rowPitchBytes });
    used[space] += align(tensor.geometry.height * rowPitchBytes, burstBytes);
  }
  const emitter = new Emitter({ config, tensors, homes, placement });
  const emitted = steps.map((step, i) => emitter.step(step, i));
  const layoutOf = (name: NodeName): EngineLayout | undefined => {
    const home = homes.get(name);
    if (home === undefined || home.space === "scratch") return undefined;
    const { geometry, type } = operands.get(name)!;
    return {
      ...geometry,
      offset: home.offset,
      pixelWords: sizesOf(geometry, wordBytes).pixelWords,
      wordBytes,
      rowPitchBytes: home.rowPitchBytes,
      bytes: geometry.height * home.rowPitchBytes,
      signed: type.signed,
    };
  };
  const instructions = emitter.finish();
  const weightList = align(DESCRIPTOR_BYTES * (instructions.length + 1), burstBytes);
  const { entries } = emitter.weights;
  if (instructions.length > 0xffff) throw tooLarge(network.name, "descriptors", instructions.length);
  if (entries.length > 0xffff) throw tooLarge(network.name, "weightEntries", entries.length);
  const imageOffset = weightList + WEIGHT_ENTRY_BYTES * entries.length;
  const runs = emitter.weights.bytes();
  const runsAt = align(imageOffset, burstBytes);
  const image = new Uint8Array(runsAt - imageOffset + runs.length);
  image.set(runs, runsAt - imageOffset);
  const weightEntries = entries.map((entry) => ({ ...entry, offset: entry.offset + runsAt }));
  const program: Program = {
    fingerprint: engineFingerprint(config),
    instructions,
    weightList,
    weightEntries,
    imageOffset,
    image,
  };
  return {
    bytes: encodeProgram(program),
    program,
    input: isStream
      ? { kind: "stream", signed: first.output.signed }
      : { kind: "image", layout: layoutOf(from)! },
    result: layoutOf(result.tensor)!,
    resultBytes: used.result,
    imageBytes: used.image,
    scratchBytes: used.scratch,
    layers: steps.map(({ node, kind, operations }, i) => ({
      name: node,
      kind,
      macs: operations.reduce((sum, { macs }) => sum + macs, 0),
      ...emitted[i]!,
      start: placement.starts.get(node),
      stored: layoutOf(node),
    })),
    externalBytes: {
      transfers: emitted.reduce((sum, { externalBytes }) => sum + externalBytes, 0),
      weights: entries.reduce((sum, { beats, repeat }) => sum + beats * repeat * config.axiDataBytes, 0),
    },
  };
}
