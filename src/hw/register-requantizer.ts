import {
  AdderGraphBuilder,
  type ClockTarget,
  type Interval,
  interval,
  type Term,
  wordFormat,
} from "../arith/index.js";
import type { Clamp } from "../quant/index.js";
import { ModuleBuilder, repeat, sliceOf } from "./builder.js";
import { largest, smallest } from "./fold/extremes.js";
import { resize } from "./fold/lane.js";
import { finishRequantizer, type Requantizer } from "./fold/requantizer.js";
import type { Signal } from "./netlist.js";
import type { RegisterFormat } from "./registers.js";

/** A requantizer whose multiplier and offset come from registers. */
export type RegisterRequantizerShape = {
  /** Sums that can come, without bias. */
  readonly sum: Interval;
  readonly format: RegisterFormat;
  readonly shift: number;
  readonly clamp: Clamp;
  readonly outputBits: number;
  readonly clock: ClockTarget;
};

/**
 * Build clamp((m·a + c) >> shift): each bit of m gates a, the rows and c go into one tree of full adders. Ports: `advance`, `a`, `scale` (m in
 * the low bits, c above it), `y`.
 */
export function buildRegisterRequantizer(
  name: string,
  doc: readonly string[],
  { sum, format, shift, clamp, outputBits, clock }: RegisterRequantizerShape,
): Requantizer {
  const { multiplierBits, signed: signedMultiplier, offset, result } = format;
  const b = new ModuleBuilder(name, doc);
  b.clock("aclk");
  const enable = b.input("advance", 1, "all registers move on");
  const { width, signed } = wordFormat(sum);
  const a = b.input("a", width, "weighted sum");
  const offsetBits = wordFormat(offset).width;
  const scale = b.input("scale", multiplierBits + offsetBits, "multiplier, offset above it");
  const graph = new AdderGraphBuilder();
  const inputs: Signal[] = [];
  const terms: Term[] = [];
  const gated = interval(smallest([sum.low, 0n]), largest([sum.high, 0n]));
  for (let i = 0; i < multiplierBits; i++) {
    const row = b.logic("and", `scale${i}`, [a, repeat(sliceOf(scale, i, 1), width)]);
    inputs.push(resize(row, wordFormat(gated).width, signed));
    const negative = signedMultiplier && i === multiplierBits - 1;
    terms.push({ source: graph.input(`scale${i}`, gated), shift: i, negative });
  }
  inputs.push(sliceOf(scale, multiplierBits, offsetBits));
  terms.push({ source: graph.input("offset", offset), shift: 0, negative: false });
  return finishRequantizer(
    b,
    { name, graph, terms, inputs, constant: 0n, shift, enable, clock },
    { results: result, clamp, outputBits },
  );
}
