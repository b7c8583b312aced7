import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { expect } from "vitest";

/** A protobuf message by field number: varints as numbers, everything else as bytes. */
type Message = ReadonlyMap<number, readonly (number | Uint8Array)[]>;

function parse(bytes: Uint8Array): Message {
  const reader = new BinaryReader(bytes);
  const fields = new Map<number, (number | Uint8Array)[]>();
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    const value =
      wire === WireType.Varint
        ? Number(reader.int64())
        : wire === WireType.LengthDelimited
          ? reader.bytes()
          : new Uint8Array(Float32Array.of(reader.float()).buffer);
    fields.set(field, [...(fields.get(field) ?? []), value]);
  }
  return fields;
}

const text = (value: number | Uint8Array | undefined): string =>
  new TextDecoder("utf-8", { fatal: true }).decode(value as Uint8Array);
const texts = (message: Message, field: number): string[] => (message.get(field) ?? []).map(text);
const messages = (message: Message, field: number): Message[] =>
  (message.get(field) ?? []).map((bytes) => parse(bytes as Uint8Array));

/** What a reader such as Netron sees in an ONNX file. */
export type OnnxFile = {
  readonly irVersion: number;
  readonly producer: readonly [name: string, version: string];
  readonly opset: readonly { readonly domain: string; readonly version: number }[];
  readonly doc: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly nodes: readonly {
    readonly name: string;
    readonly op: string;
    readonly domain: string;
    readonly inputs: readonly string[];
    readonly outputs: readonly string[];
  }[];
  readonly initializers: readonly {
    readonly name: string;
    readonly type: number;
    readonly shape: readonly number[];
    readonly bytes: number;
  }[];
  readonly inputs: readonly OnnxPort[];
  readonly outputs: readonly OnnxPort[];
  readonly values: readonly OnnxPort[];
};

type OnnxPort = {
  readonly name: string;
  readonly type: number;
  readonly shape: readonly (number | string)[];
};

function port(info: Message): OnnxPort {
  const tensor = messages(messages(info, 2)[0]!, 1)[0]!;
  const shape = messages(messages(tensor, 2)[0]!, 1).map(
    (dim) => (dim.get(1)?.[0] as number | undefined) ?? text(dim.get(2)?.[0]),
  );
  return { name: text(info.get(1)?.[0]), type: tensor.get(1)?.[0] as number, shape };
}

/** Decode an ONNX file with field numbers of onnx.proto, by code that shares nothing with the encoder. */
export function decodeOnnx(bytes: Uint8Array): OnnxFile {
  const model = parse(bytes);
  const [graph] = messages(model, 7);
  if (graph === undefined) throw new Error("no graph");
  return {
    irVersion: model.get(1)?.[0] as number,
    producer: [text(model.get(2)?.[0]), texts(model, 3)[0] ?? ""],
    opset: messages(model, 8).map((set) => ({
      domain: texts(set, 1)[0] ?? "",
      version: set.get(2)?.[0] as number,
    })),
    doc: texts(model, 6)[0] ?? "",
    metadata: Object.fromEntries(
      messages(model, 14).map((entry) => [text(entry.get(1)?.[0]), text(entry.get(2)?.[0])]),
    ),
    nodes: messages(graph, 1).map((node) => ({
      name: text(node.get(3)?.[0]),
      op: text(node.get(4)?.[0]),
      domain: texts(node, 7)[0] ?? "",
      inputs: texts(node, 1),
      outputs: texts(node, 2),
    })),
    initializers: messages(graph, 5).map((tensor) => ({
      name: text(tensor.get(8)?.[0]),
      type: tensor.get(2)?.[0] as number,
      shape: (tensor.get(1) ?? []) as number[],
      bytes: (tensor.get(9)?.[0] as Uint8Array | undefined)?.length ?? 0,
    })),
    inputs: messages(graph, 11).map(port),
    outputs: messages(graph, 12).map(port),
    values: messages(graph, 13).map(port),
  };
}

/** Bytes of an element of each `TensorProto.DataType`. */
const ELEMENT_BYTES: Readonly<Record<number, number>> = { 1: 4, 2: 1, 3: 1, 5: 2, 6: 4, 7: 8 };

/**
 * Check what the ONNX checker does of a file's structure: the one standard operator set, each value computed once and before it
 * is read, names present and unique, constants as long as their shapes say, outputs computed.
 */
export function checkOnnxStructure(bytes: Uint8Array): OnnxFile {
  const file = decodeOnnx(bytes);
  expect(file.opset).toHaveLength(1);
  expect(file.opset[0]!.domain).toBe("");
  expect([
    [8, 17],
    [10, 21],
  ]).toContainEqual([file.irVersion, file.opset[0]!.version]);
  const known = new Set<string>();
  const define = (name: string): void => {
    expect(name).not.toBe("");
    expect(known.has(name), `${name} twice`).toBe(false);
    known.add(name);
  };
  for (const input of file.inputs) define(input.name);
  for (const { name, type, shape, bytes: length } of file.initializers) {
    define(name);
    expect(length, name).toBe(ELEMENT_BYTES[type]! * shape.reduce((a, b) => a * b, 1));
  }
  const nodeNames = new Set<string>();
  for (const { name, domain, inputs, outputs } of file.nodes) {
    expect(domain).toBe("");
    expect(name).not.toBe("");
    expect(nodeNames.has(name), `node ${name} twice`).toBe(false);
    nodeNames.add(name);
    for (const input of inputs) expect(known.has(input), `${name} reads ${input}`).toBe(true);
    for (const output of outputs) define(output);
  }
  for (const { name } of [...file.outputs, ...file.values])
    expect(known.has(name), `${name} is computed`).toBe(true);
  return file;
}
