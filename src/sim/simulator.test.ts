import { describe, expect, it } from "vitest";
import { createRng } from "../core/index.js";
import { createSimulator, flatten, readBack, simulateStream, WORDS_PER_BIT } from "./index.js";

const library = `
// module in_a_comment(input a); endmodule
module fx_full_adders #(parameter int N = 1) (input logic [N-1:0] a, b, c, output logic [N-1:0] sum, carry);
  assign sum = a ^ b ^ c;
  assign carry = (a & b) | (c & (a ^ b));
endmodule
module fx_ram #(parameter int DEPTH = 4, parameter int WIDTH = 8, parameter int ADDRESS_WIDTH = 2)
 (input logic clock, input logic write_enable, input logic [ADDRESS_WIDTH-1:0] write_address,
  input logic [WIDTH-1:0] write_data, input logic read_enable, input logic [ADDRESS_WIDTH-1:0] read_address,
  output logic [WIDTH-1:0] read_data);
  logic [WIDTH-1:0] words [DEPTH];
  always_ff @(posedge clock) begin
    if (read_enable) read_data <= words[read_address];
    if (write_enable) words[write_address] <= write_data;
  end
endmodule`;

/** y = pixel + pixel above (0 in the first row) + 17, modulo 256; 4 rows of 6 pixels; two pipeline stages. */
const above = (bound: number): string => `
module above (input logic aclk, input logic aresetn,
  input logic [7:0] s_axis_tdata, input logic s_axis_tvalid, output logic s_axis_tready,
  output logic [7:0] m_axis_tdata, output logic m_axis_tvalid, input logic m_axis_tready);
  logic [2:0] column; logic [1:0] row; logic valid1, valid2, first1; logic [7:0] pixel1, old, sum, carry, result;
  wire advance = !valid2 || m_axis_tready;
  wire accept = s_axis_tvalid && advance;
  assign s_axis_tready = advance; assign m_axis_tvalid = valid2; assign m_axis_tdata = result;
  fx_ram #(.DEPTH(6), .WIDTH(8), .ADDRESS_WIDTH(3)) u_line (.clock(aclk), .write_enable(accept),
    .write_address(column), .write_data(s_axis_tdata), .read_enable(accept), .read_address(column), .read_data(old));
  fx_full_adders #(.N(8)) u_add (.a(pixel1), .b(first1 ? 8'd0 : old), .c(8'd17), .sum(sum), .carry(carry));
  always_ff @(posedge aclk) if (!aresetn) begin valid1 <= 0; valid2 <= 0; column <= 0; row <= 0; end else begin
    if (advance) begin valid1 <= accept; valid2 <= valid1; end
    if (accept) begin
      if (column == 3'd${bound}) begin column <= 0; row <= row + 2'd1; end else column <= column + 3'd1;
    end
  end
  always_ff @(posedge aclk) begin
    if (accept) begin pixel1 <= s_axis_tdata; first1 <= row == 0; end
    if (advance) result <= sum + {carry[6:0], 1'b0};
  end
endmodule`;
const chain = `
module chain (input logic aclk, input logic aresetn,
  input logic [7:0] s_axis_tdata, input logic s_axis_tvalid, output logic s_axis_tready,
  output logic [7:0] m_axis_tdata, output logic m_axis_tvalid, input logic m_axis_tready);
  logic [7:0] data; logic valid, ready;
  above u_first (.m_axis_tdata(data), .m_axis_tvalid(valid), .m_axis_tready(ready), .*);
  above u_second (.s_axis_tdata(data), .s_axis_tvalid(valid), .s_axis_tready(ready), .*);
endmodule`;
const files = (bound = 5): Map<string, string> =>
  new Map([
    ["library.sv", library],
    ["above.sv", above(bound)],
    ["chain.sv", chain],
  ]);

const model = (frames: ArrayLike<number>): number[] =>
  Array.from(frames, (pixel, i) => (pixel + (i % 24 < 6 ? 0 : frames[i - 6]!) + 17) & 255);
const randomFrames = (seed: number, lanes: number, frames: number): Uint8Array[] => {
  const rng = createRng(seed);
  return Array.from({ length: lanes }, () =>
    Uint8Array.from({ length: 24 * frames }, () => rng.integer(256)),
  );
};
const shape = {
  valuesPerBeat: { input: 1, output: 1 },
  bits: { input: 8, output: 8 },
  outputBeatsPerFrame: 24,
} as const;

