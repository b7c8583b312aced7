import { describe, expect, it } from "vitest";
import { AxiReadMemory } from "../../../test/helpers/axi-memory.js";
import { wordOfBytes } from "../../../test/helpers/bit-fields.js";
import { lintModules } from "../../../test/helpers/lint-modules.js";
import { ModuleBench } from "../../../test/helpers/module-bench.js";
import { sky130Cells } from "../../arith/index.js";
import { createRng } from "../../core/index.js";
import { engineConfig } from "../config.js";
import { buildReadMaster } from "./read-master.js";

const clock = { periodPs: 5000, cells: sky130Cells };
const LANES = 3;
const byteAt = (address: number, lane: number): number =>
  (Math.imul(address + 1, 0x9e3779b1) >>> 24) ^ (lane * 77);

/** Four clients with random requests; each must get the beats it asked for, in its order. */
function exercise(beatBytes: number, seed: number, stall: number) {
  const config = engineConfig({ cPar: 16, kPar: 16, axiDataBytes: beatBytes });
  const rng = createRng(seed);
  const sim = new ModuleBench([buildReadMaster(config, clock)], {
    rng,
    lanes: LANES,
    dataPorts: ["m_axi_rdata"],
  });
  const bad = (address: number): boolean => byteAt(address, 0) < 8;
  const memory = new AxiReadMemory(sim, { rng, beatBytes, byteAt, latency: 20, stall, bad });
  const clients = Array.from({ length: 4 }, (_, id) => {
    const requests = Array.from({ length: 12 }, () => {
      const beats = 1 + rng.integer(16);
      const address = rng.integer(2 ** 20) * 4096 + rng.integer(4096 / beatBytes - beats + 1) * beatBytes;
      return { id, address, beats };
    });
    return { id, requests, sent: 0, pause: 0, got: 0 };
  });
  const wanted = clients.map(({ requests }) =>
    requests.flatMap(({ address, beats }) =>
      Array.from({ length: beats }, (_, i) => ({ address: address + i * beatBytes, last: i === beats - 1 })),
    ),
  );
  let [errors, beats, expectedErrors, takenAt] = [0, 0, 0, -2];
  const accepted: number[] = [];
  for (let cycle = 0; cycle < 8000 && clients.some(({ id, got }) => got < wanted[id]!.length); cycle++) {
    for (const client of clients) {
      const request = client.requests[client.sent];
      const asks = request !== undefined && client.pause-- <= 0;
      sim.set({
        [`c${client.id}_request`]: asks,
        [`c${client.id}_address`]: request?.address ?? rng.integer(2 ** 32),
        [`c${client.id}_beats_minus_1`]: request === undefined ? rng.integer(256) : request.beats - 1,
      });
    }
    memory.drive();
    memory.observe();
    const asking = [0, 3, 2, 1].filter((id) => {
      const { requests, sent, pause } = clients[id]!;
      return requests[sent] !== undefined && pause < 0;
    });
    const ready = clients.filter(({ id }) => sim.flag(`c${id}_ready`)).map(({ id }) => id);
    expect(ready.length).toBeLessThanOrEqual(1);
    if (ready[0] !== undefined) {
      expect(ready[0]).toBe(asking[0]);
      accepted.push(cycle - takenAt);
      takenAt = cycle;
      const client = clients[ready[0]]!;
      client.sent++;
      client.pause = rng.integer(3) === 0 ? rng.integer(30) : 0;
    }
    const valid = sim.number("r_valid");
    errors += sim.number("read_error");
    beats += sim.number("read_beat");
    if (valid !== 0) {
      const client = clients[Math.log2(valid)]!;
      const beat = wanted[client.id]![client.got++]!;
      expect(sim.flag("r_last")).toBe(beat.last);
      for (const [lane, word] of sim.words("r_data").entries())
        expect(word).toBe(
          wordOfBytes(Array.from({ length: beatBytes }, (_, i) => byteAt(beat.address + i, lane))),
        );
      if (bad(beat.address)) expectedErrors++;
    }
    sim.tick();
  }
  for (const { id, requests } of clients)
    expect(memory.bursts.filter((burst) => burst.id === id)).toEqual(requests);
  expect([errors, beats]).toEqual([expectedErrors, wanted.flat().length]);
  expect(expectedErrors).toBeGreaterThan(0);
  return accepted;
}

describe("read master", () => {
  it.each([4, 8, 16, 64])("gives each client its own beats of %i bytes", (beatBytes) => {
    exercise(beatBytes, beatBytes, 0.4);
  });

  it("takes a request every other cycle", () => {
    expect(exercise(16, 5, 0)).toContain(2);
  });

  it("is clean text", (context) => {
    for (const axiDataBytes of [4, 64])
      lintModules(context, [buildReadMaster(engineConfig({ cPar: 16, kPar: 16, axiDataBytes }), clock)]);
  });
});
