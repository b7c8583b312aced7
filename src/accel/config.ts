import { FixynnError } from "../core/index.js";

/** Largest height, width or number of channels of what the AXI4-Stream input delivers. */
export const MOST_PER_AXIS = 4095;
/** Geometry of what the AXI4-Stream input delivers: one pixel a beat, all channels side by side. */
export type StreamGeometry = { readonly height: number; readonly width: number; readonly channels: number };

/** What an engine is built for; everything else comes from the program. */
export type EngineConfig = {
  /** Input channels (or window taps) that each lane multiplies in a cycle: 4, 8, 16, 32 or 64. */
  readonly cPar: number;
  /** Lanes, an output channel each: 4, 8, 16 or 32. */
  readonly kPar: number;
  /** Bits of a weight in the array: 8, or 9 for TensorFlow Lite's uint8 weights less their zero point. */
  readonly weightBits: 8 | 9;
  /** Requantizers that the lanes share; a power of two, at most kPar. */
  readonly requantizers: number;
  /** Bits of the multiplier that a requantizer takes in a cycle: 8, 16 or 32; wider multipliers take several. */
  readonly multiplierBits: number;
  /** Output pixels whose sums the array keeps while the weights change; two such banks. A power of two, 16 to 256. */
  readonly stripePixels: number;
  /** Ring of weights on their way to the array; a power of two. */
  readonly weightBufferBytes: number;
  /** Four banks of activations. */
  readonly activationBufferBytes: number;
  /** Bytes of a beat of the memory port: 4, 8, 16, 32 or 64. */
  readonly axiDataBytes: number;
  /** Beats of the longest burst; a power of two up to 256, of at most 4,096 bytes. */
  readonly burstBeats: number;
  /** What the stream input delivers; `null` for an engine that finds its images in memory. */
  readonly input: StreamGeometry | null;
  /** Frames of the stream input that fit side by side: 2 lets the next one come in while the engine works. */
  readonly inputSlots: 1 | 2;
};

/** Banks of the activation memory; row y of a tensor lies in bank y mod 4, so that four rows of a column are read at once. */
export const ACTIVATION_BANKS = 4;
/** Bytes of a lane's entry of requantization parameters in the weight stream. */
export const PARAMETER_BYTES = 16;
/** Beats of weights that may be under way: enough for a latency of a hundred cycles, few enough that what waits behind them does not wait for long. */
const WEIGHT_BEATS_UNDER_WAY = 128;
/** Bits of an accumulator. */
export const ACCUMULATOR_BITS = 32;
/** Bits of a word address in a bank of the activation memory. */
export const ADDRESS_BITS = 16;

/** Sizes that follow from a configuration. */
export type EngineShape = {
  /** Bytes of a word of the activation memory: the larger of cPar and kPar. */
  readonly wordBytes: number;
  /** Words of each of the four banks. */
  readonly bankWords: number;
  /** Bytes of a word of the weight ring. */
  readonly ringWordBytes: number;
  readonly ringWords: number;
  /** Columns of a window that a lane holds, four rows each; slot 4·column + row, the newest column first. */
  readonly windowColumns: number;
  /** Words a bank that one input slot takes; 0 without stream input. */
  readonly slotWords: number;
  /** Words of a pixel of the stream input. */
  readonly inputPixelWords: number;
  /** Bytes of the longest burst. */
  readonly burstBytes: number;
  /** Bursts of weights that may be under way at once; a power of two. */
  readonly weightBursts: number;
};

/** Reasonable sizes around an array: buffers, stripe and requantizers that keep it busy. */
export function engineConfig(
  given: Pick<EngineConfig, "cPar" | "kPar"> & Partial<EngineConfig>,
): EngineConfig {
  return {
    weightBits: 8,
    requantizers: given.kPar,
    multiplierBits: 16,
    stripePixels: Math.max(32, 2 * given.kPar),
    weightBufferBytes: 32 * 1024,
    activationBufferBytes: 128 * 1024,
    axiDataBytes: 16,
    burstBeats: 16,
    input: null,
    inputSlots: 2,
    ...given,
  };
}

