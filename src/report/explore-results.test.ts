import { parseHTML } from "linkedom";
import { describe, expect, it } from "vitest";
import { FixynnError } from "../core/index.js";
import { exploreCsv } from "./explore-csv.js";
import { exploreFigures } from "./explore-figures.js";
import { exploreHtml } from "./explore-html.js";
import { exploreMarkdown } from "./explore-markdown.js";
import {
  type ExploreResults,
  exploreJsonSchema,
  exploreSchemaId,
  parseExploreResults,
} from "./explore-results.js";

const range = (nominal: number) => ({ low: nominal / 2, nominal, high: 2 * nominal });

function fixture(name = "net"): ExploreResults {
  const layer = (one: string) => ({
    ...{ name: one, form: "3×2", fifo: 4, cyclesPerFrame: 100, utilization: 0.5 },
    areaUm2: { datapath: 100, rom: 20, total: 120 },
    energyPj: { datapath: 10, clock: 5, total: 15 },
  });
  const front = (freezePoint: string, layers: number[], requantization: string) => ({
    ...{ freezePoint, folding: "auto 1", requantization, periodPs: 5000, layers },
    ...{ cyclesPerFrame: 100, latencyCycles: 7, achievableClockMhz: 100 },
    ...{ areaMm2: { total: 1 }, energyPerFrameUj: { total: 1 } },
    scaled: { areaMm2: range(0.1), energyPerFrameUj: range(0.2) },
    isMeasured: requantization === "own",
  });
  const point = (at: number, areaMm2: number, topsPerWatt: number) => ({
    ...{
      front: at,
      clockShare: 1,
      clockMhz: 300,
      accelerator: 0,
      areaMm2,
      areaRangeMm2: { low: 0.1, high: 9 },
    },
    ...{ frontEnergyUj: 0.2, acceleratorEnergyUj: 0.3, dramEnergyUj: 1, energyPerFrameUj: 0.5 },
    ...{ framesPerSecond: 1000, latencyMs: 0.5, topsPerWatt, topsPerWattRange: { low: 1, high: 20 } },
    ...{ topsPerWattWithDram: 1, gain: 2.5 },
    atCamera: {
      ...{ energyPerFrameUj: [40, null], powerMw: [1.2, null], topsPerWatt: [topsPerWatt / 4, null] },
      ...{ topsPerWattWithDram: [0.5, null], gain: [2, null], gainWithDram: [1.5, null] },
    },
  });
  return parseExploreResults({
    schema: exploreSchemaId,
    tool: { version: "0.1.0" },
    ...{
      source: name,
      seconds: 1.5,
      tier: "modelled",
      node: "16 nm",
      accelerator: "generated engine",
      precision: "int8",
    },
    network: { name, inputShape: [8, 8, 3], layers: 3, macs: 1000, ownRequantization: "lean" },
    technology: { name: "sky130hd", nodeNm: 130, source: "test" },
    freezePoints: [
      {
        layer: "a",
        frozenLayers: 1,
        frozenMacs: 400,
        tasks: [{ dataset: name, frozen: 0.9, unfrozen: 0.905, images: 100 }],
        loss: 0.005,
      },
      { layer: "b", frozenLayers: 2, frozenMacs: 800, tasks: [] },
    ],
    layers: [layer("a"), layer(name)],
    fronts: [front("a", [0], "own"), front("b", [0, 1], "shift")],
    accelerators: [{ name: "array 8×4", areaMm2: 0.1 }],
    points: [point(0, 0.2, 4), point(1, 0.4, 8)],
    cameraFramesPerSecond: [30, 2000],
    pareto: [
      { axes: ["areaMm2", "topsPerWatt"], points: [0, 1], knee: 1 },
      { cameraFramesPerSecond: 30, axes: ["areaMm2", "topsPerWatt"], points: [0, 1], knee: 0 },
    ],
    answers: [
      { maxLoss: 0.01, isFound: true, freezePoint: "a", point: 0 },
      { maxAreaMm2: 0.01, isFound: false, reason: "every design is larger" },
    ],
    notes: [`a note about ${name}`],
    cache: { computed: 1, found: 2, broken: 0 },
  });
}

