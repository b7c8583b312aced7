import { describe, expect, it } from "vitest";
import { isoAreaBars, type LayerStack, layerStack, roofline, scatterPlot, svgFile } from "./index.js";
import { linearScale, logScale, tickText } from "./scale.js";

const stack: LayerStack = {
  title: "Area of each layer, mm²",
  source: "modelled, sky130hd",
  rows: [
    { name: "conv1", parts: { datapath: 3, registers: 1 }, note: "parallel" },
    { name: "conv_<pw>_1", parts: { datapath: 1, rom: 0.5 }, range: { low: 1, high: 2 } },
  ],
};

const widthsOf = (text: string, part: string): number[] =>
  [
    ...text.matchAll(new RegExp(`stack-${part}" x="[\\d.]+" y="[\\d.]+" width="([\\d.]+)" height="14"`, "g")),
  ].map((match) => Number(match[1]));

describe("scales", () => {
  it("covers the values with whole steps", () => {
    const scale = linearScale([0.3, 7.2], [0, 100]);
    expect(scale.low).toBeLessThanOrEqual(0.3);
    expect(scale.high).toBeGreaterThanOrEqual(7.2);
    expect(scale.ticks.map(({ text }) => text)).toEqual(["0", "2", "4", "6", "8"]);
    expect(scale.at(scale.low)).toBe(0);
    expect(scale.at(scale.high)).toBe(100);
  });

  it("has a span even for one value, and none of log(0)", () => {
    expect(linearScale([5], [0, 10]).at(5)).toBeGreaterThanOrEqual(0);
    expect(linearScale([], [0, 10]).ticks.length).toBeGreaterThan(1);
    const log = logScale([0, -1, 30], [0, 10]);
    expect(log.low).toBeGreaterThan(0);
    expect(log.at(30)).toBeGreaterThan(0);
  });

  it("puts equal ratios at equal distances on a logarithmic scale", () => {
    const { at } = logScale([1, 100], [0, 200]);
    expect(at(100) - at(10)).toBeCloseTo(at(10) - at(1), 9);
  });

  it("prints ticks without meaningless digits", () => {
    expect([0, 0.1, 2500, 1e7, 0.0001, -3].map(tickText)).toEqual(["0", "0.1", "2,500", "10⁷", "10⁻⁴", "−3"]);
  });
});

describe("figures", () => {
  it("draws parts to scale and prints totals", () => {
    const { text } = layerStack(stack)!;
    const [wide, narrow] = widthsOf(text, "datapath");
    expect(wide! / narrow!).toBeCloseTo(3, 1);
    expect(text).toContain(">4</text>");
    expect(text).toContain(">1.50</text>");
  });

  it("escapes names", () => {
    expect(layerStack(stack)!.text).not.toContain("<pw>");
    expect(layerStack(stack)!.text).toContain("conv_&lt;pw&gt;_1");
  });

  it("draws nothing without data", () => {
    expect(layerStack({ ...stack, rows: [] })).toBeUndefined();
    const axis = { label: "x", scale: "log" } as const;
    const series = [{ name: "s", style: "points", points: [{ x: 0, y: 1, name: "p" }] }] as const;
    expect(scatterPlot({ title: "t", source: "s", x: axis, y: axis, series })).toBeUndefined();
    expect(roofline({ title: "t", source: "s", roofs: [], layers: [] })).toBeUndefined();
    const bars = [{ name: "a", absent: "too small" }];
    expect(
      isoAreaBars({ title: "t", source: "s", unit: "u", groups: [{ areaMm2: 1, bars }] }),
    ).toBeUndefined();
  });

  it("compares with the first design of a group, and says why one is missing", () => {
    const { text } = isoAreaBars({
      title: "Efficiency at equal area",
      source: "16 nm",
      unit: "TOPS/W",
      groups: [
        {
          areaMm2: 1,
          bars: [
            { name: "all programmable", value: 2, low: 2, high: 2 },
            { name: "front + tail", value: 5, low: 3, high: 8 },
            { name: "all fixed", absent: "does not fit" },
          ],
        },
      ],
    })!;
    expect(text).toContain("(2.50×)");
    expect(text).toContain("all fixed: does not fit");
  });

  it("compares with a bar that is named", () => {
    const bar = (name: string, value: number) => ({ name, value, low: value, high: value });
    const { text } = isoAreaBars({
      title: "t",
      source: "s",
      unit: "u",
      groups: [
        {
          areaMm2: 1,
          bars: [
            bar("array a", 2),
            bar("array b", 4),
            { ...bar("front b", 6), comparedWith: "array b" },
            { ...bar("front c", 6), comparedWith: "array c" },
          ],
        },
      ],
    })!;
    expect([...text.matchAll(/\([\d.]+×\)/g)].map(([ratio]) => ratio)).toEqual(["(2.00×)", "(1.50×)"]);
  });

  it("keeps layers below their roof and drops those that move no byte", () => {
    const { text } = roofline({
      title: "t",
      source: "s",
      roofs: [{ name: "array", peakTops: 1, dramGbPerSecond: 10 }],
      layers: [
        { name: "pw", kind: "conv", operationsPerByte: 50, tops: 0.4 },
        { name: "fixed", kind: "conv", operationsPerByte: Number.POSITIVE_INFINITY, tops: 1 },
      ],
    })!;
    expect(text).toContain("pw: 50.0 operations/byte");
    expect(text).not.toContain("fixed");
  });

  it("gives a file with its own style, light and dark, and no external resource", () => {
    const file = svgFile(layerStack(stack)!);
    expect(file).toMatch(/^<svg class="figure alone"/);
    expect(file).toContain("prefers-color-scheme: dark");
    expect(file.replace("http://www.w3.org/2000/svg", "")).not.toMatch(/https?:|url\(|@import/);
    for (const name of new Set([...file.matchAll(/var\((--[\w-]+)\)/g)].map((match) => match[1]!)))
      expect(file).toContain(`${name}:`);
  });
});
