import {
  type EngineConfig,
  type EngineLayout,
  type EngineProgram,
  packTensor,
  unpackTensor,
} from "../../src/accel/index.js";
import { interpretProgram } from "../../src/accel/interpret/index.js";
import type { QuantValues } from "../../src/quant/index.js";

/** Take integers of a tensor out of the engine's words. */
export const fromWords = (memory: Uint8Array, layout: EngineLayout): number[] => [
  ...unpackTensor(memory, layout),
];

/** Put integers of a tensor into the engine's words. */
export function toWords(values: QuantValues, layout: EngineLayout): Uint8Array {
  const memory = new Uint8Array(layout.offset + layout.bytes);
  packTensor(values, layout, memory);
  return memory;
}

/**
 * Run a program by the interpreter, a frame for each tensor of `values`; memories are as large as the program says.
 *
 * @returns the memory of results of each frame
 */
export function runFrames(
  made: EngineProgram,
  config: EngineConfig,
  values: readonly QuantValues[],
): readonly Uint8Array[] {
  const { input, resultBytes, imageBytes, scratchBytes } = made;
  const result = { bytes: new Uint8Array(values.length * resultBytes), stride: resultBytes };
  const image = { bytes: new Uint8Array(values.length * imageBytes), stride: imageBytes };
  const images: Uint8Array[] = [];
  values.forEach((frame, i) => {
    if (input.kind === "image") packTensor(frame, input.layout, image.bytes.subarray(i * imageBytes));
    else images.push(Uint8Array.from(frame, (value) => value + (input.signed ? 128 : 0)));
  });
  interpretProgram({
    config,
    program: made.bytes,
    frames: values.length,
    result,
    scratch: new Uint8Array(scratchBytes),
    ...(input.kind === "image" ? { image } : { images }),
  });
  return values.map((_, i) => result.bytes.subarray(i * resultBytes, (i + 1) * resultBytes));
}

/** As {@link runFrames}, of one frame. */
export const runEngine = (made: EngineProgram, config: EngineConfig, values: QuantValues): Uint8Array =>
  runFrames(made, config, [values])[0]!;
