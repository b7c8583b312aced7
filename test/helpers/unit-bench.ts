import { expect } from "vitest";
import { createRng } from "../../src/core/index.js";
import { type Module, verifyDesign } from "../../src/hw/index.js";
import { createSimulator, flatten, lowerDesign, type Simulator, WORDS_PER_BIT } from "../../src/sim/index.js";

/** A design in the netlist simulator, its ports seen as integers. */
export class UnitBench {
  readonly simulator: Simulator;
  readonly #lanes: number;
  readonly #widths: ReadonlyMap<string, number>;

  /** The last module is simulated; registers and memories begin with random bits. `data` are the ports that may differ between lanes. */
  constructor(
    modules: readonly Module[],
    options: { readonly lanes: number; readonly data: readonly string[] },
  ) {
    const flat = flatten(lowerDesign(verifyDesign({ kind: "design", modules })));
    this.#lanes = options.lanes;
    this.#widths = new Map(flat.ports.map(({ name, bits }) => [name, bits.length]));
    this.simulator = createSimulator(flat, {
      lanes: options.lanes,
      dataPorts: options.data,
      randomStart: createRng(7),
    });
  }

  /** Bits of a port. */
  width(port: string): number {
    return this.#widths.get(port)!;
  }

  /** Drive inputs, alike in all lanes or an integer a lane; negative ones in two's complement. */
  set(values: Readonly<Record<string, bigint | number | readonly bigint[]>>): void {
    for (const [port, value] of Object.entries(values)) {
      const width = this.width(port);
      const planes = new Uint32Array(width * WORDS_PER_BIT);
      const each = Array.isArray(value) ? (value as readonly bigint[]) : undefined;
      const common = each === undefined ? BigInt.asUintN(width, BigInt(value as bigint | number)) : 0n;
      if (each === undefined) {
        for (let bit = 0; bit < width; bit++)
          if (((common >> BigInt(bit)) & 1n) === 1n)
            planes.fill(0xffffffff, bit * WORDS_PER_BIT, (bit + 1) * WORDS_PER_BIT);
      } else
        for (const [lane, integer] of each.entries()) {
          const bits = BigInt.asUintN(width, integer).toString(2);
          for (let i = 0; i < bits.length; i++)
            if (bits[bits.length - 1 - i] === "1") {
              const at = i * WORDS_PER_BIT + (lane >>> 5);
              planes[at] = (planes[at]! | (1 << (lane & 31))) >>> 0;
            }
        }
      this.simulator.setWord(port, planes);
    }
  }

  /** Settle and read an output's unsigned integer in each lane. */
  get(port: string): readonly bigint[] {
    this.simulator.settle();
    const planes = this.simulator.readWord(port);
    return Array.from({ length: this.#lanes }, (_, lane) => {
      let text = "";
      for (let bit = this.width(port) - 1; bit >= 0; bit--)
        text += (planes[bit * WORDS_PER_BIT + (lane >>> 5)]! >>> (lane & 31)) & 1;
      return BigInt(`0b${text}`);
    });
  }

  /** Settle and read a control output, which must be alike in all lanes. */
  control(port: string): bigint {
    const values = new Set(this.get(port));
    expect(values.size).toBe(1);
    return [...values][0]!;
  }

  /** Go on to the next cycle. */
  tick(): void {
    this.simulator.settle();
    this.simulator.tick();
  }

  /** Hold `aresetn` low for two cycles, all other inputs 0. */
  reset(): void {
    for (const { name, direction } of this.simulator.module.ports)
      if (direction === "input" && name !== "aclk") this.set({ [name]: 0 });
    this.tick();
    this.tick();
    this.set({ aresetn: 1 });
  }
}

/** Split an integer into fields of equal width, lowest first. */
export const fieldsOf = (value: bigint, width: number, count: number): readonly bigint[] =>
  Array.from({ length: count }, (_, i) => BigInt.asUintN(width, value >> BigInt(i * width)));

/** Join fields of equal width, lowest first; negative ones in two's complement. */
export const joinFields = (fields: readonly (bigint | number)[], width: number): bigint =>
  fields.reduce<bigint>(
    (word, field, i) => word | (BigInt.asUintN(width, BigInt(field)) << BigInt(i * width)),
    0n,
  );
