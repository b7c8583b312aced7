/** Pins of a library's adder cells. */
export type AdderCell = {
  readonly cell: string;
  readonly a: string;
  readonly b: string;
  readonly carryIn?: string;
  readonly sum: string;
  readonly carry: string;
};

/** What a library gives the adders: cells of its own, or gates that they are made of. */
export type AdderLibrary =
  | { readonly kind: "cells"; readonly fullAdder: AdderCell; readonly halfAdder: AdderCell }
  /** Verilog statements that drive S and CO from A, B and C (a half adder: from A and B) by cells of the library. */
  | { readonly kind: "gates"; readonly fullAdder: readonly string[]; readonly halfAdder: readonly string[] };

/** Adder cells of SkyWater's sky130_fd_sc_hd. */
export const sky130Adders: AdderLibrary = {
  kind: "cells",
  fullAdder: { cell: "sky130_fd_sc_hd__fa_1", a: "A", b: "B", carryIn: "CIN", sum: "SUM", carry: "COUT" },
  halfAdder: { cell: "sky130_fd_sc_hd__ha_1", a: "A", b: "B", sum: "SUM", carry: "COUT" },
};

/** IHP's SG13G2 has none: two exclusive ors, and the carry by a multiplexer that reads the first of them; a half adder is a gate each. */
export const sg13g2Adders: AdderLibrary = {
  kind: "gates",
  fullAdder: [
    "sg13g2_xor2_1 u_half (.A(A), .B(B), .X(half));",
    "sg13g2_xor2_1 u_sum (.A(half), .B(C), .X(S));",
    "sg13g2_mux2_1 u_carry (.A0(A), .A1(C), .S(half), .X(CO));",
  ],
  halfAdder: ["sg13g2_xor2_1 u_sum (.A(A), .B(B), .X(S));", "sg13g2_and2_1 u_carry (.A(A), .B(B), .X(CO));"],
};

const instance = ({ cell, a, b, carryIn, sum, carry }: AdderCell): string =>
  `${cell} u_cell (.${a}(A), .${b}(B), ${carryIn === undefined ? "" : `.${carryIn}(C), `}.${sum}(S), .${carry}(CO));`;

const indented = (lines: readonly string[], by: string): string =>
  lines.map((line) => `${by}${line}`).join("\n");

/** Name of the file of {@link adderPrimitives}; no `.v`, so that nobody takes it for part of the design. */
export const ADDER_PRIMITIVES_FILE = "fx_adder_cells.yosys";
/** Name of the file of {@link adderTechmap}. */
export const ADDER_TECHMAP_FILE = "fx_adder_map.yosys";

/** Interfaces of the cells that {@link adderTechmap} maps, and `fx_full_adders`, `fx_half_adders` made of them. */
export const adderPrimitives = `// For synthesis by Yosys in the place of fx_full_adders.sv and fx_half_adders.sv: adders as cells that fx_adder_map.yosys maps.
(* blackbox *) module fx_fa (input A, input B, input C, output S, output CO);
endmodule
(* blackbox *) module fx_ha (input A, input B, output S, output CO);
endmodule
module fx_full_adders #(parameter N = 1) (
  input [N-1:0] a, input [N-1:0] b, input [N-1:0] c, output [N-1:0] sum, output [N-1:0] carry
);
  genvar i;
  for (i = 0; i < N; i = i + 1) begin : g
    fx_fa u_fa (.A(a[i]), .B(b[i]), .C(c[i]), .S(sum[i]), .CO(carry[i]));
  end
endmodule
module fx_half_adders #(parameter N = 1) (
  input [N-1:0] a, input [N-1:0] b, output [N-1:0] sum, output [N-1:0] carry
);
  genvar i;
  for (i = 0; i < N; i = i + 1) begin : g
    fx_ha u_ha (.A(a[i]), .B(b[i]), .S(sum[i]), .CO(carry[i]));
  end
endmodule
`;

/**
 * A Yosys technology map for adders: `+` becomes a ripple of full adders, full adders with a constant input become half adders, gates or
 * wires, and the rest the library's own cells, which ABC leaves alone. Taken apart by ABC they would cost about half as much again.
 */
