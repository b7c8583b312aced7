import type { NodeOf } from "../../graph/index.js";
import type { EmitContext, Emitted } from "./emit.js";
import { fromChannelsLast, reshapeTo, toChannelsLast } from "./layout.js";

/** Zeros around an image; backward cuts them off. */
export function emitZeroPad(context: EmitContext, node: NodeOf<"zeroPad2d">): Emitted {
  const { onnx, lanes } = context;
  const { top, bottom, left, right } = node.padding;
  const inner = lanes === 1 ? [] : [0];
  const pad = (value: string, sign: 1 | -1): string =>
    onnx.op("Pad", [
      value,
      onnx.int64s([
        ...[0, 0, sign * top + 0, sign * left + 0, ...inner],
        ...[0, 0, sign * bottom + 0, sign * right + 0, ...inner],
      ]),
    ]);
  return {
    output: pad(context.inputs[0]!.name, 1),
    backward: (gradient, needed) => ({
      inputs: [needed[0] ? pad(gradient, -1) : undefined],
      parameters: {},
    }),
  };
}

/** New shape in height-width-channel order. */
export function emitReshape(context: EmitContext, node: NodeOf<"reshape">): Emitted {
  const { onnx, batch } = context;
  const input = context.inputs[0]!;
  const move = (value: string, from: readonly number[], to: readonly number[]): string => {
    const last = toChannelsLast(onnx, value, from, context);
    return fromChannelsLast(onnx, reshapeTo(onnx, last, [batch, ...to]), to, context);
  };
  return {
    output: move(input.name, input.shape, node.shape),
    backward: (gradient, needed) => ({
      inputs: [needed[0] ? move(gradient, node.shape, input.shape) : undefined],
      parameters: {},
    }),
  };
}
