import { SimModuleBuilder } from "../../src/sim/build.js";
import {
  type Bit,
  createSimulator,
  GATE_WORDS,
  gateInputs,
  gateKinds,
  gateOutputs,
  LANES,
  ONE,
  type SimModule,
  WORDS_PER_BIT,
  ZERO,
} from "../../src/sim/index.js";
import { findData } from "../../src/sim/influence.js";

/** Largest number of free bits that is tried out in full. */
const MAX_BITS = 24;
/** More pipeline stages than any tested module has. */
const AGES = 64;

/** Looking through registers came back to where it began. */
class EndlessPath extends Error {}

/** Gate by output bit, with its inputs. */
type Gates = Map<number, { readonly code: number; readonly inputs: readonly Bit[]; readonly pin: number }>;

function gatesOf(module: SimModule): Gates {
  const gates: Gates = new Map();
  const g = module.gates;
  for (let i = 0; i < g.length; i += GATE_WORDS) {
    const code = g[i]!;
    const inputs = Array.from(g.subarray(i + 3, i + 3 + gateInputs[code]!)) as Bit[];
    for (let pin = 0; pin < gateOutputs[code]!; pin++) gates.set(g[i + 1 + pin]!, { code, inputs, pin });
  }
  return gates;
}

/** Copies cones of gates into one builder, equal gates once, so that what two modules share becomes one. */
class ConeCopier {
  readonly builder = new SimModuleBuilder("miter");
  readonly #known = new Map<string, readonly Bit[]>();
  readonly #leaves = new Map<string, Bit>();

  /** A free input; the same key gives the same bit. */
  leaf(key: string): Bit {
    let bit = this.#leaves.get(key);
    if (bit === undefined) {
      bit = this.builder.bit();
      this.#leaves.set(key, bit);
    }
    return bit;
  }

  get leaves(): readonly Bit[] {
    return [...this.#leaves.values()];
  }

  #gate(code: number, inputs: readonly Bit[]): readonly Bit[] {
    const b = this.builder;
    const kind = gateKinds[code]!;
    const [x = ZERO, y = ZERO, z = ZERO] = inputs;
    const key = `${code} ${inputs.join(" ")}`;
    let outputs = this.#known.get(key);
    if (outputs === undefined) {
      if (kind === "not") outputs = [b.not(x)];
      else if (kind === "and" || kind === "or" || kind === "xor") outputs = [b[kind](x, y)];
      else if (kind === "mux") outputs = [b.mux(x, y, z)];
      else if (kind === "halfAdder") outputs = [b.xor(x, y), b.and(x, y)];
      else {
        const half = b.xor(x, y);
        outputs = [b.xor(half, z), b.or(b.and(x, y), b.and(half, z))];
      }
      this.#known.set(key, outputs);
    }
    return outputs;
  }

  /**
   * Copy what drives a bit down to leaves. Bits come with the number of registers between them and the root, so that a value one
   * cycle older is another leaf; `through` tells what stands behind a bit that no gate drives.
   */
  copy(
    gates: Gates,
    memo: Map<number, Bit>,
    bit: Bit,
    through: (bit: Bit, age: number) => number | string,
  ): Bit {
    const root = bit * AGES;
    const stack: number[] = [root];
    while (stack.length > 0) {
      const at = stack.at(-1)!;
      if (memo.has(at)) {
        stack.pop();
        continue;
      }
      const [here, age] = [Math.floor(at / AGES) as Bit, at % AGES];
      if (here === ZERO || here === ONE) {
        memo.set(at, here);
        continue;
      }
      const behind = through(here, age);
      if (typeof behind === "string") {
        memo.set(at, this.leaf(behind));
        continue;
      }
      const gate = gates.get(here);
      if (gate === undefined) {
        if (memo.has(behind)) memo.set(at, memo.get(behind)!);
        else stack.push(behind);
        continue;
      }
      const inputs = gate.inputs.map((input) => input * AGES + age);
      const missing = inputs.filter((input) => !memo.has(input));
      if (missing.length > 0) stack.push(...missing);
      else {
        const outputs = this.#gate(
          gate.code,
          inputs.map((input) => memo.get(input)!),
        );
        memo.set(at, outputs[gate.pin]!);
      }
    }
    return memo.get(root)!;
  }
}

/** Bits where a module's data is observed: outputs, memory writes and the inputs of registers that are cut. */
function dataSinks(module: SimModule, isCut: (register: string) => boolean): Bit[] {
  const sinks: Bit[] = [];
  for (const port of module.ports) if (port.direction === "output") sinks.push(...port.bits);
  for (const r of module.registers) if (isCut(r.name)) sinks.push(...r.d);
  for (const ram of module.rams) for (const port of ram.writes) sinks.push(...port.data);
  return sinks;
}

