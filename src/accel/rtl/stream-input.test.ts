import { describe, expect, it } from "vitest";
import { wordOfBytes } from "../../../test/helpers/bit-fields.js";
import { lintModules } from "../../../test/helpers/lint-modules.js";
import { ModuleBench } from "../../../test/helpers/module-bench.js";
import { sky130Cells } from "../../arith/index.js";
import { createRng } from "../../core/index.js";
import { NetlistTiming } from "../../hw/index.js";
import { ACTIVATION_BANKS, type EngineConfig, engineConfig, engineShape } from "../config.js";
import { buildStreamInput } from "./stream-input.js";

const clock = { periodPs: 5000, cells: sky130Cells };
const LANES = 2;

type Case = {
  readonly wordBytes: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly slots: 1 | 2;
};

const configOf = ({ wordBytes, height, width, channels, slots }: Case): EngineConfig => {
  const words = Math.ceil(height / ACTIVATION_BANKS) * width * Math.ceil(channels / wordBytes) * slots;
  return engineConfig({
    cPar: wordBytes,
    kPar: Math.min(wordBytes, 32),
    activationBufferBytes: ACTIVATION_BANKS * wordBytes * Math.max(4, words),
    input: { height, width, channels },
    inputSlots: slots,
  });
};

const byteOf = (lane: number, frame: number, index: number): number =>
  Math.imul(Math.imul(frame + 1, 0x9e3779b1) ^ (index * 4 + lane), 0x85ebca6b) >>> 24;

/** Where and what the unit must write for a frame, word after word. */
function* expectedWords(config: EngineConfig, frame: number) {
  const { height, width, channels } = config.input!;
  const { wordBytes, slotWords } = engineShape(config);
  const pixelWords = Math.ceil(channels / wordBytes);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let word = 0; word < pixelWords; word++)
        yield {
          bank: y % 4,
          address:
            (frame % config.inputSlots) * slotWords +
            Math.floor(y / 4) * width * pixelWords +
            x * pixelWords +
            word,
          data: Array.from({ length: LANES }, (_, lane) =>
            wordOfBytes(
              Array.from({ length: wordBytes }, (_, i) => {
                const channel = word * wordBytes + i;
                return channel < channels ? byteOf(lane, frame, (y * width + x) * channels + channel) : 0;
              }),
            ),
          ),
        };
}

/** Stream frames in and release them; returns the cycles from the first pixel offered to the last word. */
function exercise(
  config: EngineConfig,
  frames: number,
  options: { readonly seed: number; readonly stall: number },
): number {
  const { height, width, channels } = config.input!;
  const rng = createRng(options.seed);
  const happens = (): boolean => rng.next() >= options.stall;
  const sim = new ModuleBench([buildStreamInput(config, clock)], {
    rng,
    lanes: LANES,
    dataPorts: ["s_axis_tdata"],
  });
  const wanted = Array.from({ length: frames }, (_, frame) => [...expectedWords(config, frame)]);
  const perFrame = wanted[0]!.length;
  const pixels = height * width;
  let [sent, offered, written, released] = [0, false, 0, 0];
  let waiting: unknown = null;
  let cycle = 0;
  for (; written < frames * perFrame || released < frames; cycle++) {
    expect(cycle, "the stream gets on").toBeLessThan(40 * (frames * perFrame + 20));
    offered = sent < frames * pixels && (offered || happens());
    const pixel = sent % pixels;
    sim.set({
      s_axis_tvalid: offered,
      s_axis_tdata: Array.from({ length: LANES }, (_, lane) =>
        wordOfBytes(
          Array.from({ length: channels }, (_, i) =>
            // Beside valid anything may stand.
            offered ? byteOf(lane, Math.floor(sent / pixels), pixel * channels + i) : rng.integer(256),
          ),
        ),
      ),
    });
    const ready = happens();
    sim.set({ stream_ready: ready });
    const whole = Math.floor(written / perFrame);
    // Only whole frames are offered, in turn, until they are released.
    expect(sim.flag("slot_full")).toBe(whole > released);
    if (whole > released) expect(sim.number("slot")).toBe(released % config.inputSlots);
    const release = whole > released && happens();
    sim.set({ release_input: release });
    const accepted = offered && sim.flag("s_axis_tready");
    const valid = sim.flag("stream_valid");
    if (waiting !== null) expect(valid, "a word stays until it is taken").toBe(true);
    if (valid) {
      const shown = {
        bank: sim.number("stream_bank"),
        address: sim.number("stream_address"),
        data: sim.words("stream_data"),
      };
      expect(shown).toEqual(wanted[whole]?.[written % perFrame]);
      expect(whole - released, "a free slot").toBeLessThan(config.inputSlots);
      waiting = ready ? null : shown;
      if (ready) written++;
    }
    if (accepted) {
      sent++;
      offered = false;
    }
    if (release) released++;
    sim.tick();
  }
  return cycle;
}

