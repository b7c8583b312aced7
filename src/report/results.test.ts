import { describe, expect, it } from "vitest";
import { FixynnError } from "../core/index.js";
import { freezePointsOf, parseResults, resultsJsonSchema, resultsSchemaId } from "./results.js";

const minimal = {
  schema: resultsSchemaId,
  tool: { version: "0.1.0" },
  config: { dataset: "cifar10", freeze: ["conv_pw_3"] },
  seed: 1,
  machine: { cpu: "a cpu", cores: 2, os: "linux", node: "v20.19.0" },
  startedAt: "2026-01-02T03:04:05.000Z",
  seconds: 1.5,
};

describe("results schema", () => {
  it("equals the committed JSON Schema (npx vitest run src/report -u rewrites it)", async () => {
    const text = `${JSON.stringify(resultsJsonSchema(), null, 2)}\n`;
    await expect(text).toMatchFileSnapshot("../../schemas/results.schema.json");
  });

  it("accepts a run of which no step has finished", () => {
    expect(parseResults(minimal)).toEqual(minimal);
    expect(freezePointsOf(parseResults(minimal))).toEqual([]);
  });

  it("names every wrong field", () => {
    const wrong = { ...minimal, seed: 1.5, seconds: -1, surprise: true };
    try {
      parseResults(wrong, "runs/x/results.json");
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(FixynnError);
      const line = (error as FixynnError).oneLine();
      for (const field of ["FX8010 runs/x/results.json", "seed", "seconds", "surprise"]) {
        expect(line).toContain(field);
      }
    }
  });

  it("rejects an accuracy in percent and one without images", () => {
    const dataset = { name: "d", classes: 2, train: 4, test: 4 };
    const withFloat = (float: unknown) => ({ ...minimal, datasets: [{ ...dataset, accuracy: { float } }] });
    expect(() => parseResults(withFloat({ value: 0.75, images: 4 }))).not.toThrow();
    expect(() => parseResults(withFloat({ value: 75, images: 4 }))).toThrow(FixynnError);
    expect(() => parseResults(withFloat({ value: 0.75 }))).toThrow(FixynnError);
    expect(() => parseResults(withFloat({ value: 0.75, images: 0 }))).toThrow(FixynnError);
  });

  it("falls back to the chosen freeze point when there was no sweep", () => {
    const freezePoint = { layer: "conv_pw_3", frozenLayers: 7, frozenParams: 1, frozenMacs: 2 };
    const [entry, ...rest] = freezePointsOf(parseResults({ ...minimal, freezePoint }));
    expect(entry?.freezePoint).toEqual(freezePoint);
    expect(rest).toEqual([]);
  });
});
