import { FormTable, popCount } from "./signed-digits.js";

/** Row of a digit matrix: what is still to be added up for one output. */
export type RowId = number;
/** Column of a digit matrix: an input or a shared sum. */
export type VariableId = number;

/** Two digits of one row: ±(a + b·2^distance), or ±(a − b·2^distance) when `opposite`. */
export type Pattern = {
  readonly a: VariableId;
  readonly b: VariableId;
  readonly distance: number;
  readonly opposite: boolean;
};

/** Bound on the length of the addition paths below a row; see {@link DigitMatrix.limitDepth}. */
type DepthLimit = { readonly capacity: Float64Array; readonly load: Float64Array };

function grown(array: Int32Array<ArrayBuffer>, size: number): Int32Array<ArrayBuffer> {
  if (size <= array.length) return array;
  const larger = new Int32Array(Math.max(size, array.length * 2));
  larger.set(array);
  return larger;
}

/**
 * Sparse matrix of signed digits: entry (variable, row) holds the digits of the variable's coefficient in that row as two masks.
 * Entries of a variable lie side by side, rows ascending. Digits are only ever taken away from a variable, or rewritten as another
 * minimal form of the same coefficient.
 */
export class DigitMatrix {
  readonly rows: number;
  /** Longest path of additions behind each variable. */
  readonly depths: number[] = [];
  /** Entries of each row, in the order of the variables. */
  readonly rowEntries: number[][];
  entryVariable = new Int32Array(1024);
  entryRow = new Int32Array(1024);
  positive = new Int32Array(1024);
  negative = new Int32Array(1024);
  readonly #first: number[] = [0];
  readonly #dense: (Int32Array | undefined)[] = [];
  readonly #formTable = new FormTable();
  /** Minimal forms of each entry's coefficient, and the digits that appear in any of them. */
  readonly #forms: Int32Array[] = [];
  #reachPositive = new Int32Array(1024);
  #reachNegative = new Int32Array(1024);
  #limit: DepthLimit | undefined;

  constructor(rows: number) {
    this.rows = rows;
    this.rowEntries = Array.from({ length: rows }, () => []);
  }

  get variables(): number {
    return this.depths.length;
  }

  /** First entry of a variable; entries end where the next variable's begin. */
  firstEntry(variable: VariableId): number {
    return this.#first[variable]!;
  }

  /** Add a variable with its digits, rows ascending. */
  addVariable(
    rows: readonly number[],
    positive: readonly number[],
    negative: readonly number[],
    depth: number,
  ): VariableId {
    const variable = this.depths.length;
    const from = this.#first[variable]!;
    const to = from + rows.length;
    this.entryVariable = grown(this.entryVariable, to);
    this.entryRow = grown(this.entryRow, to);
    this.positive = grown(this.positive, to);
    this.negative = grown(this.negative, to);
    this.#reachPositive = grown(this.#reachPositive, to);
    this.#reachNegative = grown(this.#reachNegative, to);
    for (let i = 0; i < rows.length; i++) {
      this.entryVariable[from + i] = variable;
      this.entryRow[from + i] = rows[i]!;
      this.#setDigits(from + i, positive[i]!, negative[i]!);
      this.rowEntries[rows[i]!]!.push(from + i);
    }
    this.#first.push(to);
    this.depths.push(depth);
    if (rows.length > 8) {
      const dense = new Int32Array(this.rows).fill(-1);
      for (let e = from; e < to; e++) dense[this.entryRow[e]!] = e;
      this.#dense[variable] = dense;
    }
    return variable;
  }

