import { CheckFailedError, type Rng } from "../../core/index.js";
import { portOf } from "../ir.js";
import { type Simulator, WORDS_PER_BIT } from "../simulator.js";

/** Random pauses: probability of a cycle in which a channel does not move. */
export type Pauses = { readonly rng: Rng; readonly stall: number };

/** Drives and reads the ports of a module whose control is shared by all lanes. */
export class Ports {
  readonly simulator: Simulator;
  readonly #mask: Uint32Array;
  readonly #planes = new Map<string, Uint32Array>();
  readonly #driven = new Map<string, number>();

  constructor(simulator: Simulator) {
    this.simulator = simulator;
    this.#mask = Uint32Array.from({ length: WORDS_PER_BIT }, (_, w) => {
      const used = Math.min(Math.max(simulator.lanes - 32 * w, 0), 32);
      return used === 32 ? 0xffffffff : 2 ** used - 1;
    });
  }

  has(name: string): boolean {
    return portOf(this.simulator.module, name) !== undefined;
  }

  /** Bits of a port, 0 without one. */
  width(name: string): number {
    return portOf(this.simulator.module, name)?.bits.length ?? 0;
  }

  /** Check that a port is there, in its width. */
  require(name: string, width: number): void {
    if (this.width(name) === width) return;
    throw new CheckFailedError("FX6011", `port ${name} has ${this.width(name)} bits`, {
      place: this.simulator.module.name,
      hint: `expected ${width}`,
    });
  }

  /** Drive an input alike in all lanes; only when it changes. */
  drive(name: string, value: number): void {
    if (this.#driven.get(name) === value) return;
    this.#driven.set(name, value);
    let planes = this.#planes.get(name);
    if (planes === undefined) {
      planes = new Uint32Array(this.width(name) * WORDS_PER_BIT);
      this.#planes.set(name, planes);
    }
    for (let bit = 0; bit * WORDS_PER_BIT < planes.length; bit++) {
      const set = Math.floor(value / 2 ** bit) % 2 === 1;
      planes.fill(set ? 0xffffffff : 0, bit * WORDS_PER_BIT, (bit + 1) * WORDS_PER_BIT);
    }
    this.simulator.setWord(name, planes);
  }

  bit(name: string): boolean {
    return this.simulator.readBit(name);
  }

  /**
   * Read an output that all lanes must agree on, a bit an element.
   *
   * @throws CheckFailedError FX6010
   */
  bits(name: string): Uint8Array {
    const planes = this.simulator.readWord(name);
    const bits = new Uint8Array(planes.length / WORDS_PER_BIT);
    for (const bit of bits.keys()) {
      const one = (planes[bit * WORDS_PER_BIT]! & 1) === 1;
      bits[bit] = one ? 1 : 0;
      for (let w = 0; w < WORDS_PER_BIT; w++) {
        const word = planes[bit * WORDS_PER_BIT + w]!;
        if (((one ? ~word : word) & this.#mask[w]!) !== 0) {
          throw new CheckFailedError("FX6010", `${name} differs between images`, {
            place: this.simulator.module.name,
            hint: "control must not depend on pixel values",
          });
        }
      }
    }
    return bits;
  }

  /** Read an output of up to 53 bits that all lanes must agree on (see {@link bits}). */
  number(name: string): number {
    return this.bits(name).reduceRight((value, bit) => 2 * value + bit, 0);
  }

  /** Tell whether two words in planes are the same in all lanes in use. */
  same(a: Uint32Array, b: Uint32Array): boolean {
    for (let i = 0; i < a.length; i++)
      if (((a[i]! ^ b[i]!) & this.#mask[i % WORDS_PER_BIT]!) !== 0) return false;
    return true;
  }
}

/** The handshake of a channel that the module drives: what is offered stays until it is taken. */
export class OfferedChannel {
  readonly #ports: Ports;
  readonly #channel: string;
  readonly #payload: readonly string[];
  readonly #fail: (message: string) => never;
  #held: readonly Uint32Array[] | null = null;

  /** @param payload ports beside `…valid` and `…ready`, without the channel's name */
  constructor(ports: Ports, channel: string, payload: readonly string[], fail: (message: string) => never) {
    this.#ports = ports;
    this.#channel = channel;
    this.#payload = payload.map((name) => `${channel}${name}`).filter((name) => ports.has(name));
    this.#fail = fail;
  }

  /** Look at the settled channel; tells whether something is offered. */
  observe(ready: boolean): boolean {
    const valid = this.#ports.bit(`${this.#channel}valid`);
    if (this.#held !== null) {
      if (!valid) this.#fail(`${this.#channel}valid fell before it was taken`);
      for (const [i, name] of this.#payload.entries())
        if (!this.#ports.same(this.#ports.simulator.readWord(name), this.#held[i]!))
          this.#fail(`${name} changed before it was taken`);
    }
    if (!valid || ready) this.#held = null;
    else this.#held ??= this.#payload.map((name) => this.#ports.simulator.readWord(name));
    return valid;
  }
}
