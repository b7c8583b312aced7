import { assertNever, invariant } from "../core/index.js";
import {
  type Cell,
  cellInputs,
  cellOutputs,
  type InstanceCell,
  type Module,
  type NetId,
  type RegisterCell,
  type RomCell,
  type Signal,
  type Slice,
  signalWidth,
} from "./netlist.js";

const LINE = 110;

/** Wrap words to lines of at most {@link LINE} characters. */
function wrap(first: string, words: readonly string[], separator: string, indent: string): string {
  const lines: string[] = [];
  let line = first;
  for (const [i, word] of words.entries()) {
    const text = i + 1 < words.length ? word + separator : word;
    if (line.length + text.length + 1 > LINE && line.trim() !== "") {
      lines.push(line);
      line = indent + text;
    } else line += line === indent || line === first ? text : ` ${text}`;
  }
  lines.push(line);
  return lines.join("\n");
}

const comment = (indent: string, text: string): string =>
  wrap(`${indent}// `, text.split(" "), "", `${indent}// `);

function literalText(bits: string): string {
  if (bits.length <= 4) return `${bits.length}'b${bits}`;
  if (bits.length > 8 && /^(0+|1+)$/.test(bits)) return `{${bits.length}{1'b${bits[0]}}}`;
  return `${bits.length}'h${BigInt(`0b${bits}`).toString(16)}`;
}

/** A literal as slices of at most 128 bits, least significant first, so that lines can be broken between them. */
const literalSignal = (bits: string): Signal =>
  Array.from({ length: Math.ceil(bits.length / 128) }, (_, i) => ({
    kind: "constant",
    bits: bits.slice(Math.max(0, bits.length - 128 * (i + 1)), bits.length - 128 * i),
  }));

/** Prints one module; the text depends on nothing but the module. */
class Printer {
  readonly #module: Module;
  readonly #out: string[] = [];
  readonly #modules: ReadonlyMap<string, Module>;
  readonly #readBits: (Uint8Array | undefined)[];

  constructor(module: Module, modules: ReadonlyMap<string, Module>) {
    this.#module = module;
    this.#modules = modules;
    this.#readBits = module.nets.map(() => undefined);
  }

