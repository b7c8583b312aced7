import {
  type LayerStack,
  layerStack,
  type Roofline,
  roofline,
  significant,
  svgFile,
} from "../src/report/index.js";
import { accuracyFigures } from "./paper-accuracy-figures.js";
import type { LayerRow } from "./paper-front-cost.js";
import { isoAreaFigures } from "./paper-iso-area-figures.js";
import { paretoFigure } from "./paper-pareto-figure.js";
import type { PaperResults } from "./paper-results.js";

/** A figure of the page. */
export type PaperFigure = {
  /** File beside the page. */
  readonly file: string;
  /** What it shows, for who does not see it. */
  readonly alt: string;
  /** Undefined where there is nothing to draw. */
  readonly markup: ReturnType<typeof layerStack>;
};

function stackFigures({ frontLayers, freezePoint }: PaperResults): readonly PaperFigure[] {
  return frontLayers.flatMap(({ form, node, layers }) => {
    const stack = (
      quantity: "area" | "energy",
      title: string,
      parts: (row: LayerRow) => LayerStack["rows"][number]["parts"],
    ): PaperFigure => ({
      file: `paper-${quantity}-${form}.svg`,
      alt: `${title}, ${form} front, layer by layer`,
      markup: layerStack({
        title,
        source: `${form} front, ${node}, nominal`,
        rows: layers.map((row) => ({
          name: row.name,
          parts: parts(row),
          ...remarkOf(row, freezePoint.layer, quantity),
        })),
      }),
    });
    return [
      stack("area", "Area of each layer, mm² of cells and macros", ({ areaMm2 }) => areaMm2),
      stack("energy", "Energy of each layer, µJ a frame, without leakage", ({ energyUj }) => energyUj),
    ];
  });
}

function remarkOf(
  { name, tier }: LayerRow,
  freezePoint: string,
  quantity: "area" | "energy",
): { readonly remark?: string } {
  const notes = [
    name === freezePoint ? "freeze point" : "",
    quantity === "energy" && tier !== "simulated" ? tier : "",
  ].filter((text) => text !== "");
  return notes.length === 0 ? {} : { remark: notes.join(", ") };
}

function rooflineFigure({ roofline: result }: PaperResults): PaperFigure {
  const data: Roofline | undefined =
    (result && {
      title: `Roofline of the generated engine of ${result.areaMm2} mm², all layers programmable`,
      source: result.node,
      roofs: [
        {
          name: `${result.array}: ${significant(result.peakTops)} TOPS; DRAM ${significant(result.dramGbPerSecond)} GB/s`,
          peakTops: result.peakTops,
          dramGbPerSecond: result.dramGbPerSecond,
        },
      ],
      layers: result.layers.map(({ name, kind, macs, dramBytes, tops }) => ({
        ...{ name, kind, tops },
        operationsPerByte: (2 * macs) / dramBytes,
      })),
    }) ??
    undefined;
  return {
    file: "paper-roofline.svg",
    alt: "Roofline: TOPS of each layer on the generated engine against operations per DRAM byte",
    markup: data && roofline(data),
  };
}

/** All figures of the page, in its order, as far as there is something to draw; a function of the kept JSON alone. */
export function paperFigures(results: PaperResults): readonly PaperFigure[] {
  const figures = [
    ...stackFigures(results),
    rooflineFigure(results),
    paretoFigure(results),
    ...isoAreaFigures(results),
    ...accuracyFigures(results),
  ];
  return figures.filter(({ markup }) => markup !== undefined);
}

/** The figures as SVG files: name → text. */
export function paperSvgFiles(results: PaperResults): ReadonlyMap<string, string> {
  return new Map(
    paperFigures(results).flatMap(({ file, markup }) =>
      markup === undefined ? [] : [[file, svgFile(markup)] as const],
    ),
  );
}