/** Whether an output of a combinational module is 0 for all values of the inputs that it depends on; `null` when they are too many. */
function isAlwaysZero(module: SimModule, output: Bit): boolean | null {
  const gates = gatesOf(module);
  const support = new Set<Bit>();
  const seen = new Set<Bit>();
  const stack = [output];
  const used: number[] = [];
  while (stack.length > 0) {
    const at = stack.pop()!;
    if (seen.has(at) || at === ZERO || at === ONE) continue;
    seen.add(at);
    const gate = gates.get(at);
    if (gate === undefined) support.add(at);
    else {
      used.push(at);
      stack.push(...gate.inputs);
    }
  }
  if (support.size > MAX_BITS) return null;
  const list = [...support];
  const wanted = new Set<number>(used);
  const kept: number[] = [];
  for (let i = 0; i < module.gates.length; i += GATE_WORDS) {
    if (wanted.has(module.gates[i + 1]!) || wanted.has(module.gates[i + 2]!)) {
      kept.push(...module.gates.subarray(i, i + GATE_WORDS));
    }
  }
  const simulator = createSimulator(
    {
      ...module,
      ports: [
        { name: "x", direction: "input", bits: list },
        { name: "y", direction: "output", bits: [output] },
      ],
      gates: Int32Array.from(kept),
      nets: [],
    },
    { dataPorts: ["x"] },
  );
  const planes = new Uint32Array(list.length * WORDS_PER_BIT);
  const low = [0xaaaaaaaa, 0xcccccccc, 0xf0f0f0f0, 0xff00ff00, 0xffff0000];
  for (let base = 0; base < 2 ** list.length; base += LANES) {
    for (let i = 0; i < list.length; i++) {
      for (let w = 0; w < WORDS_PER_BIT; w++) {
        const number = base + w * 32;
        planes[i * WORDS_PER_BIT + w] = i < 5 ? low[i]! : (number / 2 ** i) & 1 ? 0xffffffff : 0;
      }
    }
    simulator.setWord("x", planes);
    simulator.settle();
    if (simulator.readWord("y").some((word) => word !== 0)) return false;
  }
  return true;
}

/**
 * Show that a mutation of data gates changes nothing: pipeline registers are looked through (both modules keep the same ones), cut
 * registers, memories, inputs and control are free, and each output that is not built equally is compared for all values of these.
 */
export function proveSameData(
  original: SimModule,
  mutant: SimModule,
  isCut: (register: string) => boolean,
): boolean {
  const isData = findData(original, ["s_axis_tdata"]);
  const copier = new ConeCopier();
  const copyOf = (module: SimModule): ((bit: Bit) => Bit) => {
    const gates = gatesOf(module);
    const loads = new Map<Bit, Bit>();
    for (const r of module.registers) {
      if (isCut(r.name)) continue;
      for (const [i, q] of r.q.entries()) if (isData[q] === 1) loads.set(q, r.d[i]!);
    }
    const memo = new Map<number, Bit>();
    // Control is a free input of both; that it stays equal is another proof.
    const through = (bit: Bit, age: number): number | string => {
      const d = loads.get(bit);
      if (d !== undefined && age + 1 === AGES) throw new EndlessPath();
      if (d !== undefined) return d * AGES + age + 1;
      return gates.has(bit) && isData[bit] !== 0 ? -1 : `bit ${bit}, ${age} cycles old`;
    };
    return (bit) => copier.copy(gates, memo, bit, through);
  };
  const [left, right] = [copyOf(original), copyOf(mutant)];
  const [a, b] = [dataSinks(original, isCut), dataSinks(mutant, isCut)];
  let differences: Bit[];
  try {
    differences = a.map((bit, i) => copier.builder.xor(left(bit), right(b[i]!)));
  } catch (error) {
    if (error instanceof EndlessPath) return false;
    throw error;
  }
  copier.builder.port({ name: "leaves", direction: "input", bits: copier.leaves });
  copier.builder.port({ name: "differences", direction: "output", bits: differences });
  const miter = copier.builder.build();
  const outputs = miter.ports[1]!.bits;
  return [...new Set(outputs)].every((bit) => bit === ZERO || isAlwaysZero(miter, bit) === true);
}

