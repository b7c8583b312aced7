import { describe, expect, it } from "vitest";
import { AxiWriteMemory, type WriteOrder } from "../../../test/helpers/axi-write-memory.js";
import { wordOfBytes } from "../../../test/helpers/bit-fields.js";
import { lintModules } from "../../../test/helpers/lint-modules.js";
import { ModuleBench } from "../../../test/helpers/module-bench.js";
import { sky130Cells } from "../../arith/index.js";
import { createRng, type Rng } from "../../core/index.js";
import { NetlistTiming } from "../../hw/index.js";
import { ACTIVATION_BANKS, type EngineConfig, engineConfig, engineShape } from "../config.js";
import { DESCRIPTOR_BYTES, encodeFields, OPERATIONS, transferFields, type Values } from "../isa/index.js";
import { STORE_LATENCY } from "./activations.js";
import { buildTransfer, COMMAND_BITS } from "./transfer.js";

const clock = { periodPs: 5000, cells: sky130Cells };
const LANES = 2;
const ADDRESSES = 2 ** 16;

const eachLane = <T>(value: (lane: number) => T): T[] =>
  Array.from({ length: LANES }, (_, lane) => value(lane));
/** What external memory and activation memory hold before anything is written. */
const byteAt = (address: number, lane: number): number =>
  (Math.imul(address + 1, 0x9e3779b1) >>> 24) ^ (lane * 77);
const bytesAt = (address: number, count: number, lane: number): number[] =>
  Array.from({ length: count }, (_, i) => byteAt(address + i, lane));

type Command = { readonly base: number; readonly fields: Values<typeof transferFields> };
type Place = { readonly bank: number; readonly address: number };

/** The words of a command in order. */
function placesOf({ start, startBank, rows, rowWords }: Command["fields"]): Place[] {
  return Array.from({ length: rows * rowWords }, (_, i) => {
    const row = Math.floor(i / rowWords);
    const wraps = Math.floor((startBank + row) / ACTIVATION_BANKS);
    return {
      bank: (startBank + row) % ACTIVATION_BANKS,
      address: (start + wraps * rowWords + (i % rowWords)) % ADDRESSES,
    };
  });
}

/** The bursts that a command must ask for or announce. */
function burstsOf({ base, fields }: Command, config: EngineConfig) {
  const { burstBeats, axiDataBytes } = config;
  return Array.from({ length: Math.ceil(fields.beats / burstBeats) }, (_, i) => ({
    address: base + fields.offset + i * burstBeats * axiDataBytes,
    beats: Math.min(burstBeats, fields.beats - i * burstBeats),
  }));
}

function randomCommand(rng: Rng, config: EngineConfig, operation: number): Command {
  const { wordBytes, burstBytes } = engineShape(config);
  // Short runs where a word takes many beats.
  const widest = Math.max(1, Math.floor((5 * config.axiDataBytes) / wordBytes));
  const [rows, rowWords] = [1 + rng.integer(9), 1 + rng.integer(Math.min(7, widest))];
  return {
    base: rng.integer(1000) * 4096,
    fields: {
      operation,
      waitLayers: rng.integer(ADDRESSES),
      waitTransfers: rng.integer(ADDRESSES),
      space: rng.integer(4),
      offset: rng.integer(300) * burstBytes,
      start: rng.integer(ADDRESSES),
      startBank: rng.integer(ACTIVATION_BANKS),
      rows,
      rowWords,
      beats: Math.ceil((rows * rowWords * wordBytes) / config.axiDataBytes),
    },
  };
}

type Pace = { readonly stall: number; readonly latency: number; readonly order: WriteOrder };

/** The read master's side of loads: takes requests, gives beats in order, whenever it likes. */
class LoadClient {
  readonly bursts: { readonly address: number; readonly beats: number }[] = [];
  beats = 0;
  readonly #sim: ModuleBench;
  readonly #rng: Rng;
  readonly #beatBytes: number;
  readonly #pace: Pace;
  readonly #queue: { address: number; left: number; wait: number }[] = [];
  #ready = false;
  #gave = true;
  #offer: string | null = null;

