import { describe, expect, it } from "vitest";
import { createRng } from "../src/core/index.js";
import { nodeName } from "../src/graph/index.js";
import { compileFrontEnd, emitVerilog } from "../src/hw/index.js";
import { executeQuantNetwork, type QuantConv2d, type QuantNetwork } from "../src/quant/index.js";
import { NO_PADDING, tensor } from "../src/tensor/index.js";
import { quantType, singleLayerNetwork } from "./helpers/quant-networks.js";

// Small enough for a SAT solver, with everything that a datapath has: shared sums, biases, zero points, TensorFlow Lite's double rounding, a clamp.
const INPUTS = 3;
const OUTPUTS = 2;
const BITS = 4;
const INPUT_ZERO = 7;
const OUTPUT_ZERO = 100;
const CLAMP = { low: 75, high: 130 };
const SHIFT = 5;

/** A pointwise layer of random weights, biases and multipliers. */
function makeLayer(): { readonly network: QuantNetwork; readonly layer: QuantConv2d } {
  const rng = createRng(5);
  const input = quantType([2, 2, INPUTS], { zeroPoint: INPUT_ZERO, bits: BITS });
  const integers = (length: number, most: number): Int32Array =>
    Int32Array.from({ length }, () => rng.integer(2 * most + 1) - most);
  const layer: QuantConv2d = {
    kind: "conv2d",
    name: nodeName("layer"),
    input: nodeName("image"),
    output: quantType([2, 2, OUTPUTS], { zeroPoint: OUTPUT_ZERO }),
    weights: tensor("int16", [1, 1, INPUTS, OUTPUTS], Int16Array.from(integers(INPUTS * OUTPUTS, 127))),
    weightScales: Float64Array.of(1),
    bias: tensor("int32", [OUTPUTS], integers(OUTPUTS, 500)),
    requantization: {
      mode: "tflite",
      multipliers: Int32Array.from({ length: OUTPUTS }, () => 2 ** 30 + rng.integer(2 ** 30)),
      shifts: new Int32Array(OUTPUTS).fill(-SHIFT),
    },
    clamp: CLAMP,
    stride: { height: 1, width: 1 },
    padding: NO_PADDING,
  };
  return { network: singleLayerNetwork(input, layer), layer };
}

/** A literal as wide as everything in the formula. */
const number = (value: number): string => (value < 0 ? `-48'sd${-value}` : `48'sd${value}`);

/**
 * The layer's definition as behavioural Verilog, from the texts of Jacob 2018 and gemmlowp's fixedpoint.h: a sum of products, a saturating rounding
 * doubling high product (no saturation: the multiplier is positive), a rounding division by a power of two, the zero point, a clamp.
 */
function formula({ weights, bias, requantization }: QuantConv2d): string {
  const lines = [
    `module formula (input logic [${INPUTS * BITS - 1}:0] x, output logic [${OUTPUTS * 8 - 1}:0] y);`,
    "  function automatic signed [47:0] high_mul(input signed [47:0] a, input signed [47:0] b);",
    "    reg signed [47:0] nudged;",
    "    begin",
    `      nudged = a * b + (a * b >= 0 ? ${number(2 ** 30)} : ${number(1 - 2 ** 30)});`,
    `      high_mul = nudged < 0 ? -((-nudged) >>> 31) : nudged >>> 31;`,
    "    end",
    "  endfunction",
    "  function automatic signed [47:0] divide(input signed [47:0] a);",
    "    reg signed [47:0] remainder;",
    "    begin",
    `      remainder = a & ${number(2 ** SHIFT - 1)};`,
    `      divide = (a >>> ${SHIFT}) + (remainder > ${number((2 ** SHIFT - 1) >> 1)} + (a < 0 ? 48'sd1 : 48'sd0) ? 48'sd1 : 48'sd0);`,
    "    end",
    "  endfunction",
  ];
  for (let i = 0; i < INPUTS; i++)
    lines.push(
      `  wire signed [47:0] x${i} = $signed({44'b0, x[${i * BITS} +: ${BITS}]}) - ${number(INPUT_ZERO)};`,
    );
  for (let o = 0; o < OUTPUTS; o++) {
    const products = Array.from(
      { length: INPUTS },
      (_, i) => `x${i} * ${number(weights.data[i * OUTPUTS + o]!)}`,
    );
    const multiplier = number(requantization.multipliers[o]!);
    lines.push(
      `  wire signed [47:0] acc${o} = ${[number(bias.data[o]!), ...products].join(" + ")};`,
      `  wire signed [47:0] r${o} = divide(high_mul(acc${o}, ${multiplier})) + ${number(OUTPUT_ZERO)};`,
      `  assign y[${o * 8} +: 8] = r${o} < ${CLAMP.low} ? 8'd${CLAMP.low} : r${o} > ${CLAMP.high} ? 8'd${CLAMP.high} : r${o}[7:0];`,
    );
  }
  return [...lines, "endmodule", ""].join("\n");
}