  #name(net: NetId): string {
    return this.#module.nets[net]!.name;
  }

  #slice(slice: Slice): string {
    if (slice.kind === "constant") return literalText(slice.bits);
    const { name, width } = this.#module.nets[slice.net]!;
    if (slice.low === 0 && slice.width === width) return name;
    return slice.width === 1
      ? `${name}[${slice.low}]`
      : `${name}[${slice.low + slice.width - 1}:${slice.low}]`;
  }

  /** Print a signal after `first`, wrapped, then `last`. */
  #expression(first: string, signal: Signal, last: string, indent: string): string {
    const parts = [...signal].reverse().map((slice) => this.#slice(slice));
    if (parts.length === 1) return `${first}${parts[0]}${last}`;
    return wrap(`${first}{`, [...parts.slice(0, -1), `${parts.at(-1)}}${last}`], ",", `${indent}  `);
  }

  /** A signal as words that a line may be broken between. */
  #words(signal: Signal): string[] {
    const parts = [...signal].reverse().map((slice) => this.#slice(slice));
    if (parts.length === 1) return parts;
    return parts.map((part, i) => `${i === 0 ? "{" : ""}${part}${i + 1 < parts.length ? "," : "}"}`);
  }

  #text(signal: Signal): string {
    return this.#words(signal).join(" ");
  }

  #doc(text: string | undefined, indent = "  "): void {
    if (text !== undefined) this.#out.push(comment(indent, text));
  }

  #markReads(): void {
    const mark = (net: NetId, low: number, width: number): void => {
      let bits = this.#readBits[net];
      if (bits === undefined) {
        bits = new Uint8Array(this.#module.nets[net]!.width);
        this.#readBits[net] = bits;
      }
      bits.fill(1, low, low + width);
    };
    for (const cell of this.#module.cells) {
      for (const { signal } of cellInputs(cell)) {
        for (const slice of signal) if (slice.kind === "net") mark(slice.net, slice.low, slice.width);
      }
    }
    for (const port of this.#module.ports) {
      if (port.direction === "output") mark(port.net, 0, this.#module.nets[port.net]!.width);
    }
    const isClocked = this.#module.cells.some(
      (cell) =>
        cell.kind === "register" ||
        cell.kind === "ram" ||
        cell.kind === "rom" ||
        (cell.kind === "instance" && (this.#modules.get(cell.module)?.clock ?? null) !== null),
    );
    if (this.#module.clock !== null && isClocked) mark(this.#module.clock, 0, 1);
  }

  #unused(): void {
    const parts: string[] = [];
    for (const { id, width } of this.#module.nets) {
      const bits = this.#readBits[id] ?? new Uint8Array(width);
      for (let low = 0; low < width; low++) {
        if (bits[low] === 1) continue;
        let end = low;
        while (end < width && bits[end] === 0) end++;
        parts.push(this.#slice({ kind: "net", net: id, low, width: end - low }));
        low = end;
      }
    }
    if (parts.length === 0) return;
    this.#out.push(
      "  // Bits that nothing needs: dropped by a shift, zeros of a constant, a clock without registers.",
    );
    this.#out.push(
      wrap("  wire unused = &{1'b0, ", [...parts.slice(0, -1), `${parts.at(-1)}};`], ",", "    "),
    );
  }

  #declare(net: NetId, keyword = "wire "): string {
    const { name, width } = this.#module.nets[net]!;
    return width === 1 ? `${keyword}${name}` : `${keyword}[${width - 1}:0] ${name}`;
  }

  #header(): void {
    const { doc, name, ports, nets } = this.#module;
    for (const line of doc) this.#out.push(comment("", line));
    this.#out.push(`module ${name} (`);
    const rows = ports.map((port, i) => {
      const { width, doc: note } = nets[port.net]!;
      const range = width === 1 ? "" : `[${width - 1}:0] `;
      const comma = i + 1 < ports.length ? "," : "";
      const about = note === undefined ? "" : ` // ${note}`;
      return `  ${port.direction === "input" ? "input " : "output"} wire ${range}${port.name}${comma}${about}`;
    });
    this.#out.push(...rows, ");");
  }

  #pins(instance: string, pins: readonly string[]): void {
    this.#out.push(`  ${instance} (`, `${pins.map((pin) => `    ${pin}`).join(",\n")}`, "  );");
  }

  #pin(port: string, signal: Signal): string {
    return this.#expression(`.${port}(`, signal, ")", "    ");
  }

  #instance(cell: InstanceCell): void {
    const target = this.#modules.get(cell.module);
    invariant(target !== undefined, `no module ${cell.module}`);
    const pins = target.ports.map((port) => {
      if (port.net === target.clock) return `.${port.name}(${this.#name(this.#module.clock!)})`;
      const input = cell.inputs.find((i) => i.port === port.name);
      if (input !== undefined) return this.#pin(port.name, input.signal);
      const output = cell.outputs.find((o) => o.port === port.name);
      return `.${port.name}(${output === undefined ? "" : this.#name(output.net)})`;
    });
    this.#pins(`${cell.module} ${cell.name}`, pins);
  }

  #adders(cell: Extract<Cell, { kind: "fullAdders" | "halfAdders" }>): void {
    const { width } = this.#module.nets[cell.sum]!;
    this.#out.push(`  ${this.#declare(cell.sum)};`, `  ${this.#declare(cell.carry)};`);
    const library = cell.kind === "fullAdders" ? "fx_full_adders" : "fx_half_adders";
    const pins = [this.#pin("a", cell.a), this.#pin("b", cell.b)];
    if (cell.kind === "fullAdders") pins.push(this.#pin("c", cell.c));
    pins.push(`.sum(${this.#name(cell.sum)})`, `.carry(${this.#name(cell.carry)})`);
    this.#pins(`${library} #(.N(${width})) ${cell.name}`, pins);
  }

  #assign(y: NetId, words: readonly string[]): void {
    const isPort = this.#module.ports.some((port) => port.net === y);
    const target = isPort ? `assign ${this.#name(y)}` : this.#declare(y);
    this.#out.push(`${wrap(`  ${target} = `, words, "", "    ")};`);
  }

  /** Operands with an operator between them. */
  #operation(operands: readonly (readonly string[])[], operator: string): string[] {
    return operands.flatMap((words, i) =>
      i + 1 < operands.length ? [...words.slice(0, -1), `${words.at(-1)} ${operator}`] : words,
    );
  }

  #cell(cell: Cell): void {
    this.#doc(cell.doc);
    switch (cell.kind) {
      case "fullAdders":
      case "halfAdders":
        this.#adders(cell);
        return;
      case "not": {
        const [first, ...rest] = this.#words(cell.a);
        this.#assign(cell.y, [`~${first}`, ...rest]);
        return;
      }
      case "and":
      case "or":
      case "xor": {
        const operands = cell.operands.map((operand) => this.#words(operand));
        this.#assign(cell.y, this.#operation(operands, { and: "&", or: "|", xor: "^" }[cell.kind]));
        return;
      }
      case "mux": {
        const choices = this.#operation([this.#words(cell.whenTrue), this.#words(cell.whenFalse)], ":");
        this.#assign(cell.y, this.#operation([this.#words(cell.select), choices], "?"));
        return;
      }
      case "add":
      case "sub": {
        if (cell.architecture !== undefined) {
          this.#out.push(`  ${this.#declare(cell.y)};`);
          const width = signalWidth(cell.a);
          this.#pins(`${adderModules[cell.architecture]} #(.N(${width})) u_${cell.name}`, [
            this.#pin("a", cell.a),
            this.#pin("b", cell.b),
            `.sum(${this.#name(cell.y)})`,
          ]);
          return;
        }
        const operands = [this.#words(cell.a), this.#words(cell.b)];
        this.#assign(cell.y, this.#operation(operands, cell.kind === "add" ? "+" : "-"));
        return;
      }
      case "equal":
        this.#assign(cell.y, this.#operation([this.#words(cell.a), this.#words(cell.b)], "=="));
        return;
      case "less": {
        const [a, b] = [cell.a, cell.b].map((s) =>
          cell.signed ? `$signed(${this.#text(s)})` : this.#text(s),
        );
        this.#assign(cell.y, [`${a} <`, b!]);
        return;
      }
      case "constant":
        this.#assign(cell.y, [literalText(cell.bits)]);
        return;
      case "assign":
        this.#assign(cell.y, this.#words(cell.a));
        return;
      case "instance":
        this.#instance(cell);
        return;
      case "ram": {
        const { width } = this.#module.nets[cell.readData]!;
        this.#out.push(`  ${this.#declare(cell.readData)};`);
        this.#pins(
          `fx_ram #(.WIDTH(${width}), .DEPTH(${cell.depth}), .ADDRESS_WIDTH(${this.#addressWidth(cell)})) ${cell.name}`,
          [
            `.clk(${this.#name(this.#module.clock!)})`,
            this.#pin("write_enable", cell.writeEnable),
            this.#pin("write_address", cell.writeAddress),
            this.#pin("write_data", cell.writeData),
            this.#pin("read_enable", cell.readEnable),
            this.#pin("read_address", cell.readAddress),
            `.read_data(${this.#name(cell.readData)})`,
          ],
        );
        return;
      }
      case "register":
      case "rom":
        return;
      default:
        assertNever(cell);
    }
  }

  #addressWidth(cell: Extract<Cell, { kind: "ram" }>): number {
    return cell.writeAddress.reduce((n, s) => n + (s.kind === "net" ? s.width : s.bits.length), 0);
  }

  /** Registers that share enable and reset share a block; register nets are declared up front. */
  #registers(registers: readonly RegisterCell[]): void {
    const groups = new Map<string, RegisterCell[]>();
    for (const cell of registers) {
      const reset = cell.resetN === null ? "" : this.#text(cell.resetN);
      const enable = cell.enable === null ? "" : this.#text(cell.enable);
      const key = `${reset}|${enable}`;
      groups.set(key, [...(groups.get(key) ?? []), cell]);
    }
    for (const group of groups.values()) {
      const { resetN, enable } = group[0]!;
      this.#out.push("", `  always_ff @(posedge ${this.#name(this.#module.clock!)}) begin`);
      const assign = (cell: RegisterCell, indent: string): string =>
        this.#expression(`${indent}${this.#name(cell.q)} <= `, cell.d, ";", indent);
      let indent = "    ";
      let close = "";
      if (resetN !== null) {
        this.#out.push(`    if (!${this.#text(resetN)}) begin`);
        for (const cell of group)
          this.#out.push(`      ${this.#name(cell.q)} <= ${literalText(cell.resetValue!)};`);
        this.#out.push(
          enable === null ? "    end else begin" : `    end else if (${this.#text(enable)}) begin`,
        );
        indent = "      ";
        close = "    end";
      } else if (enable !== null) {
        this.#out.push(`    if (${this.#text(enable)}) begin`);
        indent = "      ";
        close = "    end";
      }
      for (const cell of group) this.#out.push(assign(cell, indent));
      if (close !== "") this.#out.push(close);
      this.#out.push("  end");
    }
  }

  /**
   * A case statement over the address under the clock: every synthesis tool takes it, and Yosys (`proc_rom`) makes one memory of it,
   * a megabit in about a second; `initial` assignments to an array take it fifty times as long.
   */
  #rom(cell: RomCell): void {
    const { width } = this.#module.nets[cell.readData]!;
    const addressWidth = signalWidth(cell.readAddress);
    this.#out.push("");
    this.#doc(cell.doc);
    this.#out.push(`  always_ff @(posedge ${this.#name(this.#module.clock!)}) begin`);
    this.#out.push(`    if (${this.#text(cell.readEnable)}) begin`);
    this.#out.push(this.#expression("      case (", cell.readAddress, ")", "      "));
    for (const [i, word] of cell.contents.entries()) {
      const head = `        ${addressWidth}'d${i}: ${this.#name(cell.readData)} <= `;
      this.#out.push(this.#expression(head, literalSignal(word), ";", "        "));
    }
    this.#out.push(`        default: ${this.#name(cell.readData)} <= ${literalText("0".repeat(width))};`);
    this.#out.push("      endcase", "    end", "  end");
  }

  print(): string {
    this.#markReads();
    this.#header();
    const registers = this.#module.cells.filter((cell) => cell.kind === "register");
    for (const { q } of registers) {
      const note = this.#module.nets[q]!.doc;
      this.#out.push(`  ${this.#declare(q, "logic ")};${note === undefined ? "" : ` // ${note}`}`);
    }
    const roms = this.#module.cells.filter((cell) => cell.kind === "rom");
    for (const { readData } of roms) this.#out.push(`  ${this.#declare(readData, "logic ")};`);
    // Wires between instances come first: ready signals run against the data.
    for (const cell of this.#module.cells) {
      if (cell.kind === "instance")
        for (const { net } of cell.outputs) this.#out.push(`  ${this.#declare(net)};`);
    }
    if (this.#out.at(-1) !== ");") this.#out.push("");
    for (const cell of this.#order()) this.#cell(cell);
    this.#registers(registers);
    for (const cell of roms) this.#rom(cell);
    this.#unused();
    this.#out.push("endmodule", "");
    return this.#out.join("\n");
  }

  /** Cells so that every wire is declared before it is read: outputs of instances may feed earlier cells. */
  #order(): readonly Cell[] {
    const driver = new Map<NetId, Cell>();
    const cells = this.#module.cells.filter((cell) => cell.kind !== "register" && cell.kind !== "rom");
    for (const cell of cells) for (const { net } of cellOutputs(cell)) driver.set(net, cell);
    const done = new Set<Cell>();
    const order: Cell[] = [];
    const visit = (cell: Cell): void => {
      if (done.has(cell)) return;
      done.add(cell);
      for (const { signal } of cellInputs(cell)) {
        for (const slice of signal) {
          const from = slice.kind === "net" ? driver.get(slice.net) : undefined;
          if (from !== undefined) visit(from);
        }
      }
      order.push(cell);
    };
    for (const cell of cells) visit(cell);
    return order;
  }
}

