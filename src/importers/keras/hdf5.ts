import { Dataset, File, Group, ready } from "h5wasm/node";
import { FixynnError } from "../../core/index.js";
import { elementCount, type Shape, type Tensor, tensor } from "../../tensor/index.js";

/** The parts of a Keras HDF5 file that an import reads. */
export type KerasFile = {
  /** Text of the `model_config` attribute; undefined in a file that holds weights only. */
  readonly modelConfig: string | undefined;
  /**
   * Read a weight of a layer.
   *
   * @param roles accepted names of the weight, e.g. `kernel`: the last part of its path, without `:0`
   * @param shape the shape that it must have
   * @throws FixynnError FX1004 when it is missing, FX1005 when its shape or type is wrong, FX1002 when it cannot be read
   */
  weight(layer: string, roles: readonly string[], shape: Shape): Tensor<"float32">;
};

const DAMAGED_HINT = "the file is damaged or truncated; copy or download it again";

/** HDF5 reports failures to the caller, not to standard error. */
async function loadHdf5(): Promise<void> {
  const module = await ready;
  module.activate_throwing_error_handler();
}

const asStrings = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];

function layerGroup(root: Group, layer: string): Group | undefined {
  let group: Group = root;
  for (const part of layer.split("/")) {
    if (!group.keys().includes(part)) return undefined;
    const next = group.get(part);
    if (!(next instanceof Group)) return undefined;
    group = next;
  }
  return group;
}

function readWeight(
  root: Group,
  path: string,
  layer: string,
  roles: readonly string[],
  shape: Shape,
): Tensor<"float32"> {
  const place = `${path}: layer ${layer}`;
  const role = roles[0] ?? "";
  const group = layerGroup(root, layer);
  const names = asStrings(group?.attrs["weight_names"]?.value);
  const name = names.find((candidate) => {
    const last = candidate.split("/").at(-1) ?? "";
    return roles.includes(last.replace(/:\d+$/, ""));
  });
  const dataset = name === undefined ? undefined : group?.get(name);
  if (!(dataset instanceof Dataset)) {
    throw new FixynnError("FX1004", `the file has no ${role} for this layer`, {
      place,
      hint: "save the whole model with model.save, after building it",
    });
  }
  const found = dataset.shape ?? [];
  if (found.length !== shape.length || found.some((extent, i) => extent !== shape[i])) {
    throw new FixynnError("FX1005", `${role} has shape ${found.join("x")}, expected ${shape.join("x")}`, {
      place,
      hint: "configuration and weights in this file belong to different models",
    });
  }
  const { value } = dataset;
  if (
    !(value instanceof Float32Array || value instanceof Float64Array) ||
    value.length !== elementCount(shape)
  ) {
    throw new FixynnError("FX1005", `${role} is of type ${String(dataset.dtype)}, not of floats`, {
      place,
      hint: "convert the model to float32 weights",
    });
  }
  return tensor("float32", shape, Float32Array.from(value));
}

/**
 * Open a Keras HDF5 file, hand it to `read`, and close it whatever happens.
 *
 * @throws FixynnError FX1002 when it is no readable HDF5 file; what `read` throws
 */
export async function withKerasFile<T>(path: string, read: (file: KerasFile) => T): Promise<T> {
  await loadHdf5();
  const damaged = (cause: unknown): FixynnError => {
    const detail = cause instanceof Error ? cause.message : String(cause);
    const truncated = /truncated file[^\n]*/.exec(detail)?.[0];
    return new FixynnError(
      "FX1002",
      `not a readable HDF5 file${truncated === undefined ? "" : ` (${truncated})`}`,
      {
        place: path,
        hint: DAMAGED_HINT,
        cause,
      },
    );
  };
  let file: File;
  try {
    file = new File(path, "r");
  } catch (cause) {
    throw damaged(cause);
  }
  try {
    const config = file.attrs["model_config"]?.value;
    const root = file.keys().includes("model_weights") ? file.get("model_weights") : file;
    return read({
      modelConfig: typeof config === "string" ? config : undefined,
      weight: (layer, roles, shape) =>
        readWeight(root instanceof Group ? root : file, path, layer, roles, shape),
    });
  } catch (cause) {
    throw cause instanceof FixynnError ? cause : damaged(cause);
  } finally {
    file.close();
  }
}
