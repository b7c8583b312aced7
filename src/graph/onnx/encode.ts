import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { assertNever } from "../../core/index.js";
import type {
  OnnxAttribute,
  OnnxDType,
  OnnxInitializer,
  OnnxModel,
  OnnxNode,
  OnnxValueInfo,
} from "./model.js";

/** Element type codes of `TensorProto.DataType` (onnx.proto, ONNX IR version 8). */
const DATA_TYPE: Readonly<Record<OnnxDType, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int16: 5,
  int32: 6,
  int64: 7,
};

/** Attribute type codes of `AttributeProto.AttributeType`. */
const ATTRIBUTE_TYPE: Readonly<Record<OnnxAttribute["kind"], number>> = {
  float: 1,
  int: 2,
  string: 3,
  floats: 6,
  ints: 7,
};

const DEFAULT_OPSET = 17;
/** The IR version that came with an operator set (onnx, docs/Versioning.md). */
const IR_VERSION = { 17: 8, 21: 10 } as const;

type Write = (writer: BinaryWriter) => void;

const message = (writer: BinaryWriter, field: number, write: Write): void => {
  writer.tag(field, WireType.LengthDelimited).fork();
  write(writer);
  writer.join();
};

const text = (writer: BinaryWriter, field: number, value: string): void => {
  writer.tag(field, WireType.LengthDelimited).string(value);
};

const integer = (writer: BinaryWriter, field: number, value: number): void => {
  writer.tag(field, WireType.Varint).int64(value);
};

function writeAttribute(writer: BinaryWriter, name: string, attribute: OnnxAttribute): void {
  text(writer, 1, name);
  switch (attribute.kind) {
    case "float":
      writer.tag(2, WireType.Bit32).float(attribute.value);
      break;
    case "int":
      integer(writer, 3, attribute.value);
      break;
    case "string":
      text(writer, 4, attribute.value);
      break;
    case "floats":
      for (const value of attribute.value) writer.tag(7, WireType.Bit32).float(value);
      break;
    case "ints":
      for (const value of attribute.value) integer(writer, 8, value);
      break;
    default:
      assertNever(attribute);
  }
  integer(writer, 20, ATTRIBUTE_TYPE[attribute.kind]);
}

/** Cut `domain.Op` in two; an operator of ONNX itself has no domain. */
function splitDomain(op: string): { readonly domain: string; readonly name: string } {
  const dot = op.lastIndexOf(".");
  return { domain: op.slice(0, Math.max(dot, 0)), name: op.slice(dot + 1) };
}

function writeNode(writer: BinaryWriter, node: OnnxNode): void {
  const { domain, name: operator } = splitDomain(node.op);
  for (const input of node.inputs) text(writer, 1, input);
  for (const output of node.outputs) text(writer, 2, output);
  text(writer, 3, node.name ?? node.outputs[0] ?? node.op);
  text(writer, 4, operator);
  for (const [name, attribute] of Object.entries(node.attributes)) {
    message(writer, 5, (w) => writeAttribute(w, name, attribute));
  }
  if (domain !== "") text(writer, 7, domain);
}

function writeInitializer(writer: BinaryWriter, initializer: OnnxInitializer): void {
  const isTensor = initializer.kind === "tensor";
  const shape = isTensor ? initializer.value.shape : initializer.shape;
  for (const extent of shape) integer(writer, 1, extent);
  integer(writer, 2, isTensor ? DATA_TYPE[initializer.value.dtype] : DATA_TYPE.int64);
  text(writer, 8, initializer.name);
  const data = isTensor ? initializer.value.data : BigInt64Array.from(initializer.value, (v) => BigInt(v));
  writer
    .tag(9, WireType.LengthDelimited)
    .bytes(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}

function writeValueInfo(writer: BinaryWriter, info: OnnxValueInfo): void {
  text(writer, 1, info.name);
  message(writer, 2, (type) =>
    message(type, 1, (tensorType) => {
      integer(tensorType, 1, DATA_TYPE[info.dtype]);
      message(tensorType, 2, (shape) => {
        for (const extent of info.shape) {
          message(shape, 1, (w) => (typeof extent === "number" ? integer(w, 1, extent) : text(w, 2, extent)));
        }
      });
    }),
  );
  if (info.doc !== undefined) text(writer, 3, info.doc);
}

/**
 * Serialize an ONNX model (`ModelProto`; opset 17 with IR version 8, or opset 21 with 10; version 1 of any other operator
 * domain). Field numbers from onnx.proto.
 * The bytes depend on the model alone.
 */
export function encodeOnnx(model: OnnxModel): Uint8Array {
  const writer = new BinaryWriter();
  const opset = model.opset ?? DEFAULT_OPSET;
  integer(writer, 1, IR_VERSION[opset]);
  text(writer, 2, "fixynn");
  if (model.producerVersion !== undefined) text(writer, 3, model.producerVersion);
  if (model.doc !== undefined) text(writer, 6, model.doc);
  message(writer, 7, (graph) => {
    for (const node of model.nodes) message(graph, 1, (w) => writeNode(w, node));
    text(graph, 2, model.name);
    for (const initializer of model.initializers) message(graph, 5, (w) => writeInitializer(w, initializer));
    for (const info of model.inputs) message(graph, 11, (w) => writeValueInfo(w, info));
    for (const info of model.outputs) message(graph, 12, (w) => writeValueInfo(w, info));
    for (const info of model.values ?? []) message(graph, 13, (w) => writeValueInfo(w, info));
  });
  const operatorSet = (domain: string, version: number): void =>
    message(writer, 8, (w) => {
      text(w, 1, domain);
      integer(w, 2, version);
    });
  operatorSet("", opset);
  const domains = new Set(model.nodes.map((node) => splitDomain(node.op).domain));
  for (const domain of [...domains].filter((name) => name !== "").sort()) operatorSet(domain, 1);
  for (const [key, value] of Object.entries(model.metadata ?? {})) {
    message(writer, 14, (entry) => {
      text(entry, 1, key);
      text(entry, 2, value);
    });
  }
  return writer.finish();
}
