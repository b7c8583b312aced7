import type { ExploreResults } from "./explore-results.js";
import { answerTable, cameraTable, freezeTable, kneeTable } from "./explore-tables.js";
import { duration, grouped, shapeText } from "./format.js";
import { escapeMarkdown, markdownTable, type Table } from "./table.js";

const section = (table: Table): string =>
  [
    `### ${table.caption}`,
    "",
    markdownTable(table),
    "",
    ...table.notes.map((note) => `- ${escapeMarkdown(note)}`),
    "",
  ].join("\n");

/** Print an exploration for a terminal or a page of Markdown. */
export function exploreMarkdown(results: ExploreResults): string {
  const { network, technology, points, fronts, cache, seconds } = results;
  const answers = answerTable(results);
  const cameras = cameraTable(results);
  const head = [
    `## ${escapeMarkdown(network.name)}, ${shapeText(network.inputShape)}: ${grouped(points.length)} designs of ${grouped(fronts.length)} fronts`,
    "",
    `${escapeMarkdown(results.source)}; technology ${escapeMarkdown(technology.name)}, compared at ${results.node}, ${results.tier}; ${duration(seconds)}, ${grouped(cache.computed)} results computed and ${grouped(cache.found)} found.`,
    "",
  ];
  const notes = results.notes.map((note) => `- ${escapeMarkdown(note)}`);
  return [
    ...head,
    ...(answers === undefined ? [] : [section(answers)]),
    section(kneeTable(results)),
    section(freezeTable(results)),
    ...(cameras === undefined ? [] : [section(cameras)]),
    ...notes,
    "",
  ].join("\n");
}
