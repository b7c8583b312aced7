import { describe, expect, it } from "vitest";
import { fromWords, runEngine } from "../../../test/helpers/engine-run.js";
import { LAYER_KINDS, randomLayer, randomValues } from "../../../test/helpers/random-quant-layer.js";
import { createRng, UnsupportedOpError } from "../../core/index.js";
import { nodeName } from "../../graph/index.js";
import { executeFrom, type QuantNetwork } from "../../quant/index.js";
import { encodeProgram, engineConfig, parseProgram } from "../index.js";
import { compileEngine } from "./index.js";

const SIZES = [
  [4, 4],
  [8, 8],
  [16, 16],
  [32, 16],
  [8, 16],
] as const;

describe("compileEngine on random layers, through the interpreter", () => {
  for (const kind of LAYER_KINDS.filter((one) => one !== "add"))
    it(`gives the golden executor's bytes: ${kind}`, () => {
      let compared = 0;
      for (let seed = 0; seed < 40; seed++) {
        const rng = createRng(seed);
        const made = randomLayer(rng, kind);
        if (made === undefined || made.node.output.bits > 8 || made.inputs[0]!.bits > 8) continue;
        const image = { kind: "input", name: nodeName("image"), output: made.inputs[0]! } as const;
        const network: QuantNetwork = {
          kind: "quantNetwork",
          name: "n",
          encoding: { scale: 1, offset: 0 } as never,
          nodes: [image, made.node],
          output: made.node.name,
        };
        const [cPar, kPar] = SIZES[seed % SIZES.length]!;
        const activationBufferBytes = (seed % 3 === 0 ? 32 : 1024) * 4 * Math.max(cPar, kPar);
        const config = engineConfig({
          cPar,
          kPar,
          weightBits: seed % 2 === 0 ? 8 : 9,
          weightBufferBytes: 2048,
          activationBufferBytes,
        });
        let program: ReturnType<typeof compileEngine>;
        try {
          program = compileEngine({ network, config });
        } catch (error) {
          if (error instanceof UnsupportedOpError || (error as { code?: string }).code === "FX5111") continue;
          throw error;
        }
        const values = randomValues(rng, image.output);
        const wanted = executeFrom(network, image.name, values);
        const got = fromWords(runEngine(program, config, values), program.result);
        const expected = [...wanted.get(made.node.name)!];
        expect(got, `seed ${seed}`).toEqual(expected);
        expect(encodeProgram(parseProgram(program.bytes))).toEqual(program.bytes);
        compared++;
      }
      expect(compared).toBeGreaterThan(5);
    });
});
