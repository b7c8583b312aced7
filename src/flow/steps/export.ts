import { writeFileAtomic } from "../../core/index.js";
import { encodeOnnx, floatOnnxModel } from "../../graph/index.js";
import { qdqOnnxModel } from "../../quant/index.js";
import type { FlowContext } from "../context.js";
import { fileNameOf } from "../run-directory.js";
import type { LoadedDataset } from "./data.js";
import type { IntegerNetwork } from "./quantize.js";
import type { TrainedNetwork } from "./train.js";

/**
 * Write every retrained network as ONNX for other tools, with the names of its classes: in float, and its integer form as quantize-dequantize
 * pairs. Files are `onnx/DATASET-FREEZEPOINT.float.onnx` and `.qdq.onnx`.
 */
export function exportAll(
  context: FlowContext,
  sweep: {
    readonly datasets: readonly LoadedDataset[];
    readonly trained: readonly TrainedNetwork[];
    readonly integer: readonly IntegerNetwork[];
  },
): void {
  const { run } = context;
  const classNames = new Map(sweep.datasets.map(({ dataset }) => [dataset.name, dataset.classes]));
  const write = (one: TrainedNetwork | IntegerNetwork, ending: string, bytes: Uint8Array): void => {
    const name = fileNameOf(one.dataset, one.freezePoint ?? "unfrozen");
    writeFileAtomic(run.path("onnx", `${name}.${ending}.onnx`), bytes);
  };
  for (const one of sweep.trained) {
    const options = { classNames: classNames.get(one.dataset)! };
    write(one, "float", encodeOnnx(floatOnnxModel(one.graph, options)));
  }
  for (const one of sweep.integer) {
    const options = { classNames: classNames.get(one.dataset)! };
    write(one, "qdq", encodeOnnx(qdqOnnxModel(one.network, options)));
  }
}
