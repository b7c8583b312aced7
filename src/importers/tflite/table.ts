/**
 * A table of a FlatBuffer: fields by their number in the schema, absent ones by their default. Every read is bounds-checked by
 * `DataView`, which throws a RangeError outside the file (FlatBuffers internals: a table begins with the signed offset to its vtable; the
 * vtable holds its own size, the table's size, and each field's offset in the table or 0).
 */
export class FlatTable {
  readonly #view: DataView;
  readonly #at: number;

  private constructor(view: DataView, at: number) {
    this.#view = view;
    this.#at = at;
  }

  /** The root table of a file. */
  static root(bytes: Uint8Array): FlatTable {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return new FlatTable(view, view.getUint32(0, true));
  }

  /** Position of a field, or 0 when it is absent. */
  #field(field: number): number {
    const vtable = this.#at - this.#view.getInt32(this.#at, true);
    const slot = 4 + 2 * field;
    if (slot >= this.#view.getUint16(vtable, true)) return 0;
    const offset = this.#view.getUint16(vtable + slot, true);
    return offset === 0 ? 0 : this.#at + offset;
  }

  /** Position that an offset field points to, or 0. */
  #target(field: number): number {
    const at = this.#field(field);
    return at === 0 ? 0 : at + this.#view.getUint32(at, true);
  }

  int8(field: number): number {
    const at = this.#field(field);
    return at === 0 ? 0 : this.#view.getInt8(at);
  }

  uint8(field: number): number {
    return this.int8(field) & 0xff;
  }

  bool(field: number): boolean {
    return this.int8(field) !== 0;
  }

  int32(field: number, absent = 0): number {
    const at = this.#field(field);
    return at === 0 ? absent : this.#view.getInt32(at, true);
  }

  uint32(field: number): number {
    return this.int32(field) >>> 0;
  }

  float32(field: number, absent = 0): number {
    const at = this.#field(field);
    return at === 0 ? absent : this.#view.getFloat32(at, true);
  }

  table(field: number): FlatTable | undefined {
    const at = this.#target(field);
    return at === 0 ? undefined : new FlatTable(this.#view, at);
  }

  string(field: number): string {
    return new TextDecoder().decode(this.bytes(field));
  }

  /** Bytes of a vector of bytes or of a string; a view of the file. */
  bytes(field: number): Uint8Array {
    const at = this.#target(field);
    if (at === 0) return new Uint8Array(0);
    return new Uint8Array(this.#view.buffer, ...this.#range(at, 1));
  }

  /** Byte offset in the file's buffer and length of a vector's elements, checked. */
  #range(at: number, size: number): readonly [offset: number, length: number] {
    const length = this.#view.getUint32(at, true);
    if (at + 4 + length * size > this.#view.byteLength) throw new RangeError("a vector reaches past the end");
    return [this.#view.byteOffset + at + 4, length];
  }

  #vector<T>(field: number, size: number, read: (at: number) => T): readonly T[] {
    const at = this.#target(field);
    if (at === 0) return [];
    const [, length] = this.#range(at, size);
    return Array.from({ length }, (_, i) => read(at + 4 + i * size));
  }

  int32s(field: number): readonly number[] {
    return this.#vector(field, 4, (at) => this.#view.getInt32(at, true));
  }

  float32s(field: number): readonly number[] {
    return this.#vector(field, 4, (at) => this.#view.getFloat32(at, true));
  }

  int64s(field: number): readonly number[] {
    return this.#vector(field, 8, (at) => Number(this.#view.getBigInt64(at, true)));
  }

  tables(field: number): readonly FlatTable[] {
    return this.#vector(field, 4, (at) => new FlatTable(this.#view, at + this.#view.getUint32(at, true)));
  }
}
