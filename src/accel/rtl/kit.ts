import { type ClockTarget, chooseAdder } from "../../arith/index.js";
import { invariant } from "../../core/index.js";
import {
  concat,
  literal,
  type ModuleBuilder,
  type NetId,
  type RegisterOptions,
  repeat,
  type Signal,
  signalWidth,
  sliceOf,
} from "../../hw/index.js";
import type { Field } from "../isa/index.js";

/** A register that is declared before what it loads is known. */
export type State = {
  readonly q: Signal;
  /** Say what it loads, and when; exactly once. */
  readonly set: (d: Signal, enable?: Signal) => void;
};

/**
 * Word-level hardware over a {@link ModuleBuilder}: state machines, counters and choices, with adders and comparators as fast as the clock
 * asks for. Names become nets; each operation returns the signal it drives.
 */
export class Kit {
  readonly b: ModuleBuilder;
  readonly #clock: ClockTarget;
  readonly #resetN: Signal | undefined;

  constructor(b: ModuleBuilder, clock: ClockTarget, resetN?: Signal) {
    this.b = b;
    this.#clock = clock;
    this.#resetN = resetN;
  }

  /** Declare a control register that resets to a value. */
  state(name: string, width: number, resetValue: number | bigint = 0, doc?: string): State {
    invariant(this.#resetN !== undefined, `${name}: no reset`);
    return this.#state(name, width, { role: "control", resetN: this.#resetN, resetValue }, doc);
  }

  /** Declare a register without reset, for data that control says the meaning of. */
  data(name: string, width: number, role: RegisterOptions["role"] = "datapath", doc?: string): State {
    return this.#state(name, width, { role }, doc);
  }

  #state(name: string, width: number, options: RegisterOptions, doc?: string): State {
    const q: NetId = this.b.net(name, width, doc);
    let done = false;
    return {
      q: this.b.signal(q),
      set: (d, enable) => {
        invariant(!done, `${name} is set twice`);
        done = true;
        this.b.registerInto(q, name, d, enable === undefined ? options : { ...options, enable });
      },
    };
  }

  not(name: string, a: Signal): Signal {
    return this.b.not(name, a);
  }

  and(name: string, ...operands: readonly Signal[]): Signal {
    return this.b.logic("and", name, operands);
  }

  or(name: string, ...operands: readonly Signal[]): Signal {
    return this.b.logic("or", name, operands);
  }

  mux(name: string, select: Signal, whenTrue: Signal, whenFalse: Signal): Signal {
    return this.b.mux(name, select, whenTrue, whenFalse);
  }

  /** The value of the first condition that holds, else `otherwise`. */
  first(name: string, cases: readonly (readonly [Signal, Signal])[], otherwise: Signal): Signal {
    return [...cases]
      .reverse()
      .reduce<Signal>(
        (rest, [when, value], i) => this.mux(`${name}_${cases.length - 1 - i}`, when, value, rest),
        otherwise,
      );
  }

  /** Element `index` of equally wide values, a power of two of them: a tree of multiplexers. */
  select(name: string, index: Signal, values: readonly Signal[]): Signal {
    let level = values;
    for (let bit = 0; level.length > 1; bit++) {
      const chosen: Signal[] = [];
      for (let i = 0; i < level.length; i += 2)
        chosen.push(this.mux(`${name}_${bit}_${i / 2}`, sliceOf(index, bit, 1), level[i + 1]!, level[i]!));
      level = chosen;
    }
    return level[0]!;
  }

  /** a + c modulo 2^width of a, by an adder that leaves half the clock period to what is around it where one can. */
  add(name: string, a: Signal, c: Signal): Signal {
    const width = signalWidth(a);
    return this.b.arithmetic("add", name, a, zeroExtend(c, width), this.#adder(width));
  }

  /** a − c modulo 2^width of a. */
  subtract(name: string, a: Signal, c: Signal): Signal {
    const width = signalWidth(a);
    const one = literal(1, width);
    const negated = this.b.not(`${name}_inverted`, zeroExtend(c, width));
    if (c.every((slice) => slice.kind === "constant")) {
      const bits = c
        .map((slice) => (slice.kind === "constant" ? slice.bits : ""))
        .reverse()
        .join("");
      return this.add(name, a, literal(-BigInt(`0b${bits}`), width));
    }
    // a + ~c + 1: the carry comes in as a bit below both words.
    const wide = this.b.arithmetic(
      "add",
      name,
      concat([sliceOf(one, 0, 1), a]),
      concat([sliceOf(one, 0, 1), negated]),
      this.#adder(width + 1),
    );
    return sliceOf(wide, 1, width);
  }

  equal(name: string, a: Signal, c: Signal | number): Signal {
    return this.b.compare("equal", name, a, typeof c === "number" ? literal(c, signalWidth(a)) : c);
  }

  /** a < c, both unsigned: the sign of their difference. */
  less(name: string, a: Signal, c: Signal): Signal {
    const width = signalWidth(a) + 1;
    const difference = this.subtract(`${name}_difference`, zeroExtend(a, width), c);
    return sliceOf(difference, width - 1, 1);
  }

  /** The signal as it was `cycles` cycles before. */
  delay(name: string, signal: Signal, cycles: number, role: RegisterOptions["role"] = "datapath"): Signal {
    let at = signal;
    for (let i = 1; i <= cycles; i++) at = this.b.register(`${name}_${i}`, at, { role });
    return at;
  }

  /** As {@link delay}, all zero at the start: for bits that make something happen. */
  delayControl(name: string, signal: Signal, cycles: number): Signal {
    invariant(this.#resetN !== undefined, `${name}: no reset`);
    let at = signal;
    for (let i = 1; i <= cycles; i++)
      at = this.b.register(`${name}_${i}`, at, { role: "control", resetN: this.#resetN });
    return at;
  }

  #adder(width: number) {
    return chooseAdder(width, this.#clock.periodPs / 2, this.#clock.cells);
  }
}

/** Extend a word by zeros, or cut it. */
export function zeroExtend(word: Signal, width: number): Signal {
  const have = signalWidth(word);
  return have >= width ? sliceOf(word, 0, width) : concat([word, literal(0, width - have)]);
}

/** Extend a word by its sign, or cut it. */
export function signExtend(word: Signal, width: number): Signal {
  const have = signalWidth(word);
  return have >= width
    ? sliceOf(word, 0, width)
    : concat([word, repeat(sliceOf(word, have - 1, 1), width - have)]);
}

/** A field of a descriptor that is held in a register. */
export const fieldOf = (descriptor: Signal, field: Field): Signal =>
  sliceOf(descriptor, field.at, field.width);
