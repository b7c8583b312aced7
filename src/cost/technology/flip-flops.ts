import { mean } from "../../core/index.js";
import { evaluateFunction, truthTable } from "../boolean-function.js";
import type { LibertyGroup } from "../liberty.js";
import type { TechnologyFlipFlop } from "../technology.js";
import type { Candidate, Output } from "./candidates.js";
import { groupsNamed, isLogic, type LibertyLibrary, pinsOf, readable } from "./liberty-library.js";
import { capacitanceFf, internalPj, measure, type PinValues, type Point, setupPs } from "./measure.js";

/** What a flip-flop does at the clock edge: takes the data, holds without enable, clears by a data-side reset, takes scan data. */
export type FlipFlopKind = "plain" | "enable" | "syncReset" | "scan";

/** A rising-edge flip-flop of the library. `inputs` are its data-side pins. */
export type FlipFlopCandidate = Candidate & {
  readonly clock: LibertyGroup;
  readonly next: string;
  /** Names of the state and of its opposite. */
  readonly state: readonly [string, string];
  /** Values of the asynchronous pins at which they do nothing. */
  readonly idle: PinValues;
  readonly asynchronous: boolean;
  readonly forbidden: boolean;
};

/** Values of asynchronous pins that make neither clear nor preset true. */
function idleValues(texts: readonly string[], pins: readonly string[]): PinValues | undefined {
  for (let i = 0; i < 1 << pins.length; i++) {
    const values = new Map(pins.map((pin, k) => [pin, ((i >> k) & 1) === 1]));
    if (texts.every((text) => !evaluateFunction(text, values))) return values;
  }
  return undefined;
}

/** Classify a next-state function; inputs in order, the state last. Polarity of the stored value is free. */
function kindOf(next: string, data: readonly string[], state: string): FlipFlopKind | undefined {
  const names = [...data, state];
  if (names.length > 4) return undefined;
  const table = truthTable(next, names);
  const size = 2 ** (1 << names.length) - 1;
  const column = (k: number): number => truthTable(names[k]!, names);
  const not = (value: number): number => (~value & size) >>> 0;
  const same = (value: number): boolean => table === value >>> 0 || table === not(value);
  if (data.length === 1) return same(column(0)) ? "plain" : undefined;
  const pairs = data.flatMap((_, d) => data.flatMap((__, e) => (d === e ? [] : [[d, e] as const])));
  if (data.length === 2) {
    const q = column(2);
    for (const [d, e] of pairs) {
      const [x, s] = [column(d), column(e)];
      if (table === ((x & s) | (q & not(s))) >>> 0 || table === ((x & not(s)) | (q & s)) >>> 0)
        return "enable";
    }
    for (const [d, e] of pairs) {
      const [x, s] = [column(d), column(e)];
      if (table === (x & s) >>> 0 || table === (x & not(s)) >>> 0) return "syncReset";
    }
    return undefined;
  }
  for (const [d, e] of pairs) {
    const scan = column(data.findIndex((_, k) => k !== d && k !== e));
    if (same(((column(d) & not(column(e))) | (scan & column(e))) >>> 0)) return "scan";
  }
  return undefined;
}

/** Find the rising-edge flip-flops of a kind; each has one output or a pair of opposite ones. Those that cannot be read are skipped and said. */
export function flipFlops(
  libraries: readonly LibertyLibrary[],
  kind: FlipFlopKind,
  warnings: Set<string>,
): FlipFlopCandidate[] {
  return libraries.flatMap((library) =>
    groupsNamed(library.group.groups, "cell").flatMap(
      (cell) => readable(cell, warnings, () => flipFlopOf(library, cell, kind)) ?? [],
    ),
  );
}