describe("a handwritten line buffer, read back by Yosys", () => {
  it("computes its model in 128 lanes, at full speed, from any start state and under backpressure", async () => {
    const flat = flatten(await readBack(files(), "above"));
    const inputs = randomFrames(1, 128, 3);
    const expected = inputs.map((lane) => Int32Array.from(model(lane)));
    const full = simulateStream(createSimulator(flat), { ...shape, inputs, frames: 3 });
    expect(full.outputs).toEqual(expected);
    expect(full.cyclesPerFrame).toBe(24);
    expect(full.cycles).toBe(72 + 2);
    const random = createSimulator(flat, { randomStart: createRng(2), countToggles: true });
    const counted = simulateStream(random, { ...shape, inputs, frames: 3 });
    expect(counted.outputs).toEqual(expected);
    for (const seed of [3, 4]) {
      const backpressure = { rng: createRng(seed), idle: 0.4, stall: 0.5 };
      const slow = simulateStream(createSimulator(flat), { ...shape, inputs, frames: 3, backpressure });
      expect(slow.outputs).toEqual(expected);
      expect(slow.cycles).toBeGreaterThan(full.cycles * 1.5);
    }
  });

  it("links instances and runs them chained", async () => {
    const flat = flatten(await readBack(files(), "chain"));
    const inputs = randomFrames(5, 7, 2);
    const result = simulateStream(createSimulator(flat, { lanes: 7 }), { ...shape, inputs, frames: 2 });
    expect(result.outputs).toEqual(inputs.map((lane) => Int32Array.from(model(model(lane)))));
  });

  it("shows a wrong counter bound", async () => {
    const flat = flatten(await readBack(files(4), "above"));
    const inputs = randomFrames(6, 2, 1);
    const result = simulateStream(createSimulator(flat, { lanes: 2 }), { ...shape, inputs, frames: 1 });
    expect(result.outputs).not.toEqual(inputs.map((lane) => Int32Array.from(model(lane))));
  });

  it("counts toggles as a plain recount of settled values does", async () => {
    const flat = flatten(await readBack(files(), "above"));
    const inputs = randomFrames(7, 5, 1);
    const simulator = createSimulator(flat, { lanes: 5, countToggles: true });
    const outputs = flat.registers.flatMap((r) => r.q);
    const adders: number[] = [];
    for (let i = 0; i < flat.gates.length; i += 6) {
      if (flat.gates[i] === 5) adders.push(flat.gates[i + 1]!, flat.gates[i + 2]!);
    }
    let previous: { q: Uint32Array; adders: Uint32Array } | null = null;
    const counts = { q: 0, adders: 0 };
    const difference = (a: Uint32Array, b: Uint32Array): number => {
      let count = 0;
      for (const [i, word] of a.entries()) {
        if (i % WORDS_PER_BIT !== 0) continue;
        for (let bit = 0; bit < 5; bit++) count += ((word ^ b[i]!) >>> bit) & 1;
      }
      return count;
    };
    const result = simulateStream(simulator, {
      ...shape,
      inputs,
      frames: 1,
      onCycle: () => {
        const now = { q: simulator.readBits(outputs), adders: simulator.readBits(adders as never) };
        if (previous !== null) {
          counts.q += difference(now.q, previous.q);
          counts.adders += difference(now.adders, previous.adders);
        }
        previous = now;
      },
    });
    const { fullAdders, registers } = result.toggles;
    expect(fullAdders).toBe(counts.adders);
    expect(registers).toBeGreaterThan(0);
    expect(registers + result.toggles.control).toBeGreaterThanOrEqual(counts.q);
    expect(result.toggles.ramReadBits).toBe(24 * 8);
    expect(result.toggles.ramWriteBits).toBe(24 * 8);
  });

  it("refuses control that depends on data", async () => {
    const broken = above(5).replace(
      "wire accept = s_axis_tvalid",
      "wire accept = s_axis_tdata[0] && s_axis_tvalid",
    );
    const flat = flatten(
      await readBack(
        new Map([
          ["l.sv", library],
          ["a.sv", broken],
        ]),
        "above",
      ),
    );
    const run = () =>
      simulateStream(createSimulator(flat), { ...shape, inputs: randomFrames(8, 128, 1), frames: 1 });
    expect(run).toThrow(/differs between images/);
  });

  it("rejects a full adder whose text does not add", async () => {
    const wrong = library.replace("(a & b) |", "(a & b) ^ b |");
    await expect(
      readBack(
        new Map([
          ["l.sv", wrong],
          ["a.sv", above(5)],
        ]),
        "above",
      ),
    ).rejects.toMatchObject({
      code: "FX6006",
    });
  });
});
