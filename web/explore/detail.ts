import { operatingFigures, operatingText } from "../../src/report/explore-operating.js";
import type { ExploreResults } from "../../src/report/explore-results.js";
import { type StackPart, stackParts } from "../../src/report/figures/frame.js";
import { layerStack } from "../../src/report/figures/layer-stack.js";
import { grouped, percent, plural, points as pointsText, significant } from "../../src/report/format.js";
import { type Content, html, type Markup, raw } from "../../src/report/markup.js";

type Point = ExploreResults["points"][number];
type Front = ExploreResults["fronts"][number];
type Parts = Readonly<Record<string, number>>;

/** Say how a front is folded. */
export function foldingText(folding: string): string {
  const [kind = "", amount = ""] = folding.split(" ");
  switch (kind) {
    case "none":
      return "none: every weight is a constant of its own adders";
    case "keep":
      return `layers of up to ${grouped(Number(amount))} weights parallel, larger ones folded`;
    default:
      return `least area at ${amount} ${amount === "1" ? "cycle" : "cycles"} an input pixel`;
  }
}

const requantizationText = (results: ExploreResults, form: string): string =>
  form === "own" ? `as the network is (${results.network.ownRequantization})` : `rewritten: ${form}`;

const fact = (term: string, value: Content, more?: Content): Markup =>
  html`<div><dt>${term}</dt><dd>${value}${more !== undefined && html`<small>${more}</small>`}</dd></div>`;

const setting = (term: string, value: Content): Markup => html`<dt>${term}</dt><dd>${value}</dd>`;

const times = (gain: number | undefined): string => (gain === undefined ? "–" : `${gain.toFixed(2)}×`);

function headline(results: ExploreResults, point: Point, rate: number | undefined): Markup {
  const { areaRangeMm2: area, topsPerWattRange: range } = point;
  const own = operatingFigures(results, point, rate);
  const span = rate === undefined ? `${significant(range.low)} to ${significant(range.high)}; ` : "";
  const efficiency =
    own === undefined
      ? fact("Efficiency", "–", `does not reach ${significant(rate ?? 0)} frames/s`)
      : fact(
          "Efficiency",
          `${significant(own.topsPerWatt)} TOPS/W`,
          `${span}with DRAM ${significant(own.topsPerWattWithDram)}`,
        );
  return html`<dl class="headline">
${efficiency}
${fact("Area", `${significant(point.areaMm2)} mm²`, `${significant(area.low)} to ${significant(area.high)}`)}
${fact(rate === undefined ? "Rate" : "Most it can do", `${significant(point.framesPerSecond)} frames/s`, `latency ${significant(point.latencyMs)} ms`)}
${fact("Gain in TOPS/W", times(own?.gain), `over an all-programmable accelerator of the same area; with DRAM ${times(own?.gainWithDram)}`)}
</dl>`;
}

/** All operating points of a design, the chosen one marked. */
function operatingTable(results: ExploreResults, point: Point, chosen: number | undefined): Markup {
  const rows = [undefined, ...results.cameraFramesPerSecond].map((rate) => {
    const own = operatingFigures(results, point, rate);
    const cells = [
      own && significant(own.energyPerFrameUj),
      own && significant(own.powerMw),
      own && significant(own.topsPerWatt),
      own && times(own.gain),
    ];
    return html`<tr ${rate === chosen && raw(`class="chosen" aria-current="true"`)}><th scope="row">${operatingText(rate).replace(/^at /, "")}</th>${cells.map((text) => html`<td class="end">${text ?? "–"}</td>`)}</tr>`;
  });
  return html`<table><thead><tr><th scope="col">running</th><th scope="col" class="end">µJ/frame</th><th scope="col" class="end">mW</th><th scope="col" class="end">TOPS/W</th><th scope="col" class="end">gain</th></tr></thead><tbody>${rows}</tbody></table>`;
}

