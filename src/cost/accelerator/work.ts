import { FixynnError } from "../../core/index.js";
import { type AcceleratorConfig, type AcceleratorLayer, stripePixels } from "./types.js";

/** What the array does for one layer in one frame; counts of operations, energies are charged on them. */
export type LayerWork = {
  /** Cycles that the array (or the vector unit) needs with its operands at hand. */
  readonly cycles: number;
  /** Multiplications with an operand, padding included: the array does not skip it. */
  readonly multiplications: number;
  readonly treeAdditions: number;
  readonly accumulations: number;
  /** Bytes loaded into operand registers. */
  readonly operandLoads: number;
  readonly requantizations: number;
  /** Words of cPar bytes read from the activation buffer, words of kPar bytes written. */
  readonly activationReads: number;
  readonly activationWrites: number;
  /** Bytes read from the weight buffer. */
  readonly weightReadBytes: number;
};

const NO_WORK: LayerWork = {
  cycles: 0,
  multiplications: 0,
  treeAdditions: 0,
  accumulations: 0,
  operandLoads: 0,
  requantizations: 0,
  activationReads: 0,
  activationWrites: 0,
  weightReadBytes: 0,
};

/** Cycles to fill and drain the pipeline and to take the next descriptor, once a layer: an assumption of ours. */
const LAYER_OVERHEAD_CYCLES = 64;

const tiles = (count: number, size: number): number => Math.ceil(count / size);

/** Elements of a shape. */
export const elements = (shape: readonly number[]): number => shape.reduce((product, n) => product * n, 1);

/** Output positions, 1 for dense. */
const positions = ({ outputShape }: AcceleratorLayer): number => elements(outputShape.slice(0, -1));

/** Multiply-add layers whose lanes all see the same activations. */
function sharedOperands(
  layer: AcceleratorLayer,
  config: AcceleratorConfig,
): Omit<LayerWork, "cycles"> & { beats: number } {
  const { cPar, kPar, mapping } = config;
  const outputs = layer.outputShape.at(-1) ?? 1;
  const inputs =
    layer.kind === "dense" && layer.inputShape.length > 1
      ? elements(layer.inputShape)
      : (layer.inputShape.at(-1) ?? 1);
  const taps = elements(layer.kernel ?? [1, 1]);
  const pixels = positions(layer);
  const steps = mapping === "window" ? tiles(taps * inputs, cPar) : taps * tiles(inputs, cPar);
  const laneTiles = tiles(outputs, kPar);
  const beats = pixels * steps * laneTiles;
  const multiplications = pixels * taps * inputs * outputs;
  const laneSteps = pixels * steps * outputs;
  const eights = mapping === "window" ? tiles(taps * inputs, 8) : taps * tiles(inputs, 8);
  const stripe = Math.min(stripePixels, pixels);
  const weightLoads = multiplications / stripe;
  return {
    beats,
    multiplications,
    treeAdditions: pixels * outputs * (eights - steps),
    accumulations: laneSteps,
    // One activation register for every eight lanes.
    operandLoads: weightLoads + pixels * taps * inputs * tiles(outputs, 8),
    requantizations: pixels * outputs,
    activationReads: beats,
    activationWrites: pixels * laneTiles,
    weightReadBytes: weightLoads,
  };
}

