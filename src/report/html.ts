import { comparisonTable } from "./comparison-table.js";
import { absent, grouped, percent, plural, points, ratio, shapeText, significant } from "./format.js";
import { unfrozenOf } from "./freeze-verdict.js";
import { type Content, html, type Markup, raw, tableMarkup } from "./markup.js";
import { accuracyPlot, type Bar, cutStrip, stackedBars } from "./plots.js";
import { publishedFigures } from "./published.js";
import { accuracyEfficiencyFigure, equalAreaFigure } from "./report-figures.js";
import { freezePointsOf, type LayerResult, type Results, type SweepEntry } from "./results.js";
import { styleSheet } from "./style.js";
import { engineTable, systemTable } from "./system-table.js";
import {
  accuracyTable,
  costTable,
  designName,
  firstMismatchOf,
  layersOf,
  layerTable,
  mismatchText,
  paretoTable,
  stepsTable,
  trainingTable,
  verificationTable,
} from "./tables.js";
import { transferPlot } from "./transfer-plot.js";
import { deepestTable, sweepTable } from "./transfer-tables.js";
import { chosenEntry, verdictOf } from "./verdict.js";

const section = (id: string, title: string, ...content: readonly Content[]): Markup =>
  html`<section id="${id}" aria-labelledby="${id}-title">
<h2 id="${id}-title">${title}</h2>
${content}</section>
`;

const badgeText = {
  verified: "Verified: the hardware computes the same values",
  mismatch: "Mismatch: the hardware differs from the reference",
  unverified: "Not verified in this run",
} as const;

function keyFigures(results: Results, chosen: SweepEntry | undefined): Markup | undefined {
  if (!chosen) return undefined;
  const figures: { term: string; value: string; detail: string }[] = [];
  const macs = results.backbone?.macs;
  if (macs) {
    figures.push({
      term: "MACs in silicon",
      value: `${percent(chosen.freezePoint.frozenMacs / macs)} %`,
      detail: `up to ${chosen.freezePoint.layer}`,
    });
  }
  for (const { name, accuracy } of (chosen.datasets ?? []).slice(0, 2)) {
    const after = accuracy.int8 ?? accuracy.float;
    if (!after) continue;
    const unfrozen = unfrozenOf(chosen, name, accuracy.int8 ? "int8" : "float") ?? accuracy.unfrozen;
    const change = unfrozen ? `${points(after.value - unfrozen.value)} points to unfrozen, ` : "";
    figures.push({
      term: `${name}, ${accuracy.int8 ? "int8" : "float"}`,
      value: `${percent(after.value)} %`,
      detail: `${change}${grouped(after.images)} images`,
    });
  }
  const { cost, gain, baseline } = chosen;
  if (cost)
    figures.push({
      term: "Efficiency",
      value: `${significant(cost.topsPerWatt)} TOPS/W`,
      detail: `${cost.tier}, ${cost.technology}`,
    });
  if (gain && baseline) {
    figures.push({
      term: "Gain in TOPS/W",
      value: ratio(gain.topsPerWatt),
      detail: `against ${baseline.name}, ${gain.tier}`,
    });
  }
  if (chosen.rtl?.verified) {
    const { values, mismatches, images } = chosen.rtl.verified;
    figures.push({
      term: "Mismatches",
      value: grouped(mismatches),
      detail: `of ${grouped(values)} values, ${plural(images, "image")}`,
    });
  }
  return html`<dl class="facts">${figures.map(
    ({ term, value, detail }) => html`<div><dt>${term}</dt><dd>${value}<small>${detail}</small></dd></div>`,
  )}</dl>
`;
}

function flowPicture(results: Results, entry: SweepEntry): Markup {
  const layers = layersOf(results, entry);
  const { frozenLayers, frozenMacs, frozenParams, layer } = entry.freezePoint;
  const input = results.backbone?.inputShape;
  const front = layers.filter(({ frozen }) => frozen);
  const tail = layers.filter(({ frozen }) => !frozen);
  const fullAdders = front.reduce((sum, { adders }) => sum + (adders?.fullAdders ?? 0), 0);
  const features = front.at(-1)?.outputShape;
  const names = (entry.datasets ?? []).map(
    ({ name, classes }) => `${name}: ${grouped(classes)} ${classes === 1 ? "class" : "classes"}`,
  );
  return html`<ol class="flow">
<li><b>Image</b>${input && html`<span>${shapeText(input)}</span>`}<span>one pixel a beat</span></li>
<li class="silicon"><b>Frozen front, in silicon</b><span>${plural(frozenLayers, "layer")}, up to ${layer}</span><span>${grouped(frozenMacs)} MACs, ${grouped(frozenParams)} constants</span>${fullAdders > 0 && html`<span>${grouped(fullAdders)} full adders, no multiplier</span>`}</li>
<li><b>Features</b>${features && html`<span>${shapeText(features)}</span>`}<span>streamed</span></li>
<li class="program"><b>Programmable tail</b><span>${tail.length > 0 ? plural(tail.length, "layer") : "the rest"}, retrained for each task</span>${
    tail.length > 0 && html`<span>${grouped(tail.reduce((sum, { macs }) => sum + macs, 0))} MACs</span>`
  }</li>
<li><b>Answer</b>${names.map((name) => html`<span>${name}</span>`)}</li>
</ol>
${cutStrip(layers)}`;
}

