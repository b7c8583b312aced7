import { describe, expect, test } from "vitest";
import { transfer, withValues } from "../../../test/helpers/engine-convolutions.js";
import { config, end, identity, load, runOf, source, target } from "../../../test/helpers/engine-identity.js";
import {
  convolution,
  type HandConvolution,
  type HandDescriptor,
  type HandTensor,
  handProgram,
} from "../../../test/helpers/engine-program.js";
import { CheckFailedError } from "../../core/index.js";
import { engineConfig } from "../config.js";
import { SPACES } from "../isa/index.js";
import { interpretProgram } from "./index.js";

describe("interpretProgram refuses", () => {
  const failure = (run: () => unknown): string => {
    try {
      run();
    } catch (error) {
      if (error instanceof CheckFailedError) return `${error.code} ${error.place}`;
      throw error;
    }
    return "none";
  };
  const layer = withValues(convolution(config, identity), { waitTransfers: 1 });

  test("names the descriptor that would wait for ever", () => {
    const place = "FX5120 frame 0 descriptor 1";
    expect(failure(() => runOf([load, withValues(layer, { waitTransfers: 2 }), end]))).toBe(place);
    expect(failure(() => runOf([load, withValues(layer, { waitLayers: 1 }), end]))).toBe(place);
    expect(failure(() => runOf([load, { ...layer, weights: layer.weights.subarray(0, 176) }, end]))).toBe(
      place,
    );
    expect(failure(() => runOf([load, withValues(layer, { waitInput: 1 }), end]))).toBe(place);
    expect(failure(() => runOf([load, withValues(layer, { passes: 2 }), end]))).toBe(place);
    expect(failure(() => runOf([load, { ...layer, repeat: 2 }, end]))).toBe("FX5120 frame 0 descriptor 2");
    expect(failure(() => runOf([load, withValues(layer, { weightsKeep: 1 }), end]))).toBe(
      "FX5120 frame 0 descriptor 2",
    );
    expect(failure(() => runOf([transfer("load", source, config, { beats: 9 }), end]))).toBe(
      "FX5120 frame 0 descriptor 0",
    );
    expect(failure(() => runOf([load, layer]))).toBe("FX5120 program");
  });

  test("refuses weights that the ring cannot hold until they are read again", () => {
    const small = engineConfig({ cPar: 8, kPar: 8, stripePixels: 16, weightBufferBytes: 512 });
    const deep: HandTensor = { ...source, channels: 72 };
    const given: HandConvolution = {
      ...identity,
      windowed: false,
      source: deep,
      target: { ...target, start: 32 },
    };
    const run = (mode: "plain" | "stream", rows: number) =>
      failure(() =>
        interpretProgram({
          config: small,
          program: handProgram(small, [
            convolution(small, { ...given, mode, stripe: { rows, columns: 4 } }),
            end,
          ]),
        }),
      );
    // 9 blocks of 64 bytes are more than the ring's 512, which matters only where stripes read them twice.
    expect(run("plain", 2)).toBe("FX5120 frame 0 descriptor 0");
    expect(run("plain", 4)).toBe("none");
    expect(run("stream", 2)).toBe("none");
  });

  test("refuses results that depend on which unit is faster", () => {
    const store = transfer("store", target, config, { space: SPACES.result, waitLayers: 1 });
    expect(failure(() => runOf([load, layer, store, end]))).toBe("none");
    expect(failure(() => runOf([load, withValues(layer, { waitTransfers: 0 }), end]))).toBe(
      "FX5122 frame 0 descriptor 1",
    );
    const early = transfer("store", target, config, { space: SPACES.result });
    expect(failure(() => runOf([load, layer, early, end]))).toBe("FX5122 frame 0 descriptor 2");
    const overlapping = withValues(
      convolution(config, { ...identity, stripe: { rows: 2, columns: 2 }, target: { ...source, start: 2 } }),
      {
        waitTransfers: 1,
      },
    );
    expect(failure(() => runOf([load, overlapping, end]))).toMatch(/FX5122/);
    const dense = (input: number): HandDescriptor =>
      convolution(config, {
        ...identity,
        windowed: false,
        weight: (o, _, __, i) => Number(i === input && o === 0),
      });
    expect(failure(() => runOf([load, dense(3), end]))).toBe("FX5122 frame 0 descriptor 1");
    // Words that no weight makes matter may hold anything.
    expect(failure(() => runOf([load, dense(8), end]))).toBe("none");
    const inPlace = withValues(convolution(config, { ...identity, target: source }), { waitTransfers: 1 });
    expect(failure(() => runOf([load, inPlace, end]))).toBe("none");
  });

  test("refuses blocks that are released and read again", () => {
    const both = withValues(layer, { weightsShared: 1, weightsStream: 1 });
    expect(failure(() => runOf([load, both, end]))).toBe("FX5121 frame 0 descriptor 1");
  });

  test("refuses maxima of what are no bytes", () => {
    const most = (weight: number): string =>
      failure(() =>
        runOf([
          load,
          withValues(convolution(config, { ...identity, weight: () => weight, values: { maximum: 1 } }), {
            waitTransfers: 1,
          }),
          end,
        ]),
      );
    expect(most(1)).toBe("none");
    expect(most(-1)).toBe("FX5121 frame 0 descriptor 1");
  });
});
