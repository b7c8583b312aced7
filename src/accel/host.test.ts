import { describe, expect, test } from "vitest";
import { engineConfig } from "./config.js";
import {
  type EngineProgram,
  type EngineTask,
  expectedTensor,
  packImages,
  placeTasks,
  taskRuns,
  testbenchTasks,
} from "./index.js";

const config = engineConfig({ cPar: 4, kPar: 4 });
const layout = {
  ...{ height: 2, width: 3, channels: 3, signed: true },
  ...{ offset: 512, pixelWords: 1, wordBytes: 4, rowPitchBytes: 256, bytes: 512 },
};

function task(bytes: number, frames: number, stream: boolean): EngineTask {
  const program: EngineProgram = {
    bytes: new Uint8Array(bytes).fill(bytes),
    program: {
      ...{ fingerprint: 0, instructions: [], weightList: 0, weightEntries: [], imageOffset: 0 },
      image: new Uint8Array(),
    },
    input: stream ? { kind: "stream", signed: true } : { kind: "image", layout: { ...layout, offset: 0 } },
    result: layout,
    resultBytes: 1024,
    imageBytes: stream ? 0 : 512,
    scratchBytes: 5000,
    layers: [],
    externalBytes: { transfers: 0, weights: 0 },
  };
  return { program, frames };
}

describe("placing tasks in memory", () => {
  const tasks = [task(5000, 2, false), task(9000, 3, false)];
  const memory = placeTasks(tasks, config);

  test("nothing overlaps, everything lies where the engine can address it", () => {
    const [first, second] = memory.tasks as [(typeof memory.tasks)[0], (typeof memory.tasks)[0]];
    const { scratchBase, resultBase, resultStride } = first.registers;
    expect(second.registers).toMatchObject({ scratchBase, resultBase, resultStride });
    const regions = [
      ...memory.tasks.map(({ programBase, program }) => [programBase, program.bytes.length]),
      [scratchBase, 5000],
      [resultBase, 3 * resultStride],
      ...memory.tasks.map(({ frames, registers: { imageBase, imageStride } }) => [
        imageBase,
        frames * imageStride,
      ]),
    ] as [number, number][];
    regions.sort(([a], [b]) => a - b);
    let free = 1;
    for (const [at, bytes] of regions) {
      expect(at % 4096).toBe(0);
      expect(at).toBeGreaterThanOrEqual(free);
      free = at + bytes;
    }
    expect(memory.memoryBytes).toBeGreaterThanOrEqual(free);
    expect(resultStride % 256).toBe(0);
  });

  test("images lie a frame each, as integers plus 128", () => {
    const values = [0, 1].map((frame) => Int8Array.from({ length: 18 }, (_, i) => 10 * frame + i - 5));
    const { address, bytes } = packImages(memory.tasks[0]!, values);
    const { imageBase, imageStride } = memory.tasks[0]!.registers;
    expect(address).toBe(imageBase);
    // Frame 1, row 1, pixel 2, channel 1: value 10 + 9 + 6 + 1 − 5.
    expect(bytes[imageStride + 256 + 2 * 4 + 1]).toBe(21 + 128);
  });

  test("expected tensors say which bytes matter", () => {
    const [region] = expectedTensor(memory.tasks[0]!, layout, [new Int8Array(18).fill(3)]);
    expect(region!.address).toBe(memory.tasks[0]!.registers.resultBase + 512);
    expect(region!.care!.reduce((sum, one) => sum + one, 0)).toBe(18);
    expect(region!.bytes.filter((_, i) => region!.care![i] === 1)).toEqual(new Uint8Array(18).fill(131));
  });

  test("another task of as many frames behind a stream is one register", () => {
    const { tasks: placed } = placeTasks([task(5000, 2, true), task(9000, 2, true)], config);
    const [first, second] = taskRuns({ ...memory, tasks: placed });
    expect(first!.writes.map(({ address }) => address)).toEqual([
      0x1c, 0x20, 0x24, 0x2c, 0x28, 0x10, 0x14, 0x08,
    ]);
    expect(second!.writes).toEqual([
      { address: 0x10, data: placed[1]!.programBase },
      { address: 0x08, data: 3 },
    ]);
    expect(testbenchTasks({ ...memory, tasks: placed }, [[], []])[1]).toEqual({
      ...{ programBase: placed[1]!.programBase, frames: 2, registers: {}, expected: [] },
    });
  });
});
