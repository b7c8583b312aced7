import { FixynnError, type ProgressListener, silent } from "../../core/index.js";
import { type Graph, type NodeName, simplify } from "../../graph/index.js";
import { sameShape, tensor } from "../../tensor/index.js";
import { executeLayer } from "../execute/execute.js";
import { quantNetworkToJson } from "../json.js";
import { inputsOfQuantNode, type QuantNetwork, type QuantNode } from "../nodes.js";
import { biasRegisterRange, multiplierRegisterRange } from "../registers.js";
import { type IntegerRange, type QuantValues, quantInput } from "../types.js";
import { verifyQuantNetwork } from "../verify.js";
import { observe } from "./calibrate.js";
import { fuseLayers } from "./fuse.js";
import { isWeighted } from "./programmable.js";
import type { CalibrationImages } from "./quantize.js";
import { meanAccumulators, type WeightedFloat, type WeightedQuant } from "./weighted.js";

/** Choices of {@link programNormalization}. */
export type ProgramOptions = {
  /** Images of the task to correct biases on, as `quantize` does: the first 32 of them; none by default. */
  readonly calibration?: CalibrationImages;
  /** Bring values that do not fit their registers to the nearest that does, and list them, instead of throwing; default false. */
  readonly saturate?: boolean;
  /**
   * How far the float weights of a channel may be from its frozen ones times one factor, beyond rounding: norm of the difference over
   * norm of the weights; default 0.1.
   */
  readonly weightTolerance?: number;
  readonly onProgress?: ProgressListener;
};

/** A register value that did not fit. */
export type RegisterOverflow = {
  readonly layer: NodeName;
  readonly channel: number;
  readonly register: "multiplier" | "bias";
  readonly wanted: number;
  readonly range: IntegerRange;
};

/** A network that differs from its reference in register values only, and what was saturated on the way. */
export type ProgrammedNetwork = {
  readonly network: QuantNetwork;
  readonly saturated: readonly RegisterOverflow[];
};

const CORRECTION_IMAGES = 32;
const DEFAULT_WEIGHT_TOLERANCE = 0.1;
/** How far a layer without registers may be from its reference. */
const FIXED_SCALE_TOLERANCE = 0.05;

function wrongGraph(message: string, place: string): never {
  throw new FixynnError("FX4013", message, {
    place,
    hint: "give the graph whose weights were frozen, with other batch norms only",
  });
}

/**
 * Fit the factor by which a channel's float weights exceed its frozen ones, by least squares; `undefined` where all of these are 0.
 *
 * @throws FixynnError FX4013 when they are no such multiple
 */
function fitFactor(
  frozen: WeightedQuant,
  float: WeightedFloat,
  o: number,
  { tolerance, place }: { readonly tolerance: number; readonly place: string },
): number | undefined {
  const weights = frozen.weights.data;
  const wanted = float.weights.data;
  const channels = frozen.bias.data.length;
  const scale = frozen.weightScales[frozen.weightScales.length === 1 ? 0 : o]!;
  let [product, square, norm] = [0, 0, 0];
  for (let i = o; i < weights.length; i += channels) {
    product += weights[i]! * wanted[i]!;
    square += weights[i]! ** 2;
    norm += wanted[i]! ** 2;
  }
  const factor = square === 0 ? undefined : product / (square * scale);
  const step = scale * Math.abs(factor ?? 1);
  let excess = 0;
  for (let i = o; i < weights.length; i += channels) {
    // Rounding leaves half a step, and the fit turns that into a step at most.
    const off = Math.abs(wanted[i]! - (factor ?? 0) * scale * weights[i]!) - step;
    if (off > 0) excess += off ** 2;
  }
  if (excess > tolerance ** 2 * norm)
    wrongGraph(`the weights of channel ${o} are not the frozen ones times a factor`, place);
  return factor;
}

/** Finds register values layer by layer; the integer network so far runs along for bias correction. */
class Programmer {
  readonly saturated: RegisterOverflow[] = [];
  readonly #reference: QuantNetwork;
  readonly #floats: ReadonlyMap<NodeName, WeightedFloat>;
  readonly #tolerance: number;

