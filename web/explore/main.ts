import { operatingText } from "../../src/report/explore-operating.js";
import type { ExploreResults } from "../../src/report/explore-results.js";
import { grouped, significant } from "../../src/report/format.js";
import { html } from "../../src/report/markup.js";
import { detailMarkup, layersMarkup } from "./detail.js";
import { type Figure, figuresOf } from "./figures.js";
import { type DrawnPlot, drawPlot, nearest, type PlotView, referencesOn, rings } from "./plot.js";
import { type Filter, frontOf, kneeOf, type Placed, placed } from "./selection.js";

function element<T extends Element>(id: string, kind: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`no ${id}`);
  return found;
}

const results = JSON.parse(element("data", HTMLScriptElement).textContent ?? "") as ExploreResults;
let rate = firstRate();
let figures = figuresOf(results, rate);
const plotArea = element("plot", HTMLDivElement);
const detail = element("detail", HTMLElement);
const layers = element("layers", HTMLElement);
const tip = document.createElement("div");
tip.className = "tip";
tip.hidden = true;
const select = (id: string): HTMLSelectElement => element(id, HTMLSelectElement);
const numberOf = (id: string): number | undefined => {
  const input = document.getElementById(id);
  if (!(input instanceof HTMLInputElement) || input.value.trim() === "") return undefined;
  const value = Number(input.value);
  return Number.isFinite(value) ? value : undefined;
};

let view: PlotView;
let plot: DrawnPlot;
let chosen = firstChoice();
let isOpen = false;

/** Rate of the camera that the address asks for. */
function firstRate(): number | undefined {
  const asked = Number(/(?:^|&)rate=([\d.]+)/.exec(location.hash.slice(1))?.[1]);
  return results.cameraFramesPerSecond.find((one) => one === asked);
}

/** As the sentence on top: the deepest answer found, else the knee of efficiency over area. */
function firstChoice(): number {
  const asked = /(?:^|&)design=(\d+)/.exec(location.hash.slice(1));
  if (asked !== null && Number(asked[1]) < results.points.length) return Number(asked[1]);
  const answer = results.answers.find(({ isFound }) => isFound)?.point;
  return answer ?? results.pareto.find(({ axes }) => axes.join() === "areaMm2,topsPerWatt")?.knee ?? 0;
}

function fill(id: string, options: readonly (readonly [value: string, text: string])[], value: string): void {
  const box = select(id);
  box.replaceChildren(...options.map(([own, text]) => new Option(text, own)));
  box.value = value;
}

/** The camera's rate that is chosen; undefined: as fast as each design can. */
function rateOf(): number | undefined {
  const box = document.getElementById("operating");
  return box instanceof HTMLSelectElement && box.value !== "" ? Number(box.value) : undefined;
}

function figureOf(id: string): Figure {
  const { value } = select(id);
  return figures.find((one) => one.id === value) ?? figures[0]!;
}

function filterOf(): Filter {
  return {
    cameraFramesPerSecond: rate,
    freezePoint: select("filter-freeze").value,
    folding: select("filter-folding").value,
    requantization: select("filter-requantization").value,
    maxAreaMm2: numberOf("max-area"),
    maxLossPoints: numberOf("max-loss"),
  };
}

function update(): void {
  const before = rate;
  rate = rateOf();
  figures = figuresOf(results, rate);
  if (rate !== before) showChosen();
  const lossFigure = figures.find(({ id }) => id === "loss");
  const [x, y] = [figureOf("axis-x"), figureOf("axis-y")];
  const all = placed(results, filterOf(), { x, y, loss: lossFigure });
  const front = frontOf(all, x, y);
  view = {
    ...{ x, y, all, front, knee: kneeOf(front, x, y) },
    isFrontOnly: element("front-only", HTMLInputElement).checked,
    // They are published at full speed.
    references: rate === undefined ? referencesOn(results, x, y) : [],
    width: plotArea.clientWidth,
  };
  plot = drawPlot(view);
  plotArea.innerHTML =
    all.length > 0 ? plot.markup.text : "<p>No design has these figures within these bounds.</p>";
  plotArea.append(tip);
  tip.hidden = true;
  element("count", HTMLElement).textContent =
    `${grouped(all.length)} of ${grouped(results.points.length)} designs, ${grouped(front.length)} on the Pareto front`;
  drawRings(undefined);
}

const placeOf = (point: number): Placed | undefined => view.all.find((one) => one.point === point);

function drawRings(hovered: Placed | undefined): void {
  const group = document.getElementById("rings");
  if (group !== null) group.innerHTML = rings(plot, placeOf(chosen), hovered).text;
}

function choose(point: number): void {
  chosen = point;
  showChosen();
  drawRings(undefined);
}

function showChosen(): void {
  isOpen = layers.querySelector("details")?.open ?? isOpen;
  detail.innerHTML = detailMarkup(results, chosen, rate).text;
  layers.innerHTML = layersMarkup(results, chosen).text;
  const more = layers.querySelector("details");
  if (more !== null) more.open = isOpen;
  history.replaceState(null, "", `#design=${chosen}${rate === undefined ? "" : `&rate=${rate}`}`);
}