/** Depthwise: each lane sees its own channel. */
function ownOperands(
  layer: AcceleratorLayer,
  config: AcceleratorConfig,
): Omit<LayerWork, "cycles"> & { beats: number } {
  const { cPar, kPar, mapping } = config;
  const channels = layer.outputShape.at(-1) ?? 1;
  const kernel = layer.kernel ?? [1, 1];
  const taps = elements(kernel);
  const pixels = positions(layer);
  const stride = Math.max(1, Math.round((layer.inputShape[0] ?? 1) / (layer.outputShape[0] ?? 1)));
  const laneTiles = tiles(channels, kPar);
  const multiplications = pixels * taps * channels;
  const stripe = Math.min(stripePixels, pixels);
  const common = {
    multiplications,
    requantizations: pixels * channels,
    activationWrites: pixels * laneTiles,
    weightReadBytes: multiplications / stripe,
  };
  if (mapping === "channels") {
    // One tap a beat, one multiplier of each lane; the port gives cPar bytes.
    const words = tiles(Math.min(kPar, channels), cPar);
    const beats = pixels * taps * laneTiles * words;
    return {
      ...common,
      beats,
      treeAdditions: 0,
      accumulations: multiplications,
      operandLoads: multiplications / stripe + multiplications,
      activationReads: beats,
    };
  }
  // The columns that the window moves by are new: kernel height × stride bytes a lane, over a port of cPar bytes.
  const fresh = kernel[0] * Math.min(stride, kernel[1]);
  const words = tiles(fresh * Math.min(kPar, channels), cPar);
  const steps = tiles(taps, cPar);
  return {
    ...common,
    beats: pixels * laneTiles * Math.max(steps, words),
    treeAdditions: pixels * channels * (tiles(taps, 8) - steps),
    accumulations: pixels * channels * steps,
    operandLoads: multiplications / stripe + pixels * channels * fresh,
    activationReads: pixels * laneTiles * words,
  };
}

/** Pooling and addition: kPar bytes of each operand a cycle, through the vector unit. */
function vectorWork(layer: AcceleratorLayer, config: AcceleratorConfig): LayerWork {
  const { cPar, kPar, requantizers } = config;
  const outputs = elements(layer.outputShape);
  const operands = layer.kind === "add" ? 2 * outputs : elements(layer.inputShape);
  const words = tiles(operands, cPar);
  return {
    ...NO_WORK,
    cycles: LAYER_OVERHEAD_CYCLES + Math.max(words, tiles(outputs, requantizers)),
    accumulations: operands,
    requantizations: outputs,
    activationReads: words,
    activationWrites: tiles(outputs, kPar),
  };
}

/**
 * Count what a layer takes on the array. A convolution runs output pixels × taps × ⌈input channels / cPar⌉ × ⌈output channels / kPar⌉ beats
 * (`window`: ⌈taps · input channels / cPar⌉ in place of the middle two), so ragged edges and padding cost full beats. Requantization
 * overlaps with the beats and bounds them when outputs come faster than it takes them.
 *
 * @throws FixynnError FX7070 for a configuration that cannot be
 */
export function layerWork(layer: AcceleratorLayer, config: AcceleratorConfig): LayerWork {
  checkConfig(config);
  if (layer.kind === "other") return NO_WORK;
  if (layer.kind === "pool" || layer.kind === "add") return vectorWork(layer, config);
  const { beats, ...work } =
    layer.kind === "depthwiseConv2d" ? ownOperands(layer, config) : sharedOperands(layer, config);
  const cycles = Math.max(beats, tiles(work.requantizations, config.requantizers));
  return { ...work, cycles: LAYER_OVERHEAD_CYCLES + cycles };
}

/**
 * Check a configuration.
 *
 * @throws FixynnError FX7070 when cPar is no multiple of 8, or a figure is not positive
 */
export function checkConfig(config: AcceleratorConfig): void {
  const { cPar, kPar, requantizers, weightBufferKb, activationBufferKb, clockMhz, dramBytesPerSecond } =
    config;
  const counts = [cPar / 8, kPar, requantizers].every((n) => Number.isInteger(n) && n > 0);
  const amounts = [weightBufferKb, activationBufferKb, clockMhz, dramBytesPerSecond].every(
    (n) => Number.isFinite(n) && n > 0,
  );
  if (counts && amounts && requantizers <= kPar) return;
  throw new FixynnError("FX7070", `no such accelerator: ${JSON.stringify(config)}`, {
    hint: "cPar must be a multiple of 8, requantizers at most kPar, everything positive",
  });
}
