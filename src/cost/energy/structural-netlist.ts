import { type Design, type LogicComponent, logicComponent, type Module } from "../../hw/index.js";
import {
  type Bit,
  flatten,
  GATE_WORDS,
  gateInputs,
  gateKinds,
  lowerDesign,
  type SimModule,
  topologicalOrder,
} from "../../sim/index.js";

/** One logic gate of a layer, constants folded: what the structural tier prices as one library cell. */
export type StructuralGate = {
  readonly role: StructuralRole;
  /** Of an exclusive or, and, or: whether the output is inverted. */
  readonly inverted: boolean;
  readonly inputs: readonly number[];
  /** Sum and carry of an adder; a carry or sum that nothing reads is −1. */
  readonly outputs: readonly number[];
  readonly component: LogicComponent;
};

export type StructuralRole = "fullAdder" | "halfAdder" | "inverter" | "and2" | "or2" | "xor2" | "mux2";

/** A layer as gates: nets 0 and 1 are the constants, the others are bits of `module`. */
export type StructuralLogic = {
  readonly module: SimModule;
  readonly gates: readonly StructuralGate[];
  /** Where each bit's value comes from after folding: itself, a constant, or another bit. */
  readonly source: Int32Array;
};

/** Component of every named net that a logic cell drives, by its full name. */
function componentsByName(design: Design): ReadonlyMap<string, LogicComponent> {
  const modules = new Map(design.modules.map((module) => [module.name, module]));
  const found = new Map<string, LogicComponent>();
  const visit = (module: Module, path: string): void => {
    for (const cell of module.cells) {
      if (cell.kind === "instance") visit(modules.get(cell.module)!, `${path}${cell.name}.`);
      else if (cell.kind === "fullAdders" || cell.kind === "halfAdders") {
        const component = logicComponent(path, cell.name);
        for (const net of [cell.sum, cell.carry]) found.set(path + module.nets[net]!.name, component);
      } else if ("y" in cell && cell.kind !== "constant" && cell.kind !== "assign")
        found.set(path + module.nets[cell.y]!.name, logicComponent(path, cell.name));
    }
  };
  visit(design.modules.at(-1)!, "");
  return found;
}

const LOW = 0;
const HIGH = 1;

/** Fold gates with constant or equal inputs, drop what nothing reads, and charge each gate to a component. */
export function structuralLogic(design: Design): StructuralLogic {
  const module = flatten(lowerDesign(design));
  const folded = fold(module);
  const used = findUsed(module, folded);
  const names = componentsByName(design);
  const label = new Array<LogicComponent | undefined>(module.bitCount);
  for (const { name, bits } of module.nets) {
    const component = names.get(name);
    if (component !== undefined) for (const bit of bits) label[bit] = component;
  }
  const gates: StructuralGate[] = [];
  // Backwards, so that a gate without a name of its own takes that of what it feeds.
  for (let g = folded.gates.length - 1; g >= 0; g--) {
    for (const gate of trimmed(folded.gates[g]!, used)) {
      const component = gate.outputs.map((y) => label[y]).find((one) => one !== undefined) ?? "control";
      for (const bit of gate.inputs) label[bit] ??= component;
      gates.push({ ...gate, component });
    }
  }
  gates.reverse();
  return { module, gates, source: folded.source };
}

type Folded = Omit<StructuralGate, "component">;

/** Outputs of an adder that nothing reads make it a simpler gate. */
function trimmed(gate: Folded, used: Uint8Array): readonly Folded[] {
  const [first, second] = gate.outputs as [number, number | undefined];
  const needs = (bit: number | undefined): boolean => bit !== undefined && used[bit] === 1;
  if (!needs(first) && !needs(second)) return [];
  if (gate.role === "halfAdder" && !needs(second)) return [{ ...gate, role: "xor2", outputs: [first] }];
  if (gate.role === "halfAdder" && !needs(first)) return [{ ...gate, role: "and2", outputs: [second!] }];
  if (gate.role === "fullAdder" && !(needs(first) && needs(second)))
    return [{ ...gate, outputs: [needs(first) ? first : -1, needs(second) ? second! : -1] }];
  return [gate];
}