/** What holds the pipeline's registers open: the proof is about what they carry, and latency is simulated elsewhere. */
const OPEN_REGISTERS = `module \\$dff (CLK, D, Q);
  parameter WIDTH = 1;
  parameter CLK_POLARITY = 1;
  input CLK;
  input [WIDTH-1:0] D;
  output [WIDTH-1:0] Q;
  assign Q = D;
endmodule
`;

/** Ask Yosys' SAT solver whether a datapath equals the formula for all inputs. */
async function isEqual(datapath: string, verilog: string): Promise<boolean> {
  const enables = [...new Set(verilog.match(/\badvance\d+\b/g))];
  const miter = `module miter (input logic aclk, input logic [${INPUTS * BITS - 1}:0] x, output logic same);
  wire [${OUTPUTS * 8 - 1}:0] y, z;
  ${datapath} u_datapath (.aclk(aclk), ${enables.map((port) => `.${port}(1'b1)`).join(", ")}, .x(x), .y(y));
  formula u_formula (.x(x), .y(z));
  assign same = y == z;
endmodule
`;
  const script = [
    "read_verilog -sv in.sv",
    "hierarchy -check -top miter",
    "proc",
    "flatten",
    "opt -full",
    "techmap -map registers.v",
    "opt -full",
    "select -assert-none t:$dff t:$dffe",
    "alumacc",
    "techmap",
    "opt -full",
    "sat -verify -prove same 1 -show-inputs miter",
  ].join("; ");
  const { runYosys } = await import("@yowasp/yosys");
  let log = "";
  const collect = (bytes: Uint8Array | null): void => {
    if (bytes !== null) log += Buffer.from(bytes).toString();
  };
  try {
    const files = { "in.sv": `${verilog}\n${miter}`, "registers.v": OPEN_REGISTERS };
    await runYosys(["-Q", "-T", "-p", script], files, { stdout: collect, stderr: collect });
  } catch {
    expect(log).toMatch(/proof did fail/);
    return false;
  }
  expect(log).toMatch(/SAT proof finished - no model found: SUCCESS/);
  return true;
}

/** A layer's datapath module as it is emitted, with the library cells. */
function emitted(layer: QuantConv2d): { readonly datapath: string; readonly verilog: string } {
  const { network } = makeLayer();
  const front = compileFrontEnd({ ...network, nodes: [network.nodes[0]!, layer] }, layer.name);
  const files = emitVerilog(front);
  const datapath = front.layers[0]!.modules[0]!.name;
  const names = ["fx_full_adders", "fx_half_adders", datapath];
  return { datapath, verilog: names.map((name) => files.get(`${name}.sv`) ?? "").join("\n") };
}

describe("a layer's emitted datapath, formally", () => {
  const { network, layer } = makeLayer();

  it("reaches both clamps in every output", () => {
    const count = 2 ** (INPUTS * BITS);
    const images = Uint8Array.from({ length: count * 4 * INPUTS }, (_, k) => {
      const [image, i] = [Math.floor(k / (4 * INPUTS)), k % INPUTS];
      return (image >>> (i * BITS)) & (2 ** BITS - 1);
    });
    const values = executeQuantNetwork(network, images, count).get(layer.name)!;
    for (let o = 0; o < OUTPUTS; o++) {
      const own = new Set(values.filter((_, k) => k % OUTPUTS === o));
      expect([Math.min(...own), Math.max(...own)]).toEqual([CLAMP.low, CLAMP.high]);
      expect(own.size).toBeGreaterThan(40);
    }
  });

  it("equals the integer formula for all inputs", async () => {
    const { datapath, verilog } = emitted(layer);
    expect(await isEqual(datapath, `${verilog}${formula(layer)}`)).toBe(true);
  }, 240_000);

  it("is told from the formula of another bias and from the silicon of another weight", async () => {
    const { datapath, verilog } = emitted(layer);
    const bias = tensor("int32", [OUTPUTS], layer.bias.data.with(0, layer.bias.data[0]! + 40));
    expect(await isEqual(datapath, `${verilog}${formula({ ...layer, bias })}`)).toBe(false);
    const weights = tensor(
      "int16",
      layer.weights.shape,
      layer.weights.data.with(1, layer.weights.data[1]! + 1),
    );
    const mutant = emitted({ ...layer, weights });
    expect(await isEqual(mutant.datapath, `${mutant.verilog}${formula(layer)}`)).toBe(false);
  }, 240_000);
});
