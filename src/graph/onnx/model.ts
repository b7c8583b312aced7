import type { Tensor } from "../../tensor/index.js";

/** Attribute of an ONNX operator: integers, floats, lists of them, or strings. */
export type OnnxAttribute =
  | { readonly kind: "int"; readonly value: number }
  | { readonly kind: "ints"; readonly value: readonly number[] }
  | { readonly kind: "float"; readonly value: number }
  | { readonly kind: "floats"; readonly value: readonly number[] }
  | { readonly kind: "string"; readonly value: string };

export type OnnxNode = {
  /** Name of the operator; `domain.Name` when it is not one of ONNX itself. */
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
  /** Default: the name of the first output. */
  readonly name?: string;
};

/** int64 constants (shapes, axes) are kept apart: ONNX wants them 64 bits wide. */
export type OnnxInitializer =
  | { readonly kind: "tensor"; readonly name: string; readonly value: Tensor }
  | {
      readonly kind: "int64";
      readonly name: string;
      readonly shape: readonly number[];
      readonly value: readonly number[];
    };

export type OnnxDType = "float32" | "int32" | "int16" | "int8" | "uint8" | "int64";

/** A graph input or output; a string extent is a free dimension. */
export type OnnxValueInfo = {
  readonly name: string;
  readonly dtype: OnnxDType;
  readonly shape: readonly (number | string)[];
  readonly doc?: string;
};

export type OnnxModel = {
  readonly name: string;
  readonly inputs: readonly OnnxValueInfo[];
  readonly outputs: readonly OnnxValueInfo[];
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxInitializer[];
  /** Shapes of values inside, for readers that infer none. */
  readonly values?: readonly OnnxValueInfo[];
  /** Version of the operator set; default 17. */
  readonly opset?: 17 | 21;
  readonly producerVersion?: string;
  readonly doc?: string;
  /** `metadata_props`. */
  readonly metadata?: Readonly<Record<string, string>>;
};

/** Collects nodes and constants of an ONNX graph; every `op` call returns the name of its output. */
export class OnnxBuilder {
  readonly #nodes: OnnxNode[] = [];
  readonly #initializers: OnnxInitializer[] = [];
  readonly #inputs: OnnxValueInfo[] = [];
  readonly #outputs: OnnxValueInfo[] = [];
  readonly #int64s = new Map<string, string>();
  #counter = 0;

  /** Return a fresh value name that starts with a hint. */
  fresh(hint: string): string {
    return `${hint}_${this.#counter++}`;
  }

  input(name: string, dtype: OnnxDType, shape: OnnxValueInfo["shape"]): string {
    this.#inputs.push({ name, dtype, shape });
    return name;
  }

  output(name: string, dtype: OnnxDType, shape: OnnxValueInfo["shape"]): void {
    this.#outputs.push({ name, dtype, shape });
  }

  /** Add a constant tensor. */
  constant(hint: string, value: Tensor): string {
    const name = this.fresh(hint);
    this.#initializers.push({ kind: "tensor", name, value });
    return name;
  }

  /** Add a 1-D int64 constant (shared when equal). */
  int64s(value: readonly number[]): string {
    const key = value.join(",");
    const known = this.#int64s.get(key);
    if (known !== undefined) return known;
    const name = this.fresh("i64");
    this.#initializers.push({ kind: "int64", name, shape: [value.length], value });
    this.#int64s.set(key, name);
    return name;
  }

  /** Add a float scalar constant. */
  scalar(value: number, hint = "c"): string {
    return this.constant(hint, { kind: "tensor", dtype: "float32", shape: [], data: Float32Array.of(value) });
  }

  /** Add an operator with one output and return that output's name. */
  op(
    op: string,
    inputs: readonly string[],
    attributes: OnnxNode["attributes"] = {},
    outputHint = op,
  ): string {
    return this.ops(op, inputs, 1, attributes, outputHint)[0]!;
  }

  /** Add an operator with several outputs. */
  ops(
    op: string,
    inputs: readonly string[],
    count: number,
    attributes: OnnxNode["attributes"] = {},
    hint = op,
  ): string[] {
    const outputs = Array.from({ length: count }, () => this.fresh(hint));
    this.#nodes.push({ op, inputs, outputs, attributes });
    return outputs;
  }

  /** Give a value a stable name (Identity), e.g. for a graph output. */
  alias(value: string, name: string): string {
    this.#nodes.push({ op: "Identity", inputs: [value], outputs: [name], attributes: {} });
    return name;
  }

  build(name: string): OnnxModel {
    return {
      name,
      inputs: this.#inputs,
      outputs: this.#outputs,
      nodes: this.#nodes,
      initializers: this.#initializers,
    };
  }
}

export const int = (value: number): OnnxAttribute => ({ kind: "int", value });
export const ints = (...value: readonly number[]): OnnxAttribute => ({ kind: "ints", value });
export const float = (value: number): OnnxAttribute => ({ kind: "float", value });
export const floats = (...value: readonly number[]): OnnxAttribute => ({ kind: "floats", value });
export const string = (value: string): OnnxAttribute => ({ kind: "string", value });
