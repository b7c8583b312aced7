import { describe, expect, it } from "vitest";
import { randomStreamDesign } from "../../test/helpers/random-design.js";
import { createRng } from "../core/index.js";
import {
  type Bit,
  createSimulator,
  flatten,
  gateAt,
  gateCount,
  lowerDesign,
  readBack,
  type SimModule,
  simulateStream,
  verifySimModule,
  WORDS_PER_BIT,
} from "./index.js";
import { topologicalOrder } from "./verify.js";

/** The definition: one lane, every gate in every cycle, no groups. */
class PlainSimulator {
  readonly values: Uint8Array;
  readonly #memories: Uint8Array[][];
  readonly #order: Int32Array;
  readonly #module: SimModule;

  constructor(module: SimModule) {
    this.#module = module;
    this.#order = topologicalOrder(module);
    this.values = new Uint8Array(module.bitCount);
    this.values[1] = 1;
    this.#memories = module.rams.map((ram) =>
      Array.from({ length: ram.depth }, (_, i) =>
        Uint8Array.from({ length: ram.width }, (_b, j) => Number(ram.contents?.[i]?.[j] ?? 0)),
      ),
    );
  }

  set(port: string, bits: readonly number[]): void {
    const found = this.#module.ports.find(({ name }) => name === port)!;
    for (const [i, bit] of found.bits.entries()) this.values[bit] = bits[i]!;
  }

  settle(): void {
    for (const g of this.#order) {
      const { kind, inputs, outputs } = gateAt(this.#module, g);
      const [a = 0, b = 0, c = 0] = inputs.map((bit) => this.values[bit]!);
      const total = a + b + c;
      const result: Record<typeof kind, number[]> = {
        not: [1 - a],
        and: [a & b],
        or: [a | b],
        xor: [a ^ b],
        mux: [a === 1 ? b : c],
        fullAdder: [total & 1, total >> 1],
        carryBit: [total & 1, total >> 1],
        halfAdder: [(a + b) & 1, (a + b) >> 1],
      };
      for (const [i, bit] of outputs.entries()) this.values[bit] = result[kind][i]!;
    }
  }

  tick(): void {
    const before = this.values.slice();
    const word = (bits: readonly Bit[]): number =>
      bits.reduce((sum, bit, i) => sum + before[bit]! * 2 ** i, 0);
    for (const r of this.#module.registers) {
      for (const [i, q] of r.q.entries()) {
        if (before[r.resetN] === 0) this.values[q] = Number(r.resetValue[i]);
        else if (before[r.enable] === 1) this.values[q] = before[r.d[i]!]!;
      }
    }
    for (const [m, ram] of this.#module.rams.entries()) {
      const memory = this.#memories[m]!;
      for (const port of ram.reads) {
        if (before[port.enable] === 0) continue;
        for (const [i, q] of port.q.entries()) this.values[q] = memory[word(port.address)]?.[i] ?? 0;
      }
      for (const port of ram.writes) {
        if (before[port.enable] === 0) continue;
        const target = memory[word(port.address)];
        if (target !== undefined) for (const [i, bit] of port.data.entries()) target[i] = before[bit]!;
      }
    }
  }
}

