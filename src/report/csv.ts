import { freezePointsOf, type Results } from "./results.js";
import { layersOf } from "./tables.js";

type Value = string | number | boolean | undefined;

/** Quote as RFC 4180 says; absent values are empty. */
function field(value: Value): string {
  const text = value === undefined ? "" : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Write rows under a header; absent values are empty. */
export function csv(rows: readonly Readonly<Record<string, Value>>[], header: readonly string[]): string {
  const lines = [header.map(field), ...rows.map((row) => header.map((name) => field(row[name])))];
  return `${lines.map((line) => line.join(",")).join("\n")}\n`;
}

const layerHeader = [
  "freezePoint",
  "layer",
  "kind",
  "frozen",
  "inputShape",
  "outputShape",
  "macs",
  "weights",
  "zeroShare",
  "csdDigits",
  "fullAdders",
  "halfAdders",
  "carryPropagateBits",
  "registerBits",
  "sramBits",
  "areaMm2",
  "requantizationMm2",
  "energyUj",
  "energyLowUj",
  "energyHighUj",
  "glitchFactor",
  "cyclesPerFrame",
  "utilization",
  "verifiedImages",
  "verifiedValues",
  "mismatches",
  "technology",
  "tier",
  "energyTier",
];

/** Print one line for each layer of each freeze point, full precision, units in the header's names. */
export function layersCsv(results: Results): string {
  const rows = freezePointsOf(results).flatMap((entry) =>
    layersOf(results, entry).map((layer) => ({
      ...layer,
      freezePoint: entry.freezePoint.layer,
      layer: layer.name,
      inputShape: layer.inputShape.join("x"),
      outputShape: layer.outputShape.join("x"),
      ...layer.adders,
      adders: undefined,
      areaPartsMm2: undefined,
      energyPartsUj: undefined,
      energyRangeUj: undefined,
      energyLowUj: layer.energyRangeUj?.low,
      energyHighUj: layer.energyRangeUj?.high,
      verified: undefined,
      verifiedImages: layer.verified?.images,
      verifiedValues: layer.verified?.values,
      mismatches: layer.verified?.mismatches,
      technology: entry.cost?.front?.technology ?? entry.cost?.technology,
      tier: entry.cost?.tier,
      energyTier: entry.cost?.front?.tier ?? entry.cost?.tier,
    })),
  );
  return csv(rows, layerHeader);
}

/** Print one line for each accuracy: freeze point, dataset, network (unfrozen, float, int8, hardware), value 0 to 1, images. */
export function accuracyCsv(results: Results): string {
  const rows = freezePointsOf(results).flatMap(({ freezePoint, datasets = [] }) =>
    datasets.flatMap(({ name, accuracy }) =>
      (["unfrozen", "float", "int8", "hardware"] as const).flatMap((network) => {
        const measured = accuracy[network];
        if (!measured) return [];
        const { frozenLayers, frozenMacs } = freezePoint;
        const accuracyValue = measured.value;
        return [
          {
            freezePoint: freezePoint.layer,
            frozenLayers,
            frozenMacs,
            dataset: name,
            network,
            accuracy: accuracyValue,
            images: measured.images,
          },
        ];
      }),
    ),
  );
  return csv(rows, ["freezePoint", "frozenLayers", "frozenMacs", "dataset", "network", "accuracy", "images"]);
}
