import { FixynnError } from "../../core/index.js";
import { HIGH, LOW, type MappedMemory, type MappedNet, type MappedPort } from "./mapped-netlist.js";
import { RIPPLE_CELL } from "./script.js";

/** One bit of a row of adders; `c` is `null` for a half adder. Outputs that nothing reads are `null`. */
export type DraftAdder = {
  readonly name: string;
  readonly a: MappedNet;
  readonly b: MappedNet;
  readonly c: MappedNet | null;
  readonly sum: MappedNet | null;
  readonly carry: MappedNet | null;
};

/** A rising-edge flip-flop without reset, with or without an enable. */
export type DraftFlipFlop = {
  readonly name: string;
  readonly clock: MappedNet;
  readonly d: MappedNet;
  readonly q: MappedNet;
  readonly enable: MappedNet | null;
};

/** A library cell that ABC chose. */
export type DraftGate = {
  readonly name: string;
  readonly cell: string;
  readonly pins: Readonly<Record<string, MappedNet>>;
};

/** An instance of another module of the layer. */
export type DraftChild = {
  readonly name: string;
  readonly module: string;
  readonly pins: Readonly<Record<string, readonly MappedNet[]>>;
};

/** A module as Yosys and ABC leave it: gates mapped, adders and flip-flops not yet. */
export type Draft = {
  readonly module: string;
  readonly netCount: number;
  readonly ports: readonly MappedPort[];
  readonly gates: readonly DraftGate[];
  readonly adders: readonly DraftAdder[];
  readonly flipFlops: readonly DraftFlipFlop[];
  readonly memories: readonly MappedMemory[];
  readonly children: readonly DraftChild[];
  readonly netNames: ReadonlyMap<MappedNet, string>;
};

type JsonBit = number | string;
type JsonCell = {
  readonly type: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly connections: Readonly<Record<string, readonly JsonBit[]>>;
};
type JsonModule = {
  readonly ports: Readonly<
    Record<string, { readonly direction: "input" | "output"; readonly bits: readonly JsonBit[] }>
  >;
  readonly cells: Readonly<Record<string, JsonCell>>;
  readonly netnames: Readonly<
    Record<string, { readonly hide_name: number; readonly bits: readonly JsonBit[] }>
  >;
};
type Json = { readonly modules: Readonly<Record<string, JsonModule | undefined>> };

const net = (bit: JsonBit): MappedNet =>
  typeof bit === "number" ? (bit as MappedNet) : bit === "1" ? HIGH : LOW;

const numberOf = (cell: JsonCell, name: string): number =>
  Number.parseInt((cell.parameters[name] ?? "0").replaceAll(/[xz]/g, "0"), 2);

/** Words of an initialized memory, least significant bit first. */
function wordsOf(cell: JsonCell, depth: number, width: number): readonly string[] {
  const bits = [...(cell.parameters["INIT"] ?? "")].reverse().join("").replaceAll(/[xz]/g, "0");
  return Array.from({ length: depth }, (_, i) => bits.slice(i * width, (i + 1) * width).padEnd(width, "0"));
}

/** Collects a module's cells, kind by kind. */
class DraftReader {
  readonly gates: DraftGate[] = [];
  readonly adders: DraftAdder[] = [];
  readonly flipFlops: DraftFlipFlop[] = [];
  readonly memories: MappedMemory[] = [];
  readonly children: DraftChild[] = [];
  netCount: number;

  constructor(
    private readonly module: string,
    private readonly isLibraryCell: (name: string) => boolean,
    private readonly isModule: (name: string) => boolean,
    netCount: number,
  ) {
    this.netCount = netCount;
  }