describe("explore.json", () => {
  it("equals the committed JSON Schema (npx vitest run src/report -u rewrites it)", async () => {
    const text = `${JSON.stringify(exploreJsonSchema(), null, 2)}\n`;
    await expect(text).toMatchFileSnapshot("../../schemas/explore.schema.json");
  });

  it("comes back from its text as it was", () => {
    const results = fixture();
    expect(parseExploreResults(JSON.parse(JSON.stringify(results)))).toEqual(results);
  });

  it("names every wrong field, and places that name nothing", () => {
    const results = fixture();
    const refusal = (changes: object): string => {
      try {
        parseExploreResults({ ...results, ...changes }, "x/explore.json");
      } catch (error) {
        expect(error).toBeInstanceOf(FixynnError);
        return (error as FixynnError).oneLine();
      }
      return "";
    };
    expect(refusal({ seconds: -1, surprise: 1 })).toMatch(
      /FX8010 x\/explore.json.*seconds.*surprise|surprise.*seconds/,
    );
    expect(refusal({ points: [{ ...results.points[0]!, front: 7 }] })).toContain("names no front");
    expect(refusal({ cameraFramesPerSecond: [30] })).toContain("lacks a camera's rate");
    expect(refusal({ accelerators: [] })).toContain("names no accelerator");
    expect(refusal({ pareto: [{ axes: ["areaMm2"], points: [9] }] })).toContain("names no point");
  });
});

describe("renderers of an exploration", () => {
  it("print knees, freeze points and answers", () => {
    const text = exploreMarkdown(fixture());
    expect(text).toContain("b, auto 1, shift");
    expect(text).toContain("every design is larger");
    expect(text).toContain("area, TOPS/W at 30 frames/s");
    expect(text).toMatch(/\| +30 \| +2 \| b, auto 1, shift/);
    expect(text).toMatch(/loss ≤ \(points\)/);
  });

  it("print every design as a row", () => {
    const lines = exploreCsv(fixture()).trim().split("\n");
    expect(lines).toHaveLength(3);
    expect(lines[0]).toContain("topsPerWattLow");
    expect(lines[0]).toMatch(/energyPerFrameUjAt30FramesPerSecond,powerMwAt30FramesPerSecond/);
    expect(lines[1]).toMatch(/,40,1\.2,1,0\.5,2,1\.5,,,,,,$/);
    expect(lines[1]).toContain("array 8×4");
  });

  it("draw figures that stand alone", () => {
    const figures = exploreFigures(fixture());
    expect([...figures.keys()]).toEqual([
      "explore-pareto.svg",
      "explore-accuracy.svg",
      "explore-area.svg",
      "explore-energy.svg",
    ]);
    expect(figures.get("explore-pareto.svg")).toContain("paper, fully fixed: 26.6");
  });

  it("escape hostile names, in the page's data as well", () => {
    const hostile = `</script><img src=x onerror="alert(1)">`;
    const page = exploreHtml(fixture(hostile), "void 0;");
    expect(page).not.toContain("<img");
    const { document } = parseHTML(page);
    const data = JSON.parse(document.querySelector("#data")!.textContent!) as ExploreResults;
    expect(data.network.name).toBe(hostile);
    expect(document.querySelectorAll("script")).toHaveLength(2);
  });

  it("allow this page's script and nothing else, and label every control", () => {
    const page = exploreHtml(fixture(), "void 0;");
    const { document } = parseHTML(page);
    const policy = document.querySelector("meta[http-equiv]")!.getAttribute("content")!;
    expect(policy).toMatch(/^default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-[\w+/]+=*'$/);
    expect(page.replaceAll("http://www.w3.org/2000/svg", "")).not.toMatch(/\b(?:src|href)=|https?:\/\//);
    for (const control of document.querySelectorAll("select, input"))
      expect(document.querySelector(`label[for="${control.id}"]`)?.textContent?.trim()).toBeTruthy();
    const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });
});