/** A bar of two shares with its key. */
function sharesOf(front: number, accelerator: number, unit: string): Markup {
  const total = front + accelerator || 1;
  const width = (value: number): Markup => raw(`style="width:${((100 * value) / total).toFixed(2)}%"`);
  return html`<div class="share" aria-hidden="true"><i class="front" ${width(front)}></i>${accelerator > 0 && html`<i class="accelerator" ${width(accelerator)}></i>`}</div>
<ul class="keys"><li><i class="front"></i>front ${significant(front)} ${unit} (${percent(front / total)} %)</li>${
    accelerator > 0 &&
    html`<li><i class="accelerator"></i>accelerator ${significant(accelerator)} ${unit} (${percent(accelerator / total)} %)</li>`
  }</ul>`;
}

function accuracyTable(results: ExploreResults, front: Front): Markup {
  const tasks = results.freezePoints.find(({ layer }) => layer === front.freezePoint)?.tasks ?? [];
  if (tasks.length === 0) return html`<p class="small">Not measured at this freeze point.</p>`;
  if (!front.isMeasured)
    return html`<p class="small">Not measured: the accuracies belong to the network's own requantization.</p>`;
  return html`<table><thead><tr><th scope="col">task</th><th scope="col" class="end">frozen, %</th><th scope="col" class="end">nothing frozen, %</th><th scope="col" class="end">change</th></tr></thead><tbody>${tasks.map(
    ({ dataset, frozen, unfrozen, images }) =>
      html`<tr><th scope="row">${dataset}<small>${results.precision}, ${grouped(images)} images</small></th><td class="end">${percent(frozen)}</td><td class="end">${unfrozen === undefined ? "–" : percent(unfrozen)}</td><td class="end">${unfrozen === undefined ? "–" : pointsText(frozen - unfrozen)}</td></tr>`,
  )}</tbody></table>`;
}

const known = (parts: Parts, scale: number): { [Part in StackPart]?: number } => {
  const entries = stackParts.flatMap((part) => {
    const value = parts[part];
    return value === undefined ? [] : [[part, scale * value] as const];
  });
  return Object.fromEntries(entries);
};

function components(results: ExploreResults, front: Front): Markup {
  const names = stackParts.filter((part) => part in front.areaMm2 || part in front.energyPerFrameUj);
  const amount = (parts: Parts, part: string): string => (part in parts ? significant(parts[part]!) : "–");
  return html`<table><thead><tr><th scope="col">component of the front</th><th scope="col" class="end">area, mm²</th><th scope="col" class="end">energy, µJ</th></tr></thead><tbody>${names.map(
    (part) =>
      html`<tr><th scope="row">${part}</th><td class="end">${amount(front.areaMm2, part)}</td><td class="end">${amount(front.energyPerFrameUj, part)}</td></tr>`,
  )}<tr class="chosen"><th scope="row">total in ${results.technology.name}</th><td class="end">${significant(front.areaMm2["total"] ?? 0)}</td><td class="end">${significant(front.energyPerFrameUj["total"] ?? 0)}</td></tr></tbody></table>`;
}

function layerRows(results: ExploreResults, front: Front): Markup {
  const rows = front.layers.map((place) => {
    const layer = results.layers[place]!;
    return html`<tr><th scope="row">${layer.name}</th><td>${layer.form}${layer.fifo !== undefined && html`<small>FIFO ${grouped(layer.fifo)}</small>`}</td><td class="end">${percent(layer.utilization)}</td><td class="end">${significant(1e-6 * (layer.areaUm2["total"] ?? 0))}</td><td class="end">${significant(1e-3 * (layer.energyPj["total"] ?? 0))}</td></tr>`;
  });
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Folding of each layer"><table><thead><tr><th scope="col">layer</th><th scope="col">form</th><th scope="col" class="end">busy, %</th><th scope="col" class="end">area, mm²</th><th scope="col" class="end">energy, nJ</th></tr></thead><tbody>${rows}</tbody></table></div>`;
}