const isPowerOfTwo = (value: number): boolean =>
  Number.isInteger(value) && value > 0 && 2 ** Math.round(Math.log2(value)) === value;

/**
 * Check a configuration.
 *
 * @throws FixynnError FX5100, naming the field
 */
export function checkEngineConfig(config: EngineConfig): void {
  const bad = (field: keyof EngineConfig, hint: string): never => {
    throw new FixynnError("FX5100", `engine ${field} ${JSON.stringify(config[field])} cannot be built`, {
      place: `engine ${config.cPar}×${config.kPar}`,
      hint,
    });
  };
  const power = (field: keyof EngineConfig, low: number, high: number): void => {
    const value = config[field];
    if (typeof value !== "number" || !isPowerOfTwo(value) || value < low || value > high)
      bad(field, `a power of two from ${low} to ${high}`);
  };
  power("cPar", 4, 64);
  power("kPar", 4, 32);
  if (config.weightBits !== 8 && config.weightBits !== 9) bad("weightBits", "8 or 9");
  power("requantizers", 1, config.kPar);
  power("multiplierBits", 8, 32);
  power("stripePixels", 16, 256);
  power("axiDataBytes", 4, 64);
  power("burstBeats", 1, 256);
  const { wordBytes, ringWordBytes, bankWords, burstBytes, slotWords } = engineShape(config);
  if (burstBytes > 4096 || burstBytes < 128) bad("burstBeats", "bursts of 128 to 4,096 bytes");
  if (ringWordBytes > config.cPar * config.kPar) bad("axiDataBytes", "a beat is at most cPar · kPar bytes");
  power("weightBufferBytes", 4 * ringWordBytes, 2 ** 24);
  const needed = config.kPar * PARAMETER_BYTES + config.cPar * config.kPar + burstBytes;
  if (config.weightBufferBytes < needed)
    bad("weightBufferBytes", `at least ${needed} bytes: a lane group's parameters, a block and a burst`);
  if (!Number.isInteger(bankWords) || bankWords < 4 || bankWords > 2 ** ADDRESS_BITS)
    bad(
      "activationBufferBytes",
      `a multiple of ${ACTIVATION_BANKS * wordBytes} bytes, 4 to 65,536 words a bank`,
    );
  if (config.inputSlots !== 1 && config.inputSlots !== 2) bad("inputSlots", "1 or 2");
  if (config.input !== null) {
    for (const size of Object.values(config.input))
      if (!Number.isInteger(size) || size < 1 || size > MOST_PER_AXIS) bad("input", "sizes are 1 to 4,095");
    if (slotWords * config.inputSlots > bankWords)
      bad(
        "input",
        `${config.inputSlots} frames take ${slotWords * config.inputSlots} of ${bankWords} words a bank`,
      );
  }
}

/** Derive the sizes of an engine. */
export function engineShape(config: EngineConfig): EngineShape {
  const { cPar, kPar, axiDataBytes, input } = config;
  const wordBytes = Math.max(cPar, kPar);
  const ringWordBytes = Math.max(cPar, axiDataBytes, PARAMETER_BYTES);
  const inputPixelWords = input === null ? 0 : Math.ceil(input.channels / wordBytes);
  return {
    wordBytes,
    bankWords: config.activationBufferBytes / (ACTIVATION_BANKS * wordBytes),
    ringWordBytes,
    ringWords: config.weightBufferBytes / ringWordBytes,
    windowColumns: Math.min(4, cPar / 4),
    slotWords:
      input === null ? 0 : Math.ceil(input.height / ACTIVATION_BANKS) * input.width * inputPixelWords,
    inputPixelWords,
    burstBytes: config.burstBeats * axiDataBytes,
    weightBursts: Math.max(2, WEIGHT_BEATS_UNDER_WAY / config.burstBeats),
  };
}
