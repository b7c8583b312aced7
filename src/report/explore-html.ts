import { createHash } from "node:crypto";
import { chosenPoint } from "./explore-figures.js";
import type { ExploreResults } from "./explore-results.js";
import { exploreStyle } from "./explore-style.js";
import { answerTable, cameraTable, designText, freezeTable, kneeTable } from "./explore-tables.js";
import { grouped, percent, points as pointsText, shapeText, significant } from "./format.js";
import { type Content, html, raw, tableMarkup } from "./markup.js";
import { styleSheet } from "./style.js";

const hashOf = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/** Text that may stand in a script element of JSON. */
const jsonText = (value: unknown): string =>
  JSON.stringify(value)
    .replaceAll("<", "\\u003c")
    .replaceAll("\u2028", "\\u2028")
    .replaceAll("\u2029", "\\u2029");

function verdict(results: ExploreResults): Content {
  const place = chosenPoint(results);
  if (place === undefined) return "No design was found.";
  const point = results.points[place]!;
  const { areaMm2, topsPerWatt, topsPerWattRange: range, gain } = point;
  const answer = results.answers.find((one) => one.point === place);
  const lost = Number((100 * (answer?.maxLoss ?? 0)).toPrecision(3));
  const bounds = [
    answer?.maxLoss !== undefined && `${significant(lost)} point${lost === 1 ? "" : "s"} of accuracy`,
    answer?.maxAreaMm2 !== undefined && `${significant(answer.maxAreaMm2)} mm²`,
  ].filter(Boolean);
  const what =
    answer === undefined
      ? "The knee of efficiency over area is"
      : `The deepest freeze within ${bounds.join(" and ")} is`;
  const times =
    gain === undefined ? "" : `, ${gain.toFixed(1)}× an all-programmable accelerator of the same area`;
  return html`${what} <b>${designText(results, point)}</b>: ${significant(topsPerWatt)} TOPS/W (${significant(range.low)} to ${significant(range.high)}) in ${significant(areaMm2)} mm² at ${results.node}${times}.`;
}

const select = (id: string, label: string): Content =>
  html`<label for="${id}">${label}<select id="${id}"></select></label>`;

/** Controls, plot and details; the script fills them. Without it the tables below say the same in less detail. */
function explorer(results: ExploreResults): Content {
  const datasets = [
    ...new Set(results.freezePoints.flatMap(({ tasks }) => tasks.map(({ dataset }) => dataset))),
  ];
  return html`<div class="explorer" hidden>
<section class="plot-card" aria-labelledby="plot-title">
<h2 id="plot-title">Designs</h2>
<form class="controls" aria-label="Axes and filters">
<fieldset><legend>Axes</legend>${select("axis-x", "across")}${select("axis-y", "up")}${results.cameraFramesPerSecond.length > 0 && select("operating", "running")}</fieldset>
<fieldset><legend>Show</legend>${select("filter-freeze", "frozen up to")}${select("filter-folding", "folding")}${select("filter-requantization", "requantization")}
<label for="max-area">area ≤ mm²<input id="max-area" type="number" min="0" step="any" inputmode="decimal" placeholder="any"></label>${
    datasets.length > 0 &&
    html`<label for="max-loss">loss ≤ points<input id="max-loss" type="number" step="any" inputmode="decimal" placeholder="any"></label>`
  }<label class="check" for="front-only"><input id="front-only" type="checkbox">Pareto front only</label>
<button type="button" id="show-all">Show all</button></fieldset>
</form>
<div id="plot" class="plot-area" tabindex="0" role="group" aria-roledescription="plot" aria-describedby="plot-help"></div>
<p class="small" id="plot-help">Point or tap to see a design and to keep it. With the keyboard: arrow keys walk along the Pareto front, Home and End go to its ends, K to its knee.</p>
<p class="small" id="count" role="status"></p>
</section>
<section class="detail" id="detail" aria-labelledby="detail-title" aria-live="polite" tabindex="-1"></section>
<section class="layers-card" id="layers" aria-labelledby="layers-title"></section>
</div>
<noscript><p class="notes">The page's script is switched off: the tables below have the main designs, explore.csv has all of them.</p></noscript>
`;
}

/**
 * Render an exploration as one self-contained page: choose axes, filter, pick a design and see all of it. Nothing is loaded: a content security
 * policy allows this page's own style and script and nothing else. Everything that comes from the data is escaped.
 *
 * @param script the page's script, compiled from `web/explore`; our own text, never data
 */
export function exploreHtml(results: ExploreResults, script: string): string {
  const { network, points, fronts, technology, notes, tool, node } = results;
  const answers = answerTable(results);
  const cameras = cameraTable(results);
  const frozen =
    Math.max(0, ...results.freezePoints.map(({ frozenMacs }) => frozenMacs)) / (network.macs || 1);
  const losses = results.freezePoints.flatMap(({ loss }) => loss ?? []);
  const lossText = (loss: number): string => pointsText(loss).replace("+", "");
  const facts: readonly (readonly [string, string, string])[] = [
    ["Designs", grouped(points.length), `${grouped(fronts.length)} fronts`],
    ["Network", shapeText(network.inputShape), `${grouped(network.macs)} MACs, ${network.ownRequantization}`],
    ["Deepest freeze", `${percent(frozen)} %`, "of the MACs"],
    ["Technology", technology.name, `compared at ${node}, modelled`],
    ...(losses.length === 0
      ? []
      : ([
          [
            "Accuracy",
            results.precision ?? "",
            `loses ${lossText(Math.min(...losses))} to ${lossText(Math.max(...losses))} points`,
          ],
        ] as const)),
  ];
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${raw(`default-src 'none'; style-src 'unsafe-inline'; script-src ${hashOf(script)}`)}">
<meta name="generator" content="fixynn ${tool.version}">
<title>${network.name}: designs to choose from</title>
<style>${raw(styleSheet)}${raw(exploreStyle)}</style>
</head>
<body>
<header>
<h1>fixynn explore: <b>${network.name}</b></h1>
<p class="verdict">${verdict(results)}</p>
</header>
<main>
<dl class="facts">${facts.map(([term, value, detail]) => html`<div><dt>${term}</dt><dd>${value}<small>${detail}</small></dd></div>`)}</dl>
${explorer(results)}
${answers && html`<section aria-label="Deepest freeze">${tableMarkup(answers)}</section>`}
<section aria-label="Knees">${tableMarkup(kneeTable(results))}</section>
<section aria-label="Freeze points">${tableMarkup(freezeTable(results))}</section>
${cameras && html`<section aria-label="Frame rates of a camera">${tableMarkup(cameras)}</section>`}
<section aria-labelledby="notes-title"><h2 id="notes-title">How to read this</h2><ul class="notes">${notes.map((note) => html`<li>${note}</li>`)}</ul></section>
</main>
<footer>Made by fixynn ${tool.version} from ${results.source}. All figures are in explore.json and explore.csv.</footer>
<script type="application/json" id="data">${raw(jsonText(results))}</script>
<script>${raw(script)}</script>
</body>
</html>
`.text;
}