const cases: readonly Case[] = [
  { wordBytes: 4, height: 5, width: 3, channels: 3, slots: 2 },
  { wordBytes: 4, height: 4, width: 2, channels: 4, slots: 1 },
  { wordBytes: 4, height: 9, width: 2, channels: 9, slots: 2 },
  { wordBytes: 8, height: 1, width: 1, channels: 8, slots: 2 },
  { wordBytes: 8, height: 1, width: 1, channels: 1, slots: 1 },
  { wordBytes: 16, height: 6, width: 7, channels: 40, slots: 2 },
  { wordBytes: 16, height: 3, width: 5, channels: 65, slots: 1 },
  { wordBytes: 32, height: 8, width: 3, channels: 24, slots: 2 },
  { wordBytes: 64, height: 5, width: 2, channels: 128, slots: 2 },
];

describe("stream input", () => {
  it.each(cases)(
    "writes $height × $width × $channels to words of $wordBytes bytes, $slots slots",
    (shape) => {
      const config = configOf(shape);
      for (const [seed, stall] of [
        [1, 0.1],
        [2, 0.5],
        [3, 0.8],
      ] as const)
        exercise(config, 5, { seed, stall });
    },
  );

  it("takes a word a cycle without pauses, from frame to frame", () => {
    for (const shape of cases.filter(({ slots }) => slots === 2)) {
      const config = configOf(shape);
      const frames = 4;
      const words = frames * shape.height * shape.width * Math.ceil(shape.channels / shape.wordBytes);
      expect(exercise(config, frames, { seed: 1, stall: 0 })).toBe(words + 2);
    }
  });

  it("says ready whatever the other side does in the cycle", () => {
    const sim = new ModuleBench([buildStreamInput(configOf(cases[0]!), clock)], {
      rng: createRng(5),
      lanes: 1,
    });
    const rng = createRng(6);
    const seen = new Set<number>();
    for (let cycle = 0; cycle < 200; cycle++) {
      const ready = Array.from({ length: 8 }, (_, i) => {
        for (const [bit, port] of ["s_axis_tvalid", "stream_ready", "release_input"].entries())
          sim.set({ [port]: (i >> bit) & 1 & (port === "release_input" ? sim.number("slot_full") : 1) });
        return sim.number("s_axis_tready");
      });
      expect(new Set(ready).size).toBe(1);
      seen.add(ready[0]!);
      sim.set({ s_axis_tvalid: rng.integer(2), stream_ready: rng.integer(2) });
      sim.set({ release_input: sim.number("slot_full") & rng.integer(2) });
      sim.tick();
    }
    expect(seen.size).toBe(2);
  });

  it("meets the clock", () => {
    for (const shape of cases) {
      const module = buildStreamInput(configOf(shape), clock);
      const [worst] = new NetlistTiming({ kind: "design", modules: [module] }, clock).longest(1);
      expect(worst!.ps, `${JSON.stringify(shape)}: ${worst!.to}`).toBeLessThanOrEqual(clock.periodPs);
    }
  });

  it("is clean text", (context) => {
    for (const shape of [cases[0]!, cases[4]!, cases[5]!])
      lintModules(context, [buildStreamInput(configOf(shape), clock)]);
  });
});
