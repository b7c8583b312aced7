import { parseHTML } from "linkedom";
import { describe, expect, it } from "vitest";
import { resultsFixture } from "../../test/helpers/results-fixture.js";
import {
  accuracyCsv,
  layersCsv,
  type Results,
  reportHtml,
  resultsSchemaId,
  summaryMarkdown,
} from "./index.js";
import { verdictOf } from "./verdict.js";

const golden = (name: string): string => `../../test/golden/report/${name}`;

const empty: Results = {
  schema: resultsSchemaId,
  tool: { version: "0.1.0" },
  config: {},
  seed: 7,
  machine: { cpu: "c", cores: 1, os: "o", node: "n" },
  startedAt: "2026-01-02T03:04:05.000Z",
  seconds: 2,
};

/** The fixture with a mismatch at its first freeze point. */
function broken(): Results {
  const results = structuredClone(resultsFixture());
  const verified = results.sweep![0]!.rtl!.verified!;
  verified.mismatches = 3;
  verified.firstMismatch = {
    layer: "conv_dw_2",
    image: 5,
    row: 1,
    column: 2,
    channel: 3,
    expected: 17,
    actual: 18,
  };
  return results;
}

/** The part of the DOM that these tests use: the project's TypeScript settings leave the browser's types out. */
type Node = { readonly textContent: string; readonly children: Iterable<Node> };
type Page = { querySelectorAll(selector: string): Iterable<Node> };

const texts = (cells: Iterable<Node>): string[] => [...cells].map(({ textContent }) => textContent);

function tableRows(document: Page, id: string): string[][] {
  const rows = document.querySelectorAll(`#${id} tbody tr`);
  return [...rows].map((row) => texts(row.children));
}

describe("text renderers", () => {
  it("match their golden files (npx vitest run src/report -u rewrites them)", async () => {
    const results = resultsFixture();
    await expect(summaryMarkdown(results)).toMatchFileSnapshot(golden("summary.md"));
    await expect(layersCsv(results)).toMatchFileSnapshot(golden("layers.csv"));
    await expect(accuracyCsv(results)).toMatchFileSnapshot(golden("accuracy.csv"));
    await expect(summaryMarkdown(broken())).toMatchFileSnapshot(golden("summary-mismatch.md"));
  });

  it("align every Markdown table", () => {
    const blocks = summaryMarkdown(resultsFixture())
      .split("\n\n")
      .filter((block) => block.startsWith("|"));
    expect(blocks).toHaveLength(8);
    for (const block of blocks) {
      expect(new Set(block.split("\n").map((line) => [...line].length)).size).toBe(1);
    }
  });

  it("leave out what has not run", () => {
    expect(summaryMarkdown(empty)).not.toContain("|");
    expect(accuracyCsv(empty).trimEnd().split("\n")).toHaveLength(1);
    expect(layersCsv(empty).trimEnd().split("\n")).toHaveLength(1);
  });

  it("say why a chip was not simulated", () => {
    const results = resultsFixture();
    delete results.sweep![0]!.system;
    results.sweep![0]!.noSystem = "FX5113: no exact form";
    expect(summaryMarkdown(results)).toContain("FX5113: no exact form");
    expect(reportHtml(results)).toContain("FX5113: no exact form");
  });

  it("keep hostile names inside their cell", () => {
    const results = resultsFixture();
    results.sweep![0]!.datasets![0]!.name = 'a,"b"\n|c\u001b[31m';
    expect(accuracyCsv(results)).toContain('"a,""b""\n|c\u001b[31m"');
    const markdown = summaryMarkdown(results);
    expect(markdown).not.toContain("\u001b");
    expect(markdown).toContain('a,"b" \\|c [31m');
  });
});

describe("verdict", () => {
  it("is verified only when every freeze point was compared without mismatch", () => {
    expect(verdictOf(resultsFixture()).state).toBe("verified");
    expect(verdictOf(broken()).state).toBe("mismatch");
    const pending = resultsFixture();
    delete pending.sweep![0]!.rtl!.verified;
    expect(verdictOf(pending).state).toBe("unverified");
    expect(verdictOf(empty)).toEqual({ state: "unverified", sentence: "No layer has been frozen yet." });
  });

  it("asks for no comparison where no hardware was built", () => {
    const partly = resultsFixture();
    delete partly.sweep![0]!.rtl;
    expect(verdictOf(partly).state).toBe("verified");
  });

  it("counts a disagreeing judge and a disagreeing system simulation as mismatches", () => {
    const judged = resultsFixture();
    judged.sweep![1]!.rtl!.judges![0]!.mismatches = 1;
    expect(verdictOf(judged).state).toBe("mismatch");
    const chip = resultsFixture();
    chip.sweep![0]!.system!.mismatches = 1;
    expect(verdictOf(chip).state).toBe("mismatch");
    const refused = resultsFixture();
    refused.sweep![1]!.system!.judges![0]!.outcome = "different";
    expect(verdictOf(refused)).toMatchObject({
      state: "mismatch",
      sentence: expect.stringContaining("Verilator 5.006 finds other"),
    });
  });

  it("does not take a comparison of no values as proof", () => {
    const results = resultsFixture();
    results.sweep![0]!.rtl!.verified!.values = 0;
    expect(verdictOf(results).state).toBe("unverified");
  });
});

