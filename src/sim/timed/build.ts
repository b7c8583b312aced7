import {
  type TimedCell,
  type TimedCellType,
  type TimedClockGroup,
  type TimedFlipFlop,
  type TimedMemory,
  type TimedNet,
  type TimedNetlist,
  type TimedPort,
  tabulate,
} from "./ir.js";
import { verifyTimedNetlist } from "./verify.js";

/** Builds one {@link TimedNetlist}. */
export class TimedBuilder {
  readonly #name: string;
  readonly #components: readonly string[];
  readonly #types: TimedCellType[] = [];
  readonly #typeOf = new Map<string, number>();
  readonly #groupOf = new Map<string, number>();
  readonly cells: TimedCell[] = [];
  readonly flipFlops: TimedFlipFlop[] = [];
  readonly groups: TimedClockGroup[] = [];
  readonly memories: TimedMemory[] = [];
  readonly ports: TimedPort[] = [];
  netCount: number;

  /** @param nets nets that exist from the beginning, the two constants included */
  constructor(name: string, components: readonly string[], nets = 2) {
    this.#name = name;
    this.#components = components;
    this.netCount = nets;
  }

  net(): TimedNet {
    return this.netCount++ as TimedNet;
  }

  component(name: string): number {
    return this.#components.indexOf(name);
  }

  /** Number of a type; equal ones are one. */
  type(type: TimedCellType): number {
    const key = JSON.stringify(type);
    const known = this.#typeOf.get(key);
    if (known !== undefined) return known;
    this.#typeOf.set(key, this.#types.push(type) - 1);
    return this.#types.length - 1;
  }

  /** Add a cell; returns its number. */
  cell(
    type: TimedCellType,
    inputs: readonly TimedNet[],
    outputs: readonly (TimedNet | null)[],
    delaysPs: readonly number[],
    component: string,
  ): number {
    const cell = { type: this.type(type), inputs, outputs, delaysPs, component: this.component(component) };
    return this.cells.push(cell) - 1;
  }

  /** Number of the clock group of an enable. */
  group(enable: TimedNet, gated: boolean): number {
    const key = `${enable} ${gated}`;
    const known = this.#groupOf.get(key);
    if (known !== undefined) return known;
    this.#groupOf.set(key, this.groups.push({ enable, gated }) - 1);
    return this.groups.length - 1;
  }

  /**
   * A ROM without a clock, as truth tables of six address bits each and a choice among them.
   *
   * @param contents words, least significant bit first; beyond them 0
   */
  rom(
    contents: readonly string[],
    address: readonly TimedNet[],
    data: readonly TimedNet[],
    { delayPs, component }: { readonly delayPs: number; readonly component: string },
  ): void {
    const delays = (inputs: number): number[] => Array.from({ length: 4 * inputs }, () => delayPs);
    const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `a${i}`);
    const low = address.slice(0, 6);
    for (const [b, y] of data.entries()) {
      const build = (from: number, bits: number, target: TimedNet | null): TimedNet => {
        const out = target ?? this.net();
        if (bits <= 6) {
          const table = tabulate(low.length, (s) => (contents[from + s]?.[b] === "1" ? 1 : 0));
          const type = { name: "rom", inputs: names(low.length), outputs: [{ pin: "q", table }] };
          this.cell(type, low, [out], delays(low.length), component);
          return out;
        }
        const half = 2 ** (bits - 1);
        const [zero, one] = [build(from, bits - 1, null), build(from + half, bits - 1, null)];
        const table = tabulate(3, (s) => ((s & 1) === 1 ? (s >> 2) & 1 : (s >> 1) & 1));
        const type = { name: "romChoice", inputs: ["s", "a", "b"], outputs: [{ pin: "q", table }] };
        // The choice itself takes no time worth speaking of: the access time is in the words.
        this.cell(
          type,
          [address[bits - 1]!, zero, one],
          [out],
          [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
          component,
        );
        return out;
      };
      build(0, address.length, y);
    }
  }

  /** Verify and return the netlist. */
  build(inputDelayPs: number): TimedNetlist {
    return verifyTimedNetlist({
      kind: "timedNetlist",
      name: this.#name,
      netCount: this.netCount,
      types: this.#types,
      cells: this.cells,
      groups: this.groups,
      flipFlops: this.flipFlops,
      memories: this.memories,
      ports: this.ports,
      inputDelayPs,
      components: this.#components,
    });
  }
}
