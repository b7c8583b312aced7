import { Command } from "commander";
import { freezePoints, printGraph, statistics } from "../graph/index.js";
import { importModel } from "../importers/index.js";

/** `fixynn import`: read a model and say what is in it. */
export function importCommand(): Command {
  return new Command("import")
    .description("read a model and print its layers and possible freeze points")
    .argument("<file>", "Keras .h5, or a graph written by fixynn (.json)")
    .option("--input-side <pixels>", "input size, where the model leaves it open", Number)
    .option("--json", "print JSON", false)
    .action(async (file: string, options: { inputSide?: number; json: boolean }) => {
      const graph = await importModel(
        file,
        options.inputSide === undefined ? {} : { inputSide: options.inputSide },
      );
      const { params, macs } = statistics(graph);
      const points = freezePoints(graph);
      if (options.json) {
        process.stdout.write(`${JSON.stringify({ name: graph.name, params, macs, freezePoints: points })}\n`);
        return;
      }
      process.stdout.write(`${printGraph(graph)}\n\n${params} parameters, ${macs} MACs\n\nFreeze points:\n`);
      for (const { layer, macsShare, shape } of points) {
        const share = `${(100 * macsShare).toFixed(1)} %`.padStart(8);
        process.stdout.write(`${share} of MACs  ${layer}  (${shape.join("x")})\n`);
      }
    });
}
