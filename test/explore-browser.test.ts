import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, onTestFinished, type TestContext, test } from "vitest";
import { explorePageScript } from "../src/flow/explore/page-script.js";
import { exploreHtml, significant } from "../src/report/index.js";
import { type BrowserPage, openBrowser } from "./helpers/browser.js";
import { requireTool } from "./helpers/environment.js";
import { exploreFixture } from "./helpers/explore-fixture.js";

const results = exploreFixture();
const { points, fronts } = results;
const WIDE = { widthPx: 1200, heightPx: 900 };

/** Open the page of the fixture; `FIXYNN_SCREENSHOTS` keeps what it looks like. */
async function openPage(context: TestContext, fragment = "", view = WIDE): Promise<BrowserPage> {
  const { page, close } = await openBrowser(requireTool(context, "chromium"));
  const folder = mkdtempSync(join(tmpdir(), "fixynn-page-"));
  onTestFinished(async () => {
    await close();
    rmSync(folder, { recursive: true });
  });
  const file = join(folder, "explore.html");
  writeFileSync(file, exploreHtml(results, explorePageScript()));
  await page.load(`${pathToFileURL(file).href}${fragment}`, view);
  return page;
}

/** What the page says about the chosen design. */
type Shown = {
  readonly hash: string;
  readonly place: number;
  readonly settings: Readonly<Record<string, string>>;
  readonly headline: Readonly<Record<string, string>>;
  readonly operating: readonly (readonly string[])[];
  readonly layers: readonly string[];
};

const shown = (page: BrowserPage): Promise<Shown> =>
  page.evaluate(`(() => {
    const list = (selector) => Object.fromEntries([...document.querySelectorAll(selector)].map((term) => [
      term.textContent, term.nextElementSibling.firstChild.textContent]));
    const tables = [...document.querySelectorAll("#detail table")];
    const operating = tables.find((one) => one.tHead.textContent.startsWith("running"));
    return {
      hash: location.hash,
      place: Number(/Design ([\\d,]+) of/.exec(document.querySelector("#detail").textContent)[1].replace(",", "")) - 1,
      settings: list("#detail .settings dt"),
      headline: list("#detail .headline dt"),
      operating: [...operating.tBodies[0].rows].map((row) => [...row.cells].map((one) => one.textContent)),
      layers: [...document.querySelectorAll("#layers details tbody th")].map((one) => one.textContent),
    };
  })()`);

/** Expect the panel to show a design of the data, at an operating point. */
function expectDesign(own: Shown, place: number, rate?: number): void {
  const point = points[place]!;
  const front = fronts[point.front]!;
  expect(own.place).toBe(place);
  expect(own.hash).toBe(`#design=${place}${rate === undefined ? "" : `&rate=${rate}`}`);
  expect(own.settings["Freeze point"]).toContain(`${front.freezePoint}:`);
  expect(own.settings["Requantization"]).toContain(
    front.requantization === "own" ? "as the network is" : "shift",
  );
  expect(own.settings["Folding"]).toContain(
    front.folding === "none" ? "none" : `at ${front.folding.slice(5)} cycle`,
  );
  expect(own.settings["Accelerator"]).toContain(results.accelerators[point.accelerator!]!.name);
  expect(own.layers).toEqual(front.layers.map((layer) => results.layers[layer]!.name));
  const at = rate === undefined ? -1 : results.cameraFramesPerSecond.indexOf(rate);
  const topsPerWatt = at < 0 ? point.topsPerWatt : point.atCamera.topsPerWatt[at];
  const efficiency = topsPerWatt === null ? "–" : `${significant(topsPerWatt!)} TOPS/W`;
  expect(own.headline).toMatchObject({ Efficiency: efficiency, Area: `${significant(point.areaMm2)} mm²` });
  for (const [i, camera] of results.cameraFramesPerSecond.entries()) {
    const { energyPerFrameUj, powerMw, topsPerWatt: tops } = point.atCamera;
    const figures = [energyPerFrameUj[i], powerMw[i], tops[i]].map((one) =>
      typeof one === "number" ? significant(one) : "–",
    );
    expect(own.operating[i + 1]!.slice(0, 4)).toEqual([`${camera} frames/s`, ...figures]);
  }
}

/** Places of the plot's marks of a kind in the window, px: of the first circles, the front's. */
const marks = (page: BrowserPage): Promise<readonly (readonly [number, number])[]> =>
  page.evaluate(`[...document.querySelectorAll("#plot .on-front, #plot .knee")].map((one) => {
    const { x, y, width, height } = one.getBoundingClientRect();
    return [x + width / 2, y + height / 2];
  })`);

const choose = (page: BrowserPage, id: string, value: string): Promise<void> =>
  page.evaluate(`(() => {
    const box = document.getElementById(${JSON.stringify(id)});
    box.value = ${JSON.stringify(value)};
    box.dispatchEvent(new Event("input", { bubbles: true }));
  })()`);

const typeInto = async (page: BrowserPage, id: string, text: string): Promise<void> => {
  await page.evaluate(
    `(() => { const box = document.getElementById("${id}"); box.focus(); box.select(); })()`,
  );
  await page.type(text);
};

const countText = (page: BrowserPage): Promise<string> =>
  page.evaluate(`document.getElementById("count").textContent`);

/** Places of the designs on the front over area and a figure, by area. */
function frontBy(allowed: (place: number) => boolean, figure: (place: number) => number | null): number[] {
  const able = points.map((_, i) => i).filter((i) => allowed(i) && figure(i) !== null);
  const better = (a: number, b: number): boolean =>
    points[a]!.areaMm2 <= points[b]!.areaMm2 && figure(a)! >= figure(b)! && a !== b;
  return able
    .filter((one) => !able.some((other) => better(other, one)))
    .sort((a, b) => points[a]!.areaMm2 - points[b]!.areaMm2);
}