function fold(module: SimModule): { readonly gates: readonly Folded[]; readonly source: Int32Array } {
  const source = Int32Array.from({ length: module.bitCount }, (_, i) => i);
  const out: Folded[] = [];
  /** The bit that is the inverse of a bit, where an inverter made one. */
  const inverse = new Map<number, number>();
  const put = (
    role: StructuralRole,
    inputs: readonly number[],
    outputs: readonly number[],
    inverted = false,
  ) => void out.push({ role, inverted, inputs, outputs });
  const alias = (y: number, x: number): void => {
    source[y] = x;
  };
  const invert = (y: number, x: number): void => {
    const known = x <= HIGH ? 1 - x : inverse.get(x);
    if (known !== undefined) alias(y, known);
    else {
      inverse.set(x, y);
      inverse.set(y, x);
      put("inverter", [x], [y]);
    }
  };
  const two = (role: "and2" | "or2" | "xor2", y: number, a: number, b: number, inverted = false): void => {
    const pass = (x: number, inverts: boolean): void => (inverts ? invert(y, x) : alias(y, x));
    if (a <= HIGH || b <= HIGH) {
      const [k, x] = a <= HIGH ? [a, b] : [b, a];
      const absorbing = role === "and2" ? LOW : HIGH;
      if (role === "xor2") pass(x, inverted !== (k === HIGH));
      else pass(k === absorbing ? absorbing : x, inverted);
    } else if (a === b) pass(role === "xor2" ? LOW : a, inverted);
    else put(role, [a, b], [y], inverted);
  };
  const halfAdder = (sum: number, carry: number, a: number, b: number): void => {
    if (a <= HIGH || b <= HIGH || a === b) {
      two("xor2", sum, a, b);
      two("and2", carry, a, b);
    } else put("halfAdder", [a, b], [sum, carry]);
  };
  for (const g of topologicalOrder(module)) {
    const at = g * GATE_WORDS;
    const words = module.gates;
    const code = words[at]!;
    const kind = gateKinds[code]!;
    const [y, y1] = [words[at + 1]!, words[at + 2]!];
    const x = Array.from({ length: gateInputs[code]! }, (_, i) => source[words[at + 3 + i]!]!);
    const [a, b, c] = x as [number, number, number];
    switch (kind) {
      case "not":
        invert(y, a);
        break;
      case "and":
      case "or":
      case "xor":
        two(`${kind}2`, y, a, b);
        break;
      case "mux":
        if (a <= HIGH) alias(y, a === HIGH ? b : c);
        else if (b === c) alias(y, b);
        else if (b === HIGH && c === LOW) alias(y, a);
        else if (b === LOW && c === HIGH) invert(y, a);
        else if (c === LOW) two("and2", y, a, b);
        else if (b === HIGH) two("or2", y, a, c);
        else put("mux2", x, [y]);
        break;
      case "halfAdder":
        halfAdder(y, y1, a, b);
        break;
      default: {
        const constants = x.filter((bit) => bit <= HIGH);
        const rest = x.filter((bit) => bit > HIGH);
        const [p, q] = rest as [number, number];
        if (constants.length === 0) put("fullAdder", x, [y, y1]);
        else if (constants.length === 1) {
          if (constants[0] === LOW) halfAdder(y, y1, p, q);
          else {
            two("xor2", y, p, q, true);
            two("or2", y1, p, q);
          }
        } else {
          const total = constants.reduce((sum, bit) => sum + bit, 0);
          if (constants.length === 3) {
            alias(y, total & 1);
            alias(y1, total >> 1);
          } else {
            if (total === 1) invert(y, p);
            else alias(y, p);
            alias(y1, total === 0 ? LOW : total === 2 ? HIGH : p);
          }
        }
      }
    }
  }
  return { gates: out, source };
}

/** Bits from which a register, a memory or an output can be reached. */
function findUsed(
  module: SimModule,
  { gates, source }: { readonly gates: readonly Folded[]; readonly source: Int32Array },
): Uint8Array {
  const used = new Uint8Array(module.bitCount);
  const use = (bits: readonly Bit[]): void => {
    for (const bit of bits) used[source[bit]!] = 1;
  };
  for (const port of module.ports) if (port.direction === "output") use(port.bits);
  for (const r of module.registers) use([...r.d, r.enable, r.resetN]);
  for (const ram of module.rams) {
    for (const port of ram.reads) use([port.enable, ...port.address]);
    for (const port of ram.writes) use([port.enable, ...port.address, ...port.data]);
  }
  for (let g = gates.length - 1; g >= 0; g--) {
    const { inputs, outputs } = gates[g]!;
    if (outputs.some((y) => used[y] === 1)) for (const bit of inputs) used[bit] = 1;
  }
  return used;
}
