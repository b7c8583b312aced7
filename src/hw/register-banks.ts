import { copiesOf } from "./copies.js";
import { type Module, type RomCell, type Signal, signalWidth } from "./netlist.js";

/** Flip-flops of one module that load together. */
export type RegisterBank = {
  readonly bits: number;
  /** How often the module is there. */
  readonly copies: number;
  /** Whether they load only when an enable is 1; else every cycle. */
  readonly enabled: boolean;
  /** Whether a synchronous reset sets them. */
  readonly reset: boolean;
};

const textOf = (signal: Signal): string => JSON.stringify(signal);
const isOne = (signal: Signal): boolean =>
  signal.length === 1 && signal[0]!.kind === "constant" && signal[0]!.bits === "1";

/**
 * Words from which on synthesis keeps a clocked `case` as a memory in front of its register (measured: Yosys 0.23's `proc_rom`). Smaller ones
 * become logic, and then bits that are the same in all words need no flip-flop, and bits that are always equal share one.
 */
export const SMALLEST_ROM_WORDS = 8;

/** Flip-flops of the word that a ROM reads. */
function romRegisterBits({ contents, readAddress }: RomCell): number {
  const width = contents[0]!.length;
  if (contents.length >= SMALLEST_ROM_WORDS) return width;
  const beyond = 2 ** signalWidth(readAddress) > contents.length ? ["0".repeat(width)] : [];
  const words = [...contents, ...beyond];
  const columns = new Set(Array.from({ length: width }, (_, i) => words.map((word) => word[i]).join("")));
  return [...columns].filter((column) => column.includes("0") && column.includes("1")).length;
}

/**
 * Sort the flip-flops of a layer by module, enable and reset; the register of the word that a ROM reads is one of them.
 *
 * @param modules instantiated ones before those that use them; the layer's own is the last
 */
export function registerBanks(modules: readonly Module[]): readonly RegisterBank[] {
  const copies = copiesOf(modules);
  return modules.flatMap(({ name, cells }) => {
    const banks = new Map<string, { bits: number; enabled: boolean; reset: boolean }>();
    for (const cell of cells) {
      if (cell.kind !== "register" && cell.kind !== "rom") continue;
      const isRegister = cell.kind === "register";
      const enable = isRegister ? cell.enable : cell.readEnable;
      const enabled = enable !== null && !isOne(enable);
      const reset = isRegister && cell.resetN !== null;
      const key = `${enabled ? textOf(enable) : ""} ${reset}`;
      const bank = banks.get(key) ?? { bits: 0, enabled, reset };
      bank.bits += isRegister ? signalWidth(cell.d) : romRegisterBits(cell);
      banks.set(key, bank);
    }
    return [...banks.values()].map((bank) => ({ ...bank, copies: copies.get(name)! }));
  });
}
