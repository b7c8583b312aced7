import { duration, grouped, plural, shapeText } from "./format.js";
import { freezePointsOf, type Results } from "./results.js";
import { escapeMarkdown, markdownTable, type Table } from "./table.js";
import { deepestTable, sweepTable, sweepTrainingTable } from "./transfer-tables.js";

/** A sweep with a title and the name of its plot's file. */
export type TransferSection = {
  readonly title: string;
  readonly results: Results;
  readonly plots: readonly string[];
};

const tableText = (table: Table): string =>
  [markdownTable(table), ...table.notes.map((note) => `${escapeMarkdown(note)}`)].join("\n\n");

function sectionText({ title, results, plots }: TransferSection): string[] {
  const { backbone, machine, seed, seconds, startedAt } = results;
  const datasets = new Map(
    freezePointsOf(results).flatMap(({ datasets: all = [] }) => all.map((one) => [one.name, one] as const)),
  );
  return [
    `## ${escapeMarkdown(title)}`,
    backbone === undefined
      ? ""
      : `Backbone ${escapeMarkdown(backbone.name)}: ${shapeText(backbone.inputShape)} input, ${grouped(backbone.params)} parameters, ${grouped(backbone.macs)} MACs with its own classifier.`,
    ...plots.map((plot) => `![${escapeMarkdown(title)}](${plot})`),
    tableText(sweepTable(results)),
    `### ${deepestTable(results).caption}`,
    tableText(deepestTable(results)),
    "### Data",
    [...datasets.values()]
      .map(
        ({ name, classes, train, test, source = "" }) =>
          `- ${escapeMarkdown(name)}: ${plural(classes, "class").replace("classs", "classes")}, ${grouped(train)} training images (a tenth of them, at most 2,500, for validation), ${grouped(test)} test images. ${escapeMarkdown(source)}`,
      )
      .join("\n"),
    "### Training",
    tableText(sweepTrainingTable(results)),
    `Seed ${seed}; ${duration(seconds)} in the last run on ${escapeMarkdown(machine.cpu)}, ${plural(machine.cores, "core")}; started ${startedAt.slice(0, 10)}.`,
    "<details><summary>Configuration</summary>",
    `\`\`\`json\n${JSON.stringify(results.config, null, 2)}\n\`\`\``,
    "</details>",
  ];
}

/**
 * Write the page of transfer results: for every sweep its plots, accuracy against what is frozen, the deepest freeze point within the
 * paper's bound, the data and how everything was trained.
 *
 * @param options.introduction Markdown
 * @param options.missing datasets that were asked for and are not there, each with what would bring them
 */
export function transferMarkdown(options: {
  readonly introduction: string;
  readonly sections: readonly TransferSection[];
  readonly missing: readonly { readonly dataset: string; readonly hint: string }[];
}): string {
  const { introduction, sections, missing } = options;
  const blocks = ["# Transfer learning on a frozen front", introduction, ...sections.flatMap(sectionText)];
  if (missing.length > 0) {
    blocks.push(
      "## Not run",
      missing.map(({ dataset, hint }) => `- ${escapeMarkdown(dataset)}: ${hint}`).join("\n"),
    );
  }
  return `${blocks.filter((block) => block !== "").join("\n\n")}\n`;
}