function flipFlopOf(library: LibertyLibrary, cell: LibertyGroup, kind: FlipFlopKind): FlipFlopCandidate[] {
  const ff = cell.groups.find((g) => g.name === "ff");
  if (!ff || !isLogic(cell)) return [];
  const clockName = ff.attributes.get("clocked_on")?.replaceAll(/[()\s]/g, "") ?? "";
  const inputs = pinsOf(cell, "input");
  const clock = inputs.find((pin) => pin.args[0] === clockName);
  const next = ff.attributes.get("next_state");
  const outputs = pinsOf(cell, "output");
  if (!clock || next === undefined || outputs.length === 0) return [];
  const state = [ff.args[0] ?? "IQ", ff.args[1] ?? "IQN"] as const;
  const asyncTexts = ["clear", "preset"].flatMap((name) => ff.attributes.get(name) ?? []);
  const isAsync = (pin: LibertyGroup): boolean =>
    asyncTexts.some((text) => new RegExp(`\\b${pin.args[0]}\\b`).test(text));
  const data = inputs.filter((pin) => pin !== clock && !isAsync(pin));
  const idle = idleValues(
    asyncTexts,
    inputs.filter(isAsync).map((pin) => pin.args[0] ?? ""),
  );
  const names = data.map((pin) => pin.args[0] ?? "");
  if (idle === undefined || names.some((name) => !new RegExp(`\\b${name}\\b`).test(next))) return [];
  if (kindOf(next, names, state[0]) !== kind) return [];
  const inputZero = new Map([...names.map((name) => [name, false] as const), [state[0], false] as const]);
  const storesOpposite = kind !== "syncReset" && kind !== "enable" && evaluateFunction(next, inputZero);
  const marked = outputs.map((pin): Output => {
    const text = pin.attributes.get("function")?.replaceAll(/[()\s"]/g, "") ?? state[0];
    return { pin, function: 0, inverted: (text === state[0]) === storesOpposite };
  });
  return [
    {
      library,
      cell,
      name: cell.args[0] ?? "",
      areaUm2: Number(cell.attributes.get("area")),
      inputs: data,
      outputs: marked,
      clock,
      next,
      state,
      idle,
      asynchronous: asyncTexts.length > 0,
      forbidden: cell.attributes.get("dont_use") === "true",
    },
  ];
}

/** Prefer those that the library allows, then synchronous ones, then the least area with the inverter that an inverted output needs. */
export function pickFlipFlop(
  found: readonly FlipFlopCandidate[],
  inverterUm2: number,
): FlipFlopCandidate | undefined {
  const areaUm2 = (c: FlipFlopCandidate): number =>
    c.areaUm2 + (c.outputs.every((o) => o.inverted) ? inverterUm2 : 0);
  return [...found].sort(
    (a, b) =>
      Number(a.forbidden) - Number(b.forbidden) ||
      Number(a.asynchronous) - Number(b.asynchronous) ||
      areaUm2(a) - areaUm2(b) ||
      (a.name < b.name ? -1 : 1),
  )[0];
}

/** States of the pins with the clock at a level, one for each assignment of the data pins and the state. */
function statesOf(
  { inputs, outputs, clock, next, state, idle }: FlipFlopCandidate,
  clockLevel: boolean,
): { readonly values: PinValues; readonly quiet: boolean }[] {
  const free = [...inputs.map((pin) => pin.args[0] ?? ""), state[0]];
  return Array.from({ length: 1 << free.length }, (_, i) => {
    const values = new Map<string, boolean>(idle);
    for (const [k, name] of free.entries()) values.set(name, ((i >> k) & 1) === 1);
    values.set(state[1], !values.get(state[0]));
    const quiet = evaluateFunction(next, values) === values.get(state[0]);
    values.set(clock.args[0] ?? "", clockLevel);
    for (const { pin } of outputs) {
      values.set(pin.args[0] ?? "", evaluateFunction(pin.attributes.get("function") ?? state[0], values));
    }
    return { values, quiet };
  });
}

/**
 * Read a flip-flop's figures at a point.
 *
 * - clock energy: both edges in the states where the next value is the stored one, and the charge of the clock pin
 * - energy of a toggle: what a cycle that changes the output costs more than a quiet one, after Liberty's rule that the power of
 *   the clock pin in its state and the power of the output add up (a library that leaves the clock edge's power out of the pin in
 *   changing states has it in the output's)
 * - data energy: a transition of a data pin, mean over states
 */
export function measureFlipFlop(
  candidate: FlipFlopCandidate,
  point: Point,
  warnings: Set<string>,
): TechnologyFlipFlop {
  const { library, clock } = candidate;
  const pj = (pin: LibertyGroup, state: PinValues | undefined, edges: readonly ("rise" | "fall")[]) =>
    internalPj(candidate, pin, point, { edges, state });
  if (pj(clock, undefined, ["rise"]) === undefined)
    warnings.add(`${candidate.name} has no clock power: only its pin charge counts`);
  const low = statesOf(candidate, false);
  const high = statesOf(candidate, true);
  const meanPj = (states: typeof low, edge: "rise" | "fall", quiet: boolean): number =>
    mean(states.filter((s) => s.quiet === quiet).map(({ values }) => pj(clock, values, [edge]) ?? 0));
  const quietRisePj = meanPj(low, "rise", true);
  const quietPj = Math.max(0, quietRisePj + meanPj(high, "fall", true));
  const base = measure(candidate, point, warnings);
  const extraPj = meanPj(low, "rise", false) - quietRisePj;
  const internal = Math.max(0, base.internalEnergyPerTogglePj + extraPj);
  const dataPj = mean(
    candidate.inputs.map((pin) =>
      mean([...low, ...high].map(({ values }) => pj(pin, values, ["rise", "fall"]) ?? 0)),
    ),
  );
  return {
    ...base,
    internalEnergyPerTogglePj: internal,
    energyPerTogglePj: internal + base.energyPerTogglePj - base.internalEnergyPerTogglePj,
    setupPs: setupPs(library, candidate.inputs, point.slewPs),
    clockPinCapacitanceFf: capacitanceFf(library, clock),
    clockEnergyPerCyclePj: quietPj + capacitanceFf(library, clock) * library.units.supplyV ** 2 * 1e-3,
    dataEnergyPerTogglePj: Math.max(0, dataPj),
  };
}
