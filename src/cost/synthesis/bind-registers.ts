import type { FlipFlopRole } from "../cell-library/index.js";
import { clockBank } from "../clock-gating.js";
import { type CellSink, putGate } from "./bind-adders.js";
import type { DraftFlipFlop } from "./draft.js";
import { HIGH, LOW, type MappedNet } from "./mapped-netlist.js";

/** Where flip-flops and clock gates go. */
export type RegisterSink = CellSink & {
  /** As `put`, for a clock gate. */
  putClockGate(name: string, cell: string, pins: Readonly<Record<string, MappedNet>>): void;
};

const tiedPins = (tied: Readonly<Record<string, 0 | 1>>): Record<string, MappedNet> =>
  Object.fromEntries(Object.entries(tied).map(([pin, value]) => [pin, value === 1 ? HIGH : LOW]));

function putFlipFlop(sink: RegisterSink, role: FlipFlopRole, { name, d, q, clock }: DraftFlipFlop): void {
  const pins = tiedPins(role.tied);
  pins[role.clock] = clock;
  pins[role.data] = d;
  if (role.inverted) {
    pins[role.output] = sink.newNet();
    putGate(sink, `${name}_q`, sink.roles.inverter, [pins[role.output]!], q);
  } else pins[role.output] = q;
  sink.put(name, role.cell.name, pins);
}

/** A flip-flop that keeps its enable: a multiplexer in front of it. */
function putEnabled(sink: RegisterSink, flop: DraftFlipFlop, enable: MappedNet): void {
  const { flipFlop, mux2, and2, or2, inverter } = sink.roles;
  const { name, d, q } = flop;
  const next = sink.newNet();
  if (mux2 !== null) putGate(sink, `${name}_hold`, mux2, [q, d, enable], next);
  else {
    const [idle, kept, taken] = [sink.newNet(), sink.newNet(), sink.newNet()];
    putGate(sink, `${name}_idle`, inverter, [enable], idle);
    putGate(sink, `${name}_kept`, and2, [q, idle], kept);
    putGate(sink, `${name}_taken`, and2, [d, enable], taken);
    putGate(sink, `${name}_hold`, or2, [kept, taken], next);
  }
  putFlipFlop(sink, flipFlop, { ...flop, d: next, enable: null });
}

/**
 * Bind a module's flip-flops: banks with a common enable are clocked through gates by {@link clockBank}, the others keep an enable.
 *
 * @param nameOf name of an enable, for the gates' names
 */
export function bindRegisters(
  sink: RegisterSink,
  flipFlops: readonly DraftFlipFlop[],
  nameOf: (net: MappedNet) => string,
): void {
  const banks = new Map<string, DraftFlipFlop[]>();
  for (const flop of flipFlops) {
    if (flop.enable === null || flop.enable === HIGH) {
      putFlipFlop(sink, sink.roles.flipFlop, { ...flop, enable: null });
      continue;
    }
    const key = `${flop.clock} ${flop.enable}`;
    const bank = banks.get(key);
    if (bank === undefined) banks.set(key, [flop]);
    else bank.push(flop);
  }
  const { clockGate, flipFlop } = sink.roles;
  for (const bank of banks.values()) {
    const { enable, clock } = bank[0]!;
    const { clockGates } = clockBank(bank.length);
    if (clockGates === 0 || clockGate === null) {
      for (const flop of bank) putEnabled(sink, flop, enable!);
      continue;
    }
    for (let g = 0; g < clockGates; g++) {
      const gated = sink.newNet();
      const pins = tiedPins(clockGate.tied);
      pins[clockGate.clock] = clock;
      pins[clockGate.enable] = enable!;
      pins[clockGate.output] = gated;
      sink.putClockGate(`clock_gate_${nameOf(enable!)}_${g}`, clockGate.cell.name, pins);
      const [from, to] = [g, g + 1].map((k) => Math.floor((k * bank.length) / clockGates));
      for (const flop of bank.slice(from, to))
        putFlipFlop(sink, flipFlop, { ...flop, clock: gated, enable: null });
    }
  }
}
