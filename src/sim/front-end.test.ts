import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { createRng } from "../core/index.js";
import { type NodeName, nodeName } from "../graph/index.js";
import { executeQuantNetwork, type QuantConv2d, type QuantNetwork, type QuantType } from "../quant/index.js";
import { tensor } from "../tensor/index.js";
import { verifyFrontEnd } from "./index.js";

const rng = createRng(21);
const one = { height: 1, width: 1 };

function pointwise(name: string, input: string, from: number, to: number): QuantConv2d {
  const output: QuantType = { shape: [4, 6, to], bits: 8, signed: false, scale: 1, zeroPoint: 3 };
  const weights = Int16Array.from({ length: from * to }, () => rng.integer(31) - 15);
  return {
    kind: "conv2d",
    name: nodeName(name),
    input: nodeName(input),
    output,
    weights: tensor("int16", [1, 1, from, to], weights),
    weightScales: Float64Array.from({ length: to }, () => 1),
    bias: tensor(
      "int32",
      [to],
      Int32Array.from({ length: to }, () => rng.integer(2000) - 200),
    ),
    requantization: {
      mode: "lean",
      multipliers: Int32Array.from({ length: to }, () => 5 + rng.integer(4)),
      shifts: Int32Array.from({ length: to }, () => 7),
    },
    clamp: { low: 3, high: 250 },
    stride: one,
    padding: { top: 0, bottom: 0, left: 0, right: 0 },
  };
}

/** Verilog of a 1×1 layer straight from the definition: one register behind plain arithmetic. */
function verilogOf(node: QuantConv2d, zeroPoint: number): string {
  const [, , from = 1, to = 1] = node.weights.shape;
  const lines = Array.from({ length: to }, (_, o) => {
    const terms = Array.from({ length: from }, (_, i) => {
      const weight = node.weights.data[i * to + o]!;
      return `(${weight}) * ($signed({24'd0, s_axis_tdata[${i * 8} +: 8]}) - ${zeroPoint})`;
    });
    return `  wire signed [31:0] acc${o} = (${node.bias.data[o]!}) + ${terms.join(" + ")};
  wire signed [31:0] r${o} = ((acc${o} * ${node.requantization.multipliers[o]!} + 64) >>> 7) + ${node.output.zeroPoint};
  wire [7:0] y${o} = r${o} < ${node.clamp.low} ? 8'd${node.clamp.low} : r${o} > ${node.clamp.high} ? 8'd${node.clamp.high} : r${o}[7:0];`;
  });
  const all = Array.from({ length: to }, (_, o) => `y${to - 1 - o}`).join(", ");
  return `module layer_${node.name} (input logic aclk, input logic aresetn,
  input logic [${from * 8 - 1}:0] s_axis_tdata, input logic s_axis_tvalid, output logic s_axis_tready,
  output logic [${to * 8 - 1}:0] m_axis_tdata, output logic m_axis_tvalid, input logic m_axis_tready);
${lines.join("\n")}
  assign s_axis_tready = !m_axis_tvalid || m_axis_tready;
  always_ff @(posedge aclk) if (!aresetn) m_axis_tvalid <= 0; else if (s_axis_tready) m_axis_tvalid <= s_axis_tvalid;
  always_ff @(posedge aclk) if (s_axis_tready && s_axis_tvalid) m_axis_tdata <= {${all}};
endmodule`;
}

const input = { kind: "input", name: nodeName("image") } as const;
const first = pointwise("first", "image", 2, 3);
const second = pointwise("second", "first", 3, 2);
const network: QuantNetwork = {
  kind: "quantNetwork",
  name: "two",
  encoding: { scale: 1, offset: 0 },
  nodes: [
    { ...input, output: { shape: [4, 6, 2], bits: 8, signed: false, scale: 1, zeroPoint: 0 } },
    first,
    second,
  ],
  output: second.name,
};
const top = `module top (input logic aclk, input logic aresetn,
  input logic [15:0] s_axis_tdata, input logic s_axis_tvalid, output logic s_axis_tready,
  output logic [15:0] m_axis_tdata, output logic m_axis_tvalid, input logic m_axis_tready);
  logic [23:0] data; logic valid, ready;
  layer_first u_first (.m_axis_tdata(data), .m_axis_tvalid(valid), .m_axis_tready(ready), .*);
  layer_second u_second (.s_axis_tdata(data), .s_axis_tvalid(valid), .s_axis_tready(ready), .*);
endmodule`;
const layers = [
  { node: first.name, module: "layer_first" },
  { node: second.name, module: "layer_second" },
] satisfies { node: NodeName; module: string }[];
const files = new Map([
  ["first.sv", verilogOf(first, 0)],
  ["second.sv", verilogOf(second, 3)],
  ["top.sv", top],
]);
const count = 150;
const images = Uint8Array.from({ length: count * 48 }, () => rng.integer(256));
const folder = mkdtempSync(join(tmpdir(), "fixynn-sim-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("verifyFrontEnd", () => {
  it("finds every value equal, more images than lanes, layers alone and the linked whole", async () => {
    const options = {
      files,
      network,
      layers,
      images,
      count,
      cacheFolder: folder,
      countToggles: true,
    } as const;
    const whole = { module: "top", images: 5 };
    const verdict = await verifyFrontEnd({ ...options, whole });
    expect(verdict).toMatchObject({ images: count, mismatches: 0, cyclesPerFrame: 24 });
    expect(verdict.layers.map(({ values }) => values)).toEqual([(count + 4) * 72, (count + 4) * 48]);
    expect(verdict.whole).toMatchObject({ images: 5, values: (5 + 4) * 48, mismatches: 0 });
    expect(verdict.outputs).toEqual(executeQuantNetwork(network, images, count).get(second.name));
    expect(verdict.layers.every(({ toggles }) => toggles.carryBits > 0 && toggles.registers > 0)).toBe(true);
    const kept = readdirSync(folder);
    const again = await verifyFrontEnd({ ...options, whole });
    expect(again).toEqual(verdict);
    expect(readdirSync(folder)).toEqual(kept);
  });

  it("locates the first wrong value and feeds the next layer what the hardware gave", async () => {
    const wrong = new Map(files).set("first.sv", verilogOf(first, 0).replace("+ 64", "+ 0"));
    const verdict = await verifyFrontEnd({
      files: wrong,
      network,
      layers,
      images,
      count,
      cacheFolder: folder,
    });
    const [bad, behind] = verdict.layers;
    expect(bad!.mismatches).toBeGreaterThan(0);
    const { image, y, x, channel, expected, actual } = bad!.firstMismatch!;
    const values = executeQuantNetwork(network, images, count, { outputs: [first.name] }).get(first.name)!;
    expect(values[image * 72 + (y * 6 + x) * 3 + channel]).toBe(expected);
    expect(actual).not.toBe(expected);
    expect(channel).toBe(0);
    // The second layer's hardware is right, so its output differs only through its input.
    expect(behind!.mismatches).toBeGreaterThan(0);
  });

  it("refuses layers that do not follow one another", async () => {
    const options = { files, network, layers: layers.slice(1), images, count };
    await expect(verifyFrontEnd(options)).rejects.toMatchObject({ code: "FX6030" });
  });
});
