import type { DigitMatrix, Pattern, VariableId } from "./digit-matrix.js";

/** Distances are −31 … 31. */
const DISTANCES = 64;

/** Counts all patterns of one variable at once. */
export class Births {
  readonly #matrix: DigitMatrix;
  readonly #born: (uses: number, pattern: Pattern) => void;
  #counts = new Int32Array(32 * DISTANCES * 2);
  readonly #touched: number[] = [];

  /** @param born told every pattern that occurs twice or more */
  constructor(matrix: DigitMatrix, born: (uses: number, pattern: Pattern) => void) {
    this.#matrix = matrix;
    this.#born = born;
  }

  #add(index: number): void {
    if (this.#counts[index]!++ === 0) this.#touched.push(index);
  }

  /** Count the patterns of a variable with itself and all variables before it, and report those that occur at least twice. */
  scan(variable: VariableId): void {
    const matrix = this.#matrix;
    const size = matrix.variables * DISTANCES * 2;
    if (size > this.#counts.length) this.#counts = new Int32Array(2 * size);
    const { entryVariable, entryRow, positive, negative } = matrix;
    for (let e = matrix.firstEntry(variable); e < matrix.firstEntry(variable + 1); e++) {
      const p = positive[e]!;
      const n = negative[e]!;
      if ((p | n) === 0) continue;
      for (const f of matrix.compactRow(entryRow[e]!)) {
        const other = entryVariable[f]!;
        if (other > variable) continue;
        const base = (other * DISTANCES + 32) * 2;
        for (let mine = p | n; mine !== 0; mine &= mine - 1) {
          const s = 31 - Math.clz32(mine & -mine);
          const plus = (p >>> s) & 1;
          for (let its = positive[f]! | negative[f]!; its !== 0; its &= its - 1) {
            const t = 31 - Math.clz32(its & -its);
            if (f === e && t <= s) continue;
            this.#add(base + (t - s) * 2 + (((positive[f]! >>> t) & 1) ^ plus));
          }
        }
      }
    }
    for (const index of this.#touched) {
      const uses = this.#counts[index]!;
      this.#counts[index] = 0;
      if (uses < 2) continue;
      const opposite = (index & 1) === 1;
      const other = Math.floor(index / (DISTANCES * 2));
      const distance = ((index >> 1) % DISTANCES) - 32;
      const forward = distance > 0 || (distance === 0 && variable <= other);
      this.#born(
        uses,
        forward
          ? { a: variable, b: other, distance, opposite }
          : { a: other, b: variable, distance: -distance, opposite },
      );
    }
    this.#touched.length = 0;
  }
}
