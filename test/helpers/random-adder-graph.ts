import fc from "fast-check";
import { type AdderGraph, AdderGraphBuilder, type AdderNodeId, interval } from "../../src/arith/index.js";

const LARGEST = 1n << 48n;

const source = fc.record({ back: fc.nat({ max: 7 }), shift: fc.nat({ max: 8 }), negative: fc.boolean() });
const inputs = fc.oneof(
  fc.constant([0, 1] as const),
  fc.integer({ min: -200, max: 200 }).map((value) => [value, value] as const),
  fc
    .tuple(fc.integer({ min: -300, max: 100 }), fc.nat({ max: 300 }))
    .map(([low, size]) => [low, low + size] as const),
);
const constant = fc.oneof(
  fc.constant(0n),
  fc.nat({ max: 12 }).map((bit) => 1n << BigInt(bit)),
  fc.bigInt({ min: -1000n, max: 1000n }),
  fc.constant(-(1n << 46n)),
);
const nodes = fc.record({
  kind: fc.constantFrom(
    "sum",
    "sum",
    "sum",
    "sum",
    "sum",
    "floorShift",
    "lowBits",
    "saturate",
    "nonNegative",
  ),
  terms: fc.array(source, { maxLength: 6 }),
  constant,
  amount: fc.integer({ min: 1, max: 8 }),
});

/**
 * Graphs of all kinds of nodes, few of which make sense: sums of nothing, of one word, of the same word twice; inputs of one bit or one value;
 * words that nobody reads; outputs that are inputs, that others read, or that come twice.
 */
export const adderGraphs: fc.Arbitrary<AdderGraph> = fc
  .record({
    inputs: fc.array(inputs, { minLength: 1, maxLength: 5 }),
    nodes: fc.array(nodes, { minLength: 1, maxLength: 12 }),
    outputs: fc.array(fc.nat({ max: 4 }), { minLength: 1, maxLength: 4 }),
  })
  .map((drawn) => {
    const builder = new AdderGraphBuilder();
    const ids = drawn.inputs.map(([low, high], i) => builder.input(`x${i}`, interval(low, high)));
    const before = (back: number): AdderNodeId => ids[Math.max(0, ids.length - 1 - back)]!;
    for (const [k, { kind, terms, constant: own, amount }] of drawn.nodes.entries()) {
      const read = before(terms[0]?.back ?? 0);
      const made = (): AdderNodeId => {
        switch (kind) {
          case "floorShift":
            return builder.floorShift(read, amount);
          case "lowBits":
            return builder.lowBits(read, amount);
          case "saturate":
            return builder.saturate(read, amount);
          case "nonNegative":
            return builder.nonNegative(read);
          default:
            return builder.sum(
              `s${k}`,
              terms.map(({ back, ...term }) => ({ ...term, source: before(back) })),
              own,
            );
        }
      };
      const id = made();
      const { low, high } = builder.interval(id);
      if (low > -LARGEST && high < LARGEST) ids.push(id);
    }
    return builder.build("g", drawn.outputs.map(before));
  });
