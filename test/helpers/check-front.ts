import { expect } from "vitest";
import { createRng } from "../../src/core/index.js";
import {
  type FrontEnd,
  frontEndDesign,
  registerWrites,
  scheduleOf,
  simulateSchedule,
  streamOf,
} from "../../src/hw/index.js";
import { executeQuantNetwork, type QuantNetwork } from "../../src/quant/index.js";
import {
  createSimulator,
  flatten,
  lowerDesign,
  type StreamResult,
  simulateStream,
} from "../../src/sim/index.js";

/** Random image bytes, some of them extreme. */
export function randomImages(seed: number, length: number): Uint8Array {
  const rng = createRng(seed);
  return Uint8Array.from({ length }, () => (rng.integer(8) === 0 ? rng.integer(2) * 255 : rng.integer(256)));
}

/**
 * Run a front in the netlist simulator, several frames a lane, at full speed and with random pauses on both sides from a random start state;
 * compare with the integer network, and the cycles at full speed with the exact schedule.
 *
 * @returns the run at full speed
 */
export function checkFront(
  network: QuantNetwork,
  front: FrontEnd,
  seed: number,
  pauses: { readonly idle: number; readonly stall: number } = { idle: 0.4, stall: 0.4 },
): StreamResult {
  const [input, output] = [streamOf(front.input), streamOf(front.output)];
  const lanes = 3;
  const frames = 3;
  const size = input.beats * input.channels;
  const images = randomImages(seed, lanes * frames * size);
  const rng = createRng(seed).fork("run");
  const wanted = executeQuantNetwork(network, images, lanes * frames, { outputs: [front.freezePoint] }).get(
    front.freezePoint,
  )!;
  const module = flatten(lowerDesign(frontEndDesign(front)));
  const perLane = frames * output.beats * output.channels;
  const run = (backpressure: boolean): StreamResult => {
    const start = backpressure ? { randomStart: rng.fork("start") } : {};
    const result = simulateStream(createSimulator(module, { lanes, ...start }), {
      inputs: Array.from({ length: lanes }, (_, l) =>
        images.subarray(l * frames * size, (l + 1) * frames * size),
      ),
      valuesPerBeat: { input: input.channels, output: output.channels },
      bits: { input: input.bits, output: output.bits },
      signed: front.output.signed,
      frames,
      outputBeatsPerFrame: output.beats,
      registers: front.registers && registerWrites(front.registers, network),
      ...(backpressure ? { backpressure: { rng: rng.fork("pauses"), ...pauses } } : {}),
    });
    for (const [l, values] of result.outputs.entries())
      expect(Array.from(values)).toEqual(Array.from(wanted.subarray(l * perLane, (l + 1) * perLane)));
    return result;
  };
  const fast = run(false);
  expect(fast.cycles).toBe(simulateSchedule(scheduleOf(front), frames).cycles);
  run(true);
  return fast;
}
