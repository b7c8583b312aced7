import { type Interval, interval, wordFormat } from "../arith/index.js";
import { FixynnError } from "../core/index.js";
import type { NodeName } from "../graph/index.js";
import {
  biasRegisterRange,
  findQuantNode,
  multiplierRegisterRange,
  type ProgrammableRequantization,
  type QuantNetwork,
  type QuantType,
} from "../quant/index.js";
import { literal, type ModuleBuilder } from "./builder.js";
import { largest, smallest } from "./fold/extremes.js";
import { counterWidth, type Signal } from "./netlist.js";

/**
 * Configuration registers of a layer: one word a channel, the multiplier m in the low bits, the offset c above it, so that the output is
 * clamp((m·a + c) >> shift) of the weighted sum a without bias. Both are stored shifted left, so that all channels that share a multiplier
 * in silicon share its shift.
 */
export type LayerRegisters = {
  readonly multiplierBits: number;
  readonly offsetBits: number;
  readonly addressBits: number;
  /** Address of each output channel. */
  readonly addresses: readonly number[];
  readonly leftShifts: readonly number[];
};

/** The registers of a front as its top module's port reaches them; plain data, in the manifest too. */
export type RegisterMap = {
  readonly addressBits: number;
  readonly dataBits: number;
  readonly layers: readonly (LayerRegisters & {
    readonly layer: string;
    readonly module: string;
    /** What the addresses are counted from on the top's port. */
    readonly base: number;
  })[];
};

/** Words that are written into a module's registers, one a cycle, while its reset is active. */
export type RegisterWrites = {
  /** Ports `…_valid`, `…_address`, `…_data`. */
  readonly port: typeof LAYER_PORT | typeof TOP_PORT;
  readonly writes: readonly { readonly address: number /** Hexadecimal. */; readonly data: string }[];
};

/** First part of the names of the configuration ports. */
export const LAYER_PORT = "cfg";
export const TOP_PORT = "s_cfg";

/** The configuration port as seen inside a module. */
export type ConfigurationPort = { readonly valid: Signal; readonly address: Signal; readonly data: Signal };

/** Multiplier and offset fields together. */
export function wordBits({
  multiplierBits,
  offsetBits,
}: Pick<LayerRegisters, "multiplierBits" | "offsetBits">): number {
  return multiplierBits + offsetBits;
}

/** Declare a configuration port. */
export function addConfigurationPort(
  b: ModuleBuilder,
  name: RegisterWrites["port"],
  { addressBits, dataBits }: { readonly addressBits: number; readonly dataBits: number },
): ConfigurationPort {
  return {
    valid: b.input(`${name}_valid`, 1, "a register is written; while aresetn is low"),
    address: b.input(`${name}_address`, addressBits),
    data: b.input(`${name}_data`, dataBits, "multiplier, offset above it"),
  };
}

/** Tell whether an address is on the port. */
export function isAddressed(
  b: ModuleBuilder,
  name: string,
  { valid, address }: Pick<ConfigurationPort, "valid" | "address">,
  wanted: number,
  bits: number,
): Signal {
  return b.logic("and", name, [valid, b.compare("equal", `${name}_here`, address, literal(wanted, bits))]);
}

/** c = m · bias + 2^(shift − 1) + zeroPoint · 2^shift: bias, rounding and zero point at once. */
function offsetOf(
  multiplier: number,
  bias: number,
  { shift, zeroPoint }: { readonly shift: number; readonly zeroPoint: number },
): bigint {
  const rounding = 1n << BigInt(shift - 1);
  return BigInt(multiplier) * BigInt(bias) + rounding + (BigInt(zeroPoint) << BigInt(shift));
}

const corners = (a: { low: number; high: number }, b: { low: number; high: number }): [number, number][] =>
  [a.low, a.high].flatMap((x) => [b.low, b.high].map((y): [number, number] => [x, y]));

/** What a hardware multiplier of registers must be made for. */
export type RegisterFormat = {
  readonly multiplierBits: number;
  readonly signed: boolean;
  readonly offset: Interval;
  /** Results before the clamp, for any registers and sums. */
  readonly result: Interval;
};

/**
 * Bound fields and results of a layer's channels over all values that registers may have.
 *
 * @param accumulator hull of the channels' accumulators, biases included
 */