describe("report.html", () => {
  const page = reportHtml(resultsFixture());
  const { document } = parseHTML(page);

  it("is deterministic and loads nothing", () => {
    expect(reportHtml(resultsFixture())).toBe(page);
    expect(page).not.toMatch(
      /\b(?:src|href|action|data)\s*=|url\(|@import|https?:|<script|<link|<img|<iframe/i,
    );
    expect(
      document.querySelector('meta[http-equiv="Content-Security-Policy"]')?.getAttribute("content"),
    ).toBe("default-src 'none'; style-src 'unsafe-inline'");
  });

  it("has balanced tags, unique ids and a caption for every table", () => {
    const voids = new Set(["meta", "link", "br", "hr", "img", "input"]);
    const stack: string[] = [];
    const body = page.replace(/<style>[\s\S]*?<\/style>/, "").replace("<!doctype html>", "");
    for (const [, close, name = "", , self] of body.matchAll(
      /<(\/?)([a-z][a-z0-9]*)((?:[^<>"]|"[^"]*")*?)(\/?)>/g,
    )) {
      if (close) expect(stack.pop()).toBe(name);
      else if (!self && !voids.has(name)) stack.push(name);
    }
    expect(stack).toEqual([]);
    const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const element of document.querySelectorAll("[aria-labelledby]")) {
      expect(ids).toContain(element.getAttribute("aria-labelledby"));
    }
    for (const table of document.querySelectorAll("table")) {
      expect(table.querySelector("caption")?.textContent).not.toBe("");
      const columns = table.querySelectorAll("thead th").length;
      for (const row of table.querySelectorAll("tbody tr")) expect(row.children).toHaveLength(columns);
    }
  });

  it("shows accuracy for each freeze point with image counts and differences", () => {
    const withImages = (before: string[], values: string[], after: string[]): string[] => [
      ...before,
      ...values.map((value, i) => `${value}${["10,000", "10,000", "2,000", "128"][i]} images`),
      ...after,
    ];
    expect(tableRows(document, "accuracy")).toEqual([
      withImages(["conv_pw_3", "25.5", "CIFAR-10"], ["78.3", "77.6", "77.4", "77.3"], ["−0.7", "−0.2"]),
      withImages(["conv_pw_7", "49.3", "CIFAR-10"], ["78.3", "75.2", "74.8", "74.2"], ["−3.1", "−0.4"]),
    ]);
  });

  it("shows every layer of both freeze points, the tail without hardware figures", () => {
    const rows = tableRows(document, "layers-conv_pw_7");
    expect(rows).toHaveLength(28);
    expect(rows[0]?.slice(0, 6)).toEqual([
      "conv1conv2d",
      "24×24×8from 48×48×3",
      "124,416",
      "216",
      "4.0",
      "592",
    ]);
    const absentFields = Array.from({ length: 14 }, () => "–");
    expect(rows[27]).toEqual(["predictionstail, dense", "10from 256", "2,560", "2,560", ...absentFields]);
    const shallow = tableRows(document, "layers-conv_pw_3");
    expect(shallow.filter((row) => !row[0]?.includes("tail, "))).toHaveLength(7);
  });

  it("shows the paper's figures beside ours, each with its tier", () => {
    const rows = tableRows(document, "cost");
    expect(rows.every((row) => ["modelled", "published", "simulated", "synthesized"].includes(row[1]!))).toBe(
      true,
    );
    const published = rows.filter((row) => row[0]?.startsWith("FixyNN paper"));
    expect(published.map((row) => [row[1], row[6], row[8]])).toEqual([
      ["published", "26.6", "4.81×"],
      ["published", "11.2", "nearly 2×"],
    ]);
    expect(rows.filter((row) => row[0]?.startsWith("NVDLA"))).toHaveLength(1);
    const notes = document.querySelector("#cost-section .notes")?.textContent;
    expect(notes).toContain("invented figures of the test fixture");
    expect(notes).toContain("arXiv 1902.11128");
  });

  it("draws one plot for the dataset and bars for each frozen layer", () => {
    expect(document.querySelectorAll("svg.plot")).toHaveLength(1);
    expect(document.querySelectorAll("svg.plot circle.float")).toHaveLength(2);
    const figures = [...document.querySelectorAll("#layers figure")];
    expect(figures.map((figure) => figure.querySelectorAll(".bar").length)).toEqual([15, 15, 7, 7]);
    expect(document.querySelectorAll(".strip rect.frozen")).toHaveLength(15);
  });

  it("locates the first mismatch", () => {
    const { document: failed } = parseHTML(reportHtml(broken()));
    expect(failed.querySelector("header .badge")?.className).toBe("badge mismatch");
    expect(failed.querySelector("#verification-section")?.textContent).toContain(
      "First mismatch: conv_dw_2, image 5, row 1, column 2, channel 3: expected 17, got 18.",
    );
  });

  it("escapes everything that comes from the data", () => {
    const evil = `"><script>alert(1)</script><img src=x onerror='y'>&amp;\u0000`;
    const poison = (value: unknown): unknown => {
      if (typeof value === "string") return evil;
      if (Array.isArray(value)) return value.map(poison);
      if (value === null || typeof value !== "object") return value;
      return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, poison(v)]));
    };
    const poisoned = reportHtml(poison({ ...broken(), config: { [evil]: evil } }) as Results);
    const { document: parsed } = parseHTML(poisoned);
    expect(parsed.querySelectorAll("script, img")).toHaveLength(0);
    expect(poisoned).not.toContain("<script");
    expect(poisoned).not.toContain("onerror='");
    expect(poisoned).not.toContain("\u0000");
    expect(parsed.querySelector("h1 b")?.textContent).toContain("<script>alert(1)</script>");
  });

  it("renders a run of which nothing has finished", () => {
    const { document: bare } = parseHTML(reportHtml(empty));
    expect(bare.querySelector(".badge")?.className).toBe("badge unverified");
    expect(bare.querySelectorAll("table")).toHaveLength(0);
    expect(bare.querySelector("#run")?.textContent).toContain("Seed7");
  });
});
