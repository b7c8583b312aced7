import { FixynnError } from "../core/index.js";

/** A two-port memory macro that `fx_ram` can be bound to. */
export type BoundMacro = {
  readonly name: string;
  readonly family: "openram" | "sg13g2";
  readonly words: number;
  readonly bits: number;
  /** OpenRAM: bits that one mask bit writes. SG13G2: whether the macro has a bit mask and BIST ports. */
  readonly writeBits: number;
  readonly bitMask: boolean;
};

/**
 * Read the size of a macro off its name: OpenRAM's `…_1rw1r_BITSxWORDS_WRITEBITS`, IHP's `RM_IHPSG13_2P_WORDSxBITS_cN[_bm_bist]`.
 *
 * @throws FixynnError FX3050 for another name, or a macro of one port
 */
export function boundMacro(name: string): BoundMacro {
  const openRam = name.match(/_1rw1r_(\d+)x(\d+)_(\d+)$/);
  if (openRam) {
    const [bits, words, writeBits] = [Number(openRam[1]), Number(openRam[2]), Number(openRam[3])];
    if (bits > 0 && words > 1 && writeBits > 0 && bits % writeBits === 0)
      return { name, family: "openram", words, bits, writeBits, bitMask: false };
  }
  const ihp = name.match(/^RM_IHPSG13_2P_(\d+)x(\d+)_c\d+(_bm_bist)?$/);
  if (ihp) {
    const [words, bits] = [Number(ihp[1]), Number(ihp[2])];
    if (bits > 0 && words > 1)
      return { name, family: "sg13g2", words, bits, writeBits: 1, bitMask: ihp[3] !== undefined };
  }
  throw new FixynnError("FX3050", `cannot bind fx_ram to a macro named ${JSON.stringify(name)}`, {
    hint: "two-port macros: sky130_sram_1kbyte_1rw1r_32x256_8 and the like, RM_IHPSG13_2P_1024x16_c2_bm_bist and the like",
  });
}

const openRamPins = ({ bits, writeBits }: BoundMacro): string[] => {
  const masks = bits / writeBits;
  return [
    ".clk0(clk)",
    ".csb0(!write_here)",
    ".web0(1'b0)",
    ...(masks > 1 || writeBits < bits ? [`.wmask0({${masks}{1'b1}})`] : [".wmask0(1'b1)"]),
    ".addr0(write_row)",
    `.din0(padded[w*${bits} +: ${bits}])`,
    ".dout0(unused_word)",
    ".clk1(clk)",
    ".csb1(!read_here)",
    ".addr1(read_row)",
    `.dout1(words[w*${bits} +: ${bits}])`,
  ];
};

