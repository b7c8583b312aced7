import { describe, expect, it } from "vitest";
import { isFull } from "../../../test/helpers/environment.js";
import { quantType, randomWeighted, singleLayerNetwork } from "../../../test/helpers/quant-networks.js";
import { randomValues } from "../../../test/helpers/random-quant-layer.js";
import { sky130Cells } from "../../arith/index.js";
import { createRng } from "../../core/index.js";
import { executeQuantNetwork } from "../../quant/index.js";
import { flatten, lowerDesign, type MemoryFault, simulateAxiSystem } from "../../sim/index.js";
import {
  compileEngine,
  DESCRIPTOR_BYTES,
  ENGINE_ERRORS,
  engineConfig,
  engineRegisters,
  headerFields,
  packImages,
  placeTasks,
  STATUS_DONE,
  taskRuns,
  unpackTensor,
} from "../index.js";
import { buildEngine } from "./engine.js";

const config = engineConfig({
  cPar: 4,
  kPar: 4,
  activationBufferBytes: 4096,
  weightBufferBytes: 1024,
  axiDataBytes: 8,
});
const rng = createRng(12);
const input = quantType([8, 8, 4], { zeroPoint: 9 });
const padding = { top: 1, bottom: 1, left: 1, right: 1 };
const window = { kernel: { height: 3, width: 3 }, stride: { height: 1, width: 1 }, padding };
const network = singleLayerNetwork(input, randomWeighted(rng, "conv2d", input, 8, window));
const program = compileEngine({ network, config, keepAll: true });
const image = randomValues(rng, input);
/** Two tasks of the same program. */
const memory = placeTasks(
  [
    { program, frames: 1 },
    { program, frames: 1 },
  ],
  config,
);
const [first, second] = memory.tasks as [(typeof memory.tasks)[0], (typeof memory.tasks)[0]];
const module = flatten(lowerDesign(buildEngine(config, { periodPs: 5000, cells: sky130Cells }).design));
/** INTERRUPT when the engine has stopped with an error. */
const ERROR_PENDING = 0b10;
/** STATUS of an engine that is idle behind an error, not done. */
const stopped = (error: keyof typeof ENGINE_ERRORS): number => ENGINE_ERRORS[error] << 8;

type Changes = {
  readonly faults?: readonly MemoryFault[];
  /** Byte of the first program that is changed. */
  readonly spoiled?: number;
  readonly tasks?: 1 | 2;
  readonly seed?: number;
};

function simulate({ faults, spoiled, tasks = 1, seed }: Changes) {
  const contents = memory.contents.map(({ address, bytes }, i) => {
    const own = Uint8Array.from(bytes);
    if (spoiled !== undefined && i === 0) own[spoiled]! ^= 0x10;
    return { address, bytes: own };
  });
  const reads = { status: engineRegisters.status.at, interrupt: engineRegisters.interrupt.at };
  return simulateAxiSystem({
    module,
    lanes: 1,
    contents: [...contents, ...memory.tasks.map((task) => packImages(task, [image]))],
    stream: null,
    memory: { latencyCycles: 20 },
    ...(seed === undefined ? {} : { pauses: { rng: createRng(seed), stall: 0.4 } }),
    ...(faults === undefined ? {} : { faults }),
    randomStart: createRng(4),
    runs: taskRuns(memory)
      .slice(0, tasks)
      .map((run) => ({ ...run, reads })),
    maxCycles: 20_000,
  }).runs;
}

describe("the engine at an error", () => {
  const { programBase, registers } = first;
  const weights = program.program.weightEntries.at(-1)!;
  const places = {
    header: programBase,
    descriptor: programBase + DESCRIPTOR_BYTES,
    "last descriptor": programBase + DESCRIPTOR_BYTES * program.program.instructions.length,
    "weight list": programBase + program.program.weightList,
    weights: programBase + weights.offset,
    "last weights": programBase + weights.offset + weights.beats * config.axiDataBytes - 1,
    image: registers.imageBase + 100,
    result: registers.resultBase,
    "last result": registers.resultBase + program.result.offset + program.result.bytes - 1,
  } as const;

  it("computes without one", () => {
    const [run] = simulate({});
    expect(run!.registers).toEqual({ status: STATUS_DONE, interrupt: 0b01 });
  });

  for (const [place, address] of Object.entries(places))
    for (const [response, seeds] of [
      ["slaveError", [undefined]],
      ["decodeError", isFull ? [1, 2, 3, 4, 5] : [1]],
    ] as const)
      it(`of the memory (${response}, ${place}) stops, says so and interrupts, with${response === "slaveError" ? "out" : ""} pauses`, () => {
        const kind = place.includes("result") ? "write" : "read";
        for (const seed of seeds) {
          const [run] = simulate({
            faults: [{ kind, address, response }],
            ...(seed === undefined ? {} : { seed }),
          });
          expect(run!.registers).toEqual({ status: stopped("memory"), interrupt: ERROR_PENDING });
        }
      });

  it("of the memory wants a reset: a start does nothing", () => {
    const faults = [{ kind: "read", address: places.weights, response: "slaveError" }] as const;
    expect(() => simulate({ faults, tasks: 2 })).toThrow(
      expect.objectContaining({ code: "FX6012", message: expect.stringMatching(/run 1, waiting/) }),
    );
  });

  for (const error of ["fingerprint", "magic"] as const)
    it(`of the header (${error}) stops, and the next task computes`, () => {
      const [run, next] = simulate({ spoiled: headerFields[error].at / 8, tasks: 2 });
      expect(run!.registers).toEqual({ status: stopped(error), interrupt: ERROR_PENDING });
      expect(next!.registers).toEqual({ status: STATUS_DONE, interrupt: 0b01 });
      const wanted = executeQuantNetwork(network, Uint8Array.from(image), 1).get(network.output)!;
      expect([...unpackTensor(next!.results[0]!, second.program.result)]).toEqual([...wanted]);
    });
});
