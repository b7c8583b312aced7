/** A field of a FlatBuffer table. */
export type FlatField =
  | { readonly kind: "int8" | "int32" | "float32"; readonly value: number }
  | { readonly kind: "bytes"; readonly data: Uint8Array }
  | { readonly kind: "int32s" | "float32s" | "int64s"; readonly values: readonly number[] }
  | { readonly kind: "table"; readonly table: FlatFields }
  | { readonly kind: "tables"; readonly tables: readonly FlatFields[] };

/** Fields of a table by their number in the schema. */
export type FlatFields = Readonly<Record<number, FlatField>>;

const SIZES = { int8: 1, int32: 4, float32: 4 } as const;
const ELEMENT_SIZES = { int32s: 4, float32s: 4, int64s: 8 } as const;

/** Writes parents before children: offsets point forwards, each vtable lies before its table. */
class Writer {
  bytes = Buffer.alloc(1 << 12);
  end = 0;

  /** Reserve zeroed bytes, so that the place `at` bytes into them is aligned to 16. */
  reserve(size: number, at = 0): number {
    const start = this.end + ((16 - ((this.end + at) % 16)) % 16);
    this.end = start + size;
    while (this.end > this.bytes.length)
      this.bytes = Buffer.concat([this.bytes, Buffer.alloc(this.bytes.length)]);
    return start;
  }

  pointTo(field: number, target: number): void {
    this.bytes.writeUInt32LE(target - field, field);
  }

  table(fields: FlatFields): number {
    const numbers = Object.keys(fields).map(Number);
    const count = numbers.length === 0 ? 0 : Math.max(...numbers) + 1;
    const vtable = this.reserve(4 + 2 * count);
    const size = 4 + 4 * numbers.length;
    const table = this.reserve(size);
    this.bytes.writeUInt16LE(4 + 2 * count, vtable);
    this.bytes.writeUInt16LE(size, vtable + 2);
    this.bytes.writeInt32LE(table - vtable, table);
    for (const [slot, number] of numbers.entries()) {
      const at = table + 4 + 4 * slot;
      this.bytes.writeUInt16LE(at - table, vtable + 4 + 2 * number);
      this.field(fields[number]!, at);
    }
    return table;
  }

  field(field: FlatField, at: number): void {
    switch (field.kind) {
      case "int8":
      case "int32":
        this.bytes.writeIntLE(field.value, at, SIZES[field.kind]);
        return;
      case "float32":
        this.bytes.writeFloatLE(field.value, at);
        return;
      case "bytes": {
        const start = this.reserve(4 + field.data.length, 4);
        this.pointTo(at, start);
        this.bytes.writeUInt32LE(field.data.length, start);
        this.bytes.set(field.data, start + 4);
        return;
      }
      case "table":
        this.pointTo(at, this.table(field.table));
        return;
      case "tables": {
        const start = this.reserve(4 + 4 * field.tables.length, 4);
        this.pointTo(at, start);
        this.bytes.writeUInt32LE(field.tables.length, start);
        for (const [i, table] of field.tables.entries()) {
          const slot = start + 4 + 4 * i;
          this.pointTo(slot, this.table(table));
        }
        return;
      }
      default: {
        const size = ELEMENT_SIZES[field.kind];
        const start = this.reserve(4 + size * field.values.length, 4);
        this.pointTo(at, start);
        this.bytes.writeUInt32LE(field.values.length, start);
        for (const [i, value] of field.values.entries()) {
          const element = start + 4 + i * size;
          if (field.kind === "int64s") this.bytes.writeBigInt64LE(BigInt(value), element);
          else if (field.kind === "int32s") this.bytes.writeInt32LE(value, element);
          else this.bytes.writeFloatLE(value, element);
        }
      }
    }
  }
}

/** Write a FlatBuffer file: its identifier of four letters and its root table (FlatBuffers internals). */
export function writeFlatBuffer(identifier: string, root: FlatFields): Uint8Array {
  const writer = new Writer();
  writer.reserve(8);
  writer.bytes.write(identifier, 4, "latin1");
  writer.pointTo(0, writer.table(root));
  return Uint8Array.from(writer.bytes.subarray(0, writer.end));
}