export function registerFormat(
  requantization: ProgrammableRequantization,
  leftShifts: readonly number[],
  { zeroPoint }: Pick<QuantType, "zeroPoint">,
  accumulator: { readonly low: number; readonly high: number },
): RegisterFormat {
  const { multiplierBits, signed, shifts } = requantization;
  const multipliers = multiplierRegisterRange(requantization);
  const biases = biasRegisterRange(requantization);
  const offsets = leftShifts.flatMap((left, c) =>
    corners(multipliers, biases).map(
      ([m, bias]) => offsetOf(m, bias, { shift: shifts[c]!, zeroPoint }) << BigInt(left),
    ),
  );
  const results = [...shifts].flatMap((shift) =>
    corners(multipliers, accumulator).map(
      ([m, acc]) => offsetOf(m, acc, { shift, zeroPoint }) >> BigInt(shift),
    ),
  );
  return {
    multiplierBits: multiplierBits + Math.max(...leftShifts),
    signed,
    // The field is two's complement, whatever comes.
    offset: interval(smallest([...offsets, -1n]), largest(offsets)),
    result: interval(smallest(results), largest(results)),
  };
}

/** Lay out a layer's registers; `last` is the highest address that there is, default the highest that is used. */
export function layerRegisters(
  { multiplierBits, offset }: RegisterFormat,
  addresses: readonly number[],
  leftShifts: readonly number[],
  last = Math.max(...addresses),
): LayerRegisters {
  const addressBits = counterWidth(last);
  return { multiplierBits, offsetBits: wordFormat(offset).width, addressBits, addresses, leftShifts };
}

/** Number the registers of a front's layers for the top's port: the layer's number above the address within it. */
export function registerMap(
  layers: readonly { readonly layer: string; readonly module: string; readonly registers: LayerRegisters }[],
): RegisterMap {
  const within = Math.max(...layers.map(({ registers }) => registers.addressBits));
  return {
    addressBits: within + counterWidth(layers.length - 1),
    dataBits: Math.max(...layers.map(({ registers }) => wordBits(registers))),
    layers: layers.map(({ registers, ...names }, i) => ({ ...names, base: i * 2 ** within, ...registers })),
  };
}

/** Words of a layer's registers, channel by channel. */
function registerWords(block: LayerRegisters & { readonly layer: string }, network: QuantNetwork): bigint[] {
  const node = findQuantNode(network, block.layer as NodeName);
  const refuse = (message: string): never => {
    throw new FixynnError("FX5050", message, {
      place: `registers of layer ${block.layer}`,
      hint: "give the front's own network, or one that programNormalization has made of it",
    });
  };
  if (!("bias" in node) || node.requantization.mode !== "programmable")
    return refuse("the layer has no registers in this network");
  const { requantization, bias, output } = node;
  const { multipliers, shifts } = requantization;
  if (multipliers.length !== block.addresses.length)
    refuse(`${multipliers.length} channels, but registers for ${block.addresses.length}`);
  return block.addresses.map((_, c) => {
    const left = BigInt(block.leftShifts[c]!);
    const c0 = offsetOf(multipliers[c]!, bias.data[c]!, { shift: shifts[c]!, zeroPoint: output.zeroPoint });
    const m = BigInt(multipliers[c]!) << left;
    const offset = c0 << left;
    if (BigInt.asIntN(block.offsetBits, offset) !== offset) refuse(`the offset of channel ${c} does not fit`);
    return (
      BigInt.asUintN(block.multiplierBits, m) |
      (BigInt.asUintN(block.offsetBits, offset) << BigInt(block.multiplierBits))
    );
  });
}

/**
 * List what must be written into a front's registers for a network: on the port of one layer's own module, or of the top.
 *
 * @param layer the layer alone; without it the whole front
 * @throws FixynnError FX5050 when the network has no such registers
 */
export function registerWrites(
  map: RegisterMap,
  network: QuantNetwork,
  layer?: NodeName,
): RegisterWrites | undefined {
  const blocks = map.layers.filter((block) => layer === undefined || block.layer === layer);
  if (blocks.length === 0) return undefined;
  const writes = blocks.flatMap((block) =>
    registerWords(block, network).map((word, c) => ({
      address: block.addresses[c]! + (layer === undefined ? block.base : 0),
      data: word.toString(16),
    })),
  );
  return { port: layer === undefined ? TOP_PORT : LAYER_PORT, writes };
}
