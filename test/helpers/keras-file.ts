import { File, ready } from "h5wasm/node";
import type { Tensor } from "../../src/tensor/index.js";

/** Weights of a layer by the path that Keras gives them, e.g. `conv/kernel:0`. */
export type LayerWeights = Readonly<Record<string, Tensor<"float32">>>;

/** What goes into a Keras HDF5 file. */
export type KerasFixture = {
  /** Undefined writes a file of weights only. */
  readonly config: unknown;
  readonly weights: Readonly<Record<string, LayerWeights>>;
};

/** Write a Keras HDF5 file as `model.save("x.h5")` lays it out. */
export async function writeKerasFile(path: string, fixture: KerasFixture): Promise<void> {
  await ready;
  const file = new File(path, "w");
  if (fixture.config !== undefined) file.create_attribute("model_config", JSON.stringify(fixture.config));
  const root = file.create_group("model_weights");
  for (const [layer, weights] of Object.entries(fixture.weights)) {
    const group = root.create_group(layer);
    group.create_attribute("weight_names", Object.keys(weights));
    for (const [name, value] of Object.entries(weights)) {
      const parts = name.split("/");
      let parent = group;
      for (const part of parts.slice(0, -1)) {
        const known = parent.keys().includes(part) ? parent.get(part) : parent.create_group(part);
        parent = known as typeof group;
      }
      parent.create_dataset({ name: parts.at(-1)!, data: value.data, shape: [...value.shape], dtype: "<f4" });
    }
  }
  file.flush();
  file.close();
}
