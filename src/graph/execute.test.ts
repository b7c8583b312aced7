import { afterEach, describe, expect, test } from "vitest";
import { maxAbsDifference, runReference } from "../../test/helpers/float-reference.js";
import { everyKindGraph } from "../../test/helpers/graphs.js";
import { createRng } from "../core/index.js";
import { createFloatExecutor, encodeOnnx, exportOnnx, type FloatExecutor, nodeName } from "./index.js";

const open: FloatExecutor[] = [];
afterEach(async () => {
  for (const executor of open.splice(0)) await executor.close();
});

const graph = everyKindGraph(createRng(7));
const count = 5;
const rng = createRng(8);
const bytes = Uint8Array.from({ length: count * 13 * 16 * 3 }, () => rng.integer(256));
const reals = Float32Array.from(bytes, (byte) => byte * graph.encoding.scale + graph.encoding.offset);

describe("float executor", () => {
  test("agrees with the definitions on every layer, within 2e-5", async () => {
    const outputs = graph.nodes.map((node) => node.name);
    const executor = createFloatExecutor(graph, { outputs, batch: 2 });
    open.push(executor);
    const values = await executor.run(reals, count);
    for (let i = 0; i < count; i++) {
      const expected = runReference(graph, reals.subarray(i * 13 * 16 * 3, (i + 1) * 13 * 16 * 3));
      for (const [name, wanted] of expected) {
        const got = values.get(name)!.subarray(i * wanted.length, (i + 1) * wanted.length);
        expect(maxAbsDifference(got, wanted), `${name} of image ${i}`).toBeLessThan(2e-5);
      }
    }
  });

  test("applies the encoding to bytes", async () => {
    const executor = createFloatExecutor(graph);
    open.push(executor);
    const fromBytes = (await executor.run(bytes, count)).get(graph.output)!;
    const fromReals = (await executor.run(reals, count)).get(graph.output)!;
    expect(fromBytes).toHaveLength(count * 10);
    expect(maxAbsDifference(fromBytes, fromReals)).toBeLessThan(1e-6);
  });

  test("refuses the wrong number of values and unknown layers", async () => {
    const executor = createFloatExecutor(graph);
    open.push(executor);
    await expect(executor.run(bytes, 4)).rejects.toMatchObject({ code: "FX1014" });
    const unknown = createFloatExecutor(graph, { outputs: [nodeName("nowhere")] });
    open.push(unknown);
    await expect(unknown.run(bytes, count)).rejects.toMatchObject({ code: "FX1011" });
  });
});

test("an exported model is deterministic and depends on no layer behind its outputs", () => {
  const options = { batch: 1, outputs: [nodeName("stem_relu")] } as const;
  const model = exportOnnx(graph, options);
  expect(model.nodes.map((node) => node.op)).toEqual([
    "Transpose",
    "Conv",
    "BatchNormalization",
    "Clip",
    "Transpose",
    "Identity",
  ]);
  expect(encodeOnnx(model)).toEqual(encodeOnnx(exportOnnx(everyKindGraph(createRng(7)), options)));
});
