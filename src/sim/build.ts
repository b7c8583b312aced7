import { invariant } from "../core/index.js";
import {
  type Bit,
  GATE_WORDS,
  type GateKind,
  gateCode,
  ONE,
  type SimInstance,
  type SimModule,
  type SimNet,
  type SimPort,
  type SimRam,
  type SimRegister,
  ZERO,
} from "./ir.js";

/** Bits of a word, least significant first. */
export type Word = readonly Bit[];

/**
 * Builds one {@link SimModule}. Word-level operations are taken apart into gates; gates with constant or equal operands fold,
 * which no full or half adder cell does.
 */
export class SimModuleBuilder {
  readonly #name: string;
  #gates = new Int32Array(1 << 12);
  #used = 0;
  /** Where each bit's value comes from: itself, or the bit it is an alias of. */
  readonly #alias: number[] = [ZERO, ONE];
  readonly #ports: SimPort[] = [];
  readonly #registers: SimRegister[] = [];
  readonly #rams: SimRam[] = [];
  readonly #instances: SimInstance[] = [];
  readonly #nets: SimNet[] = [];
  #clock: Bit | null = null;

  constructor(name: string) {
    this.#name = name;
  }

  /** Declare a bit. */
  bit(): Bit {
    return (this.#alias.push(this.#alias.length) - 1) as Bit;
  }

  word(width: number): Bit[] {
    return Array.from({ length: width }, () => this.bit());
  }

  /** Let `target`, declared and not yet driven, be another name of `source`. */
  connect(target: Bit, source: Bit): void {
    invariant(this.#alias[target] === target && target > ONE, `bit ${target} is driven twice`);
    if (this.resolve(source) === target) return;
    this.#alias[target] = source;
  }

  connectWord(target: Word, source: Word): void {
    invariant(target.length === source.length, `${target.length} bits connected to ${source.length}`);
    for (const [i, bit] of target.entries()) this.connect(bit, source[i]!);
  }

  /** Follow aliases as far as they are known. */
  resolve(bit: Bit): Bit {
    let at: number = bit;
    while (this.#alias[at] !== at) at = this.#alias[at]!;
    for (let walk: number = bit; walk !== at; ) {
      const next = this.#alias[walk]!;
      this.#alias[walk] = at;
      walk = next;
    }
    return at as Bit;
  }

  /** Append a gate that drives declared bits. */
  gate(kind: GateKind, outputs: readonly Bit[], inputs: readonly Bit[]): void {
    if (this.#used + GATE_WORDS > this.#gates.length) {
      const grown = new Int32Array(this.#gates.length * 2);
      grown.set(this.#gates);
      this.#gates = grown;
    }
    const [y0 = 0, y1 = 0] = outputs;
    const [a = 0, b = 0, c = 0] = inputs;
    this.#gates.set([gateCode[kind], y0, y1, a, b, c], this.#used);
    this.#used += GATE_WORDS;
  }

  #new(kind: GateKind, inputs: readonly Bit[]): Bit {
    const y = this.bit();
    this.gate(kind, [y], inputs);
    return y;
  }

  not(a: Bit): Bit {
    const x = this.resolve(a);
    if (x === ZERO) return ONE;
    return x === ONE ? ZERO : this.#new("not", [x]);
  }

  and(a: Bit, b: Bit): Bit {
    const [x, y] = [this.resolve(a), this.resolve(b)];
    if (x === ZERO || y === ZERO) return ZERO;
    if (x === ONE || x === y) return y;
    return y === ONE ? x : this.#new("and", [x, y]);
  }

  or(a: Bit, b: Bit): Bit {
    const [x, y] = [this.resolve(a), this.resolve(b)];
    if (x === ONE || y === ONE) return ONE;
    if (x === ZERO || x === y) return y;
    return y === ZERO ? x : this.#new("or", [x, y]);
  }

  xor(a: Bit, b: Bit): Bit {
    const [x, y] = [this.resolve(a), this.resolve(b)];
    if (x === y) return ZERO;
    if (x === ZERO) return y;
    if (y === ZERO) return x;
    if (x === ONE) return this.not(y);
    return y === ONE ? this.not(x) : this.#new("xor", [x, y]);
  }

  /** select ? whenTrue : whenFalse. */
  mux(select: Bit, whenTrue: Bit, whenFalse: Bit): Bit {
    const [s, t, f] = [this.resolve(select), this.resolve(whenTrue), this.resolve(whenFalse)];
    if (s === ONE || t === f) return t;
    if (s === ZERO) return f;
    if (t === ONE && f === ZERO) return s;
    return this.#new("mux", [s, t, f]);
  }

  /** One bit of a carry-propagate adder: sum and carry. */
  carryBit(a: Bit, b: Bit, c: Bit): readonly [Bit, Bit] {
    const [x, y, z] = [this.resolve(a), this.resolve(b), this.resolve(c)];
    if (x <= ONE && y <= ONE && z <= ONE) {
      const total = x + y + z;
      return [total & 1 ? ONE : ZERO, total > 1 ? ONE : ZERO];
    }
    const sum = this.bit();
    const carry = this.bit();
    this.gate("carryBit", [sum, carry], [x, y, z]);
    return [sum, carry];
  }

  map2(kind: "and" | "or" | "xor", a: Word, b: Word): Bit[] {
    return a.map((bit, i) => this[kind](bit, b[i]!));
  }

  muxWord(select: Bit, whenTrue: Word, whenFalse: Word): Bit[] {
    return whenTrue.map((bit, i) => this.mux(select, bit, whenFalse[i]!));
  }

  /** a + b + carry modulo 2^width; the last carry comes second. */
  add(a: Word, b: Word, carryIn: Bit): readonly [Bit[], Bit] {
    let carry = carryIn;
    const sum = a.map((bit, i) => {
      const [s, c] = this.carryBit(bit, b[i]!, carry);
      carry = c;
      return s;
    });
    return [sum, carry];
  }

  subtract(a: Word, b: Word): readonly [Bit[], Bit] {
    return this.add(
      a,
      b.map((bit) => this.not(bit)),
      ONE,
    );
  }

  /** Combine all bits of a word in a balanced tree. */
  reduce(kind: "and" | "or" | "xor", word: Word): Bit {
    if (word.length === 0) return kind === "and" ? ONE : ZERO;
    let level: readonly Bit[] = word;
    while (level.length > 1) {
      const next: Bit[] = [];
      for (let i = 0; i + 1 < level.length; i += 2) next.push(this[kind](level[i]!, level[i + 1]!));
      if (level.length % 2 === 1) next.push(level.at(-1)!);
      level = next;
    }
    return level[0]!;
  }

  equal(a: Word, b: Word): Bit {
    return this.not(this.reduce("or", this.map2("xor", a, b)));
  }

  /** a < b. Operands of equal width. */
  less(a: Word, b: Word, signed: boolean): Bit {
    const extend = (word: Word): Word => [...word, signed ? (word.at(-1) ?? ZERO) : ZERO];
    const [difference] = this.subtract(extend(a), extend(b));
    return difference.at(-1)!;
  }

  port(port: SimPort): void {
    this.#ports.push(port);
  }

  clock(bit: Bit): void {
    this.#clock = bit;
  }

  register(register: SimRegister): void {
    this.#registers.push(register);
  }

  ram(ram: SimRam): void {
    this.#rams.push(ram);
  }

  instance(instance: SimInstance): void {
    this.#instances.push(instance);
  }

  net(net: SimNet): void {
    this.#nets.push(net);
  }

  /** Resolve aliases, renumber the bits that are left and return the module. */
  build(): SimModule {
    const numbers = new Int32Array(this.#alias.length).fill(-1);
    numbers[ZERO] = ZERO;
    numbers[ONE] = ONE;
    let bitCount = 2;
    const one = (bit: Bit): Bit => {
      const source = this.resolve(bit);
      if (numbers[source] === -1) numbers[source] = bitCount++;
      return numbers[source]! as Bit;
    };
    const all = (bits: Word): Bit[] => bits.map(one);
    const gates = this.#gates.slice(0, this.#used);
    for (let i = 0; i < gates.length; i += GATE_WORDS) {
      for (let j = 1; j < GATE_WORDS; j++) gates[i + j] = one(gates[i + j]! as Bit);
    }
    const registers = this.#registers.map((r) => ({
      ...r,
      d: all(r.d),
      q: all(r.q),
      enable: one(r.enable),
      resetN: one(r.resetN),
    }));
    const rams = this.#rams.map((ram) => ({
      ...ram,
      reads: ram.reads.map((p) => ({ enable: one(p.enable), address: all(p.address), q: all(p.q) })),
      writes: ram.writes.map((p) => ({ enable: one(p.enable), address: all(p.address), data: all(p.data) })),
    }));
    const pins = (list: SimInstance["inputs"]): SimInstance["inputs"] =>
      list.map(({ port, bits }) => ({ port, bits: all(bits) }));
    const instances = this.#instances.map((cell) => ({
      ...cell,
      inputs: pins(cell.inputs),
      outputs: pins(cell.outputs),
    }));
    const ports = this.#ports.map((port) => ({ ...port, bits: all(port.bits) }));
    const clock = this.#clock === null ? null : one(this.#clock);
    // Names are kept only for bits that something drives or reads.
    const nets = this.#nets.flatMap(({ name, bits }) => {
      const known = bits.map((bit) => numbers[this.resolve(bit)]! as Bit);
      return known.every((bit) => bit >= 0) ? [{ name, bits: known }] : [];
    });
    return {
      kind: "simModule",
      name: this.#name,
      bitCount,
      clock,
      ports,
      gates,
      registers,
      rams,
      instances,
      nets,
    };
  }
}