  #setDigits(entry: number, positive: number, negative: number): void {
    this.positive[entry] = positive;
    this.negative[entry] = negative;
    const forms = this.#formTable.of(positive - negative);
    this.#forms[entry] = forms;
    let reachPositive = 0;
    let reachNegative = 0;
    for (let i = 0; i < forms.length; i += 2) {
      reachPositive |= forms[i]!;
      reachNegative |= forms[i + 1]!;
    }
    this.#reachPositive[entry] = reachPositive;
    this.#reachNegative[entry] = reachNegative;
  }

  /** Find the entry of a variable in a row, or −1. */
  #find(variable: VariableId, row: RowId): number {
    const dense = this.#dense[variable];
    if (dense !== undefined) return dense[row]!;
    for (let e = this.#first[variable]!; e < this.#first[variable + 1]!; e++) {
      if (this.entryRow[e] === row) return e;
    }
    return -1;
  }

  /**
   * Bound the additions on any path to a row's sum. A row of digits of depths d_i can be added up within D levels exactly when
   * Σ 2^d_i ≤ 2^D (Kraft); taking a pattern replaces two digits by one of depth max + 1, which raises the sum when the two
   * differ in depth.
   *
   * @param levels D of each row
   * @param extra digits that each row has outside the matrix, already as Σ 2^depth
   */
  limitDepth(levels: readonly number[], extra: readonly number[]): void {
    const load = Float64Array.from(extra);
    for (let e = 0; e < this.#first.at(-1)!; e++) {
      const digits = popCount(this.positive[e]!) + popCount(this.negative[e]!);
      load[this.entryRow[e]!] = load[this.entryRow[e]!]! + digits * 2 ** this.depths[this.entryVariable[e]!]!;
    }
    this.#limit = { capacity: Float64Array.from(levels, (d) => 2 ** d), load };
  }

  /** What a row's load grows by for each occurrence of a pattern. */
  #growth({ a, b }: Pattern): number {
    if (this.#limit === undefined) return 0;
    const [da, db] = [this.depths[a]!, this.depths[b]!];
    return 2 ** (Math.max(da, db) + 1) - 2 ** da - 2 ** db;
  }

  #allowed(row: RowId, growth: number, occurrences: number): number {
    if (this.#limit === undefined || growth === 0) return occurrences;
    const { capacity, load } = this.#limit;
    return Math.max(0, Math.min(occurrences, Math.floor((capacity[row]! - load[row]!) / growth)));
  }

  /** Find the two forms of a pair of entries that show a pattern most often; returns how often, and leaves them in `best`. */
  #bestForms(ea: number, eb: number, distance: number, opposite: boolean): number {
    const reachP = (opposite ? this.#reachNegative[eb]! : this.#reachPositive[eb]!) >>> distance;
    const reachN = (opposite ? this.#reachPositive[eb]! : this.#reachNegative[eb]!) >>> distance;
    if (((this.#reachPositive[ea]! & reachP) | (this.#reachNegative[ea]! & reachN)) === 0) return 0;
    const best = this.#best;
    const formsA = this.#forms[ea]!;
    const formsB = this.#forms[eb]!;
    let most = 0;
    for (let i = 0; i < formsA.length; i += 2) {
      for (let j = 0; j < formsB.length; j += 2) {
        const same = formsB[j + (opposite ? 1 : 0)]! >>> distance;
        const other = formsB[j + (opposite ? 0 : 1)]! >>> distance;
        const count = popCount(formsA[i]! & same) + popCount(formsA[i + 1]! & other);
        if (count <= most) continue;
        most = count;
        best[0] = formsA[i]!;
        best[1] = formsA[i + 1]!;
        best[2] = formsB[j]!;
        best[3] = formsB[j + 1]!;
      }
    }
    return most;
  }
  readonly #best = new Int32Array(4);

  /** As {@link #bestForms} for a pattern within one coefficient; each digit is used once, from the lowest up. */
  #bestChain(entry: number, { distance, opposite }: Pattern): number {
    const best = this.#best;
    best[0] = this.positive[entry]!;
    best[1] = this.negative[entry]!;
    best[2] = 0;
    best[3] = 0;
    const forms = this.#forms[entry]!;
    let most = 0;
    for (let i = 0; i < forms.length; i += 2) {
      let p = forms[i]!;
      let n = forms[i + 1]!;
      let takenP = 0;
      let takenN = 0;
      for (let s = 0; s + distance < 31; s++) {
        const low = 1 << s;
        const high = 1 << (s + distance);
        if ((p & low) !== 0 && ((opposite ? n : p) & high) !== 0) takenP |= low;
        else if ((n & low) !== 0 && ((opposite ? p : n) & high) !== 0) takenN |= low;
        else continue;
        p &= ~(low | high);
        n &= ~(low | high);
      }
      const count = popCount(takenP) + popCount(takenN);
      if (count > most) {
        most = count;
        best[0] = p;
        best[1] = n;
        best[2] = takenP;
        best[3] = takenN;
      }
    }
    return most;
  }

  /** Count how often a pattern can be taken, each coefficient in whichever minimal form shows it most. */
  count(pattern: Pattern): number {
    const { a, b, distance, opposite } = pattern;
    const growth = this.#growth(pattern);
    let total = 0;
    if (a === b) {
      for (let e = this.#first[a]!; e < this.#first[a + 1]!; e++) {
        const count = this.#bestChain(e, pattern);
        if (count > 0) total += this.#allowed(this.entryRow[e]!, growth, count);
      }
      return total;
    }
    const [few, other] = this.#fewer(a, b);
    const dense = this.#dense[other];
    for (let e = this.#first[few]!; e < this.#first[few + 1]!; e++) {
      if ((this.#reachPositive[e]! | this.#reachNegative[e]!) === 0) continue;
      const row = this.entryRow[e]!;
      const f = dense === undefined ? this.#find(other, row) : dense[row]!;
      if (f < 0) continue;
      const count =
        few === a ? this.#bestForms(e, f, distance, opposite) : this.#bestForms(f, e, distance, opposite);
      if (count > 0) total += this.#allowed(row, growth, count);
    }
    return total;
  }

  #fewer(a: VariableId, b: VariableId): readonly [VariableId, VariableId] {
    const size = (v: VariableId): number => this.#first[v + 1]! - this.#first[v]!;
    return size(a) <= size(b) ? [a, b] : [b, a];
  }

  /** Replace all occurrences of a pattern by digits of a new variable, which stands for a ± b·2^distance. */
  take(pattern: Pattern): VariableId {
    const { a, b, distance, opposite } = pattern;
    const growth = this.#growth(pattern);
    const rows: number[] = [];
    const positive: number[] = [];
    const negative: number[] = [];
    const best = this.#best;
    const keep = (row: RowId, p: number, n: number): void => {
      rows.push(row);
      positive.push(p);
      negative.push(n);
      if (this.#limit !== undefined) {
        const { load } = this.#limit;
        load[row] = load[row]! + growth * (popCount(p) + popCount(n));
      }
    };
    const [few, other] = a === b ? [a, a] : this.#fewer(a, b);
    for (let e = this.#first[few]!; e < this.#first[few + 1]!; e++) {
      const row = this.entryRow[e]!;
      if (a === b) {
        const count = this.#bestChain(e, pattern);
        if (count === 0 || this.#allowed(row, growth, count) < count) continue;
        this.#setDigits(e, best[0]!, best[1]!);
        keep(row, best[2]!, best[3]!);
        continue;
      }
      const f = this.#find(other, row);
      if (f < 0) continue;
      const [ea, eb] = few === a ? [e, f] : [f, e];
      const count = this.#bestForms(ea, eb, distance, opposite);
      const allowed = this.#allowed(row, growth, count);
      if (allowed === 0) continue;
      const [pa, na, pb, nb] = [best[0]!, best[1]!, best[2]!, best[3]!];
      let p = pa & ((opposite ? nb : pb) >>> distance);
      let n = na & ((opposite ? pb : nb) >>> distance);
      for (let extra = count - allowed; extra > 0; extra--) {
        if (n !== 0) n &= n - 1;
        else p &= p - 1;
      }
      this.#setDigits(ea, pa & ~p, na & ~n);
      this.#setDigits(eb, pb & ~((opposite ? n : p) << distance), nb & ~((opposite ? p : n) << distance));
      keep(row, p, n);
    }
    return this.addVariable(rows, positive, negative, Math.max(this.depths[a]!, this.depths[b]!) + 1);
  }

  /** Drop entries that have no digits left from a row's list. */
  compactRow(row: RowId): readonly number[] {
    const live = this.rowEntries[row]!;
    let kept = 0;
    for (const e of live) if ((this.positive[e]! | this.negative[e]!) !== 0) live[kept++] = e;
    live.length = kept;
    return live;
  }
}
