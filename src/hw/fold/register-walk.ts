import { type ModuleBuilder, sliceOf } from "../builder.js";
import { counterWidth, type Signal, signalWidth } from "../netlist.js";
import { type ConfigurationPort, isAddressed } from "../registers.js";
import { addWalkCounter } from "./sequencer.js";

/** Bits of an address that choose the column, and of those that choose the word. */
export function addressSplit(columns: number): number {
  return columns === 1 ? 0 : counterWidth(columns - 1);
}

/** Where a channel's word lies: its result above its place in the result. */
export function registerAddress(channel: number, columns: number): number {
  return Math.floor(channel / columns) * 2 ** addressSplit(columns) + (channel % columns);
}

/** Bits of the addresses of so many channels. */
export function registerAddressBits(channels: number, columns: number): number {
  return counterWidth(registerAddress(channels - 1, columns));
}

/**
 * As `walkRom` for words that are written through a configuration port: memories of `depth` words side by side, one a column, which are
 * walked together; a single word is a register. They are written while the reset is active: the first cycle behind it reads word 0.
 *
 * @returns the word at work of each column
 */
export function walkRegisters(
  b: ModuleBuilder,
  name: string,
  { depth, columns }: { readonly depth: number; readonly columns: number },
  port: ConfigurationPort,
  {
    move,
    primed,
    resetN,
    doc,
  }: { readonly move: Signal; readonly primed: Signal; readonly resetN: Signal; readonly doc: string },
): readonly Signal[] {
  const low = addressSplit(columns);
  const width = signalWidth(port.data);
  const range = Array.from({ length: columns }, (_, column) => column);
  if (depth === 1) {
    return range.map((column) => {
      const enable = isAddressed(b, `${name}${column}_write`, port, column);
      return b.register(`${name}${column}`, port.data, { enable, role: "configuration", doc });
    });
  }
  const { next, enable } = addWalkCounter(b, name, depth, { move, primed, resetN });
  const wordAddress = sliceOf(port.address, low, counterWidth(depth - 1));
  const columnPort = { valid: port.valid, address: sliceOf(port.address, 0, low) };
  return range.map((column) => {
    const writeEnable =
      columns === 1 ? port.valid : isAddressed(b, `${name}${column}_write`, columnPort, column);
    const readData = b.net(`${name}${column}_word`, width, doc);
    b.add({
      kind: "ram",
      name: `${name}${column}`,
      doc: `${doc}: ${depth} words of ${width} bits, written through the configuration port.`,
      depth,
      writeEnable,
      writeAddress: wordAddress,
      writeData: port.data,
      readEnable: enable,
      readAddress: next,
      readData,
    });
    return b.signal(readData);
  });
}
