import { dirname, resolve } from "node:path";
import ts from "typescript";

/** A number that a room shows to others. */
export type ExportedNumber = {
  /** Folder of the `index.ts`. */
  readonly room: string;
  /** Type or function that the number is written in, for people. */
  readonly owner: string;
  /** What the number is called, outermost first: of `energyPj: { clock: number }` both `energyPj` and `clock`. */
  readonly names: readonly string[];
};

/** Names that say nothing of their own: the number is what the name around them says. */
const TRANSPARENT = new Set(["low", "nominal", "high", "value", "mean", "min", "max", "total"]);

/** Library types that hold values of one kind, and which type argument that is. */
const CONTAINERS: Readonly<Record<string, number>> = {
  Array: 0,
  ReadonlyArray: 0,
  Promise: 0,
  Set: 0,
  ReadonlySet: 0,
  Iterable: 0,
  IterableIterator: 0,
  AsyncIterable: 0,
  Generator: 0,
  AsyncGenerator: 0,
  Map: 1,
  ReadonlyMap: 1,
};

const isNumber = (type: ts.Type): boolean =>
  (type.flags & (ts.TypeFlags.NumberLike | ts.TypeFlags.BigIntLike)) !== 0 ||
  /^(?:Big)?(?:Int|Uint|Float)\d+(?:Clamped)?Array$/.test(type.getSymbol()?.name ?? "");

const OBJECT = ts.TypeFlags.Object | ts.TypeFlags.Intersection;
const isAbsent = (type: ts.Type): boolean =>
  (type.flags & (ts.TypeFlags.Undefined | ts.TypeFlags.Null)) !== 0;

/** Walks what one room exports, into the types of other rooms too: those are shown as well. */
class Walker {
  readonly found: ExportedNumber[] = [];
  readonly #seen = new Set<string>();

  constructor(
    readonly checker: ts.TypeChecker,
    readonly room: string,
    readonly source: string,
  ) {}

  /** Walk an export: a type's fields, a function's parameters and result, a constant. */
  visitExport(symbol: ts.Symbol): void {
    const { checker } = this;
    const actual = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
    const { name } = symbol;
    if (actual.flags & (ts.SymbolFlags.Class | ts.SymbolFlags.Interface | ts.SymbolFlags.TypeAlias))
      this.#visit(checker.getDeclaredTypeOfSymbol(actual), name, [name]);
    if (actual.flags & (ts.SymbolFlags.Class | ts.SymbolFlags.Function | ts.SymbolFlags.Variable))
      this.#visit(checker.getTypeOfSymbol(actual), name, [name]);
  }

  /** Whether a field is written down in the source; one of a `Record` of named keys is written nowhere, and ours. */
  #isOurs(property: ts.Symbol): boolean {
    const { declarations = [] } = property;
    return declarations.every((one) => one.getSourceFile().fileName.startsWith(this.source));
  }

  #propertiesOf(type: ts.Type): readonly ts.Symbol[] {
    return this.checker
      .getPropertiesOfType(type)
      .filter((one) => !/^(?:#|__)/.test(one.name) && this.#isOurs(one));
  }

  /** The types of what a library's container holds; undefined for other types. */
  #heldBy(type: ts.Type): readonly ts.Type[] | undefined {
    const place = CONTAINERS[type.getSymbol()?.name ?? ""];
    if (place === undefined && !this.checker.isTupleType(type)) return undefined;
    const held = this.checker.getTypeArguments(type as ts.TypeReference);
    return place === undefined ? held : held.slice(place, place + 1);
  }

  /** Whether all that a type holds are numbers, so that the name around it says what they are: `{ low, high }`, `{ datapath, rom }`. */
  #isMeasure(type: ts.Type, depth = 0): boolean {
    if (isNumber(type)) return true;
    if (type.isUnion()) return type.types.every((one) => isAbsent(one) || this.#isMeasure(one, depth));
    if (!(type.flags & OBJECT) || depth > 3 || type.getCallSignatures().length > 0) return false;
    const held =
      this.#heldBy(type) ?? this.#propertiesOf(type).map((one) => this.checker.getTypeOfSymbol(one));
    return held.length > 0 && held.every((one) => this.#isMeasure(one, depth + 1));
  }

  #visit(type: ts.Type, owner: string, names: readonly string[]): void {
    if (type.isUnion()) {
      for (const part of type.types) this.#visit(part, owner, names);
    } else if (isNumber(type)) {
      const telling = names.filter((name) => !TRANSPARENT.has(name));
      if (telling.length > 0) this.found.push({ room: this.room, owner, names: telling });
    } else if (type.flags & OBJECT) {
      this.#visitObject(type, owner, names);
    }
  }

  #visitObject(type: ts.Type, owner: string, names: readonly string[]): void {
    const { checker } = this;
    const key = [(type as ts.Type & { readonly id: number }).id, ...names].join(" ");
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    const held = this.#heldBy(type);
    if (held !== undefined) {
      for (const part of held) this.#visit(part, owner, names);
      return;
    }
    const inner = this.#isMeasure(type) ? names : [];
    for (const { type: value } of checker.getIndexInfosOfType(type)) this.#visit(value, owner, names);
    for (const signature of [...type.getCallSignatures(), ...type.getConstructSignatures()])
      this.#visitSignature(signature, owner, names);
    // What a zod schema takes and gives is in these two, whatever else the library's type has.
    for (const side of ["_input", "_output"]) {
      const parsed = type.getProperty("_zod") && type.getProperty(side);
      if (parsed !== undefined) this.#visit(checker.getTypeOfSymbol(parsed), owner, []);
    }
    const named = [type.aliasSymbol, type.getSymbol()].find(
      (one) => one !== undefined && /^[A-Z]/.test(one.name) && this.#isOurs(one),
    );
    const place = named?.name ?? owner;
    for (const property of this.#propertiesOf(type))
      this.#visit(checker.getTypeOfSymbol(property), place, [...inner, property.name]);
  }

  #visitSignature(signature: ts.Signature, owner: string, names: readonly string[]): void {
    const name = names.at(-1) ?? owner;
    for (const parameter of signature.getParameters())
      this.#visit(this.checker.getTypeOfSymbol(parameter), `${name}()`, [parameter.name]);
    this.#visit(signature.getReturnType(), owner, names);
  }
}

/**
 * Find every number in what rooms export: fields of types and of zod schemas, parameters and results of functions and methods, constants.
 *
 * @param rooms folders with an `index.ts` each
 * @param source folder whose declarations are followed; those outside it (libraries) are not
 * @param configFile compiler options
 */
export function exportedNumbers(
  rooms: readonly string[],
  { source, configFile }: { readonly source: string; readonly configFile: string },
): readonly ExportedNumber[] {
  const { config } = ts.readConfigFile(configFile, ts.sys.readFile) as { readonly config: object };
  const { options } = ts.parseJsonConfigFileContent(
    { ...config, files: [], include: [] },
    ts.sys,
    dirname(configFile),
  );
  const files = rooms.map((room) => resolve(room, "index.ts"));
  const program = ts.createProgram(files, { ...options, noEmit: true });
  const checker = program.getTypeChecker();
  return files.flatMap((file, i) => {
    const walker = new Walker(checker, rooms[i]!.split(/[\\/]/).at(-1) ?? "", resolve(source));
    const module = program.getSourceFile(file);
    const symbol = module && checker.getSymbolAtLocation(module);
    if (symbol === undefined) throw new Error(`${file} exports nothing`);
    for (const one of checker.getExportsOfModule(symbol)) walker.visitExport(one);
    return walker.found;
  });
}
