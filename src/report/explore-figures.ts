import type { ExploreFront, ExplorePoint, ExploreResults } from "./explore-results.js";
import { designText } from "./explore-tables.js";
import {
  type LayerStack,
  layerStack,
  type PlotSeries,
  type StackPart,
  scatterPlot,
  stackParts,
  svgFile,
} from "./figures/index.js";
import type { Markup } from "./markup.js";
import { publishedFigures } from "./published.js";

/** Points of a cloud at most: more say nothing and weigh a megabyte. */
const MOST_POINTS = 1500;

const frontOver = (results: ExploreResults, ...axes: readonly string[]) =>
  results.pareto.find((one) => one.axes.join() === axes.join());

/** TOPS/W against area: all designs, the Pareto front and its knee, and the paper's figures. */
export function paretoFigure(results: ExploreResults): Markup | undefined {
  const front = frontOver(results, "areaMm2", "topsPerWatt");
  if (front === undefined) return undefined;
  const { points, node, references = [] } = results;
  const every = Math.ceil(points.length / MOST_POINTS);
  const at = (point: ExplorePoint) => ({
    x: point.areaMm2,
    y: point.topsPerWatt,
    name: designText(results, point),
  });
  const series: PlotSeries[] = [
    { name: "designs", style: "cloud", points: points.filter((_, i) => i % every === 0).map(at) },
    {
      name: "Pareto front, with the range of TOPS/W",
      style: "steps",
      points: front.points.map((place) => {
        const point = points[place]!;
        const isKnee = place === front.knee;
        const name = `${isKnee ? "knee: " : ""}${designText(results, point)}`;
        return { ...at(point), name, isNamed: isKnee, yRange: point.topsPerWattRange };
      }),
    },
  ];
  if (references.length > 0)
    series.push({
      name: "NVDLA on ResNet-50 (published)",
      style: "points",
      isHollow: true,
      points: references.map(({ name, areaMm2: x, topsPerWatt: y }) => ({ name, x, y })),
    });
  return scatterPlot({
    title: "Efficiency against area",
    source: `${node}, modelled; paper: 224×224, published`,
    x: { label: `area, mm² at ${node}`, scale: "log" },
    y: { label: "TOPS/W, without DRAM", scale: "log" },
    series,
    references: publishedFigures.map(({ topsPerWatt }, i) => ({
      axis: "y",
      value: topsPerWatt,
      name: `paper, ${i === 0 ? "fully fixed" : "part frozen"}: ${topsPerWatt}`,
    })),
  });
}

/** Change of accuracy against the TOPS/W of each freeze point's best design; undefined without accuracies. */
export function accuracyFigure(results: ExploreResults): Markup | undefined {
  const best = results.freezePoints.flatMap(({ layer, tasks }) => {
    const own = results.points.filter((point) => {
      const { freezePoint, isMeasured } = results.fronts[point.front]!;
      return freezePoint === layer && isMeasured;
    });
    const point = own.reduce<ExplorePoint | undefined>(
      (a, b) => (a === undefined || b.topsPerWatt > a.topsPerWatt ? b : a),
      undefined,
    );
    return point === undefined || tasks.length === 0 ? [] : [{ layer, tasks, point }];
  });
  const names = [...new Set(best.flatMap(({ tasks }) => tasks.map(({ dataset }) => dataset)))];
  const series = names.map((name): PlotSeries => {
    const points = best.flatMap(({ layer, tasks, point }) => {
      const task = tasks.find(({ dataset }) => dataset === name);
      if (task?.unfrozen === undefined) return [];
      return [{ x: point.topsPerWatt, y: 100 * (task.frozen - task.unfrozen), name: `${name}, ${layer}` }];
    });
    return { name, style: "line", points: points.sort((a, b) => a.x - b.x) };
  });
  return scatterPlot({
    title: "Accuracy against efficiency: the design of most TOPS/W for each freeze point",
    source: `${results.precision ?? ""}, ${results.node}`,
    x: { label: "TOPS/W, without DRAM", scale: "linear" },
    y: { label: "change of top-1 accuracy by freezing, points", scale: "linear" },
    series,
    references: [{ axis: "y", value: -1, name: "one point lost: the paper's bound", kind: "bound" }],
  });
}

const partsOf = (
  parts: Readonly<Record<string, number>>,
  scale: number,
): Partial<Record<StackPart, number>> =>
  Object.fromEntries(stackParts.flatMap((part) => (part in parts ? [[part, scale * parts[part]!]] : [])));

/** Area or energy of each layer of a front, in the technology of the table. */
export function frontStack(
  results: Pick<ExploreResults, "layers" | "technology">,
  front: ExploreFront,
  quantity: "area" | "energy",
): Markup | undefined {
  const stack: LayerStack = {
    title: quantity === "area" ? "Area of each frozen layer, mm²" : "Energy of each frozen layer, nJ/frame",
    source: `${results.technology.name}, modelled; ${front.folding}`,
    rows: front.layers.map((place) => {
      const { name, form, fifo, areaUm2, energyPj } = results.layers[place]!;
      return {
        name,
        parts: quantity === "area" ? partsOf(areaUm2, 1e-6) : partsOf(energyPj, 1e-3),
        note: fifo === undefined ? form : `${form}, FIFO ${fifo}`,
      };
    }),
  };
  return layerStack(stack);
}

/** The design to show first: the deepest answer that was found, else the knee of TOPS/W over area, else the first. */
export function chosenPoint(results: ExploreResults): number | undefined {
  const answer = results.answers.find(({ isFound }) => isFound);
  const fallback = results.points.length > 0 ? 0 : undefined;
  return answer?.point ?? frontOver(results, "areaMm2", "topsPerWatt")?.knee ?? fallback;
}

/** The figures of an exploration as files: name → SVG. */
export function exploreFigures(results: ExploreResults): ReadonlyMap<string, string> {
  const chosen = chosenPoint(results);
  const front = chosen === undefined ? undefined : results.fronts[results.points[chosen]!.front];
  const figures: readonly (readonly [string, Markup | undefined])[] = [
    ["explore-pareto.svg", paretoFigure(results)],
    ["explore-accuracy.svg", accuracyFigure(results)],
    ["explore-area.svg", front && frontStack(results, front, "area")],
    ["explore-energy.svg", front && frontStack(results, front, "energy")],
  ];
  return new Map(figures.flatMap(([name, figure]) => (figure ? [[name, svgFile(figure)] as const] : [])));
}
