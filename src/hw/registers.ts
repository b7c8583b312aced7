import { type Interval, interval } from "../arith/index.js";
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
import { counterWidth, type Signal, signalWidth } from "./netlist.js";

/**
 * Configuration registers of a parallel layer: one word a channel, the multiplier m in the low bits, the offset c above it, so that the
 * output is clamp((m·a + c) >> shift) of the weighted sum a without bias.
 */
export type WordRegisters = {
  readonly kind: "words";
  readonly multiplierBits: number;
  readonly offsetBits: number;
  readonly addressBits: number;
  /** Address of each output channel. */
  readonly addresses: readonly number[];
};

/** Configuration memories of a folded layer: one of multipliers, and one of what the sums begin with. */
export type MemoryRegisters = {
  readonly kind: "memories";
  readonly multiplierBits: number;
  readonly biasBits: number;
  readonly addressBits: number;
  /** Addresses of each output channel's multiplier and bias. */
  readonly addresses: readonly number[];
  readonly biasAddresses: readonly number[];
  /** Added to each bias: it takes the input's zero point out of the products. */
  readonly biasConstants: readonly number[];
};

export type LayerRegisters = WordRegisters | MemoryRegisters;

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

/** Bits of a word on a layer's port. */
export function wordBits(registers: LayerRegisters): number {
  const { multiplierBits } = registers;
  return registers.kind === "words"
    ? multiplierBits + registers.offsetBits
    : Math.max(multiplierBits, registers.biasBits);
}

/** Bits of all registers of a layer's channels. */
export function registerBits(registers: LayerRegisters): number {
  const { multiplierBits, addresses } = registers;
  const other = registers.kind === "words" ? registers.offsetBits : registers.biasBits;
  return addresses.length * (multiplierBits + other);
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
    data: b.input(`${name}_data`, dataBits),
  };
}

/** Tell whether an address is on the port. */
export function isAddressed(
  b: ModuleBuilder,
  name: string,
  { valid, address }: Pick<ConfigurationPort, "valid" | "address">,
  wanted: number,
): Signal {
  const here = b.compare("equal", `${name}_here`, address, literal(wanted, signalWidth(address)));
  return b.logic("and", name, [valid, here]);
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

/** Bound the results of a layer's channels before the clamp, over all registers and the accumulators, biases included. */
export function resultInterval(
  requantization: ProgrammableRequantization,
  { zeroPoint }: Pick<QuantType, "zeroPoint">,
  accumulator: { readonly low: number; readonly high: number },
): Interval {
  const multipliers = multiplierRegisterRange(requantization);
  const results = [...requantization.shifts].flatMap((shift) =>
    corners(multipliers, accumulator).map(
      ([m, acc]) => offsetOf(m, acc, { shift, zeroPoint }) >> BigInt(shift),
    ),
  );
  return interval(smallest(results), largest(results));
}

/** Bound the offsets of a layer's channels over all registers. */
export function offsetInterval(
  requantization: ProgrammableRequantization,
  { zeroPoint }: Pick<QuantType, "zeroPoint">,
): Interval {
  const multipliers = multiplierRegisterRange(requantization);
  const biases = biasRegisterRange(requantization);
  const offsets = [...requantization.shifts].flatMap((shift) =>
    corners(multipliers, biases).map(([m, bias]) => offsetOf(m, bias, { shift, zeroPoint })),
  );
  // The field is two's complement, whatever comes.
  return interval(smallest([...offsets, -1n]), largest(offsets));
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

/** Addresses and words of a layer's registers. */
function registerWords(
  block: LayerRegisters & { readonly layer: string },
  network: QuantNetwork,
): readonly { readonly address: number; readonly word: bigint }[] {
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
  const field = (value: bigint, bits: number, what: string): bigint => {
    const low = BigInt.asUintN(bits, value);
    if (low !== value && BigInt.asIntN(bits, value) !== value) refuse(`${what} does not fit`);
    return low;
  };
  return block.addresses.flatMap((address, c) => {
    const m = field(BigInt(multipliers[c]!), block.multiplierBits, `the multiplier of channel ${c}`);
    if (block.kind === "memories") {
      const value = BigInt(bias.data[c]! + block.biasConstants[c]!);
      const word = field(value, block.biasBits, `the bias of channel ${c}`);
      return [
        { address, word: m },
        { address: block.biasAddresses[c]!, word },
      ];
    }
    const { zeroPoint } = output;
    const offset = offsetOf(multipliers[c]!, bias.data[c]!, { shift: shifts[c]!, zeroPoint });
    const above = field(offset, block.offsetBits, `the offset of channel ${c}`);
    return [{ address, word: m | (above << BigInt(block.multiplierBits)) }];
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
    registerWords(block, network).map(({ address, word }) => ({
      address: address + (layer === undefined ? block.base : 0),
      data: word.toString(16),
    })),
  );
  return { port: layer === undefined ? TOP_PORT : LAYER_PORT, writes };
}