function underPointer(event: MouseEvent): Placed | undefined {
  const bounds = plotArea.querySelector("svg")?.getBoundingClientRect();
  if (bounds === undefined) return undefined;
  const scale = plot.width / bounds.width;
  const at = [(event.clientX - bounds.left) * scale, (event.clientY - bounds.top) * scale] as const;
  return nearest(plot, at, view);
}

function besideText(point: number): string {
  const { accelerator } = results.points[point]!;
  const beside = accelerator === undefined ? undefined : results.accelerators[accelerator];
  return beside === undefined ? "no accelerator" : `accelerator ${significant(beside.areaMm2)} mm²`;
}

function hover(event: MouseEvent): void {
  const one = underPointer(event);
  drawRings(one);
  tip.hidden = one === undefined;
  if (one === undefined) return;
  const front = results.fronts[results.points[one.point]!.front]!;
  const mode = front.requantization === "own" ? "" : `, ${front.requantization}`;
  const line = (figure: Figure, value: number): string =>
    `${figure.label}: ${figure.text(value)} ${figure.unit}`;
  tip.innerHTML =
    html`<b>${front.freezePoint}, ${front.folding}${mode}</b>${line(view.x, one.x)}<br>${line(view.y, one.y)}<br>${besideText(one.point)}`.text;
  const bounds = plotArea.getBoundingClientRect();
  const [left, top] = [event.clientX - bounds.left, event.clientY - bounds.top];
  tip.style.left = `${Math.max(0, left + 16 + tip.offsetWidth > bounds.width ? left - 16 - tip.offsetWidth : left + 16)}px`;
  tip.style.top = `${Math.max(0, Math.min(top + 12, bounds.height - tip.offsetHeight))}px`;
}

/** The neighbour on the front in the direction of an arrow: left and right along the axis, whatever is better. */
function step(key: string): Placed | undefined {
  const byX = [...view.front].sort((a, b) => a.x - b.x || a.y - b.y);
  if (byX.length === 0) return undefined;
  const own = placeOf(chosen);
  const at = byX.findIndex(({ point }) => point === chosen);
  switch (key) {
    case "Home":
      return byX[0];
    case "End":
      return byX.at(-1);
    case "k":
    case "K":
      return view.knee;
    case "ArrowRight":
    case "ArrowLeft": {
      const forward = key === "ArrowRight";
      if (at >= 0) return byX[Math.max(0, Math.min(byX.length - 1, at + (forward ? 1 : -1)))];
      if (own === undefined) return view.knee;
      return forward
        ? (byX.find(({ x }) => x > own.x) ?? byX.at(-1))
        : (byX.findLast(({ x }) => x < own.x) ?? byX[0]);
    }
    case "ArrowUp":
    case "ArrowDown": {
      const upward = key === "ArrowUp";
      const byY = [...view.front].sort((a, b) => a.y - b.y || a.x - b.x);
      const place = byY.findIndex(({ point }) => point === chosen);
      if (place < 0) return view.knee;
      return byY[Math.max(0, Math.min(byY.length - 1, place + (upward ? 1 : -1)))];
    }
    default:
      return undefined;
  }
}

function start(): void {
  const names = (list: readonly string[]): (readonly [string, string])[] => [
    ["", "any"],
    ...[...new Set(list)].map((name) => [name, name] as const),
  ];
  const axes = figures.map(({ id, label, unit }) => [id, unit === "" ? label : `${label}, ${unit}`] as const);
  fill("axis-x", axes, "areaMm2");
  fill("axis-y", axes, "topsPerWatt");
  if (results.cameraFramesPerSecond.length > 0) {
    const rates = [undefined, ...results.cameraFramesPerSecond];
    const options = rates.map((one) => [String(one ?? ""), operatingText(one)] as const);
    fill("operating", options, String(rate ?? ""));
  }
  fill("filter-freeze", names(results.freezePoints.map(({ layer }) => layer)), "");
  fill("filter-folding", names(results.fronts.map(({ folding }) => folding)), "");
  fill("filter-requantization", names(results.fronts.map(({ requantization }) => requantization)), "");
  const form = document.querySelector<HTMLFormElement>(".controls");
  form?.addEventListener("input", update);
  form?.addEventListener("submit", (event) => event.preventDefault());
  element("show-all", HTMLButtonElement).addEventListener("click", () => {
    form?.reset();
    select("axis-x").value = "areaMm2";
    select("axis-y").value = "topsPerWatt";
    if (results.cameraFramesPerSecond.length > 0) select("operating").value = "";
    for (const id of ["filter-freeze", "filter-folding", "filter-requantization"]) select(id).value = "";
    update();
  });
  plotArea.addEventListener("mousemove", hover);
  plotArea.addEventListener("mouseleave", () => {
    tip.hidden = true;
    drawRings(undefined);
  });
  plotArea.addEventListener("click", (event) => {
    const one = underPointer(event);
    if (one !== undefined) choose(one.point);
  });
  plotArea.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const one = step(event.key);
    if (one === undefined) return;
    event.preventDefault();
    choose(one.point);
  });
  const explorer = document.querySelector<HTMLElement>(".explorer");
  if (explorer !== null) explorer.hidden = false;
  update();
  if (results.points.length > 0) choose(chosen);
  let width = plotArea.clientWidth;
  new ResizeObserver(() => {
    if (Math.abs(plotArea.clientWidth - width) < 2) return;
    width = plotArea.clientWidth;
    update();
  }).observe(plotArea);
}

start();
