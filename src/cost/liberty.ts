import { FixynnError } from "../core/index.js";
import { bilinear } from "./bilinear.js";

/** A group of a Liberty file: `name (args) { attributes, complex attributes, groups }`. */
export type LibertyGroup = {
  readonly name: string;
  readonly args: readonly string[];
  /** Simple attributes `name : value;`, quotes removed; the last one wins. */
  readonly attributes: ReadonlyMap<string, string>;
  /** Complex attributes `name (a, b);`, in order; quotes removed, line continuations joined. */
  readonly complex: ReadonlyMap<string, readonly string[]>;
  /** All occurrences of each complex attribute, in order (`fanout_length` stands once for each fan-out). */
  readonly repeated: ReadonlyMap<string, readonly (readonly string[])[]>;
  readonly groups: readonly LibertyGroup[];
};

const SPACE = 32;
const QUOTE = 34;
const OPEN = 40;
const CLOSE = 41;
const STAR = 42;
const COMMA = 44;
const SLASH = 47;
const COLON = 58;
const SEMICOLON = 59;
const BACKSLASH = 92;
const BRACE = 123;
const BRACE_END = 125;

class Reader {
  private position = 0;
  constructor(
    private readonly text: string,
    private readonly place: string,
  ) {}

  fail(message: string, at = this.position): never {
    let line = 1;
    for (let i = 0; i < at && i < this.text.length; i++) if (this.text.charCodeAt(i) === 10) line++;
    throw new FixynnError("FX7001", message, {
      place: `${this.place}:${line}`,
      hint: "is the Liberty file complete, with balanced braces?",
    });
  }

  /** Skip white space, comments and line continuations; return the next character code, NaN at the end. */
  peek(): number {
    const { text } = this;
    for (;;) {
      const c = text.charCodeAt(this.position);
      if (c <= SPACE || c === BACKSLASH) this.position++;
      else if (c === SLASH && text.charCodeAt(this.position + 1) === STAR) {
        const end = text.indexOf("*/", this.position + 2);
        if (end < 0) this.fail("comment is never closed");
        this.position = end + 2;
      } else if (c === SLASH && text.charCodeAt(this.position + 1) === SLASH) {
        const end = text.indexOf("\n", this.position);
        this.position = end < 0 ? text.length : end;
      } else return c;
    }
  }

  atEnd(): boolean {
    return Number.isNaN(this.peek());
  }

  /** Read a quoted string or a bare word. */
  private word(): string {
    const start = this.position;
    const { text } = this;
    if (this.peek() === QUOTE) {
      const from = ++this.position;
      const end = text.indexOf('"', from);
      if (end < 0) this.fail("string is never closed", start);
      this.position = end + 1;
      return text.slice(from, end);
    }
    const from = this.position;
    for (;;) {
      const c = text.charCodeAt(this.position);
      if (
        Number.isNaN(c) ||
        c <= SPACE ||
        c === OPEN ||
        c === CLOSE ||
        c === COMMA ||
        c === COLON ||
        c === SEMICOLON ||
        c === BRACE ||
        c === BRACE_END ||
        c === QUOTE
      ) {
        break;
      }
      this.position++;
    }
    if (this.position === from) {
      const found = text[from];
      this.fail(found === undefined ? "the file ends too early" : `unexpected ${JSON.stringify(found)}`);
    }
    return text.slice(from, this.position);
  }

  private args(): string[] {
    this.position++;
    const values: string[] = [];
    for (;;) {
      const c = this.peek();
      if (c === CLOSE) break;
      if (c === COMMA) {
        this.position++;
        continue;
      }
      if (c === COLON || c === SEMICOLON || c === BRACE || c === BRACE_END) this.fail("missing )");
      values.push(this.word());
    }
    this.position++;
    return values;
  }

  /** Read the value of a simple attribute, up to the semicolon or the end of the line. */
  private value(): string {
    this.position++;
    if (this.peek() === QUOTE) {
      const value = this.word();
      if (this.peek() === SEMICOLON) this.position++;
      return value;
    }
    const from = this.position;
    for (;;) {
      const c = this.text.charCodeAt(this.position);
      if (Number.isNaN(c) || c === SEMICOLON || c === 10 || c === BRACE_END) break;
      this.position++;
    }
    const value = this.text.slice(from, this.position).trim();
    if (this.text.charCodeAt(this.position) === SEMICOLON) this.position++;
    return value;
  }

