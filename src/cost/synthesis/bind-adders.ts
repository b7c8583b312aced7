import type { AdderRole, CellRoles, GateRole } from "../cell-library/index.js";
import type { MappedNet } from "./mapped-netlist.js";
import type { SimpleAdder } from "./simplify-adders.js";

/** Where bound cells go. */
export type CellSink = {
  readonly roles: CellRoles;
  newNet(): MappedNet;
  /** Add an instance of a cell; `name` is made unique by a suffix. */
  put(name: string, cell: string, pins: Readonly<Record<string, MappedNet>>): void;
};

/** Add a gate of one output. */
export function putGate(
  sink: CellSink,
  name: string,
  { cell, inputs, output }: GateRole,
  nets: readonly MappedNet[],
  y: MappedNet,
): void {
  const pins: Record<string, MappedNet> = { [output]: y };
  for (const [i, pin] of inputs.entries()) pins[pin] = nets[i]!;
  sink.put(name, cell.name, pins);
}

/** Add an adder cell, with an inverter behind each output that comes inverted. */
function putAdder(
  sink: CellSink,
  name: string,
  role: AdderRole,
  {
    inputs,
    sum,
    carry,
  }: { readonly inputs: readonly MappedNet[]; readonly sum: MappedNet; readonly carry: MappedNet },
): void {
  const pins: Record<string, MappedNet> = {};
  for (const [i, pin] of role.inputs.entries()) pins[pin] = inputs[i]!;
  for (const [pin, net, inverted] of [
    [role.sum, sum, role.sumInverted],
    [role.carry, carry, role.carryInverted],
  ] as const) {
    if (inverted) {
      pins[pin] = sink.newNet();
      putGate(sink, `${name}_${pin}`, sink.roles.inverter, [pins[pin]], net);
    } else pins[pin] = net;
  }
  sink.put(name, role.cell.name, pins);
}

const areaOf = (...roles: readonly (GateRole | null)[]): number =>
  roles.reduce((sum, role) => sum + (role === null ? Number.POSITIVE_INFINITY : role.cell.areaUm2), 0);

/** Area of an adder cell with the inverters that it needs; infinite when there is none. */
export function adderAreaUm2(role: AdderRole | null, { inverter }: CellRoles): number {
  if (role === null) return Number.POSITIVE_INFINITY;
  return role.cell.areaUm2 + (Number(role.sumInverted) + Number(role.carryInverted)) * inverter.cell.areaUm2;
}

/** Sum and carry of three bits by gates: a ⊕ b, then a choice between c and a, or and-or. */
function putFullAdderGates(
  sink: CellSink,
  name: string,
  [a, b, c]: readonly [MappedNet, MappedNet, MappedNet],
  { sum, carry }: { readonly sum: MappedNet | null; readonly carry: MappedNet | null },
): void {
  const { xor2, and2, or2, mux2 } = sink.roles;
  const half = sink.newNet();
  putGate(sink, `${name}_half`, xor2, [a, b], half);
  if (sum !== null) putGate(sink, `${name}_sum`, xor2, [half, c], sum);
  if (carry === null) return;
  if (mux2 !== null && areaOf(mux2) <= areaOf(and2, and2, or2)) {
    putGate(sink, `${name}_carry`, mux2, [a, c, half], carry);
    return;
  }
  const [both, through] = [sink.newNet(), sink.newNet()];
  putGate(sink, `${name}_both`, and2, [a, b], both);
  putGate(sink, `${name}_through`, and2, [half, c], through);
  putGate(sink, `${name}_carry`, or2, [both, through], carry);
}

/** Bind one adder bit to the library: its adder cell, or gates where an output is not read or no cell exists. */
export function bindAdder(sink: CellSink, adder: SimpleAdder): void {
  const { roles } = sink;
  const { name, sum, carry } = adder;
  switch (adder.kind) {
    case "inverter":
      putGate(sink, name, roles.inverter, adder.inputs, adder.sum);
      return;
    case "fullAdder": {
      const { fullAdder, majority, xor2 } = roles;
      const cellUm2 = adderAreaUm2(fullAdder, roles);
      if (sum === null && carry !== null && majority !== null && areaOf(majority) < cellUm2)
        putGate(sink, name, majority, adder.inputs, carry);
      else if (carry === null && areaOf(xor2, xor2) < cellUm2)
        putFullAdderGates(sink, name, adder.inputs, { sum, carry: null });
      else if (fullAdder === null) putFullAdderGates(sink, name, adder.inputs, { sum, carry });
      else {
        const both = { sum: sum ?? sink.newNet(), carry: carry ?? sink.newNet() };
        putAdder(sink, name, fullAdder, { inputs: adder.inputs, ...both });
      }
      return;
    }
    case "halfAdder":
    case "incrementer": {
      const isHalf = adder.kind === "halfAdder";
      const [forSum, forCarry] = isHalf ? [roles.xor2, roles.and2] : [roles.xnor2, roles.or2];
      const { halfAdder } = roles;
      if (isHalf && sum !== null && carry !== null && halfAdder !== null) {
        if (adderAreaUm2(halfAdder, roles) <= areaOf(forSum, forCarry)) {
          putAdder(sink, name, halfAdder, { inputs: adder.inputs, sum, carry });
          return;
        }
      }
      if (sum !== null) putGate(sink, `${name}_sum`, forSum, adder.inputs, sum);
      if (carry !== null) putGate(sink, `${name}_carry`, forCarry, adder.inputs, carry);
      return;
    }
  }
}