  constructor(sim: ModuleBench, rng: Rng, beatBytes: number, pace: Pace) {
    this.#sim = sim;
    this.#rng = rng;
    this.#beatBytes = beatBytes;
    this.#pace = pace;
  }

  get idle(): boolean {
    return this.#queue.length === 0 && this.#offer === null;
  }

  drive(): void {
    const sim = this.#sim;
    this.#ready = this.#rng.next() >= this.#pace.stall;
    sim.set({ load_request_ready: this.#ready });
    for (const burst of this.#queue) burst.wait--;
    const burst = this.#queue[0];
    const gives = burst !== undefined && burst.wait <= 0 && this.#rng.next() >= this.#pace.stall;
    sim.set({ r_valid: gives });
    if (!gives) {
      // Beside valid anything may stand.
      if (this.#gave) sim.set({ r_data: eachLane(() => this.#rng.integer(2 ** 32)) });
      this.#gave = false;
      return;
    }
    this.#gave = true;
    sim.set({ r_data: eachLane((lane) => wordOfBytes(bytesAt(burst.address, this.#beatBytes, lane))) });
    this.beats++;
    burst.address += this.#beatBytes;
    burst.left--;
    if (burst.left === 0) this.#queue.shift();
  }

  observe(): void {
    const sim = this.#sim;
    const valid = sim.flag("load_request");
    const address = sim.number("load_request_address");
    const beats = sim.number("load_request_beats_minus_1") + 1;
    const shown = `${address} ${beats}`;
    if (this.#offer !== null) expect(valid ? shown : "gone", "a request stays").toBe(this.#offer);
    this.#offer = valid && !this.#ready ? shown : null;
    if (!valid || !this.#ready) return;
    this.bursts.push({ address, beats });
    this.#queue.push({ address, left: beats, wait: 1 + this.#rng.integer(this.#pace.latency) });
  }
}

/** Run commands one after the other; returns the cycles of each, from acceptance to done. */
function exercise(config: EngineConfig, commands: readonly Command[], seed: number, pace: Pace): number[] {
  const { axiDataBytes } = config;
  const { wordBytes } = engineShape(config);
  const rng = createRng(seed);
  const sim = new ModuleBench([buildTransfer(config, clock)], {
    rng,
    lanes: LANES,
    dataPorts: ["r_data", "store_data"],
  });
  const bad = (address: number): boolean => byteAt(address, 0) < 40;
  const memory = new AxiWriteMemory(sim, { rng, beatBytes: axiDataBytes, bad, ...pace });
  const client = new LoadClient(sim, rng, axiDataBytes, pace);
  const storedWord = ({ bank, address }: Place, lane: number): number[] =>
    bytesAt((address * ACTIVATION_BANKS + bank) * wordBytes + 2 ** 28, wordBytes, lane);
  const durations: number[] = [];
  const reads: (Place | null)[] = Array.from({ length: STORE_LATENCY }, () => null);
  let [errors, wroteBeats, done] = [0, 0, 0];
  for (const command of commands) {
    const isLoad = command.fields.operation === OPERATIONS.load;
    const places = placesOf(command.fields);
    const first = { requests: client.bursts.length, bursts: memory.bursts.length, beats: client.beats };
    const runEnd = command.base + command.fields.offset + places.length * wordBytes;
    const encoded = new Uint8Array(DESCRIPTOR_BYTES);
    encodeFields(transferFields, command.fields, encoded);
    const bits = BigInt.asUintN(COMMAND_BITS, wordOfBytes(encoded));
    const others = BigInt.asUintN(COMMAND_BITS, ~bits);
    for (const lane of memory.bytes) lane.clear();
    const beatsBefore = memory.beats;
    let [accepted, written, read, waitingWord, pause]: [number, number, number, string | null, number] = [
      -1,
      0,
      0,
      null,
      rng.integer(4),
    ];
    for (let cycle = 0; ; cycle++) {
      expect(cycle, "the command gets on").toBeLessThan(30_000);
      const offers = accepted < 0 && pause-- <= 0;
      sim.set({ command_valid: offers });
      // The command is there while it is offered only.
      sim.set({
        command: offers ? bits : others,
        command_base: offers ? command.base : 2 ** 32 - 1 - command.base,
      });
      memory.drive();
      client.drive();
      const ready = rng.next() >= pace.stall;
      sim.set({ load_ready: ready });
      const arrives = reads.shift()!;
      sim.set({ store_valid: arrives !== null });
      if (arrives !== null)
        sim.set({ store_data: eachLane((lane) => wordOfBytes(storedWord(arrives, lane))) });
      else if (cycle % 4 === 0) sim.set({ store_data: eachLane(() => rng.integer(2 ** 32)) });
      memory.observe();
      client.observe();
      errors += sim.number("write_error");
      wroteBeats += sim.number("write_beat");
      if (offers && sim.flag("command_ready")) accepted = cycle;

      const valid = sim.flag("load_valid");
      if (valid || waitingWord !== null) {
        const place = { bank: sim.number("load_bank"), address: sim.number("load_address") };
        const data = sim.words("load_data");
        const shown = `${place.bank} ${place.address} ${data}`;
        if (waitingWord !== null) expect(valid ? shown : "gone", "a word stays").toBe(waitingWord);
        waitingWord = ready ? null : shown;
        expect(isLoad).toBe(true);
        expect(place).toEqual(places[written]);
        const from = command.base + command.fields.offset + written * wordBytes;
        expect(data).toEqual(eachLane((lane) => wordOfBytes(bytesAt(from, wordBytes, lane))));
        if (ready) written++;
      }
      if (sim.flag("store_read")) {
        const place = { bank: sim.number("store_bank"), address: sim.number("store_address") };
        expect(isLoad).toBe(false);
        expect(place).toEqual(places[read++]);
        reads.push(place);
        // No more words wait inside than its FIFO holds, with a word and a beat at work.
        const left = Math.floor(((memory.beats - beatsBefore) * axiDataBytes) / wordBytes);
        expect(read - left).toBeLessThanOrEqual(18 + 2 * Math.ceil(axiDataBytes / wordBytes));
      } else reads.push(null);
      const isDone = sim.flag("transfer_done");
      sim.tick();
      if (!isDone) continue;
      expect(accepted).toBeGreaterThanOrEqual(0);
      durations.push(cycle - accepted);
      done++;
      break;
    }
    const expected = burstsOf(command, config);
    if (isLoad) {
      expect(written).toBe(places.length);
      expect(client.bursts.slice(first.requests)).toEqual(expected);
      expect(client.beats - first.beats).toBe(command.fields.beats);
      expect(client.idle).toBe(true);
      expect(memory.bursts.length).toBe(first.bursts);
    } else {
      expect(read).toBe(places.length);
      expect(memory.bursts.slice(first.bursts)).toEqual(expected);
      expect(memory.idle).toBe(true);
      expect(client.bursts.length).toBe(first.requests);
      const begin = command.base + command.fields.offset;
      for (let lane = 0; lane < LANES; lane++) {
        // The run and nothing beyond it.
        const bytes = places.flatMap((place) => storedWord(place, lane));
        expect(memory.bytes[lane]!.size).toBe(runEnd - begin);
        expect(Array.from(bytes, (_, i) => memory.bytes[lane]!.get(begin + i))).toEqual(bytes);
      }
    }
  }
  // The pulses are registered: the last ones come a cycle later.
  sim.set({ m_axi_bvalid: 0 });
  expect([errors + sim.number("write_error"), wroteBeats]).toEqual([memory.errors, memory.beats]);
  expect(done).toBe(commands.length);
  return durations;
}

const ports = [
  [4, 4, 4, 32],
  [16, 16, 4, 64],
  [64, 32, 16, 16],
  [64, 4, 4, 32],
  [16, 16, 16, 16],
  [8, 16, 16, 8],
  [4, 4, 16, 16],
  [8, 8, 64, 2],
  [32, 16, 64, 8],
] as const;

const configOf = ([cPar, kPar, axiDataBytes, burstBeats]: readonly [
  number,
  number,
  number,
  number,
]): EngineConfig => engineConfig({ cPar, kPar, axiDataBytes, burstBeats });

const mixed = (rng: Rng, config: EngineConfig, count: number): Command[] =>
  Array.from({ length: count }, () =>
    randomCommand(rng, config, rng.integer(2) === 0 ? OPERATIONS.load : OPERATIONS.store),
  );

describe("transfers", () => {
  it.each(ports)("of a %i × %i engine, beats of %i bytes, bursts of %i, move rows both ways", (...port) => {
    const config = configOf(port);
    const rng = createRng(port[0] * port[2]);
    for (const [i, order] of (["any", "addressFirst", "dataFirst"] as const).entries())
      exercise(config, mixed(rng, config, 4), i, { order, stall: 0.1 + 0.3 * i, latency: 1 + 20 * i });
  });

  it("take commands of a single word and of several hundred beats", () => {
    for (const port of [ports[4], ports[6]]) {
      const config = configOf(port);
      const rng = createRng(9);
      const commands = [OPERATIONS.load, OPERATIONS.store].flatMap((operation) =>
        [
          [1, 1],
          [13, 17],
        ].map(([rows, rowWords]): Command => {
          const command = randomCommand(rng, config, operation);
          const bytes = rows! * rowWords! * engineShape(config).wordBytes;
          const beats = Math.ceil(bytes / config.axiDataBytes);
          return { ...command, fields: { ...command.fields, rows: rows!, rowWords: rowWords!, beats } };
        }),
      );
      exercise(config, commands, 3, { order: "any", stall: 0.2, latency: 30 });
    }
  });

  it("keep the port or the memory busy when nothing makes them wait", () => {
    for (const port of [ports[1], ports[4], ports[6], ports[8]]) {
      const config = configOf(port);
      const { wordBytes } = engineShape(config);
      const rng = createRng(4);
      const commands = [OPERATIONS.load, OPERATIONS.store].map((operation): Command => {
        const command = randomCommand(rng, config, operation);
        const beats = Math.ceil((8 * 12 * wordBytes) / config.axiDataBytes);
        return { ...command, fields: { ...command.fields, rows: 8, rowWords: 12, beats } };
      });
      const durations = exercise(config, commands, 5, { order: "any", stall: 0, latency: 1 });
      for (const [i, cycles] of durations.entries()) {
        const least = Math.max(96, commands[i]!.fields.beats);
        expect(cycles, `${port}, ${i === 0 ? "load" : "store"}`).toBeLessThanOrEqual(least * 1.05 + 24);
      }
    }
  });

  it("meet the clock", () => {
    const longBursts = [
      [4, 4, 4, 256],
      [16, 16, 16, 256],
      [64, 32, 64, 64],
    ] as const;
    for (const port of [...ports, ...longBursts]) {
      const module = buildTransfer(configOf(port), clock);
      const [worst] = new NetlistTiming({ kind: "design", modules: [module] }, clock).longest(1);
      expect(worst!.ps, `${port}: ${worst!.to}`).toBeLessThanOrEqual(clock.periodPs);
    }
  });

  it("are clean text", (context) => {
    for (const port of [ports[1], ports[4], ports[7]])
      lintModules(context, [buildTransfer(configOf(port), clock)]);
  });
});