const topsPerWatt = (place: number): number => points[place]!.topsPerWatt;

test("a design is chosen by a click, and the panel shows that design", async (context) => {
  const page = await openPage(context);
  const front = frontBy(() => true, topsPerWatt);
  const places = [...(await marks(page))].sort((a, b) => a[0] - b[0]);
  expect(places).toHaveLength(front.length);
  for (const [i, [x, y]] of places.entries()) {
    await page.click(x, y);
    expectDesign(await shown(page), front[i]!);
    // The tip names the design under the pointer as well.
    const tip = await page.evaluate<string>(`document.querySelector(".tip").textContent`);
    expect(tip).toContain(`${fronts[points[front[i]!]!.front]!.freezePoint}, `);
  }
}, 60_000);

test("the keyboard walks along the front", async (context) => {
  const page = await openPage(context);
  const front = frontBy(() => true, topsPerWatt);
  await page.evaluate(`document.getElementById("plot").focus()`);
  for (const [key, place] of [
    ["Home", 0],
    ["ArrowRight", 1],
    ["ArrowRight", 2],
    ["ArrowLeft", 1],
    ["ArrowUp", 2],
    ["ArrowDown", 1],
    ["End", front.length - 1],
    ["ArrowRight", front.length - 1],
  ] as const) {
    await page.press(key);
    expectDesign(await shown(page), front[place]!);
  }
  await page.press("k");
  const knee = await page.evaluate<string>(`document.querySelector(".chosen-ring").getAttribute("cx")`);
  expect(await page.evaluate(`document.querySelector(".knee").getAttribute("cx")`)).toBe(knee);
  expect(front).toContain((await shown(page)).place);
}, 60_000);

test("bounds, filters and axes change what can be chosen", async (context) => {
  const page = await openPage(context);
  const within = (place: number): boolean => {
    const { freezePoint, isMeasured } = fronts[points[place]!.front]!;
    const { loss = 1 } = results.freezePoints.find(({ layer }) => layer === freezePoint)!;
    return points[place]!.areaMm2 <= 1.2 && isMeasured && loss <= 0.005;
  };
  await typeInto(page, "max-area", "1.2");
  const small = points.filter(({ areaMm2 }) => areaMm2 <= 1.2).length;
  expect(await countText(page)).toMatch(new RegExp(`^${small} of ${points.length} designs`));
  await typeInto(page, "max-loss", "0.5");
  const front = frontBy(within, topsPerWatt);
  const count = points.filter((_, place) => within(place)).length;
  expect(await countText(page)).toBe(
    `${count} of ${points.length} designs, ${front.length} on the Pareto front`,
  );
  await page.evaluate(`document.getElementById("plot").focus()`);
  await page.press("Home");
  for (const place of front) {
    expectDesign(await shown(page), place);
    await page.press("ArrowRight");
  }
  await choose(page, "filter-freeze", "conv4");
  expect(await countText(page)).toMatch(/^0 of/);
  expect(await page.evaluate(`document.getElementById("plot").textContent`)).toContain("No design has these");
  await page.evaluate(`document.getElementById("show-all").click()`);
  expect(await countText(page)).toMatch(new RegExp(`^${points.length} of`));
  await choose(page, "axis-x", "latencyMs");
  await page.press("End");
  await page.press("Home");
  const fastest = Math.min(...points.map(({ latencyMs }) => latencyMs));
  expect(points[(await shown(page)).place]!.latencyMs).toBe(fastest);
}, 60_000);

test("an operating point is chosen, kept in the address and found again", async (context) => {
  const page = await openPage(context);
  await choose(page, "operating", "240");
  const front = frontBy(
    () => true,
    (place) => points[place]!.atCamera.topsPerWatt[2] ?? null,
  );
  const able = points.filter(({ framesPerSecond }) => framesPerSecond >= 240).length;
  expect(able).toBeLessThan(points.length);
  expect(await countText(page)).toMatch(new RegExp(`^${able} of ${points.length} designs`));
  await page.evaluate(`document.getElementById("plot").focus()`);
  await page.press("Home");
  for (const place of front) {
    expectDesign(await shown(page), place, 240);
    await page.press("ArrowRight");
  }
  await choose(page, "operating", "");
  expectDesign(await shown(page), front.at(-1)!);

  const slow = points.findIndex(({ framesPerSecond }) => framesPerSecond < 240);
  const again = await openPage(context, `#design=${slow}&rate=240`);
  expectDesign(await shown(again), slow, 240);
  expect(await again.evaluate(`document.getElementById("operating").value`)).toBe("240");
}, 60_000);

test("nothing is wider than the window, in light and dark, narrow and wide", async (context) => {
  const folder = process.env["FIXYNN_SCREENSHOTS"];
  if (folder !== undefined) mkdirSync(folder, { recursive: true });
  for (const widthPx of [400, 1200])
    for (const isDark of [false, true]) {
      const page = await openPage(context, "", { widthPx, heightPx: 900, isDark } as typeof WIDE);
      expect(await page.evaluate(`document.documentElement.scrollWidth`)).toBeLessThanOrEqual(widthPx);
      const hidden = `(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)(document.getElementById("detail"))`;
      expect(await page.evaluate(hidden)).toBe(0);
      if (folder === undefined) continue;
      await page.screenshot(join(folder, `explore-${widthPx}-${isDark ? "dark" : "light"}.png`));
    }
}, 120_000);
