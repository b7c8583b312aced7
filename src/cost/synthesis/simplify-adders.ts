import type { Draft, DraftAdder } from "./draft.js";
import { HIGH, LOW, type MappedNet } from "./mapped-netlist.js";

/** What is left of an adder bit once its constant inputs are used. */
export type SimpleAdder =
  | {
      readonly kind: "fullAdder";
      readonly name: string;
      readonly inputs: readonly [MappedNet, MappedNet, MappedNet];
      readonly sum: MappedNet | null;
      readonly carry: MappedNet | null;
    }
  | {
      readonly kind: "halfAdder";
      readonly name: string;
      readonly inputs: readonly [MappedNet, MappedNet];
      readonly sum: MappedNet | null;
      readonly carry: MappedNet | null;
    }
  /** A half adder with a carry that always comes in: sum = ¬(a ⊕ b), carry = a ∨ b. */
  | {
      readonly kind: "incrementer";
      readonly name: string;
      readonly inputs: readonly [MappedNet, MappedNet];
      readonly sum: MappedNet | null;
      readonly carry: MappedNet | null;
    }
  | {
      readonly kind: "inverter";
      readonly name: string;
      readonly inputs: readonly [MappedNet];
      readonly sum: MappedNet;
      readonly carry: null;
    };

/** Adders without constant inputs, and which nets are now the same as others. */
export type SimplifiedAdders = {
  readonly adders: readonly SimpleAdder[];
  /** The net that stands for a net. */
  readonly resolve: (net: MappedNet) => MappedNet;
};

type State = { readonly adder: DraftAdder; result: SimpleAdder | null | undefined };

/**
 * Use the constants among the inputs of adders: with one a full adder becomes a half adder (or one that also adds 1), with two a wire or an
 * inverter, and outputs that so become constants or wires are the next adder's inputs. Repeated until nothing changes.
 */
export function simplifyAdders(draft: Pick<Draft, "adders" | "netCount">): SimplifiedAdders {
  const parent = new Int32Array(draft.netCount).map((_, i) => i);
  const resolve = (net: MappedNet): MappedNet => {
    let root = net as number;
    while (parent[root] !== root) root = parent[root]!;
    for (let at = net as number; parent[at] !== root; ) {
      const next = parent[at]!;
      parent[at] = root;
      at = next;
    }
    return root as MappedNet;
  };
  const states: State[] = draft.adders.map((adder) => ({ adder, result: undefined }));
  const readers = new Map<MappedNet, number[]>();
  for (const [i, { adder }] of states.entries()) {
    for (const net of [adder.a, adder.b, adder.c]) {
      if (net === null || net <= HIGH) continue;
      const list = readers.get(net);
      if (list === undefined) readers.set(net, [i]);
      else list.push(i);
    }
  }
  const queue = states.map((_, i) => i);
  const waiting = new Uint8Array(states.length).fill(1);
  /** Make `net` another name of `other`; whoever reads it is looked at again. */
  const alias = (net: MappedNet | null, other: MappedNet): void => {
    if (net === null || resolve(net) === resolve(other)) return;
    parent[net] = resolve(other);
    const own = readers.get(net) ?? [];
    for (const i of own) {
      if (waiting[i] === 1 || states[i]!.result === null) continue;
      waiting[i] = 1;
      queue.push(i);
    }
    const target = resolve(other);
    if (target > HIGH) readers.set(target, [...(readers.get(target) ?? []), ...own]);
  };
  const look = (state: State): void => {
    const { adder } = state;
    const { name, sum, carry } = adder;
    const known = [adder.a, adder.b, ...(adder.c === null ? [] : [adder.c])].map(resolve);
    let ones = known.filter((net) => net === HIGH).length;
    let free = known.filter((net) => net > HIGH);
    // Two equal bits are a carry and no sum.
    const twin = free.find((net, i) => free.indexOf(net) !== i);
    if (twin !== undefined) {
      free = free.filter(
        (net, i) => net !== twin || (free.indexOf(net) !== i && free.lastIndexOf(net) !== i),
      );
      if (free.length === 0 || ones === 0) {
        const rest = free[0] ?? (ones === 1 ? HIGH : LOW);
        alias(carry, twin);
        alias(sum, rest);
        state.result = null;
        return;
      }
    }
    const [x, y, z] = free;
    if (x === undefined) {
      alias(sum, ones % 2 === 1 ? HIGH : LOW);
      alias(carry, ones >= 2 ? HIGH : LOW);
      state.result = null;
    } else if (y === undefined) {
      if (ones === 1) {
        alias(carry, x);
        state.result = sum === null ? null : { kind: "inverter", name, inputs: [x], sum, carry: null };
      } else {
        alias(sum, x);
        alias(carry, ones === 2 ? HIGH : LOW);
        state.result = null;
      }
    } else if (z === undefined) {
      const inputs = [x, y] as const;
      state.result = { kind: ones === 1 ? "incrementer" : "halfAdder", name, inputs, sum, carry };
    } else {
      ones = 0;
      state.result = { kind: "fullAdder", name, inputs: [x, y, z], sum, carry };
    }
  };
  for (let at = 0; at < queue.length; at++) {
    const i = queue[at]!;
    waiting[i] = 0;
    if (states[i]!.result !== null) look(states[i]!);
  }
  const adders = states.flatMap(({ result }) => (result === null || result === undefined ? [] : [result]));
  return { adders, resolve };
}
