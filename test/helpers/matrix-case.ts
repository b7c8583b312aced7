import fc from "fast-check";
import { expect } from "vitest";
import {
  type AdderGraph,
  evaluateAdderGraph,
  interval,
  type SharingOptions,
  shareMatrix,
} from "../../src/arith/index.js";

const integer = (bits: number) => fc.integer({ min: -(2 ** (bits - 1)), max: 2 ** (bits - 1) - 1 });

/** Matrices of every shape up to 40 × 40, 2 to 16 bits, with zero rows and columns, over signed and unsigned inputs. */
export const matrixCase = fc
  .record({
    rows: fc.integer({ min: 1, max: 40 }),
    columns: fc.integer({ min: 1, max: 40 }),
    bits: fc.integer({ min: 2, max: 16 }),
    inputBits: fc.integer({ min: 1, max: 12 }),
    signed: fc.boolean(),
    density: fc.constantFrom(0.05, 0.5, 1),
  })
  .filter(({ rows, columns }) => rows * columns <= 400 || (rows + columns) % 7 === 0)
  .chain(({ rows, columns, bits, inputBits, signed, density }) =>
    fc.record({
      weights: fc.array(
        fc.array(
          fc
            .tuple(integer(bits), fc.double({ min: 0, max: 1, noNaN: true }))
            .map(([w, p]) => (p < density ? w : 0)),
          { minLength: columns, maxLength: columns },
        ),
        { minLength: rows, maxLength: rows },
      ),
      range: fc.constant(
        signed ? interval(-(2 ** inputBits), 2 ** inputBits - 1) : interval(0, 2 ** inputBits - 1),
      ),
      constants: fc.array(fc.bigInt({ min: -100000n, max: 100000n }), { minLength: rows, maxLength: rows }),
      picks: fc.array(
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: columns, maxLength: columns }),
        { minLength: 3, maxLength: 3 },
      ),
    }),
  );

/** One drawn matrix with inputs and constants. */
export type MatrixCase = typeof matrixCase extends fc.Arbitrary<infer T> ? T : never;

/** Share the sub-expressions of a drawn matrix. */
export const shareCase = ({ weights, range, constants }: MatrixCase, options?: SharingOptions): AdderGraph =>
  shareMatrix(
    {
      name: "m",
      weights,
      constants,
      inputs: weights[0]!.map((_, i) => ({ name: `x${i}`, interval: range })),
      outputs: weights.map((_, o) => `y${o}`),
    },
    options,
  );

/** Compare what something computes with the matrix's products at the inputs' ends and inside. */
export function expectProducts(
  { weights, range, constants, picks }: MatrixCase,
  compute: (x: readonly bigint[]) => readonly (bigint | undefined)[],
): void {
  const width = Number(range.high - range.low);
  const corners = [weights[0]!.map(() => range.low), weights[0]!.map(() => range.high)];
  const inside = picks.map((pick) => pick.map((p) => range.low + BigInt(Math.floor(p * width))));
  for (const x of [...corners, ...inside]) {
    const values = compute(x);
    for (const [o, row] of weights.entries()) {
      const wanted = row.reduce((sum, w, i) => sum + BigInt(w) * x[i]!, constants[o]!);
      expect(values[o]).toBe(wanted);
    }
  }
}

/** As {@link expectProducts}, for a graph. */
export function expectProduct(graph: AdderGraph, given: MatrixCase): void {
  expectProducts(given, (x) => {
    const values = evaluateAdderGraph(graph, x);
    return graph.outputs.map((output) => values[output]);
  });
}
