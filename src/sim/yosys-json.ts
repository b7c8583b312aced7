import { FixynnError, invariant } from "../core/index.js";
import { SimModuleBuilder } from "./build.js";
import { type Bit, ONE, type SimModule, ZERO } from "./ir.js";
import {
  addMemory,
  addRegister,
  combinationalCells,
  pin,
  registerCells,
  type YosysCell,
} from "./yosys-cells.js";

type JsonBit = number | string;
type JsonCell = {
  readonly type: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly port_directions?: Readonly<Record<string, "input" | "output">>;
  readonly connections: Readonly<Record<string, readonly JsonBit[]>>;
};
type JsonModule = {
  readonly attributes: Readonly<Record<string, string>>;
  readonly ports: Readonly<
    Record<string, { readonly direction: "input" | "output"; readonly bits: readonly JsonBit[] }>
  >;
  readonly cells: Readonly<Record<string, JsonCell>>;
  readonly netnames: Readonly<
    Record<string, { readonly hide_name: number; readonly bits: readonly JsonBit[] }>
  >;
};
/** What `write_json` of Yosys 0.23 … 0.55 writes, as far as it is used. */
export type YosysJson = { readonly modules: Readonly<Record<string, JsonModule>> };

/** Adder cells kept as primitives: module name → gate kind and pins. */
const adderCells = new Map([
  ["fx_full_adders", { kind: "fullAdder", inputs: ["a", "b", "c"] }],
  ["fx_half_adders", { kind: "halfAdder", inputs: ["a", "b"] }],
] as const);
/** Library modules that the simulator knows as one gate a bit, proven equal by reading their own text. */
export const primitiveModules: ReadonlySet<string> = new Set(adderCells.keys());

const ignoredCells = new Set(["$scopeinfo"]);

/**
 * Turn the modules of Yosys' JSON into {@link SimModule}s; black boxes are left out. Undefined bits (`x`, `z`) read as 0.
 *
 * @throws FixynnError FX6001 listing every cell that cannot be simulated
 */
export function fromYosysJson(json: YosysJson): SimModule[] {
  const problems: string[] = [];
  const modules: SimModule[] = [];
  for (const [name, module] of Object.entries(json.modules)) {
    if (/1$/.test(module.attributes["blackbox"] ?? "0")) continue;
    modules.push(readModule(name, module, json, problems));
  }
  if (problems.length > 0) {
    throw new FixynnError("FX6001", `cannot simulate ${[...new Set(problems)].join("; ")}`, {
      hint: "one rising-edge clock, synchronous resets and no latches",
    });
  }
  return modules;
}

function readModule(name: string, module: JsonModule, json: YosysJson, problems: string[]): SimModule {
  const b = new SimModuleBuilder(name);
  const numbers = new Map<number, Bit>();
  const bitOf = (bit: JsonBit): Bit => {
    if (typeof bit === "string") return bit === "1" ? ONE : ZERO;
    let known = numbers.get(bit);
    if (known === undefined) {
      known = b.bit();
      numbers.set(bit, known);
    }
    return known;
  };
  const clocks = new Set<Bit>();
  for (const [port, { direction, bits }] of Object.entries(module.ports)) {
    b.port({ name: port, direction, bits: bits.map(bitOf) });
  }
  for (const [cellName, cell] of Object.entries(module.cells)) {
    if (ignoredCells.has(cell.type)) continue;
    const pins = Object.fromEntries(
      Object.entries(cell.connections).map(([key, bits]) => [key, bits.map(bitOf)] as const),
    );
    const complaint = addCell(
      b,
      { name: cellName, type: cell.type, parameters: cell.parameters, pins },
      json,
      clocks,
    );
    if (complaint !== null) problems.push(`${complaint} (${name}.${cellName})`);
  }
  if (clocks.size > 1) problems.push(`${clocks.size} clocks (${name})`);
  const [clock] = clocks;
  if (clock !== undefined) b.clock(clock);
  for (const [net, { hide_name, bits }] of Object.entries(module.netnames)) {
    if (hide_name === 0 && module.ports[net] === undefined) b.net({ name: net, bits: bits.map(bitOf) });
  }
  return b.build();
}

function addCell(b: SimModuleBuilder, cell: YosysCell, json: YosysJson, clocks: Set<Bit>): string | null {
  const handler = combinationalCells.get(cell.type);
  if (handler !== undefined) {
    b.connectWord(pin(cell, "Y"), handler(b, cell));
    return null;
  }
  if (registerCells.has(cell.type)) {
    const clock = addRegister(b, cell);
    if (typeof clock === "string") return clock;
    clocks.add(clock);
    return null;
  }
  if (cell.type === "$mem_v2") {
    const used = addMemory(b, cell);
    if (typeof used === "string") return used;
    for (const clock of used) clocks.add(clock);
    return null;
  }
  const adder = adderCells.get(cell.type as "fx_full_adders");
  if (adder !== undefined) {
    const sum = pin(cell, "sum");
    const carry = pin(cell, "carry");
    const inputs = adder.inputs.map((name) => pin(cell, name));
    const n = Math.max(sum.length, carry.length);
    if (inputs.some((word) => word.length !== n)) return `${cell.type} whose connections differ in width`;
    for (let i = 0; i < n; i++) {
      b.gate(
        adder.kind,
        [sum[i] ?? b.bit(), carry[i] ?? b.bit()],
        inputs.map((word) => word[i]!),
      );
    }
    return null;
  }
  const target = json.modules[cell.type];
  if (target === undefined) return `cell type ${cell.type}`;
  const pins = (direction: "input" | "output") =>
    Object.entries(target.ports).flatMap(([port, { direction: d, bits }]) => {
      const connected = cell.pins[port];
      if (d !== direction) return [];
      if (connected === undefined || connected.length === 0) {
        return direction === "input" ? [{ port, bits: bits.map(() => ZERO) }] : [];
      }
      invariant(connected.length === bits.length, `${cell.name}.${port} is connected in part`);
      return [{ port, bits: connected }];
    });
  b.instance({ name: cell.name, module: cell.type, inputs: pins("input"), outputs: pins("output") });
  return null;
}
