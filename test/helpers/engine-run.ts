import {
  type EngineConfig,
  type EngineLayout,
  type EngineProgram,
  engineShape,
} from "../../src/accel/index.js";
import { interpretProgram } from "../../src/accel/interpret/index.js";
import type { QuantValues } from "../../src/quant/index.js";

/** Put integers of a tensor into the engine's words, or take them out. */
export function toWords(values: QuantValues, layout: EngineLayout): Uint8Array {
  const bytes = new Uint8Array(layout.bytes);
  visit(layout, (at, i) => {
    bytes[at] = values[i]! + (layout.signed ? 128 : 0);
  });
  return bytes;
}

export function fromWords(bytes: Uint8Array, layout: EngineLayout): number[] {
  const values: number[] = [];
  visit(layout, (at) => values.push(bytes[layout.offset + at]! - (layout.signed ? 128 : 0)));
  return values;
}

function visit(
  { height, width, channels, pixelWords, wordBytes }: EngineLayout,
  what: (at: number, i: number) => void,
) {
  for (let p = 0; p < height * width; p++)
    for (let c = 0; c < channels; c++) what(p * pixelWords * wordBytes + c, p * channels + c);
}

/** Run a program by the interpreter on one frame; returns the memory of results. */
export function runEngine(
  made: EngineProgram,
  config: EngineConfig,
  values: QuantValues,
  signed: boolean,
): Uint8Array {
  const room = engineShape(config).burstBytes;
  const result = { bytes: new Uint8Array(made.resultBytes + room), stride: 0 };
  const { input } = made;
  interpretProgram({
    config,
    program: made.bytes,
    frames: 1,
    result,
    scratch: new Uint8Array(made.scratchBytes + room),
    ...(input.kind === "stream"
      ? { images: [Uint8Array.from(values, (value) => value + (signed ? 128 : 0))] }
      : {
          image: {
            bytes: Uint8Array.from([...toWords(values, input.layout), ...new Uint8Array(room)]),
            stride: 0,
          },
        }),
  });
  return result.bytes;
}