  group(name: string, args: readonly string[]): LibertyGroup {
    const start = this.position;
    this.position++;
    const attributes = new Map<string, string>();
    const complex = new Map<string, readonly string[]>();
    const repeated = new Map<string, (readonly string[])[]>();
    const groups: LibertyGroup[] = [];
    for (;;) {
      let c = this.peek();
      if (Number.isNaN(c)) this.fail(`group "${name}" is never closed: a } is missing`, start);
      if (c === BRACE_END) {
        this.position++;
        return { name, args, attributes, complex, repeated, groups };
      }
      if (c === SEMICOLON) {
        this.position++;
        continue;
      }
      const key = this.word();
      c = this.peek();
      if (c === COLON) attributes.set(key, this.value());
      else if (c === OPEN) {
        const values = this.args();
        if (this.peek() === BRACE) groups.push(this.group(key, values));
        else {
          complex.set(key, values);
          const before = repeated.get(key);
          if (before) before.push(values);
          else repeated.set(key, [values]);
        }
      } else this.fail(`expected ":" or "(" after "${key}"`);
    }
  }

  library(): LibertyGroup {
    if (this.atEnd()) this.fail("the file is empty");
    const name = this.word();
    if (name !== "library" || this.peek() !== OPEN) this.fail(`expected "library (name) {", found "${name}"`);
    const args = this.args();
    if (this.peek() !== BRACE) this.fail('expected "{" after library (…)');
    const library = this.group(name, args);
    if (!this.atEnd()) this.fail("text after the end of the library: a } too many?");
    return library;
  }
}

/**
 * Parse the text of a Liberty file into its tree of groups. Values stay text.
 *
 * @param place name of the file, for messages
 * @throws FixynnError FX7001 with the line, when braces, quotes or parentheses do not balance
 */
export function parseLiberty(text: string, place: string): LibertyGroup {
  return new Reader(text, place).library();
}

/** A look-up table: value over input slew (rows) and output load (columns), in the library's units. */
export type LibertyTable = {
  readonly slews: readonly number[];
  readonly loads: readonly number[];
  /** `slews.length × loads.length`, row-major. */
  readonly values: readonly number[];
};

const numbers = (texts: readonly string[]): number[] =>
  texts.flatMap((text) =>
    text
      .split(/[\s,\\]+/)
      .filter((part) => part !== "")
      .map(Number),
  );

/**
 * Read a table group (`cell_rise`, `rise_power`, …); axes come from the group or from its template.
 * An axis that is not a slew or a load (constraint tables) is kept in its place.
 *
 * @throws FixynnError FX7002 when the values are no numbers or do not fit the axes
 */
export function libertyTable(
  group: LibertyGroup,
  templates: ReadonlyMap<string, LibertyGroup>,
): LibertyTable {
  const template = templates.get(group.args[0] ?? "");
  const axis = (i: 1 | 2): number[] =>
    numbers(group.complex.get(`index_${i}`) ?? template?.complex.get(`index_${i}`) ?? []);
  const values = numbers(group.complex.get("values") ?? []);
  let [slews, loads] = values.length === 1 ? [[0], [0]] : [axis(1), axis(2)];
  if (loads.length === 0) loads = [0];
  const capFirst = template?.attributes.get("variable_1") === "total_output_net_capacitance";
  if (capFirst) [slews, loads] = [loads, slews];
  if (
    values.length === 0 ||
    values.length !== slews.length * loads.length ||
    !values.every(Number.isFinite)
  ) {
    throw new FixynnError("FX7002", `table ${group.name} has ${values.length} values for its axes`, {
      hint: `expected ${slews.length} × ${loads.length} numbers`,
    });
  }
  if (!capFirst || loads.length === 1 || slews.length === 1) return { slews, loads, values };
  const [s, l] = [slews.length, loads.length];
  return { slews, loads, values: values.map((_, i) => values[(i % l) * s + Math.floor(i / l)] ?? 0) };
}

/** Look a table up by bilinear interpolation (NLDM); outside the axes the nearest edge holds. */
export const lookUp = ({ slews, loads, values }: LibertyTable, slew: number, load: number): number =>
  bilinear(slews, loads, values, slew, load);