  constructor(reference: QuantNetwork, graph: Graph, tolerance: number) {
    this.#reference = reference;
    const cores = fuseLayers(graph).map(({ core }) => core);
    this.#floats = new Map(
      cores.flatMap((core) =>
        core.kind === "conv2d" || core.kind === "depthwiseConv2d" || core.kind === "dense"
          ? [[core.name, core] as const]
          : [],
      ),
    );
    this.#tolerance = tolerance;
  }

  place(node: QuantNode): string {
    return `layer ${node.name} of integer network ${this.#reference.name}`;
  }

  float(node: WeightedQuant): WeightedFloat {
    const float = this.#floats.get(node.name);
    const fits = float?.kind === node.kind && sameShape(float.weights.shape, node.weights.shape);
    return fits ? float : wrongGraph("no such layer in the float graph", this.place(node));
  }

  #fit(node: WeightedQuant, o: number): number | undefined {
    return fitFactor(node, this.float(node), o, { tolerance: this.#tolerance, place: this.place(node) });
  }

  /** A layer whose normalization is a constant must have kept it. */
  expectSame(node: WeightedQuant): void {
    for (let o = 0; o < node.bias.data.length; o++) {
      const factor = this.#fit(node, o) ?? 1;
      if (Math.abs(factor - 1) > FIXED_SCALE_TOLERANCE)
        wrongGraph(
          `channel ${o} is scaled by ${factor.toPrecision(3)}, but has no register`,
          this.place(node),
        );
    }
  }

  /**
   * Find multipliers and biases. With y = Σ ρ·s_w·w·s_x·(x − z_x) + b the accumulator's unit is u = ρ·s_w·s_x, so that
   * multiplier = u · 2^shift / s_y, bias = b / u. A multiplier that is rounded scales the bias too: y is off by a small factor, and zero stays.
   *
   * @param inputOffset real = s_x · (integer − z_x) + inputOffset
   */
  layer(node: WeightedQuant, inputScale: number, inputOffset: number): WeightedQuant {
    const { requantization } = node;
    if (requantization.mode !== "programmable") return node;
    const float = this.float(node);
    const channels = node.bias.data.length;
    const multipliers = new Int32Array(channels);
    const bias = new Int32Array(channels);
    const range = multiplierRegisterRange(requantization);
    for (let o = 0; o < channels; o++) {
      const factor = this.#fit(node, o);
      const toInteger = 2 ** requantization.shifts[o]! / node.output.scale;
      const weightScale = node.weightScales[node.weightScales.length === 1 ? 0 : o]!;
      const kept = Math.max(1, requantization.multipliers[o]!);
      const unit = factor === undefined ? kept / toInteger : factor * weightScale * inputScale;
      const wanted = Math.round(unit * toInteger);
      // A multiplier of 0 would lose the bias as well.
      const least = range.low < 0 ? range.low : 1;
      const nonZero = wanted === 0 && range.low < 0 ? Math.sign(unit) || 1 : wanted;
      multipliers[o] = this.#fitted(node, o, "multiplier", nonZero, { low: least, high: range.high });
      let sum = 0;
      for (let i = o; i < float.weights.data.length; i += channels) sum += float.weights.data[i]!;
      const real = (float.bias?.data[o] ?? 0) + inputOffset * sum;
      bias[o] = this.#fitted(node, o, "bias", Math.round(real / unit), biasRegisterRange(requantization));
    }
    return {
      ...node,
      bias: tensor("int32", [channels], bias),
      requantization: { ...requantization, multipliers },
    };
  }

  /** Shift biases so that the mean of each channel before the ReLU is the float network's (see `quantize`). */
  corrected(node: WeightedQuant, target: ArrayLike<number>, means: ArrayLike<number>): WeightedQuant {
    const { requantization } = node;
    if (requantization.mode !== "programmable") return node;
    const range = biasRegisterRange(requantization);
    const bias = node.bias.data.map((value, o) => {
      const unit = (node.output.scale * requantization.multipliers[o]!) / 2 ** requantization.shifts[o]!;
      const shift = Math.round(target[o]! / unit - means[o]!);
      return Math.abs(shift) < 2 ** 24 ? this.#fitted(node, o, "bias", value + shift, range) : value;
    });
    return { ...node, bias: tensor("int32", node.bias.shape, bias) };
  }

  #fitted(
    { name }: WeightedQuant,
    channel: number,
    register: RegisterOverflow["register"],
    wanted: number,
    range: IntegerRange,
  ): number {
    if (wanted >= range.low && wanted <= range.high) return wanted;
    this.saturated.push({ layer: name, channel, register, wanted, range });
    return Math.max(range.low, Math.min(wanted, range.high));
  }
}