/**
 * Print a module as SystemVerilog, lines at most about 120 columns, clean under `verilator --lint-only -Wall` and readable by Yosys
 * (`read_verilog -sv`). Adders and memories are instances of the library modules of {@link verilogLibrary}.
 *
 * @param modules all modules that this one instantiates, by name
 */
export function printVerilog(module: Module, modules: ReadonlyMap<string, Module>): string {
  return new Printer(module, modules).print();
}

/** Library modules of the faster adders. */
export const adderModules = { select: "fx_select_adder", prefix: "fx_prefix_adder" } as const;

/** The library modules, one a file: adder rows, faster adders, and the memory that stands for a macro. */
export const verilogLibrary: ReadonlyMap<string, string> = new Map([
  [
    "fx_full_adders.sv",
    `// N independent full adders: bit i of sum and carry depends on bit i of a, b and c alone.
// Replace the body to instantiate the full-adder cell of a library.
module fx_full_adders #(
  parameter int N = 1
) (
  input  wire [N-1:0] a,
  input  wire [N-1:0] b,
  input  wire [N-1:0] c,
  output wire [N-1:0] sum,
  output wire [N-1:0] carry
);
  assign sum = a ^ b ^ c;
  assign carry = (a & b) | (a & c) | (b & c);
endmodule
`,
  ],
  [
    "fx_half_adders.sv",
    `// N independent half adders.
// Replace the body to instantiate the half-adder cell of a library.
module fx_half_adders #(
  parameter int N = 1
) (
  input  wire [N-1:0] a,
  input  wire [N-1:0] b,
  output wire [N-1:0] sum,
  output wire [N-1:0] carry
);
  assign sum = a ^ b;
  assign carry = a & b;
endmodule
`,
  ],
  [
    "fx_select_adder.sv",
    `// Carry-select adder: blocks of 3, 4, 5, ... columns, all but the lowest for both carries that may come.
module fx_select_adder #(
  parameter int N = 4
) (
  input  wire [N-1:0] a,
  input  wire [N-1:0] b,
  output wire [N-1:0] sum
);
  for (genvar k = 0; 3 * k + k * (k - 1) / 2 < N; k++) begin : g_block
    localparam int LOW = 3 * k + k * (k - 1) / 2;
    localparam bit LAST = LOW + 3 + k >= N;
    localparam int WIDTH = LAST ? N - LOW : 3 + k;
    // With the carry out, but for the last block.
    localparam int TOTAL = LAST ? WIDTH : WIDTH + 1;
    wire [TOTAL-1:0] x = TOTAL'(a[LOW+:WIDTH]);
    wire [TOTAL-1:0] y = TOTAL'(b[LOW+:WIDTH]);
    wire [TOTAL-1:0] total;
    if (k == 0) begin : g_lowest
      assign total = x + y;
    end else begin : g_choice
      // A carry in, as a column below.
      wire [TOTAL:0] with_carry = {x, 1'b1} + {y, 1'b1};
      wire unused = with_carry[0];
      assign total = g_block[k-1].total[3 + k - 1] ? with_carry[TOTAL:1] : x + y;
    end
    assign sum[LOW+:WIDTH] = total[WIDTH-1:0];
  end
endmodule
`,
  ],
  [
    "fx_prefix_adder.sv",
    `// Parallel-prefix adder (Sklansky 1960): carries in ceil(log2 N) levels.
module fx_prefix_adder #(
  parameter int N = 4
) (
  input  wire [N-1:0] a,
  input  wire [N-1:0] b,
  output wire [N-1:0] sum
);
  localparam int LEVELS = $clog2(N);
  wire [N-1:0] half = a ^ b;
  for (genvar l = 0; l <= LEVELS; l++) begin : g_level
    wire [N-1:0] generates;
    wire [N-1:0] propagates;
    if (l == 0) begin : g_first
      assign generates = a & b;
      assign propagates = half;
    end else begin : g_next
      for (genvar i = 0; i < N; i++) begin : g_column
        if (((i >> (l - 1)) & 1) == 1) begin : g_join
          localparam int BELOW = ((i >> (l - 1)) << (l - 1)) - 1;
          assign generates[i] = g_level[l-1].generates[i] | (g_level[l-1].propagates[i] & g_level[l-1].generates[BELOW]);
          assign propagates[i] = g_level[l-1].propagates[i] & g_level[l-1].propagates[BELOW];
        end else begin : g_pass
          assign generates[i] = g_level[l-1].generates[i];
          assign propagates[i] = g_level[l-1].propagates[i];
        end
      end
    end
  end
  // The carry out, and what would join further columns below.
  wire unused = ^{g_level[LEVELS].generates[N-1], g_level[LEVELS].propagates};
  assign sum[0] = half[0];
  if (N > 1) begin : g_sum
    assign sum[N-1:1] = half[N-1:1] ^ g_level[LEVELS].generates[N-2:0];
  end
endmodule
`,
  ],
  [
    "fx_ram.sv",
    `// Simple dual-port memory, one clock, synchronous read of the word as it was before the edge.
// Replace the body with a memory macro; the wrapped network never needs the content after power-up.
module fx_ram #(
  parameter int WIDTH = 8,
  parameter int DEPTH = 2,
  parameter int ADDRESS_WIDTH = 1
) (
  input  wire clk,
  input  wire write_enable,
  input  wire [ADDRESS_WIDTH-1:0] write_address,
  input  wire [WIDTH-1:0] write_data,
  input  wire read_enable,
  input  wire [ADDRESS_WIDTH-1:0] read_address,
  output logic [WIDTH-1:0] read_data
);
  logic [WIDTH-1:0] words [DEPTH];
  always_ff @(posedge clk) begin
    if (write_enable) words[write_address] <= write_data;
    if (read_enable) read_data <= words[read_address];
  end
endmodule
`,
  ],
]);
