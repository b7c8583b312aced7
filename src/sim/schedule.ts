import type { Activity } from "./activity.js";
import { GATE_WORDS, gateInputs, gateKinds, type SimModule } from "./ir.js";
import { gateDrivers } from "./verify.js";

/** Gates of one kind, all data or all control, in an order in which they may be evaluated one after another. */
export type Run = { readonly code: number; readonly isData: boolean; readonly gates: readonly number[] };

/** Which gates read each gate's outputs: those of gate g are `readers[from[g]]` … `readers[from[g + 1] − 1]`, one for each pin. */
function readersOf(module: SimModule): { readonly from: Int32Array; readonly readers: Int32Array } {
  const { gates } = module;
  const drivers = gateDrivers(module);
  const count = gates.length / GATE_WORDS;
  const from = new Int32Array(count + 1);
  const walk = (see: (driver: number, reader: number) => void): void => {
    for (let g = 0, at = 0; g < count; g++, at += GATE_WORDS) {
      for (let j = 0; j < gateInputs[gates[at]!]!; j++) {
        const driver = drivers[gates[at + 3 + j]!]!;
        if (driver >= 0) see(driver, g);
      }
    }
  };
  walk((driver) => {
    from[driver + 1]! += 1;
  });
  for (let g = 0; g < count; g++) from[g + 1]! += from[g]!;
  const readers = new Int32Array(from[count]!);
  const next = from.slice();
  walk((driver, reader) => {
    readers[next[driver]!++] = reader;
  });
  return { from, readers };
}

/**
 * Put the gates of each op group into few long runs: take the kind of which most gates are ready, evaluate those and all that they make ready, first come
 * first served, so that carry chains lie beside one another in one run; then the next kind. Linear in the module.
 */
export function scheduleGates(module: SimModule, activity: Activity): readonly (readonly Run[])[] {
  const { gates } = module;
  const { from, readers } = readersOf(module);
  const { groupOfGate, isData } = activity;
  const waiting = new Int32Array(groupOfGate.length);
  for (let g = 0; g < waiting.length; g++) {
    for (let i = from[g]!; i < from[g + 1]!; i++) {
      const reader = readers[i]!;
      if (groupOfGate[reader] === groupOfGate[g]) waiting[reader]! += 1;
    }
  }
  const keyOf = (g: number): number => gates[g * GATE_WORDS]! * 2 + isData[gates[g * GATE_WORDS + 1]!]!;
  return activity.groups.map(({ gates: members }, group) => {
    const ready: number[][] = Array.from({ length: gateKinds.length * 2 }, () => []);
    for (const g of members) if (waiting[g] === 0) ready[keyOf(g)]!.push(g);
    const runs: Run[] = [];
    for (let left = members.length; left > 0; ) {
      let key = 0;
      for (let k = 1; k < ready.length; k++) if (ready[k]!.length > ready[key]!.length) key = k;
      const list = ready[key]!;
      for (const g of list) {
        for (let i = from[g]!; i < from[g + 1]!; i++) {
          const reader = readers[i]!;
          if (groupOfGate[reader] !== group) continue;
          waiting[reader]! -= 1;
          // Gates of this kind join the run that is being made.
          if (waiting[reader] === 0) ready[keyOf(reader)]!.push(reader);
        }
      }
      ready[key] = [];
      left -= list.length;
      runs.push({ code: key >> 1, isData: (key & 1) === 1, gates: list });
    }
    return runs;
  });
}
