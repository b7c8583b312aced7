import { concat, type Signal, sliceOf } from "../../hw/index.js";
import type { EngineConfig } from "../config.js";

/** What travels with a fetch through memory, array and accumulators. Bits are in this order, lowest first. */
export type Tag = {
  /** A fetch is there. */
  readonly take: Signal;
  /** First fetch of a pass: the shadow weights take over. */
  readonly swap: Signal;
  /** The array's sums are an output's. */
  readonly emit: Signal;
  /** First pass of a stripe: sums begin at 0. */
  readonly begin: Signal;
  /** Old sums are multiplied by 256 first. */
  readonly scale: Signal;
  /** The larger sum stays. */
  readonly maximum: Signal;
  /** Bank of sums. */
  readonly bank: Signal;
  /** Last output of the stripe's last pass. */
  readonly last: Signal;
  /** Each lane sees a window of its own. */
  readonly windowed: Signal;
  /** Row of sums. */
  readonly row: Signal;
};

const bits = ["take", "swap", "emit", "begin", "scale", "maximum", "bank", "last", "windowed"] as const;

/** Bits of a row number of the accumulators. */
export const rowBitsOf = (config: Pick<EngineConfig, "stripePixels">): number =>
  Math.log2(config.stripePixels);
/** Bits of a tag. */
export const tagBitsOf = (config: Pick<EngineConfig, "stripePixels">): number =>
  bits.length + rowBitsOf(config);

/** Join a tag to a signal. */
export const packTag = (tag: Tag): Signal => concat([...bits.map((name) => tag[name]), tag.row]);

/** Take a tag apart. */
export function unpackTag(signal: Signal, config: Pick<EngineConfig, "stripePixels">): Tag {
  const flags = Object.fromEntries(bits.map((name, i) => [name, sliceOf(signal, i, 1)])) as Omit<Tag, "row">;
  return { ...flags, row: sliceOf(signal, bits.length, rowBitsOf(config)) };
}