/** The sweep at a glance: what freezing changes, and how deep it may go. */
function sweepSection(results: Results): Content {
  const precision = results.sweep?.some(({ datasets = [] }) => datasets.some(({ accuracy }) => accuracy.int8))
    ? "int8"
    : "float";
  const plot = transferPlot(results, precision);
  return [
    plot &&
      html`<figure><figcaption>What freezing changes, against the fully trainable network</figcaption><div class="scroll">${plot}</div></figure>`,
    tableMarkup(sweepTable(results)),
    tableMarkup(deepestTable(results)),
  ];
}

function layerBars(
  layers: readonly LayerResult[],
  total: (layer: LayerResult) => number | undefined,
  parts: (layer: LayerResult) => Readonly<Record<string, number | undefined>> | undefined,
): Bar[] {
  return layers.flatMap((layer) => {
    const sum = total(layer);
    if (sum === undefined || !layer.frozen) return [];
    const known = Object.entries(parts(layer) ?? {}).map(([name, amount]) => ({ name, amount: amount ?? 0 }));
    const rest = sum - known.reduce((done, { amount }) => done + amount, 0);
    const other = rest > 1e-6 * sum ? [{ name: known.length === 0 ? "total" : "other", amount: rest }] : [];
    return [{ label: layer.name, value: significant(sum), parts: [...known, ...other] }];
  });
}

function layerSection(results: Results): Markup | undefined {
  const entries = freezePointsOf(results).filter((entry) => layersOf(results, entry).length > 0);
  const chosen = chosenEntry(results);
  if (!chosen || entries.length === 0) return undefined;
  const shown = entries.includes(chosen) ? chosen : entries[0]!;
  const block = (entry: SweepEntry): Markup => {
    const layers = layersOf(results, entry);
    const tier = entry.cost === undefined ? "" : ` (${entry.cost.tier})`;
    const energyTier = entry.cost?.front === undefined ? tier : ` (${entry.cost.front.tier})`;
    return html`${tableMarkup(layerTable(results, entry))}
<div class="pair">${stackedBars(
      `Area of each frozen layer, mm²${tier}`,
      layerBars(
        layers,
        ({ areaMm2 }) => areaMm2,
        ({ areaPartsMm2 }) => areaPartsMm2,
      ),
    )}${stackedBars(
      `Energy of each frozen layer, µJ/frame${energyTier}`,
      layerBars(
        layers,
        ({ energyUj }) => energyUj,
        ({ energyPartsUj }) => energyPartsUj,
      ),
    )}</div>
`;
  };
  return section(
    "layers",
    "Layers",
    block(shown),
    entries
      .filter((entry) => entry !== shown)
      .map(
        (entry) =>
          html`<details><summary>Frozen up to ${entry.freezePoint.layer}</summary>${block(entry)}</details>\n`,
      ),
  );
}

function efficiencyBars(results: Results): Markup | undefined {
  const entries = freezePointsOf(results);
  const bar = (label: string, name: string, topsPerWatt: number): Bar => ({
    label,
    value: significant(topsPerWatt),
    parts: [{ name, amount: topsPerWatt }],
  });
  const baselines = new Map(
    entries.flatMap(({ baseline: b }) => (b ? [[JSON.stringify(b), b] as const] : [])),
  );
  const bars = [
    ...entries.flatMap(({ freezePoint, cost }) =>
      cost
        ? [
            bar(
              `${designName(freezePoint.layer, cost)} (${cost.technology}, ${cost.tier})`,
              "ours",
              cost.topsPerWatt,
            ),
            ...(cost.front
              ? [
                  bar(
                    `Front alone, up to ${freezePoint.layer} (${[cost.front.technology, cost.front.tier].filter(Boolean).join(", ")})`,
                    "ours",
                    cost.front.topsPerWatt,
                  ),
                ]
              : []),
          ]
        : [],
    ),
    ...[...baselines.values()].map(({ name, tier, topsPerWatt }) =>
      bar(`${name} (${tier})`, "baseline", topsPerWatt),
    ),
    ...entries.flatMap(({ freezePoint, paper }) =>
      paper
        ? [
            bar(
              `DeepFreeze coefficients, up to ${freezePoint.layer} (${paper.tier})`,
              "estimate",
              paper.topsPerWatt,
            ),
          ]
        : [],
    ),
    ...publishedFigures.map(({ design, topsPerWatt }) =>
      bar(`${design} (published)`, "published", topsPerWatt),
    ),
  ];
  return html`<div class="wide">${stackedBars("Efficiency, TOPS/W", bars)}</div>
`;
}

/** A figure that scrolls where it is too wide; its title is part of it. */
const figureBlock = (drawn: Markup | undefined): Markup | undefined =>
  drawn && html`<div class="scroll" tabindex="0" role="region" aria-label="figure">${drawn}</div>\n`;

