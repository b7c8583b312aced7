import { resolve } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { FixynnError, writeFileAtomic } from "../core/index.js";
import {
  crossCheck16Nm,
  deepFreeze,
  importTechnology,
  type MemoryShape,
  memoryCost,
  type Range,
  readTechnology,
  romCost,
  shippedTechnologies,
  type Technology,
  wireCapacitanceFf,
} from "../cost/index.js";
import { memoryWrapper } from "../hw/index.js";

const print = (lines: readonly string[]): void => {
  process.stdout.write(`${lines.join("\n")}\n`);
};

/** Four significant digits, without an exponent where it can be. */
const figure = (value: number): string => `${Number(value.toPrecision(4))}`;
const range = ({ low, nominal, high }: Range): string =>
  low === high ? figure(nominal) : `${figure(nominal)} (${figure(low)} to ${figure(high)})`;

/** Lay a table out in columns. */
function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, k) => Math.max(...rows.map((row) => row[k]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, k) => cell.padEnd(widths[k] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

function describe(table: Technology): string[] {
  const { cells, clockGate, wire, sram, operatingPoint, source } = table;
  return [
    `${table.name}: ${table.nodeNm} nm, ${table.supplyV} V`,
    `source: ${source.origin} (${source.licence}); ${source.files.map(({ name }) => name).join(" ")}`,
    `read at ${figure(operatingPoint.slewPs)} ps of slew and ${figure(operatingPoint.loadFf)} fF; a net: ${figure(operatingPoint.netFf)} fF`,
    "",
    ...columns([
      ["role", "cell", "µm²", "nW", "pJ a toggle", "ps"],
      ...Object.entries(cells).map(([role, cell]) => [
        role,
        cell.cell,
        figure(cell.areaUm2),
        figure(cell.leakageNw),
        figure(cell.energyPerTogglePj),
        figure(cell.delayPs),
      ]),
      [
        "clockGate",
        clockGate.cell,
        figure(clockGate.areaUm2),
        figure(clockGate.leakageNw),
        `${figure(clockGate.energyPerEnabledCyclePj)} a cycle, ${figure(clockGate.energyPerDisabledCyclePj)} stopped`,
        figure(clockGate.delayPs),
      ],
    ]),
    "",
    `wire, fF at fan-out 1, 4 and 16: ${[1, 4, 16].map((n) => range(wireCapacitanceFf(wire, n))).join("; ")}`,
    `  ${wire.source}`,
    `memory of 256 × 32 bits, two ports: ${range(sram.areaUm2PerBit)} µm² a bit, ${range(sram.energyPjPerAccessedBit)} pJ a bit`,
    `  ${sram.source}`,
    ...table.notes.map((note) => `note: ${note}`),
  ];
}

const nodeOf = (text: string): number => {
  const nodeNm = Number(text);
  if (!(nodeNm > 0)) throw new InvalidArgumentError("a number of nanometres is expected");
  return nodeNm;
};
const femtofaradOf = (text: string): number => {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError("a number of fF/µm is expected");
  return value;
};

type ImportFlags = {
  readonly name: string;
  readonly node: number;
  readonly licence: string;
  readonly source: string;
  readonly out: string;
  readonly wireCapacitance?: number;
  readonly wireSource?: string;
};

function importFiles(files: string[], flags: ImportFlags): void {
  const { name, node, licence, source, out, wireCapacitance, wireSource } = flags;
  if ((wireCapacitance === undefined) !== (wireSource === undefined)) {
    throw new FixynnError("FX7023", "a wire capacitance needs its source, and a source a capacitance", {
      place: "--wire-capacitance, --wire-source",
      hint: "give both, or neither to take the library's wire_load table at its word",
    });
  }
  const table = importTechnology(
    files.map((file) => resolve(file)),
    {
      name,
      nodeNm: node,
      licence,
      origin: source,
      wire:
        wireCapacitance === undefined || wireSource === undefined
          ? undefined
          : { capacitanceFfPerUm: wireCapacitance, source: wireSource },
    },
  );
  writeFileAtomic(resolve(out), `${JSON.stringify(table, null, 2)}\n`);
  print([
    `${out}: ${Object.keys(table.cells).length + 1} cells of ${table.name}`,
    ...table.notes.map((note) => `warning: ${note}`),
  ]);
}

/** Price memories of a size in each way. */
function describeMemory(size: string, flags: { readonly technology: string; readonly ports: string }): void {
  const match = size.match(/^(\d+)x(\d+)$/);
  const ports = flags.ports === "1" ? 1 : flags.ports === "2" ? 2 : undefined;
  if (!match || ports === undefined) {
    throw new FixynnError("FX7022", `not a size of a memory: ${size}, ${flags.ports} port(s)`, {
      hint: "words x bits, e.g. 256x32, with --ports 1 or 2",
    });
  }
  const technology = readTechnology(flags.technology);
  const shape: MemoryShape = { words: Number(match[1]), bits: Number(match[2]), ports };
  const costs = (["macros", "latches"] as const).map((form) => memoryCost(shape, technology, form));
  const rom = romCost(shape, technology);
  const chosen = memoryCost(shape, technology).form.kind;
  print([
    `${technology.name}, ${size}, ${ports} port(s); the smaller is ${chosen}`,
    ...columns([
      ["built as", "µm²", "pJ a read", "pJ a write", "nW", "ps"],
      ...costs.map((cost) => [
        cost.form.kind === "macros" ? `${cost.form.count} × ${cost.form.words}x${cost.form.bits}` : "latches",
        range(cost.areaUm2),
        range(cost.readPj),
        range(cost.writePj),
        range(cost.leakageNw),
        range(cost.accessPs),
      ]),
      ["ROM", range(rom.areaUm2), range(rom.readPj), "-", figure(rom.leakageNw), figure(rom.accessPs)],
    ]),
    ...costs.map((cost) => `source: ${cost.source}`),
  ]);
}

/** `fixynn tech`: technology tables. */
export function techCommand(): Command {
  const tech = new Command("tech").description("technology tables, memories and the 16 nm estimate");
  tech
    .command("list")
    .description("list the tables that ship with fixynn")
    .action(() => {
      const tables = shippedTechnologies().map(readTechnology);
      print(
        columns(
          tables.map(({ name, nodeNm, supplyV, source }) => [
            name,
            `${nodeNm} nm`,
            `${supplyV} V`,
            source.origin,
          ]),
        ),
      );
    });
  tech
    .command("show")
    .description("print a table: its cells, wires, memories and notes")
    .argument("<technology>", "name of a shipped table, or a JSON file")
    .action((name: string) => {
      print(describe(readTechnology(name)));
    });
  tech
    .command("memory")
    .description("price a memory as macros, latches and ROM")
    .argument("<size>", "words x bits, e.g. 256x32")
    .option("--technology <name>", "name of a shipped table, or a JSON file", "sky130hd")
    .option("--ports <number>", "1, or 2 to read and write in one cycle", "2")
    .action(describeMemory);
  tech
    .command("wrapper")
    .description("print an fx_ram.sv made of a two-port macro, to take in place of the emitted one")
    .argument("<macro>", "e.g. sky130_sram_1kbyte_1rw1r_32x256_8 or RM_IHPSG13_2P_64x32_c2")
    .option("-o, --out <file>", "file to write; default: standard output")
    .action((macro: string, { out }: { out?: string }) => {
      const text = memoryWrapper(macro);
      if (out === undefined) process.stdout.write(text);
      else {
        writeFileAtomic(resolve(out), text);
        print([`${out}: fx_ram out of ${macro}`]);
      }
    });
  tech
    .command("16nm")
    .description("compare the 16 nm estimate with DeepFreeze's coefficients")
    .option("--down <name>", "table of the older node", "sky130hd")
    .option("--up <name>", "table of the newer node", "asap7")
    .action((flags: { down: string; up: string }) => {
      const [down, up] = [readTechnology(flags.down), readTechnology(flags.up)];
      const rows = crossCheck16Nm(down, up, deepFreeze);
      print([
        ...columns([
          [
            "at 16 nm, 0.8 V",
            "unit",
            `from ${down.name}`,
            `from ${up.name}`,
            "estimate",
            "DeepFreeze",
            "ratio",
          ],
          ...rows.map((row) => [
            row.quantity,
            row.unit,
            range(row.from130Nm),
            range(row.from7Nm),
            range(row.estimate),
            figure(row.deepFreeze),
            row.ratio.toFixed(2),
          ]),
        ]),
        "scaling: Stillmaker and Baas 2017; nominal: geometric mean of the two; DeepFreeze: one figure for registers and memories",
      ]);
    });
  tech
    .command("import")
    .description("read Liberty files (several make one library) into a technology table")
    .argument("<file...>", ".lib or .lib.gz")
    .requiredOption("--name <name>", "name of the technology")
    .requiredOption("--node <nm>", "node, nanometres", nodeOf)
    .requiredOption("--licence <text>", "licence of the library")
    .requiredOption("--source <text>", "where the library comes from")
    .option("--wire-capacitance <fF/µm>", "capacitance of routed wire", femtofaradOf)
    .option("--wire-source <text>", "where that capacitance comes from")
    .requiredOption("-o, --out <file>", "table to write (JSON)")
    .action(importFiles);
  return tech;
}