function refuseOverflows(overflows: readonly RegisterOverflow[], reference: QuantNetwork): never {
  const [first] = overflows;
  const { channel, register, wanted, range } = first!;
  const isNegative = overflows.some((one) => one.register === "multiplier" && one.wanted < 0);
  throw new FixynnError(
    "FX4014",
    `${register} ${wanted} of channel ${channel} does not fit its register, ${range.low} to ${range.high}` +
      (overflows.length > 1 ? `; ${overflows.length - 1} more values do not fit` : ""),
    {
      place: `layer ${first!.layer} of integer network ${reference.name}`,
      hint: isNegative
        ? "make the registers with `signed`, or keep the sign of gamma"
        : "make the registers with more bits or headroom, or program with `saturate`",
    },
  );
}

/**
 * Program a front for another task: from a float graph of the same weights with other batch norms (or these folded), find the register values
 * that make the front compute it. Everything that is silicon stays: weights, their scales, shifts, clamps and types are the reference's.
 *
 * @param reference a front, or a whole network, of which some layers have registers ({@link makeProgrammable})
 * @param graph may go on behind the front
 * @throws FixynnError FX4013 when the graph is no such graph, FX4014 when a value does not fit its register, FX4006 as `quantize`
 */
export async function programNormalization(
  reference: QuantNetwork,
  graph: Graph,
  options: ProgramOptions = {},
): Promise<ProgrammedNetwork> {
  const { calibration, saturate = false, onProgress = silent } = options;
  const simple = simplify(graph);
  const { output: inputType } = quantInput(reference);
  const { encoding } = reference;
  if (
    encoding.scale !== simple.encoding.scale ||
    encoding.offset !== simple.encoding.offset ||
    !sameShape(inputType.shape, simple.nodes[0]!.shape)
  )
    wrongGraph("image encoding or input shape differ", `integer network ${reference.name}`);
  const programmer = new Programmer(reference, simple, options.weightTolerance ?? DEFAULT_WEIGHT_TOLERANCE);
  const layers = reference.nodes.filter(isWeighted);
  for (const node of layers) programmer.float(node);

  const images = Math.min(calibration?.count ?? 0, CORRECTION_IMAGES);
  const perImage = inputType.shape.reduce((a, b) => a * b, 1);
  const pixels = calibration?.pixels.subarray(0, images * perImage);
  const means =
    pixels === undefined
      ? undefined
      : await observe(simple, pixels, images, {
          ranges: [],
          means: layers.map(({ name }) => name),
          meanImages: images,
          onProgress,
        });

  const known = new Map<NodeName, { readonly node: QuantNode; readonly values: QuantValues | undefined }>();
  const offsets = new Map<NodeName, number>();
  const nodes = reference.nodes.map((node) => {
    if (node.kind === "input") {
      offsets.set(node.name, encoding.offset + encoding.scale * inputType.zeroPoint);
      known.set(node.name, { node, values: pixels });
      return node;
    }
    const inputs = inputsOfQuantNode(node).map((name) => known.get(name)!);
    const types = inputs.map((input) => input.node.output);
    const passes = !("requantization" in node);
    const inputOffset = offsets.get(inputs[0]!.node.name)!;
    offsets.set(node.name, passes ? inputOffset : 0);
    let made: typeof node = node;
    if (isWeighted(node)) {
      if (node.requantization.mode !== "programmable") programmer.expectSame(node);
      made = programmer.layer(node, types[0]!.scale, inputOffset);
      const input = inputs[0]!.values;
      if (means !== undefined && input !== undefined) {
        const target = means.get(node.name)!.channelMeans;
        made = programmer.corrected(made, target, meanAccumulators(made, types[0]!, input, images));
      }
    }
    const given = inputs.flatMap(({ values }) => values ?? []);
    const values = means === undefined ? undefined : executeLayer(made, types, given, images);
    known.set(node.name, { node: made, values });
    return made;
  });
  const { saturated } = programmer;
  if (saturated.length > 0 && !saturate) refuseOverflows(saturated, reference);
  return { network: verifyQuantNetwork({ ...reference, nodes }), saturated };
}

/** Tell whether two networks are one piece of silicon: equal but for their names and the values in registers. */
export function isSameSilicon(a: QuantNetwork, b: QuantNetwork): boolean {
  return a === b || siliconText(a) === siliconText(b);
}

function siliconText(network: QuantNetwork): string {
  const nodes = network.nodes.map((node) => {
    if (!isWeighted(node) || node.requantization.mode !== "programmable") return node;
    const { requantization, bias } = node;
    return {
      ...node,
      bias: { ...bias, data: new Int32Array(bias.data.length) },
      requantization: { ...requantization, multipliers: new Int32Array(requantization.multipliers.length) },
    };
  });
  return JSON.stringify(quantNetworkToJson({ ...network, name: "", nodes }));
}