  #fail(cell: JsonCell, name: string, message: string): never {
    throw new FixynnError("FX7062", `${message}: ${cell.type}`, {
      place: `${this.module}.${name}`,
      hint: "one rising-edge clock, synchronous resets, simple memories",
    });
  }

  add(name: string, cell: JsonCell): void {
    const pins = (port: string): readonly MappedNet[] => (cell.connections[port] ?? []).map(net);
    const one = (port: string): MappedNet => pins(port)[0] ?? LOW;
    switch (cell.type) {
      case "fx_full_adders":
      case "fx_half_adders": {
        const [a, b, sum, carry] = [pins("a"), pins("b"), pins("sum"), pins("carry")];
        const c = cell.type === "fx_full_adders" ? pins("c") : null;
        for (const [i, x] of a.entries()) {
          const third = c === null ? null : c[i]!;
          const bit = { name: `${name}_${i}`, a: x, b: b[i]!, c: third };
          this.adders.push({ ...bit, sum: sum[i] ?? null, carry: carry[i] ?? null });
        }
        return;
      }
      case RIPPLE_CELL: {
        const [a, b, sum] = [pins("a"), pins("b"), pins("sum")];
        let carry = one("carry_in");
        for (const [i, x] of a.entries()) {
          const next = i + 1 < a.length ? (this.netCount++ as MappedNet) : null;
          this.adders.push({
            name: `${name}_${i}`,
            a: x,
            b: b[i]!,
            c: carry,
            sum: sum[i] ?? null,
            carry: next,
          });
          carry = next ?? LOW;
        }
        return;
      }
      case "$_DFF_P_":
      case "$_DFFE_PP_": {
        const enable = cell.type === "$_DFF_P_" ? null : one("E");
        this.flipFlops.push({ name, clock: one("C"), d: one("D"), q: one("Q"), enable });
        return;
      }
      case "fx_ram":
        this.memories.push({
          kind: "memory",
          type: "ram",
          name,
          depth: numberOf(cell, "DEPTH"),
          width: numberOf(cell, "WIDTH"),
          clock: one("clk"),
          writeEnable: one("write_enable"),
          writeAddress: pins("write_address"),
          writeData: pins("write_data"),
          readEnable: one("read_enable"),
          readAddress: pins("read_address"),
          readData: pins("read_data"),
        });
        return;
      case "$mem_v2":
        this.#rom(name, cell);
        return;
      default:
        break;
    }
    if (this.isLibraryCell(cell.type)) {
      const own = Object.entries(cell.connections).map(([pin, bits]) => [pin, net(bits[0]!)] as const);
      this.gates.push({ name, cell: cell.type, pins: Object.fromEntries(own) });
    } else if (this.isModule(cell.type)) {
      const own = Object.entries(cell.connections).map(([port, bits]) => [port, bits.map(net)] as const);
      this.children.push({ name, module: cell.type, pins: Object.fromEntries(own) });
    } else this.#fail(cell, name, "a cell that mapping left over");
  }

  #rom(name: string, cell: JsonCell): void {
    const [depth, width, address] = ["SIZE", "WIDTH", "ABITS"].map((key) => numberOf(cell, key));
    if (numberOf(cell, "WR_PORTS") > 0 || numberOf(cell, "OFFSET") !== 0)
      this.#fail(cell, name, "a memory that is neither a ROM nor a library memory");
    if ((cell.parameters["RD_CLK_ENABLE"] ?? "").includes("1"))
      this.#fail(cell, name, "a ROM with a clocked port");
    const contents = wordsOf(cell, depth!, width!);
    const addresses = (cell.connections["RD_ADDR"] ?? []).map(net);
    const data = (cell.connections["RD_DATA"] ?? []).map(net);
    for (let port = 0; port < numberOf(cell, "RD_PORTS"); port++) {
      this.memories.push({
        kind: "memory",
        type: "rom",
        name: port === 0 ? name : `${name}_${port}`,
        depth: depth!,
        width: width!,
        contents,
        readAddress: addresses.slice(port * address!, (port + 1) * address!),
        readData: data.slice(port * width!, (port + 1) * width!),
      });
    }
  }
}

/**
 * Read what {@link mappingScript} wrote for one module. Undefined bits read as 0.
 *
 * @throws FixynnError FX7062 for a cell that is neither of the library nor known to us, FX7063 when the text is no such JSON
 */
export function readDraft(
  text: string,
  module: string,
  {
    isLibraryCell,
    isModule,
  }: { readonly isLibraryCell: (name: string) => boolean; readonly isModule: (name: string) => boolean },
): Draft {
  let json: Json;
  try {
    json = JSON.parse(text) as Json;
  } catch (cause) {
    throw new FixynnError("FX7063", "Yosys wrote no JSON", { place: module, cause });
  }
  const own = json.modules?.[module];
  if (own === undefined) throw new FixynnError("FX7063", "Yosys wrote no such module", { place: module });
  let highest = 1;
  const see = (bits: readonly JsonBit[]): void => {
    for (const bit of bits) if (typeof bit === "number" && bit > highest) highest = bit;
  };
  for (const cell of Object.values(own.cells)) for (const bits of Object.values(cell.connections)) see(bits);
  for (const { bits } of Object.values(own.ports)) see(bits);
  for (const { bits } of Object.values(own.netnames)) see(bits);
  const reader = new DraftReader(module, isLibraryCell, isModule, highest + 1);
  for (const [name, cell] of Object.entries(own.cells)) {
    if (cell.type !== "$scopeinfo") reader.add(name, cell);
  }
  const netNames = new Map<MappedNet, string>();
  for (const [name, { hide_name, bits }] of Object.entries(own.netnames)) {
    if (hide_name !== 0) continue;
    for (const [i, bit] of bits.entries()) {
      const known = typeof bit === "number" ? netNames.get(bit as MappedNet) : "";
      // A name inside the module says more than a port's.
      if (
        known === undefined ||
        (known !== "" &&
          own.ports[name] === undefined &&
          own.ports[known.replace(/\[\d+\]$/, "")] !== undefined)
      )
        netNames.set(bit as MappedNet, bits.length === 1 ? name : `${name}[${i}]`);
    }
  }
  const { gates, adders, flipFlops, memories, children, netCount } = reader;
  const ports = Object.entries(own.ports).map(([name, { direction, bits }]) => ({
    name,
    direction,
    nets: bits.map(net),
  }));
  return { module, netCount, ports, gates, adders, flipFlops, memories, children, netNames };
}
