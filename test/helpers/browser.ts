import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";

type Answer = {
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
};
type Waiting = { resolve(result: unknown): void; reject(error: Error): void };

/** Chromium's DevTools protocol over two pipes: JSON texts, each ended by a zero byte. */
class DevTools {
  readonly #waiting = new Map<number, Waiting>();
  readonly #to: Writable;
  #last = 0;
  #rest = "";

  constructor(browser: ChildProcess) {
    this.#to = browser.stdio[3] as Writable;
    const from = browser.stdio[4] as Readable;
    from.setEncoding("utf8").on("data", (text: string) => {
      const texts = (this.#rest + text).split("\0");
      this.#rest = texts.pop() ?? "";
      for (const one of texts) this.#answer(JSON.parse(one) as Answer);
    });
    const fail = (): void => {
      for (const { reject } of this.#waiting.values()) reject(new Error("the browser ended"));
      this.#waiting.clear();
    };
    browser.on("exit", fail);
    browser.on("error", fail);
    this.#to.on("error", fail);
  }

  #answer({ id, result, error }: Answer): void {
    const waiting = this.#waiting.get(id ?? 0);
    this.#waiting.delete(id ?? 0);
    if (error === undefined) waiting?.resolve(result);
    else waiting?.reject(new Error(error.message));
  }

  send(method: string, params: object = {}, sessionId?: string): Promise<unknown> {
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#to.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });
  }
}

/** How a page is seen. */
export type PageView = { readonly widthPx: number; readonly heightPx: number; readonly isDark?: boolean };

/** One page in a headless browser. */
export class BrowserPage {
  readonly #send: (method: string, params?: object) => Promise<unknown>;

  constructor(send: (method: string, params?: object) => Promise<unknown>) {
    this.#send = send;
  }

  /** Run JavaScript and return its value; a promise is waited for. */
  async evaluate<Value>(expression: string): Promise<Value> {
    const answer = (await this.#send("Runtime.evaluate", {
      ...{ expression, returnByValue: true, awaitPromise: true },
    })) as { result: { value: Value }; exceptionDetails?: { exception?: { description?: string } } };
    if (answer.exceptionDetails !== undefined)
      throw new Error(answer.exceptionDetails.exception?.description ?? "the page threw");
    return answer.result.value;
  }

  /** Load a page and wait until it is there. */
  async load(url: string, { widthPx, heightPx, isDark = false }: PageView): Promise<void> {
    const size = { width: widthPx, height: heightPx, deviceScaleFactor: 1, mobile: false };
    await this.#send("Emulation.setDeviceMetricsOverride", size);
    const value = isDark ? "dark" : "light";
    await this.#send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value }] });
    // A page that differs in its fragment only would not be loaded again.
    await this.#send("Page.navigate", { url: "about:blank" });
    await this.#send("Page.navigate", { url });
    await this.evaluate(
      `new Promise((done) => (document.readyState === "complete" ? done() : addEventListener("load", () => done())))`,
    );
  }

  /** Move the pointer to a place of the window, px, and click there. */
  async click(x: number, y: number): Promise<void> {
    await this.move(x, y);
    for (const type of ["mousePressed", "mouseReleased"])
      await this.#send("Input.dispatchMouseEvent", { type, x, y, button: "left", clickCount: 1 });
  }

  /** Move the pointer to a place of the window, px. */
  async move(x: number, y: number): Promise<void> {
    await this.#send("Input.dispatchMouseEvent", { type: "mouseMoved", x, y });
  }

  /** Press a key that writes nothing, such as `ArrowLeft`. */
  async press(key: string): Promise<void> {
    for (const type of ["rawKeyDown", "keyUp"]) await this.#send("Input.dispatchKeyEvent", { type, key });
  }

  /** Type text into what has the focus. */
  async type(text: string): Promise<void> {
    await this.#send("Input.insertText", { text });
  }

  /** Write the whole page as a PNG file. */
  async screenshot(file: string): Promise<void> {
    const { data } = (await this.#send("Page.captureScreenshot", { captureBeyondViewport: true })) as {
      data: string;
    };
    writeFileSync(file, Buffer.from(data, "base64"));
  }
}

/** Start Chromium without a window, and open one page in it. */
export async function openBrowser(
  chromium: string,
): Promise<{ readonly page: BrowserPage; readonly close: () => Promise<void> }> {
  const profile = mkdtempSync(join(tmpdir(), "fixynn-browser-"));
  const flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"];
  const browser = spawn(
    chromium,
    [...flags, "--disable-dev-shm-usage", "--remote-debugging-pipe", `--user-data-dir=${profile}`],
    { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] },
  );
  const ended = new Promise((resolve) => browser.on("close", resolve));
  const tools = new DevTools(browser);
  const close = async (): Promise<void> => {
    tools.send("Browser.close").catch(() => undefined);
    const killer = setTimeout(() => browser.kill("SIGKILL"), 3000);
    await ended;
    clearTimeout(killer);
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    const { targetId } = (await tools.send("Target.createTarget", { url: "about:blank" })) as {
      targetId: string;
    };
    const { sessionId } = (await tools.send("Target.attachToTarget", { targetId, flatten: true })) as {
      sessionId: string;
    };
    return { page: new BrowserPage((method, params) => tools.send(method, params, sessionId)), close };
  } catch (cause) {
    await close();
    throw cause;
  }
}