function verificationSection(results: Results): Markup {
  const verdict = verdictOf(results);
  const chips = systemTable(results);
  const first = freezePointsOf(results).flatMap((entry) => firstMismatchOf(entry) ?? [])[0];
  return section(
    "verification-section",
    "Verification",
    html`<p><span class="badge ${verdict.state}">${badgeText[verdict.state]}</span></p>`,
    first !== undefined && html`<p>First mismatch: ${mismatchText(first)}.</p>`,
    tableMarkup(verificationTable(results)),
    chips.rows.length > 0 && [tableMarkup(chips), tableMarkup(engineTable(results))],
  );
}

function runSection(results: Results): Markup {
  const { tool, machine, seed, startedAt, backbone } = results;
  const steps = stepsTable(results);
  const training = trainingTable(results);
  const memory = machine.memoryGib === undefined ? "" : `, ${significant(machine.memoryGib)} GiB`;
  const rtl = chosenEntry(results)?.rtl;
  const sources = new Map(
    freezePointsOf(results).flatMap(({ datasets = [] }) => datasets.map((d) => [d.name, d] as const)),
  );
  const facts: [string, string][] = [
    ["Tool", `fixynn ${tool.version}${tool.gitCommit === undefined ? "" : `, commit ${tool.gitCommit}`}`],
    ["Started", startedAt],
    ["Seed", String(seed)],
    [
      "Machine",
      `${machine.cpu}, ${plural(machine.cores, "core")}${memory}; ${machine.os}; Node ${machine.node}`,
    ],
    ...(backbone
      ? ([
          [
            "Backbone",
            `${backbone.name}: ${shapeText(backbone.inputShape)}, ${plural(backbone.layers, "layer")}, ${grouped(backbone.params)} parameters, ${grouped(backbone.macs)} MACs${backbone.source === undefined ? "" : `; ${backbone.source}`}`,
          ],
        ] as [string, string][])
      : []),
    ...[...sources.values()].map(({ name, train, test, source }): [string, string] => [
      name,
      `${grouped(train)} training and ${grouped(test)} test images${source === undefined ? "" : `; ${source}`}`,
    ]),
    [
      "RTL",
      rtl
        ? `${rtl.dir}: ${plural(rtl.modules, "module")}, ${plural(rtl.lines, "line")} of SystemVerilog`
        : absent,
    ],
  ];
  return section(
    "run",
    "This run",
    html`<dl class="run">${facts.map(([term, text]) => html`<dt>${term}</dt><dd>${text}</dd>`)}</dl>`,
    html`<div class="pair"><div>${steps && tableMarkup(steps)}</div><div>${training && tableMarkup(training)}</div></div>`,
    html`<details><summary>Configuration</summary><pre>${JSON.stringify(results.config, null, 2)}</pre></details>\n`,
  );
}

/**
 * Render a run as one self-contained HTML page: verdict, flow, accuracy, layers, cost beside the paper's figures,
 * verification, run facts. It loads nothing (a content security policy forbids it), runs no script, follows the
 * reader's light or dark setting, prints, and escapes everything that comes from the data. Same results, same bytes.
 */
export function reportHtml(results: Results): string {
  const verdict = verdictOf(results);
  const entries = freezePointsOf(results);
  const chosen = chosenEntry(results);
  const name = results.backbone?.name ?? "run";
  const accuracy = accuracyTable(results);
  const datasetNames = [...new Set(entries.flatMap(({ datasets = [] }) => datasets.map((d) => d.name)))];
  const pareto = paretoTable(results);
  const compared = comparisonTable(results);
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="generator" content="fixynn ${results.tool.version}">
<title>${name}: fixynn report</title>
<style>${raw(styleSheet)}</style>
</head>
<body>
<header>
<h1>fixynn report: <b>${name}</b></h1>
<span class="badge ${verdict.state}">${badgeText[verdict.state]}</span>
<p class="verdict">${verdict.sentence}</p>
</header>
<main>
${keyFigures(results, chosen)}${chosen && section("flow", "What is frozen, what is programmable", flowPicture(results, chosen))}${
  accuracy.rows.length > 0 &&
  section(
    "accuracy-section",
    "Accuracy",
    entries.length > 1 && sweepSection(results),
    tableMarkup(accuracy),
    results.backbone &&
      datasetNames.map((dataset) => accuracyPlot(dataset, entries, results.backbone?.macs ?? 0)),
  )
}${layerSection(results)}${
  entries.some(({ cost, baseline, paper }) => cost ?? baseline ?? paper) &&
  section(
    "cost-section",
    "Area, energy and speed",
    tableMarkup(costTable(results)),
    efficiencyBars(results),
    compared && tableMarkup(compared),
    figureBlock(equalAreaFigure(results, "array")),
    figureBlock(equalAreaFigure(results, "nvdla")),
    figureBlock(accuracyEfficiencyFigure(results)),
    pareto && tableMarkup(pareto),
  )
}${entries.length > 0 && verificationSection(results)}${runSection(results)}</main>
<footer>Made by fixynn ${results.tool.version}. ${absent} means not measured in this run. All figures are in results.json.</footer>
</body>
</html>
`;
  return page.text;
}
