import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { packageRoot } from "../src/core/index.js";
import { costsOf, paretoFront, kneeOf as referenceKnee } from "../src/explore/index.js";
import { explorePageScript, linkModules } from "../src/flow/explore/page-script.js";
import type { Figure } from "../web/explore/figures.js";
import { referencesOn } from "../web/explore/plot.js";
import { frontOf, kneeOf, type Placed } from "../web/explore/selection.js";

const figure = (better: Figure["better"]): Figure => ({
  ...{ id: better, label: better, unit: "", better, scale: "log" },
  of: () => 1,
  text: String,
});
const [less, more] = [figure("less"), figure("more")];

const designs = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 })))
  .map((all) => all.map(([x, y], point): Placed => ({ point, x, y })));

describe("the page's own Pareto front", () => {
  it("and its knee are those of the exploration", () => {
    fc.assert(
      fc.property(designs, (all) => {
        const figures = all.map(({ x, y }) => [x, y]);
        const front = paretoFront(costsOf(figures, ["least", "most"]));
        expect(frontOf(all, less, more).map(({ point }) => point)).toEqual(front);
        const knee = kneeOf(frontOf(all, less, more), less, more);
        expect(knee?.point).toBe(referenceKnee(figures, front, ["least", "most"]));
      }),
    );
  });
});

describe("published designs", () => {
  const references = [{ name: "NVDLA", areaMm2: 3.3, topsPerWatt: 7 }];
  const on = (x: string, y: string) => referencesOn({ references }, { id: x }, { id: y });

  it("have a place where both axes are theirs, and else none", () => {
    expect(on("areaMm2", "topsPerWatt")).toEqual([{ name: "NVDLA", x: 3.3, y: 7 }]);
    expect(on("topsPerWatt", "areaMm2")).toEqual([{ name: "NVDLA", x: 7, y: 3.3 }]);
    expect(on("areaMm2", "areaMm2")).toEqual([]);
    expect(on("areaMm2", "topsPerWattWithDram")).toEqual([]);
    expect(referencesOn({}, { id: "areaMm2" }, { id: "topsPerWatt" })).toEqual([]);
  });
});

describe("linkModules", () => {
  const link = (files: Readonly<Record<string, string>>): unknown => {
    const script = linkModules("/a/main.js", (path) => files[path] ?? "");
    const result: { value?: unknown } = {};
    new Function("result", script)(result);
    return result.value;
  };

  it("gives each module a scope of its own and shares what is imported twice", () => {
    const value = link({
      "/a/main.js": `import { f as g } from "./b.js";\nimport { count } from "../c.js";\nconst hidden = 1;\ng();\nresult.value = [count(), hidden];\nexport {};`,
      "/a/b.js": `import { count } from "../c.js";\nconst hidden = 2;\nexport function f() { count(); return hidden; }`,
      "/c.js": `let calls = 0;\nexport const count = () => ++calls;\n//# sourceMappingURL=c.js.map`,
    });
    expect(value).toEqual([2, 1]);
  });

  it("refuses what it does not understand", () => {
    expect(() => link({ "/a/main.js": `export * from "./b.js";` })).toThrow(/cannot link/);
    expect(() => link({ "/a/main.js": `import x from "zod";` })).toThrow(/cannot link/);
  });
});

describe("the page's script", () => {
  it("is one script of our own modules, and small", () => {
    const script = explorePageScript();
    expect(() => new Function(script)).not.toThrow();
    expect(script).not.toMatch(/^(?:import|export)\b/m);
    expect(script).not.toMatch(/\b(?:fetch|eval|XMLHttpRequest|WebSocket|import)\s*\(/);
    expect(script.length).toBeLessThan(80_000);
  });

  it("knows every id that the page has and needs no other", () => {
    const page = readFileSync(join(packageRoot, "src", "report", "explore-html.ts"), "utf8");
    const source = readFileSync(join(packageRoot, "web", "explore", "main.ts"), "utf8");
    const wanted = [...source.matchAll(/element\("([\w-]+)"|select\("([\w-]+)"\)/g)].map(
      (m) => m[1] ?? m[2]!,
    );
    for (const id of wanted) expect(page).toMatch(new RegExp(`id="${id}"|select\\("${id}"`));
  });
});