export function adderTechmap(library: AdderLibrary): string {
  const isCells = library.kind === "cells";
  const full = isCells ? [instance(library.fullAdder)] : library.fullAdder;
  const half = isCells ? [instance(library.halfAdder)] : library.halfAdder;
  const constants = (names: readonly string[]): string =>
    names
      .flatMap((name) => [
        `  parameter _TECHMAP_CONSTMSK_${name}_ = 0;`,
        `  parameter _TECHMAP_CONSTVAL_${name}_ = 0;`,
      ])
      .join("\n");
  const is = (name: string, value: 0 | 1): string =>
    `_TECHMAP_CONSTMSK_${name}_ && ${value === 1 ? "" : "!"}_TECHMAP_CONSTVAL_${name}_`;
  return `// Technology map for Yosys, in three steps: additions, adders with constant inputs (again and again), library cells.
\`ifdef FX_ADDITIONS
(* techmap_celltype = "$add" *)
module fx_map_add (A, B, Y);
  parameter A_SIGNED = 0;
  parameter B_SIGNED = 0;
  parameter A_WIDTH = 1;
  parameter B_WIDTH = 1;
  parameter Y_WIDTH = 1;
  input [A_WIDTH-1:0] A;
  input [B_WIDTH-1:0] B;
  output [Y_WIDTH-1:0] Y;
  wire [Y_WIDTH+A_WIDTH-1:0] a = {{Y_WIDTH{A_SIGNED && B_SIGNED ? A[A_WIDTH-1] : 1'b0}}, A};
  wire [Y_WIDTH+B_WIDTH-1:0] b = {{Y_WIDTH{A_SIGNED && B_SIGNED ? B[B_WIDTH-1] : 1'b0}}, B};
  wire [Y_WIDTH:0] c;
  assign c[0] = 1'b0;
  genvar i;
  for (i = 0; i < Y_WIDTH - 1; i = i + 1) begin : g
    fx_fa u_fa (.A(a[i]), .B(b[i]), .C(c[i]), .S(Y[i]), .CO(c[i+1]));
  end
  assign Y[Y_WIDTH-1] = a[Y_WIDTH-1] ^ b[Y_WIDTH-1] ^ c[Y_WIDTH-1];
endmodule
\`endif

\`ifdef FX_CONSTANTS
(* techmap_celltype = "fx_fa" *)
module fx_map_constant_fa (input A, input B, input C, output S, output CO);
${constants(["A", "B", "C"])}
  wire _TECHMAP_FAIL_ = !(_TECHMAP_CONSTMSK_A_ || _TECHMAP_CONSTMSK_B_ || _TECHMAP_CONSTMSK_C_);
  if (${is("C", 0)}) begin
    fx_ha u_ha (.A(A), .B(B), .S(S), .CO(CO));
  end else if (${is("B", 0)}) begin
    fx_ha u_ha (.A(A), .B(C), .S(S), .CO(CO));
  end else if (${is("A", 0)}) begin
    fx_ha u_ha (.A(B), .B(C), .S(S), .CO(CO));
  end else if (${is("C", 1)}) begin
    assign S = ~(A ^ B);
    assign CO = A | B;
  end else if (${is("B", 1)}) begin
    assign S = ~(A ^ C);
    assign CO = A | C;
  end else begin
    assign S = ~(B ^ C);
    assign CO = B | C;
  end
endmodule

(* techmap_celltype = "fx_ha" *)
module fx_map_constant_ha (input A, input B, output S, output CO);
${constants(["A", "B"])}
  wire _TECHMAP_FAIL_ = !(_TECHMAP_CONSTMSK_A_ || _TECHMAP_CONSTMSK_B_);
  if (_TECHMAP_CONSTMSK_A_) begin
    assign S = _TECHMAP_CONSTVAL_A_ ? ~B : B;
    assign CO = _TECHMAP_CONSTVAL_A_ ? B : 1'b0;
  end else begin
    assign S = _TECHMAP_CONSTVAL_B_ ? ~A : A;
    assign CO = _TECHMAP_CONSTVAL_B_ ? A : 1'b0;
  end
endmodule
\`endif

\`ifdef FX_CELLS
(* techmap_celltype = "fx_fa" *)
module fx_map_fa (input A, input B, input C, output S, output CO);
  wire half;
${indented(full, "  ")}
endmodule

(* techmap_celltype = "fx_ha" *)
module fx_map_ha (input A, input B, output S, output CO);
${indented(half, "  ")}
endmodule
\`endif
`;
}

/** How often constants are looked for: a carry that turns out to be constant is the next column's input. */
const CONSTANT_PASSES = 3;

/** ABC script of the reference areas (shared/bench/cmvm/reference.json); its default scripts can hang on wide sums. */
const ABC_SCRIPT = "+strash;dc2;dch;map,-B,0.9;topo";

/** Yosys commands from emitted Verilog to a mapped netlist: adders stay library cells, ABC maps the rest. */
export function synthesisScript({
  verilog,
  top,
  liberty,
  adders = true,
}: {
  /** Files to read, without the library's adder modules. */
  readonly verilog: readonly string[];
  readonly top: string;
  readonly liberty: string;
  /** Whether adders become cells; else ABC gets them as logic. */
  readonly adders?: boolean;
}): readonly string[] {
  const map = (step: string): readonly string[] => [
    `techmap -D ${step} -map ${ADDER_TECHMAP_FILE}`,
    "opt_clean",
  ];
  const mapped = [
    ...map("FX_ADDITIONS"),
    ...Array.from({ length: CONSTANT_PASSES }, () => map("FX_CONSTANTS")).flat(),
    ...map("FX_CELLS"),
  ];
  return [
    `read_liberty -lib ${liberty}`,
    ...(adders ? [`read_verilog ${ADDER_PRIMITIVES_FILE}`] : []),
    ...verilog.map((name) => `read_verilog -sv ${name}`),
    `hierarchy -check -top ${top}`,
    "proc",
    "flatten",
    "memory",
    "opt_clean",
    ...(adders ? mapped : []),
    "opt -fast",
    "techmap",
    "opt -fast",
    `dfflibmap -liberty ${liberty}`,
    `abc -liberty ${liberty} -script ${ABC_SCRIPT}`,
    "opt_clean",
    `stat -liberty ${liberty}`,
  ];
}