/** The control part of a module as a function: state and handshake inputs to next state and everything that data logic sees. */
function controlFunction(
  module: SimModule,
  isData: Uint8Array,
): { readonly module: SimModule; readonly reset: string } {
  const gates = gatesOf(module);
  const b = new SimModuleBuilder("control");
  const registers = module.registers.filter((r) => r.q.every((bit) => isData[bit] === 0));
  const memo = new Map<number, Bit>([
    [ZERO, ZERO],
    [ONE, ONE],
  ]);
  const input = (bits: readonly Bit[]): Bit[] => {
    const own = bits.map(() => b.bit());
    for (const [i, bit] of bits.entries()) memo.set(bit, own[i]!);
    return own;
  };
  const state = registers.flatMap((r) => r.q);
  const handshake = ["s_axis_tvalid", "m_axis_tready"].flatMap(
    (name) => module.ports.find((port) => port.name === name)?.bits ?? [],
  );
  b.port({ name: "state", direction: "input", bits: input(state) });
  b.port({ name: "handshake", direction: "input", bits: input(handshake) });
  const resetN = module.ports.find((port) => port.name === "aresetn")?.bits[0];
  if (resetN !== undefined) memo.set(resetN, ONE);
  const copy = (bit: Bit): Bit => {
    const known = memo.get(bit);
    if (known !== undefined) return known;
    const gate = gates.get(bit);
    if (gate === undefined) throw new Error(`control reads bit ${bit}, which is neither state nor handshake`);
    const [x = ZERO, y = ZERO, z = ZERO] = gate.inputs.map(copy);
    const kind = gateKinds[gate.code]!;
    let out: Bit;
    if (kind === "not") out = b.not(x);
    else if (kind === "and" || kind === "or" || kind === "xor") out = b[kind](x, y);
    else if (kind === "mux") out = b.mux(x, y, z);
    else if (kind === "halfAdder") out = gate.pin === 0 ? b.xor(x, y) : b.and(x, y);
    else if (gate.pin === 0) out = b.xor(b.xor(x, y), z);
    else out = b.or(b.and(x, y), b.and(b.xor(x, y), z));
    memo.set(bit, out);
    return out;
  };
  const next = registers.flatMap((r) =>
    r.q.map((q, i) => {
      const loaded = b.mux(copy(r.enable), copy(r.d[i]!), copy(q));
      return b.mux(copy(r.resetN), loaded, r.resetValue[i] === "1" ? ONE : ZERO);
    }),
  );
  const seen = new Set<Bit>();
  for (const r of module.registers)
    if (isData[r.q[0]!] === 1) for (const bit of [r.enable, r.resetN]) seen.add(bit);
  for (const ram of module.rams) {
    for (const port of [...ram.reads, ...ram.writes])
      for (const bit of [port.enable, ...port.address]) seen.add(bit);
  }
  for (const [y, gate] of gates) {
    if (isData[y] === 1) for (const bit of gate.inputs) if (isData[bit] === 0) seen.add(bit);
  }
  for (const port of module.ports) {
    if (port.direction === "output") for (const bit of port.bits) if (isData[bit] === 0) seen.add(bit);
  }
  b.port({ name: "next", direction: "output", bits: next });
  b.port({
    name: "seen",
    direction: "output",
    bits: [...seen].map((bit) => (bit === resetN ? ONE : copy(bit))),
  });
  const reset = registers.map((r) => r.resetValue).join("");
  return { module: b.build(), reset };
}

/**
 * Show that a mutation of control changes nothing that data logic or a neighbour sees: walk all states that both can be in together
 * after a reset, under every handshake.
 */
export function proveSameControl(original: SimModule, mutant: SimModule, limit = 200_000): boolean {
  const isData = findData(original, ["s_axis_tdata"]);
  const sides = [original, mutant].map((module) => {
    const { module: control, reset } = controlFunction(module, isData);
    return {
      simulator: createSimulator(control, { dataPorts: ["state", "handshake"] }),
      reset,
      width: reset.length,
    };
  });
  const [left, right] = sides as [(typeof sides)[0], (typeof sides)[0]];
  const start = `${left.reset}${right.reset}`;
  const found = new Set([start]);
  const queue = [start];
  const perRound = LANES / 4;
  for (let at = 0; at < queue.length; ) {
    const states = queue.slice(at, at + perRound);
    at += states.length;
    const results = sides.map(({ simulator, width }, s) => {
      const from = s === 0 ? 0 : left.width;
      const planes = new Uint32Array(width * WORDS_PER_BIT);
      const handshake = new Uint32Array(2 * WORDS_PER_BIT);
      for (let lane = 0; lane < states.length * 4; lane++) {
        const state = states[lane >> 2]!;
        const word = lane >> 5;
        for (let i = 0; i < width; i++) {
          if (state[from + i] === "1") planes[i * WORDS_PER_BIT + word]! |= 1 << (lane & 31);
        }
        for (let i = 0; i < 2; i++) handshake[i * WORDS_PER_BIT + word]! |= ((lane >> i) & 1) << (lane & 31);
      }
      simulator.setWord("state", planes);
      simulator.setWord("handshake", handshake);
      simulator.settle();
      return { next: simulator.readWord("next"), seen: simulator.readWord("seen"), width };
    });
    const bit = (planes: Uint32Array, i: number, lane: number): number =>
      (planes[i * WORDS_PER_BIT + (lane >> 5)]! >>> (lane & 31)) & 1;
    const [a, b] = results as [(typeof results)[0], (typeof results)[0]];
    if (a.seen.length !== b.seen.length) return false;
    for (let lane = 0; lane < states.length * 4; lane++) {
      for (let i = 0; i < a.seen.length / WORDS_PER_BIT; i++) {
        if (bit(a.seen, i, lane) !== bit(b.seen, i, lane)) return false;
      }
      let key = "";
      for (const { next, width } of results) for (let i = 0; i < width; i++) key += bit(next, i, lane);
      if (!found.has(key)) {
        if (found.size >= limit) return false;
        found.add(key);
        queue.push(key);
      }
    }
  }
  return right.width === left.width;
}
