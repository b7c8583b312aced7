import type { Rng } from "../../src/core/index.js";
import type { Cell, Design, Module, Signal } from "../../src/hw/index.js";
import {
  type Bit,
  GATE_WORDS,
  gateCode,
  gateInputs,
  gateKinds,
  type SimModule,
  ZERO,
} from "../../src/sim/index.js";
import { topologicalOrder } from "../../src/sim/verify.js";

/** A changed netlist and what was done to it. */
export type Mutant = { readonly module: SimModule; readonly what: string };

function withGates(module: SimModule, gates: Int32Array, bitCount = module.bitCount): SimModule {
  return { ...module, gates, bitCount };
}

/** Break one full or half adder: an input dropped or taken twice, sum and carry crossed, or a wrong carry function. */
export function mutateAdder(module: SimModule, rng: Rng): Mutant {
  const adders: number[] = [];
  for (let i = 0; i < module.gates.length; i += GATE_WORDS) {
    const kind = gateKinds[module.gates[i]!];
    if (kind === "fullAdder" || kind === "halfAdder") adders.push(i);
  }
  const at = adders[rng.integer(adders.length)]!;
  const gates = module.gates.slice();
  const inputs = gateInputs[gates[at]!]!;
  const place = `adder ${at / GATE_WORDS}`;
  switch (rng.integer(4)) {
    case 0: {
      const pin = rng.integer(inputs);
      gates[at + 3 + pin] = ZERO;
      return { module: withGates(module, gates), what: `${place}: input ${pin} dropped` };
    }
    case 1: {
      const pin = rng.integer(inputs);
      gates[at + 3 + pin] = gates[at + 3 + ((pin + 1) % inputs)]!;
      return { module: withGates(module, gates), what: `${place}: input ${pin} is its neighbour` };
    }
    case 2: {
      const sum = gates[at + 1]!;
      gates[at + 1] = gates[at + 2]!;
      gates[at + 2] = sum;
      return { module: withGates(module, gates), what: `${place}: sum and carry crossed` };
    }
    default: {
      // The carry becomes an OR of the first two inputs; the sum stays.
      const all = new Int32Array(gates.length + GATE_WORDS);
      all.set(gates);
      const carry = gates[at + 2]!;
      all[at + 2] = module.bitCount;
      all.set([gateCode.or, carry, 0, gates[at + 3]!, gates[at + 4]!, 0], gates.length);
      return { module: withGates(module, all, module.bitCount + 1), what: `${place}: carry is a | b` };
    }
  }
}

/** Exchange the wires at two gate pins, both in data or both in control, without making a loop. */
export function mutateWires(module: SimModule, isData: Uint8Array, rng: Rng): Mutant {
  const count = module.gates.length / GATE_WORDS;
  const pick = (): number => {
    const at = rng.integer(count) * GATE_WORDS;
    return at + 3 + rng.integer(gateInputs[module.gates[at]!]!);
  };
  for (;;) {
    const [x, y] = [pick(), pick()];
    const [a, b] = [module.gates[x]! as Bit, module.gates[y]! as Bit];
    if (a === b || isData[a] !== isData[b]) continue;
    const gates = module.gates.slice();
    gates[x] = b;
    gates[y] = a;
    const mutant = withGates(module, gates);
    try {
      topologicalOrder(mutant);
    } catch {
      continue;
    }
    const pin = (at: number): string => `pin ${(at % GATE_WORDS) - 3} of gate ${Math.floor(at / GATE_WORDS)}`;
    return { module: mutant, what: `${pin(x)} and ${pin(y)} exchanged` };
  }
}

/** A bit of a counter's bound or start: what it is and how to flip it. */
export type BoundBit = { readonly what: string; readonly flip: () => Design };

const flipAt = (bits: string, i: number): string =>
  `${bits.slice(0, i)}${bits[i] === "1" ? "0" : "1"}${bits.slice(i + 1)}`;

/** List every bit of every constant that a comparison or a choice between counter values reads, directly or from a constant cell. */
export function boundBits(design: Design, module: Module, isControl: (net: string) => boolean): BoundBit[] {
  const constants = new Map(
    module.cells.flatMap((cell, i) => (cell.kind === "constant" ? [[cell.y as number, i] as const] : [])),
  );
  const out: BoundBit[] = [];
  const replace = (index: number, cell: Cell): Design => ({
    ...design,
    modules: design.modules.map((m) =>
      m === module ? { ...m, cells: m.cells.map((old, i) => (i === index ? cell : old)) } : m,
    ),
  });
  const seen = new Set<number>();
  for (const [index, cell] of module.cells.entries()) {
    if (cell.kind !== "equal" && cell.kind !== "less" && cell.kind !== "mux") continue;
    if (!isControl(module.nets[cell.y]!.name)) continue;
    const read: readonly (readonly [string, Signal])[] =
      cell.kind === "mux"
        ? [
            ["whenTrue", cell.whenTrue],
            ["whenFalse", cell.whenFalse],
          ]
        : [
            ["a", cell.a],
            ["b", cell.b],
          ];
    for (const [pin, signal] of read) {
      for (const [s, slice] of signal.entries()) {
        if (slice.kind === "constant") {
          for (let i = 0; i < slice.bits.length; i++) {
            const changed = signal.map((old, j) =>
              j === s ? { ...slice, bits: flipAt(slice.bits, i) } : old,
            );
            out.push({
              what: `${cell.name}: bit ${slice.bits.length - 1 - i} of the bound`,
              flip: () => replace(index, { ...cell, [pin]: changed }),
            });
          }
          continue;
        }
        const at = constants.get(slice.net);
        if (at === undefined || seen.has(at)) continue;
        seen.add(at);
        const source = module.cells[at]!;
        if (source.kind !== "constant") continue;
        for (let i = 0; i < source.bits.length; i++) {
          out.push({
            what: `${source.name}: bit ${source.bits.length - 1 - i}`,
            flip: () => replace(at, { ...source, bits: flipAt(source.bits, i) }),
          });
        }
      }
    }
  }
  return out;
}