const ihpPins = ({ words, bits, bitMask }: BoundMacro): string[] => {
  const address = Math.ceil(Math.log2(words));
  const port = (p: "A" | "B", writes: boolean): string[] => [
    `.${p}_CLK(clk)`,
    `.${p}_MEN(${writes ? "write_here" : "read_here"})`,
    `.${p}_WEN(${writes ? "write_here" : "1'b0"})`,
    `.${p}_REN(${writes ? "1'b0" : "read_here"})`,
    `.${p}_ADDR(${writes ? "write_row" : "read_row"})`,
    `.${p}_DIN(${writes ? `padded[w*${bits} +: ${bits}]` : `${bits}'b0`})`,
    `.${p}_DLY(1'b1)`,
    `.${p}_DOUT(${writes ? "unused_word" : `words[w*${bits} +: ${bits}]`})`,
    ...(bitMask
      ? [
          `.${p}_BM(${writes ? `{${bits}{1'b1}}` : `${bits}'b0`})`,
          `.${p}_BIST_CLK(1'b0)`,
          `.${p}_BIST_EN(1'b0)`,
          `.${p}_BIST_MEN(1'b0)`,
          `.${p}_BIST_WEN(1'b0)`,
          `.${p}_BIST_REN(1'b0)`,
          `.${p}_BIST_ADDR(${address}'b0)`,
          `.${p}_BIST_DIN(${bits}'b0)`,
          `.${p}_BIST_BM(${bits}'b0)`,
        ]
      : []),
  ];
  return [...port("A", true), ...port("B", false)];
};

/**
 * Print an `fx_ram.sv` that is made of one macro, for any WIDTH and DEPTH: macros side by side for width, stacked for depth. Take it in
 * place of the emitted file of that name; its contract is the same (docs/hw.md, Memories).
 *
 * What macros leave undefined is put in order: a write is kept a cycle in a register and reaches the macro in the next, so that a read of
 * the written word in the same cycle finds the old one; a read of the word that is still in the register takes it from there and
 * leaves the macro alone; the word read is kept until the next read, whatever the macro's output does in between.
 *
 * @throws FixynnError FX3050 for a name that tells no two-port macro
 */
export function memoryWrapper(name: string): string {
  const macro = boundMacro(name);
  const { words, bits } = macro;
  const address = Math.ceil(Math.log2(words));
  const pins = macro.family === "openram" ? openRamPins(macro) : ihpPins(macro);
  return `// fx_ram out of ${macro.name} (${words} words of ${bits} bits), for any width and depth.
// Contract: one clock; a read takes the word as it was before the edge and holds it until the next read; content unknown at first.
// The macro never reads the word that it writes in the same cycle.
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
  output wire [WIDTH-1:0] read_data
);
  localparam int ABREAST = (WIDTH + ${bits - 1}) / ${bits};
  localparam int STACKED = (DEPTH + ${words - 1}) / ${words};
  localparam int PADDED = ABREAST * ${bits};

  // The write of the cycle before, on its way to the macro.
  logic pending;
  logic [ADDRESS_WIDTH-1:0] pending_address;
  logic [WIDTH-1:0] pending_data;
  wire hit = pending && pending_address == read_address;
  wire fetch = read_enable && !hit;

  wire [ADDRESS_WIDTH+${address - 1}:0] write_wide = {${address}'b0, pending_address};
  wire [ADDRESS_WIDTH+${address - 1}:0] read_wide = {${address}'b0, read_address};
  wire [${address - 1}:0] write_row = write_wide[${address - 1}:0];
  wire [${address - 1}:0] read_row = read_wide[${address - 1}:0];
  wire [ADDRESS_WIDTH-1:0] write_bank = write_wide[ADDRESS_WIDTH+${address - 1}:${address}];
  wire [ADDRESS_WIDTH-1:0] fetch_bank = read_wide[ADDRESS_WIDTH+${address - 1}:${address}];
  wire [PADDED:0] padded = {{(PADDED+1-WIDTH){1'b0}}, pending_data};

  // The word read: from the macro in the cycle after its fetch, else held.
  logic fresh;
  logic [ADDRESS_WIDTH-1:0] read_bank;
  logic [WIDTH-1:0] held;
  wire [PADDED:0] fetched;
  assign read_data = fresh ? fetched[WIDTH-1:0] : held;
  wire unused = ^{padded[PADDED], fetched[PADDED:WIDTH]};

  always_ff @(posedge clk) begin
    pending <= write_enable;
    if (write_enable) begin
      pending_address <= write_address;
      pending_data <= write_data;
    end
    fresh <= fetch;
    if (fetch) read_bank <= fetch_bank;
    if (read_enable && hit) held <= pending_data;
    else if (fresh && !fetch) held <= fetched[WIDTH-1:0];
  end

  for (genvar b = 0; b < STACKED; b++) begin : g_bank
    wire [31:0] write_number = {{(32-ADDRESS_WIDTH){1'b0}}, write_bank};
    wire [31:0] fetch_number = {{(32-ADDRESS_WIDTH){1'b0}}, fetch_bank};
    wire [31:0] read_number = {{(32-ADDRESS_WIDTH){1'b0}}, read_bank};
    wire write_here = pending && write_number == b;
    wire read_here = fetch && fetch_number == b;
    wire [PADDED-1:0] words;
    wire [PADDED-1:0] sum;
    for (genvar w = 0; w < ABREAST; w++) begin : g_word
      wire [${bits - 1}:0] unused_word;
      ${macro.name} macro (
${pins.map((pin) => `        ${pin}`).join(",\n")}
      );
    end
    if (b == 0) begin : g_first
      assign sum = read_number == b ? words : '0;
    end else begin : g_next
      assign sum = g_bank[b-1].sum | (read_number == b ? words : '0);
    end
  end
  assign fetched = {1'b0, g_bank[STACKED-1].sum};
endmodule
`;
}
