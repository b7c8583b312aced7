/** Names of fields with their widths in bits, lowest first. */
type FieldWidths<Name extends string> = Readonly<Record<Name, number>>;

/** Join fields of equal width, lowest first; negative ones in two's complement. */
export const joinFields = (fields: Iterable<bigint | number>, width: number): bigint =>
  [...fields].reduceRight<bigint>(
    (word, field) => (word << BigInt(width)) | BigInt.asUintN(width, BigInt(field)),
    0n,
  );

/** Split an integer into fields of equal width, lowest first. */
export const splitFields = (word: bigint, width: number, count: number): readonly bigint[] =>
  Array.from({ length: count }, (_, i) => BigInt.asUintN(width, word >> BigInt(i * width)));

/** Join bytes to an integer, the first byte lowest. */
export const wordOfBytes = (bytes: Iterable<number>): bigint => joinFields(bytes, 8);

/** Join named fields. */
export function joinNamed<Name extends string>(
  widths: FieldWidths<Name>,
  values: Readonly<Record<Name, number>>,
): bigint {
  let [word, at] = [0n, 0];
  for (const name of Object.keys(widths) as Name[]) {
    word |= BigInt.asUintN(widths[name], BigInt(values[name])) << BigInt(at);
    at += widths[name];
  }
  return word;
}

/** Split an integer into named fields of at most 53 bits. */
export function splitNamed<Name extends string>(
  widths: FieldWidths<Name>,
  word: bigint,
): Record<Name, number> {
  const values = {} as Record<Name, number>;
  let rest = word;
  for (const name of Object.keys(widths) as Name[]) {
    values[name] = Number(BigInt.asUintN(widths[name], rest));
    rest >>= BigInt(widths[name]);
  }
  return values;
}
