import { expect } from "vitest";
import { invariant, type Rng } from "../../src/core/index.js";
import { type Module, verifyDesign } from "../../src/hw/index.js";
import { createSimulator, flatten, lowerDesign, type Simulator, WORDS_PER_BIT } from "../../src/sim/index.js";

/** What an input is driven with: alike in all lanes, or an integer a lane. Negative ones are in two's complement. */
export type PortValue = boolean | number | bigint | readonly (number | bigint)[];

/** How a {@link ModuleBench} is made. */
export type ModuleBenchOptions = {
  /** Fills registers and memories with random bits. */
  readonly rng: Rng;
  /** Lanes of the simulator. Two show control that depends on data. */
  readonly lanes?: number;
  /** Inputs that may differ between lanes. */
  readonly dataPorts?: readonly string[];
  readonly countToggles?: boolean;
};

/** A design in the netlist simulator, its ports seen as integers. What is read has always settled. */
export class ModuleBench {
  readonly simulator: Simulator;
  readonly #widths: ReadonlyMap<string, number>;
  /** Lanes in use, by word of a bit. */
  readonly #masks: Uint32Array;
  /** Values alike in all lanes that were driven last. */
  readonly #driven = new Map<string, PortValue>();
  #settled = false;

  /** Put the last of the modules on the bench: it has been held in reset for two cycles with all other inputs 0. */
  constructor(modules: readonly Module[], options: ModuleBenchOptions) {
    const { rng, lanes = 2, dataPorts = [], countToggles = false } = options;
    const flat = flatten(lowerDesign(verifyDesign({ kind: "design", modules })));
    this.simulator = createSimulator(flat, { lanes, dataPorts, randomStart: rng, countToggles });
    this.#widths = new Map(flat.ports.map(({ name, bits }) => [name, bits.length]));
    this.#masks = Uint32Array.from({ length: Math.ceil(lanes / 32) }, (_, w) =>
      lanes >= 32 * (w + 1) ? 0xffffffff : 2 ** (lanes - 32 * w) - 1,
    );
    for (const { name, direction } of flat.ports)
      if (direction === "input" && name !== "aclk") this.set({ [name]: 0 });
    this.tick();
    this.tick();
    this.set({ aresetn: 1 });
  }

  /** Tell whether the module has a port. */
  has(port: string): boolean {
    return this.#widths.has(port);
  }

  /** Drive inputs; bits beyond a port's width are dropped. */
  set(values: Readonly<Record<string, PortValue>>): void {
    for (const [port, value] of Object.entries(values)) {
      if (this.#driven.get(port) === value) continue;
      this.simulator.setWord(port, this.#planes(port, value));
      if (typeof value === "object") this.#driven.delete(port);
      else this.#driven.set(port, value);
      this.#settled = false;
    }
  }

  /** Read an output bit that all lanes must agree on. */
  flag(port: string): boolean {
    invariant(this.#width(port) === 1, `${port} is a word`);
    return this.#agreed(this.#read(port), 0, port) === 1;
  }

  /** Read an output of at most 53 bits that all lanes must agree on. */
  number(port: string): number {
    const planes = this.#read(port);
    let value = 0;
    for (let at = planes.length - WORDS_PER_BIT; at >= 0; at -= WORDS_PER_BIT)
      value = value * 2 + this.#agreed(planes, at, port);
    invariant(value <= Number.MAX_SAFE_INTEGER, `${port} is too wide for a number`);
    return value;
  }

  /** Read an output of any width that all lanes must agree on. */
  word(port: string): bigint {
    const planes = this.#read(port);
    let bits = "";
    for (let at = planes.length - WORDS_PER_BIT; at >= 0; at -= WORDS_PER_BIT)
      bits += this.#agreed(planes, at, port);
    return BigInt(`0b${bits}`);
  }

  /** Read an output's unsigned integer in each lane. */
  words(port: string): readonly bigint[] {
    const planes = this.#read(port);
    return Array.from({ length: this.simulator.lanes }, (_, lane) => {
      let bits = "";
      for (let at = planes.length - WORDS_PER_BIT; at >= 0; at -= WORDS_PER_BIT)
        bits += (planes[at + (lane >>> 5)]! >>> (lane & 31)) & 1;
      return BigInt(`0b${bits}`);
    });
  }

  /** Go on to the next cycle. */
  tick(): void {
    this.#settle();
    this.simulator.tick();
    this.#settled = false;
  }

  #width(port: string): number {
    const width = this.#widths.get(port);
    invariant(width !== undefined, `no port ${port}`);
    return width;
  }

  #settle(): void {
    if (!this.#settled) this.simulator.settle();
    this.#settled = true;
  }

  #read(port: string): Uint32Array {
    this.#settle();
    return this.simulator.readWord(port);
  }

  #agreed(planes: Uint32Array, at: number, port: string): number {
    const bit = planes[at]! & 1;
    for (let w = 0; w < this.#masks.length; w++) {
      const mask = this.#masks[w]!;
      // Called for every bit, so no matcher unless it fails.
      if ((planes[at + w]! & mask) >>> 0 !== (bit === 1 ? mask : 0))
        expect.fail(`${port} differs between lanes`);
    }
    return bit;
  }

  #planes(port: string, value: PortValue): Uint32Array {
    const width = this.#width(port);
    const planes = new Uint32Array(width * WORDS_PER_BIT);
    if (typeof value === "object") {
      invariant(value.length === this.simulator.lanes, `${port} wants an integer a lane`);
      for (const [lane, integer] of value.entries()) {
        const at = lane >>> 5;
        for (let i = 0, rest = BigInt.asUintN(width, BigInt(integer)); rest !== 0n; i++, rest >>= 1n)
          if ((rest & 1n) === 1n) planes[i * WORDS_PER_BIT + at]! |= 1 << (lane & 31);
      }
    } else
      for (let i = 0, rest = BigInt.asUintN(width, BigInt(value)); rest !== 0n; i++, rest >>= 1n)
        if ((rest & 1n) === 1n) planes.fill(0xffffffff, i * WORDS_PER_BIT, (i + 1) * WORDS_PER_BIT);
    return planes;
  }
}