describe("the kernel", () => {
  it.each([11, 12, 13, 14])("gives every bit its defined value in every cycle, random design %i", (seed) => {
    const rng = createRng(seed);
    const module = flatten(lowerDesign(randomStreamDesign(rng, { input: 9, output: 14 })));
    const lanes = 3;
    const simulator = createSimulator(module, { lanes });
    const plain = Array.from({ length: lanes }, () => new PlainSimulator(module));
    const all = Array.from({ length: module.bitCount }, (_, i) => i as Bit).filter(
      (bit) => bit !== module.clock,
    );
    // Spells of rest let groups go idle.
    for (let cycle = 0; cycle < 150; cycle++) {
      const resting = Math.floor(cycle / 10) % 3 === 2;
      const [reset, valid, ready] = [cycle < 2, !resting && rng.next() < 0.7, !resting && rng.next() < 0.7];
      simulator.setBit("aresetn", !reset);
      simulator.setBit("s_axis_tvalid", valid);
      simulator.setBit("m_axis_tready", ready);
      const planes = new Uint32Array(9 * WORDS_PER_BIT);
      for (const [lane, one] of plain.entries()) {
        one.set("aresetn", [reset ? 0 : 1]);
        one.set("s_axis_tvalid", [valid ? 1 : 0]);
        one.set("m_axis_tready", [ready ? 1 : 0]);
        const bits = Array.from({ length: 9 }, () => rng.integer(2));
        one.set("s_axis_tdata", bits);
        for (const [i, bit] of bits.entries()) planes[i * WORDS_PER_BIT]! |= bit << lane;
        one.settle();
      }
      simulator.setWord("s_axis_tdata", planes);
      simulator.settle();
      const read = simulator.readBits(all);
      for (const [lane, one] of plain.entries()) {
        const wrong = all.filter((bit, i) => ((read[i * WORDS_PER_BIT]! >>> lane) & 1) !== one.values[bit]);
        expect(wrong, `cycle ${cycle}, lane ${lane}`).toEqual([]);
        one.tick();
      }
      simulator.tick();
    }
  });

  it("lets a running maximum differ between lanes", async () => {
    const text = `module largest (input logic aclk, input logic aresetn,
      input logic [7:0] s_axis_tdata, input logic s_axis_tvalid, output logic s_axis_tready,
      output logic [7:0] m_axis_tdata, output logic m_axis_tvalid, input logic m_axis_tready);
      logic [7:0] most; logic first;
      assign s_axis_tready = !m_axis_tvalid || m_axis_tready;
      always_ff @(posedge aclk) if (!aresetn) begin m_axis_tvalid <= 0; first <= 1; end else if (s_axis_tready) begin
        m_axis_tvalid <= s_axis_tvalid; if (s_axis_tvalid) first <= 0; end
      always_ff @(posedge aclk) if (s_axis_tready && s_axis_tvalid && (first || s_axis_tdata > most)) most <= s_axis_tdata;
      assign m_axis_tdata = most;
    endmodule`;
    const module = flatten(await readBack(new Map([["largest.sv", text]]), "largest"));
    const rng = createRng(3);
    const inputs = Array.from({ length: 64 }, () => Uint8Array.from({ length: 20 }, () => rng.integer(256)));
    const result = simulateStream(createSimulator(module, { lanes: 64, randomStart: rng }), {
      inputs,
      frames: 1,
      outputBeatsPerFrame: 20,
      valuesPerBeat: { input: 1, output: 1 },
      bits: { input: 8, output: 8 },
    });
    const expected = inputs.map((lane) => {
      let most = 0;
      return Int32Array.from(lane, (value) => {
        most = Math.max(most, value);
        return most;
      });
    });
    expect(result.outputs).toEqual(expected);
  });
});

describe("verifySimModule", () => {
  const module = flatten(lowerDesign(randomStreamDesign(createRng(1), { input: 8, output: 8 })));
  const change = (edit: (gates: Int32Array) => void): SimModule => {
    const gates = module.gates.slice();
    edit(gates);
    return { ...module, gates };
  };

  it("accepts what was lowered", () => {
    expect(gateCount(module)).toBeGreaterThan(100);
    expect(verifySimModule(module)).toBe(module);
  });

  it("finds two drivers, no driver, a gated clock, a bad width and a register without a clock", () => {
    const second = change((gates) => {
      gates[7] = gates[1]!;
    });
    expect(() => verifySimModule(second)).toThrow(/two drivers|no driver/);
    expect(() =>
      verifySimModule(
        change((gates) => {
          gates[1] = module.bitCount;
        }),
      ),
    ).toThrow(/drives bit/);
    expect(() =>
      verifySimModule(
        change((gates) => {
          gates[3] = module.clock!;
        }),
      ),
    ).toThrow(/clock is gated/);
    const ports = module.ports.filter(({ name }) => name !== "m_axis_tready");
    expect(() => verifySimModule({ ...module, ports })).toThrow(/no driver/);
    expect(() => verifySimModule({ ...module, clock: null })).toThrow(/without a clock/);
    const registers = module.registers.map((r, i) => (i === 0 ? { ...r, resetValue: "" } : r));
    expect(() => verifySimModule({ ...module, registers })).toThrow(/to reset/);
  });
});
