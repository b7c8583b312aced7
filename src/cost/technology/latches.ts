import { mean } from "../../core/index.js";
import { evaluateFunction } from "../boolean-function.js";
import type { LibertyGroup } from "../liberty.js";
import type { TechnologyCell, TechnologyLatch } from "../technology.js";
import type { Candidate } from "./candidates.js";
import { groupsNamed, type LibertyLibrary, pinsOf, readable, usable } from "./liberty-library.js";
import { capacitanceFf, internalPj, measure, type PinValues, type Point, setupPs } from "./measure.js";

/** A latch of the library without clear or preset, with one data and one enable pin and a true output. */
export type LatchCandidate = Candidate & {
  readonly data: LibertyGroup;
  readonly enable: LibertyGroup;
  /** Level of the enable pin at which the latch is open. */
  readonly openAt: boolean;
  readonly state: readonly [string, string];
};

/** Find the plain latches of the libraries. */
export function latches(libraries: readonly LibertyLibrary[], warnings: Set<string>): LatchCandidate[] {
  return libraries.flatMap((library) =>
    groupsNamed(library.group.groups, "cell").flatMap(
      (cell) => readable(cell, warnings, () => latchOf(library, cell)) ?? [],
    ),
  );
}

function latchOf(library: LibertyLibrary, cell: LibertyGroup): LatchCandidate[] {
  const latch = cell.groups.find((g) => g.name === "latch");
  if (!latch || !usable(cell)) return [];
  const state = [latch.args[0] ?? "IQ", latch.args[1] ?? "IQN"] as const;
  const inputs = pinsOf(cell, "input");
  const outputs = pinsOf(cell, "output");
  const dataName = latch.attributes.get("data_in")?.replaceAll(/[()\s]/g, "");
  const data = inputs.find((pin) => pin.args[0] === dataName);
  const enable = inputs.find((pin) => pin !== data);
  const text = latch.attributes.get("enable");
  const isTrue = (pin: LibertyGroup): boolean =>
    pin.attributes.get("function")?.replaceAll(/[()\s]/g, "") === state[0];
  const out = outputs.find(isTrue);
  if (inputs.length !== 2 || !data || !enable || !out || outputs.length > 1 || text === undefined) return [];
  const name = enable.args[0] ?? "";
  return [
    {
      library,
      cell,
      name: cell.args[0] ?? "",
      areaUm2: Number(cell.attributes.get("area")),
      inputs: [data],
      outputs: [{ pin: out, function: 0, inverted: false }],
      data,
      enable,
      openAt: evaluateFunction(text, new Map([[name, true]])),
      state,
    },
  ];
}

/** Take the smallest latch that is open at a level; either, when none is asked for. */
export const pickLatch = (found: readonly LatchCandidate[], openAt?: boolean): LatchCandidate | undefined =>
  [...found]
    .filter((latch) => openAt === undefined || latch.openAt === openAt)
    .sort((a, b) => a.areaUm2 - b.areaUm2 || (a.name < b.name ? -1 : 1))[0];

/** Read a latch's figures: enable energy is a pulse of the enable pin with quiet data, its charge included. */
export function measureLatch(
  candidate: LatchCandidate,
  point: Point,
  warnings: Set<string>,
): TechnologyLatch {
  const { library, enable, data, state } = candidate;
  const enableName = enable.args[0] ?? "";
  const stateAt = (value: boolean, level: boolean): PinValues =>
    new Map([
      [data.args[0] ?? "", value],
      [state[0], value],
      [state[1], !value],
      [candidate.outputs[0]?.pin.args[0] ?? "", value],
      [enableName, level],
    ]);
  const edgePj = (edge: "rise" | "fall"): number =>
    mean(
      [false, true].map(
        (value) =>
          internalPj(candidate, enable, point, { edges: [edge], state: stateAt(value, edge === "fall") }) ??
          0,
      ),
    );
  const chargePj = capacitanceFf(library, enable) * library.units.supplyV ** 2 * 1e-3;
  return {
    ...measure(candidate, point, warnings),
    setupPs: setupPs(library, [data], point.slewPs),
    enablePinCapacitanceFf: capacitanceFf(library, enable),
    enableEnergyPerPulsePj: Math.max(0, edgePj("rise") + edgePj("fall")) + chargePj,
  };
}

/** Make a latch of a multiplexer whose output is fed back; its select pin is the enable, and a pulse costs two internal transitions. */
export const muxLatch = (mux2: TechnologyCell, supplyV: number): TechnologyLatch => ({
  ...mux2,
  composed: true,
  setupPs: mux2.delayPs,
  enablePinCapacitanceFf: mux2.inputCapacitanceFf,
  enableEnergyPerPulsePj:
    2 * Math.max(0, mux2.internalEnergyPerTogglePj) + mux2.inputCapacitanceFf * supplyV ** 2 * 1e-3,
});