/**
 * Everything about one design.
 *
 * @param rate of the camera, frames/s; undefined: as fast as it can
 */
export function detailMarkup(results: ExploreResults, place: number, rate: number | undefined): Markup {
  const point = results.points[place]!;
  const front = results.fronts[point.front]!;
  const beside = point.accelerator === undefined ? undefined : results.accelerators[point.accelerator];
  const besideMm2 = beside?.areaMm2 ?? 0;
  const cut = results.freezePoints.find(({ layer }) => layer === front.freezePoint);
  const share = cut === undefined ? 0 : cut.frozenMacs / (results.network.macs || 1);
  return html`<h2 id="detail-title">Frozen up to ${front.freezePoint}</h2>
<p class="small">Design ${grouped(place + 1)} of ${grouped(results.points.length)}, at ${results.node}, modelled</p>
${headline(results, point, rate)}
<dl class="settings">
${setting("Freeze point", html`${front.freezePoint}: ${plural(cut?.frozenLayers ?? front.layers.length, "layer")}, ${percent(share)} % of the MACs`)}
${setting("Folding", foldingText(front.folding))}
${setting("Requantization", requantizationText(results, front.requantization))}
${setting("Pipelined for", `${significant(front.periodPs / 1000)} ns in ${results.technology.name}`)}
${setting("Clock", `${significant(point.clockMhz)} MHz at ${results.node}: ${percent(point.clockShare)} % of what the cells allow (${significant(front.achievableClockMhz)} MHz in ${results.technology.name})`)}
${setting("Cycles", `${grouped(front.cyclesPerFrame)} a frame, ${grouped(front.latencyCycles)} from last pixel to last result`)}
${setting("Accelerator", beside === undefined ? "none: nothing is left to run" : `${beside.name}: ${significant(beside.areaMm2)} mm² (${results.accelerator})`)}
</dl>
${results.cameraFramesPerSecond.length > 0 && html`<h3>Operating points</h3>${operatingTable(results, point, rate)}`}
<h3>Accuracy</h3>
${accuracyTable(results, front)}
<h3>Area at ${results.node}</h3>
${sharesOf(point.areaMm2 - besideMm2, besideMm2, "mm²")}
<h3>Energy a frame at ${results.node}, as fast as it can</h3>
${sharesOf(point.frontEnergyUj, point.acceleratorEnergyUj, "µJ")}
<p class="small">${significant(point.energyPerFrameUj)} µJ; DRAM adds ${significant(point.dramEnergyUj)} µJ for what the accelerator moves</p>
<h3>The front in ${results.technology.name}</h3>
${components(results, front)}`;
}

const formText = ({ form, fifo }: { readonly form: string; readonly fifo?: number | undefined }): string =>
  fifo === undefined ? form : `${form}, FIFO ${grouped(fifo)}`;

/** How each layer of a design's front is folded, and what it costs. */
export function layersMarkup(results: ExploreResults, place: number): Markup {
  const front = results.fronts[results.points[place]!.front]!;
  const areas = layerStack({
    ...{ title: "Area of each layer, mm²", source: `in ${results.technology.name}` },
    rows: front.layers.map((layer) => {
      const { name, areaUm2, ...form } = results.layers[layer]!;
      return { name, parts: known(areaUm2, 1e-6), note: formText(form) };
    }),
  });
  const energies = layerStack({
    ...{ title: "Energy of each layer, nJ a frame", source: `in ${results.technology.name}` },
    rows: front.layers.map((layer) => {
      const { name, energyPj, ...form } = results.layers[layer]!;
      return { name, parts: known(energyPj, 1e-3), note: formText(form) };
    }),
  });
  return html`<h2 id="layers-title">Layers of this design</h2>
<div class="scroll" tabindex="0" role="region" aria-label="Area of each layer">${areas}</div>
<div class="scroll" tabindex="0" role="region" aria-label="Energy of each layer">${energies}</div>
<details><summary>Figures</summary>${layerRows(results, front)}</details>`;
}
