import type { Clamp, QuantAdd, QuantType } from "../quant/index.js";
import { NO_PADDING } from "../tensor/index.js";
import { additionGraph } from "./addition.js";
import { concat, literal, repeat, sliceOf } from "./builder.js";
import type { LayerHardware } from "./layer.js";
import { DATAPATH_NAMES, type DatapathOptions, graphDatapath } from "./layer-datapath.js";
import { parallelLayer } from "./layer-top.js";
import type { Signal } from "./netlist.js";
import { streamOf } from "./streams.js";
import { planWindow, type WindowPlan } from "./window-plan.js";

/** Plan a layer that makes each output pixel of one pixel of each input. */
export function pointwisePlan(type: QuantType, place: string): WindowPlan {
  const line = { height: 1, width: streamOf(type).beats };
  const one = { height: 1, width: 1 };
  return planWindow({ input: line, output: line, kernel: one, stride: one, padding: NO_PADDING }, place);
}

/** Widen each channel's integer of a pixel. */
function widened(
  pixel: Signal,
  { channels, bits }: { channels: number; bits: number },
  type: QuantType,
  to: number,
): Signal {
  if (bits === to) return pixel;
  return concat(
    Array.from({ length: channels }, (_, c) => {
      const word = sliceOf(pixel, c * bits, bits);
      const fill = type.signed ? sliceOf(word, bits - 1, 1) : literal(0, 1);
      return concat([word, repeat(fill, to - bits)]);
    }),
  );
}

/**
 * Compile a residual sum: two streams meet, each with a memory in front where its pixels come first (see `sizeJoins`).
 *
 * @param ranges integers that the operands can be
 */
export function compileAdd(
  job: { readonly name: string; readonly node: QuantAdd; readonly inputs: readonly [QuantType, QuantType] },
  ranges: readonly [Clamp, Clamp],
  options: DatapathOptions & { readonly fifos: readonly number[] },
): Omit<LayerHardware, "kind" | "name" | "node" | "inputs"> {
  const { name, node, inputs } = job;
  const { channels } = streamOf(inputs[0]);
  const bits = Math.max(inputs[0].bits, inputs[1].bits);
  const datapath = graphDatapath(name, additionGraph(name, node, inputs, ranges), {
    ...options,
    clamp: node.clamp,
    outputBits: node.output.bits,
    inputBits: bits,
    inputChannels: channels,
    doc: (registers) => [
      `Residual sum of layer "${node.name}": both operands scaled, added and rounded in one sum where that is exact; then the clamp to ` +
        `${node.clamp.low}..${node.clamp.high}. ${registers} pipeline register(s) in a row.`,
      DATAPATH_NAMES,
    ],
  });
  const { fifos } = options;
  const waits = fifos
    .map((depth, i) => (depth > 0 ? ` ${depth} pixels of input ${i} may wait.` : ""))
    .join("");
  return parallelLayer({
    ...job,
    plan: pointwisePlan(inputs[0], node.name),
    datapath,
    fifos,
    about: `add of two streams${waits === "" ? "" : `;${waits.replace(/\.$/, "")}`}`,
    operandsOf: (_b, { pixels }) => ({
      taps: pixels.map((pixel, i) => widened(pixel, streamOf(inputs[i]!), inputs[i]!, bits)),
      bits,
    }),
    macs: 0,
  });
}
