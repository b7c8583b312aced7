/** Names of the files that {@link mappingScript} reads and writes. */
export const mappingFiles = {
  verilog: "in.sv",
  adders: "adders.v",
  cells: "cells.lib",
  mapped: "out.json",
} as const;

/**
 * Carry-propagate adder that stays a cell: sum = a + b + carry_in, N bits. Our own code takes it apart after ABC, as it does with
 * `fx_full_adders` and `fx_half_adders`: as wide cells, adders cost Yosys next to nothing.
 */
export const RIPPLE_CELL = "fx_ripple_adder";

/** Interface of {@link RIPPLE_CELL}, for Yosys. */
export const rippleInterface = `(* blackbox *)
module ${RIPPLE_CELL} #(parameter N = 1) (
  input [N-1:0] a, input [N-1:0] b, input carry_in, output [N-1:0] sum
);
endmodule
`;

/** Technology map from additions and subtractions to {@link RIPPLE_CELL}. */
export const rippleMap = `(* techmap_celltype = "$add $sub" *)
module fx_map_sum (A, B, Y);
  parameter _TECHMAP_CELLTYPE_ = "";
  parameter A_SIGNED = 0;
  parameter B_SIGNED = 0;
  parameter A_WIDTH = 1;
  parameter B_WIDTH = 1;
  parameter Y_WIDTH = 1;
  input [A_WIDTH-1:0] A;
  input [B_WIDTH-1:0] B;
  output [Y_WIDTH-1:0] Y;
  localparam SIGNED = A_SIGNED && B_SIGNED;
  localparam IS_SUB = _TECHMAP_CELLTYPE_ == "$sub";
  wire [Y_WIDTH+A_WIDTH-1:0] a = {{Y_WIDTH{SIGNED ? A[A_WIDTH-1] : 1'b0}}, A};
  wire [Y_WIDTH+B_WIDTH-1:0] b = {{Y_WIDTH{SIGNED ? B[B_WIDTH-1] : 1'b0}}, B};
  wire [Y_WIDTH-1:0] addend = IS_SUB ? ~b[Y_WIDTH-1:0] : b[Y_WIDTH-1:0];
  ${RIPPLE_CELL} #(.N(Y_WIDTH)) u_sum (.a(a[Y_WIDTH-1:0]), .b(addend), .carry_in(IS_SUB ? 1'b1 : 1'b0), .sum(Y));
endmodule
`;

/**
 * ABC script of the reference areas (`docs/hw.md`, `synthesisScript`): restructure, then map for area with a little weight on delay; its
 * default scripts can hang on wide sums.
 */
const ABC_SCRIPT = "+strash;dc2;dch;map,-B,0.9;topo";

/**
 * Yosys commands that map one module: logic to library cells by ABC; adders, memories and other modules stay black boxes, flip-flops
 * become `$_DFF_P_` and `$_DFFE_PP_` (resets are logic in front of them), ROMs stay memories in front of their registers.
 */
export function mappingScript(top: string): readonly string[] {
  const { verilog, adders, cells, mapped } = mappingFiles;
  const legalize = "dfflegalize -cell $_DFF_P_ x -cell $_DFFE_PP_ x";
  return [
    `read_verilog -sv ${verilog}`,
    `hierarchy -check -top ${top}`,
    "proc -noopt",
    "flatten",
    "opt_expr",
    "opt_clean",
    "opt_dff -simple-dffe",
    "opt_merge -share_all",
    "opt_clean",
    "memory_collect",
    `techmap -map ${adders}`,
    "opt_expr",
    "opt_clean",
    "techmap",
    "opt_expr",
    legalize,
    "opt_expr",
    "opt_merge -share_all",
    "opt_clean",
    // `opt_expr` takes an inverter in front of an enable into the flip-flop.
    legalize,
    `abc -liberty ${cells} -script ${ABC_SCRIPT}`,
    "opt_clean",
    `write_json ${mapped}`,
  ];
}
