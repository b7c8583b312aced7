import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { packageRoot } from "../src/core/index.js";
import { type ExportedNumber, exportedNumbers } from "./helpers/exported-numbers.js";
import { isBare } from "./helpers/units.js";

/** Owners and names that the rule takes for a quantity without a unit, and what they are. */
const exceptions: readonly (readonly [RegExp, string])[] = [
  [/^OPERATIONS OPERATIONS\.load$/, "an instruction, no capacitance"],
  [/\.(?:laneLoads|parameterLoads|loadWords)$/, "events that are counted, no capacitance"],
  [/\.loadFifo\./, "accesses of a memory for loads"],
  [/^(?:AreaParts|EnergyParts)\b/, "parts: their unit is in the name that holds them (areaUm2, energyPj)"],
  [/^StackRow parts\./, "what a figure stacks: area or energy, in the unit of its title"],
  [/^\w+ (?:finiteSlopes|splitSlopeRange|slopeRange)$/, "slopes of lines over integers"],
  [/^\w+ roundingDivideByPowerOfTwo$/, "a power of two"],
  [/^HoldOut holdOut\.|^HoldOut HoldOut\./, "images held out of training"],
  [
    /^(?:DropoutNode|NodeSpec|TrainingProgram|(?:add|inferShape|drawMask)\(\)) rate$/,
    "share of values dropped",
  ],
];

const labelOf = ({ owner, names }: ExportedNumber): string => `${owner} ${names.join(".")}`;

const bareOf = (numbers: readonly ExportedNumber[]): readonly string[] => [
  ...new Set(numbers.filter(({ names }) => isBare(names)).map((one) => `${one.room}: ${labelOf(one)}`)),
];

const source = join(packageRoot, "src");
const configFile = join(packageRoot, "tsconfig.json");

test("the rule tells names with a unit from bare ones", () => {
  const bare = [
    "area",
    "readEnergy",
    "delays",
    "clockRate",
    "SUPPLY",
    "energyPerFrame",
    "maxArea",
    "frameRate",
  ];
  expect(bare.filter((name) => !isBare([name]))).toEqual([]);
  const withUnit = ["areaUm2", "readPj", "delayPs", "clockMhz", "CLOCK_SLEW_PS", "energyPjPerAccessedBit"];
  const pure = ["areaSpread", "delayFactors", "logicToggleRate", "learningRateAt", "length", "images"];
  expect([...withUnit, "areaUm2Of", "dramGbPerSecond", ...pure].filter((name) => isBare([name]))).toEqual([]);
  expect(isBare(["energyPj", "clock"])).toBe(false);
  expect(isBare(["energy", "datapath"])).toBe(true);
});

test("numbers are found wherever a room shows them", () => {
  const folder = mkdtempSync(join(tmpdir(), "fixynn-units-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const room = join(folder, "room");
  mkdirSync(room);
  // A schema as zod's types have it, without zod: the fixture is outside the package.
  const files = {
    "package.json": `{ "type": "module" }`,
    "schema.d.ts": `export type Schema<T> = { readonly _zod: object; readonly _input: T; readonly _output: T };`,
    "room/hidden.ts": `export type Hidden = { readonly latency: readonly number[] };`,
    "room/index.ts": `
import type { Schema } from "../schema.js";
import type { Hidden } from "./hidden.js";
export type Design = {
  readonly area: number;
  readonly areaMm2: number;
  readonly energy: { readonly low: number; readonly high: number } | undefined;
  readonly power: Readonly<Record<string, number>>;
  readonly energyPj: { readonly clock: number; readonly leakage: number };
  readonly hidden: Hidden;
  readonly periods: readonly number[];
  readonly slewOf: (load: number) => number;
};
type Parsed = { readonly supply: number; readonly inner: { readonly delay?: number | null } };
export declare const designSchema: Schema<Parsed>;
export function frequencyOf(design: Design, options: { readonly voltage: number }): number {
  return design.areaMm2 * options.voltage;
}
export const leakageOf = async (timeout: number): Promise<number> => timeout;
export const LATENCY = 3;
export class Clock {
  #duration = 1;
  setup = 2;
  wait(pause: number): void {
    this.#duration += pause;
  }
}
`,
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const numbers = exportedNumbers([room], { source: room, configFile });
  expect(bareOf(numbers).toSorted()).toEqual(
    [
      "Clock setup",
      "Design area",
      "Design energy",
      "Design periods",
      "Design power",
      "Design slewOf",
      "Hidden hidden.latency",
      "LATENCY LATENCY",
      "Parsed inner.delay",
      "Parsed supply",
      "frequencyOf frequencyOf",
      "frequencyOf() options.voltage",
      "leakageOf leakageOf",
      "leakageOf() timeout",
      "slewOf() load",
      "wait() pause",
    ].map((label) => `room: ${label}`),
  );
});

test("no physical quantity crosses a room without its unit in its name", () => {
  const rooms = readdirSync(source)
    .map((name) => join(source, name))
    .filter((folder) => existsSync(join(folder, "index.ts")));
  expect(rooms.length).toBeGreaterThan(14);
  const numbers = exportedNumbers(rooms, { source, configFile });
  expect(numbers.length).toBeGreaterThan(5000);
  const excepted = (number: ExportedNumber): boolean =>
    exceptions.some(([pattern]) => pattern.test(labelOf(number)));
  expect(bareOf(numbers.filter((one) => !excepted(one)))).toEqual([]);
  const bare = numbers.filter(({ names }) => isBare(names)).map(labelOf);
  expect(exceptions.filter(([pattern]) => !bare.some((label) => pattern.test(label)))).toEqual([]);
});
