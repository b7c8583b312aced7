import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../../test/helpers/data-files.js";
import { serveBytes, startServer } from "../../../test/helpers/web-server.js";
import type { ProgressEvent } from "../../core/index.js";
import { type DownloadRequest, download } from "./download.js";

const BYTES = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * i) >> 4));
const md5 = (bytes: Uint8Array) => createHash("md5").update(bytes).digest("hex");
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

const request = (
  urls: string | readonly string[],
  changes: Partial<DownloadRequest> = {},
): DownloadRequest => ({
  urls: typeof urls === "string" ? [urls] : urls,
  path: join(temporaryFolder(), "sub", "set.bin"),
  sums: { md5: md5(BYTES), sha256: sha256(BYTES) },
  job: "download set.bin",
  otherwise: "add a copy of yours",
  onProgress: () => {},
  attempts: 1,
  ...changes,
});

const filesBeside = (path: string) => readdirSync(join(path, "..")).sort();

describe("download", () => {
  it("gets a file, tells its progress and leaves nothing else", async () => {
    const { url, requests } = await startServer((asked, response) =>
      serveBytes(asked, response, { bytes: BYTES }),
    );
    const events: ProgressEvent[] = [];
    const asked = request(`${url}/set.bin`, { onProgress: (event) => events.push(event) });
    expect(await download(asked)).toEqual({ md5: md5(BYTES), sha256: sha256(BYTES) });
    expect(readFileSync(asked.path).equals(BYTES)).toBe(true);
    expect(filesBeside(asked.path)).toEqual(["set.bin"]);
    expect(events[0]).toMatchObject({ done: 0, total: BYTES.length, unit: "bytes" });
    expect(events.at(-1)).toMatchObject({ done: BYTES.length, total: BYTES.length });
    expect(requests).toEqual([{ path: "/set.bin", range: undefined }]);
  });

  it("goes on where the connection was cut, in the same call", async () => {
    let cuts = 2;
    const { url, requests } = await startServer((asked, response) =>
      serveBytes(asked, response, { bytes: BYTES, ...(cuts-- > 0 && { cutAfter: 100_000 }) }),
    );
    const asked = request(url, { attempts: 3 });
    await download(asked);
    expect(readFileSync(asked.path).equals(BYTES)).toBe(true);
    expect(requests.map(({ range }) => range)).toEqual([undefined, "bytes=100000-", "bytes=200000-"]);
  });

  it("goes on in a later call, as after a kill, and says so", async () => {
    let cutAfter: number | undefined = 120_000;
    const { url, requests } = await startServer((asked, response) =>
      serveBytes(asked, response, { bytes: BYTES, ...(cutAfter !== undefined && { cutAfter }) }),
    );
    const asked = request(url);
    await expect(download(asked)).rejects.toMatchObject({
      code: "FX2024",
      message: expect.stringContaining("connection cut after 120000 of 300000 bytes"),
      hint: expect.stringContaining("goes on where it was"),
    });
    expect(existsSync(asked.path)).toBe(false);
    cutAfter = undefined;
    await download(asked);
    expect(requests[1]?.range).toBe("bytes=120000-");
    expect(readFileSync(asked.path).equals(BYTES)).toBe(true);
    expect(filesBeside(asked.path)).toEqual(["set.bin"]);
  });

  it("starts over when the file has another version by now", async () => {
    const old = Buffer.alloc(300_000, 1);
    let options: { bytes: Uint8Array; etag: string; cutAfter?: number } = {
      bytes: old,
      etag: '"old"',
      cutAfter: 9000,
    };
    const { url, requests } = await startServer((asked, response) => serveBytes(asked, response, options));
    const asked = request(url);
    await expect(download(asked)).rejects.toMatchObject({ code: "FX2024" });
    options = { bytes: BYTES, etag: '"new"' };
    await download(asked);
    expect(requests[1]?.range).toBe("bytes=9000-");
    expect(readFileSync(asked.path).equals(BYTES)).toBe(true);
  });

  it("starts over without a strong version, from another address, or without a note", async () => {
    const { url, requests } = await startServer((asked, response) =>
      serveBytes(asked, response, { bytes: BYTES, etag: 'W/"weak"' }),
    );
    const asked = request(url);
    mkdirSync(join(asked.path, ".."));
    for (const note of [undefined, { url, validator: "" }, { url: `${url}/other`, validator: '"v1"' }, 3]) {
      writeFileSync(`${asked.path}.part`, "of something else");
      if (note !== undefined) writeFileSync(`${asked.path}.part.json`, JSON.stringify(note));
      await download(asked);
      expect(readFileSync(asked.path).equals(BYTES)).toBe(true);
    }
    expect(requests.every(({ range }) => range === undefined)).toBe(true);
  });

  it("takes a part that is whole already", async () => {
    const { url } = await startServer((asked, response) => serveBytes(asked, response, { bytes: BYTES }));
    const asked = request(url);
    mkdirSync(join(asked.path, ".."));
    writeFileSync(`${asked.path}.part`, BYTES);
    writeFileSync(`${asked.path}.part.json`, JSON.stringify({ url, validator: '"v1"' }));
    await download(asked);
    expect(readFileSync(asked.path).equals(BYTES)).toBe(true);
  });

  it("follows redirects, and stops at the ninth", async () => {
    const { url, requests } = await startServer((asked, response) => {
      if (asked.url === "/set.bin") return serveBytes(asked, response, { bytes: BYTES });
      response.statusCode = 302;
      response.setHeader("location", asked.url === "/loop" ? "/loop" : "set.bin");
      response.end();
    });
    const asked = request(`${url}/moved`);
    await download(asked);
    expect(readFileSync(asked.path).equals(BYTES)).toBe(true);
    expect(requests.map(({ path }) => path)).toEqual(["/moved", "/set.bin"]);
    await expect(download(request(`${url}/loop`))).rejects.toMatchObject({
      code: "FX2024",
      message: expect.stringContaining("more than 8 redirects"),
    });
  });

  it("tries the next address when one has nothing", async () => {
    const { url } = await startServer((asked, response) => {
      if (asked.url === "/good") return serveBytes(asked, response, { bytes: BYTES });
      response.statusCode = 404;
      response.end("not here");
    });
    const asked = request(["http://127.0.0.1:9/set.bin", `${url}/none`, `${url}/good`]);
    await download(asked);
    expect(readFileSync(asked.path).equals(BYTES)).toBe(true);
  });

  it("gives the SHA-256 when no digest is published", async () => {
    const { url } = await startServer((asked, response) => serveBytes(asked, response, { bytes: BYTES }));
    expect(await download(request(url, { sums: {} }))).toEqual({ sha256: sha256(BYTES) });
  });
});

describe("a download that fails", () => {
  type Answer = (asked: IncomingMessage, response: ServerResponse) => void;
  const status =
    (code: number): Answer =>
    (_asked, response) => {
      response.statusCode = code;
      response.end();
    };
  const cases: readonly [string, string, RegExp, Answer][] = [
    ["404", "FX2024", /answers 404 Not Found/, status(404)],
    ["503", "FX2024", /answers 503/, status(503)],
    [
      "a wrong checksum",
      "FX2021",
      /wrong checksum: 300000 bytes with md5 .*, published is /,
      (asked, response) => serveBytes(asked, response, { bytes: Buffer.alloc(300_000) }),
    ],
    [
      "a connection that is cut again and again",
      "FX2024",
      /connection cut after 10 of 300000/,
      (asked, response) => serveBytes(asked, response, { bytes: BYTES, cutAfter: 10 }),
    ],
    ["silence", "FX2024", /nothing came for 0\.2 s/, () => {}],
    [
      "silence in the middle",
      "FX2024",
      /connection cut after 1000 of 5000/,
      (_asked, response) => {
        response.setHeader("content-length", 5000);
        response.write(Buffer.alloc(1000));
      },
    ],
    [
      "more than the disk holds",
      "FX8001",
      /not enough space: \d+ MB to come/,
      (_asked, response) => {
        response.setHeader("content-length", 1e18);
        response.write("x");
      },
    ],
    [
      "a redirect to a file",
      "FX2024",
      /redirected to file:/,
      (_asked, response) => {
        response.writeHead(301, { location: "file:///etc/hosts" }).end();
      },
    ],
  ];
  it.each(cases)(
    "%s: one error with a hint, nothing under the file's name",
    async (_title, code, message, answer) => {
      const { url } = await startServer(answer);
      const asked = request(url, { silenceMs: 200 });
      await expect(download(asked)).rejects.toMatchObject({
        code,
        message: expect.stringMatching(message),
        hint: expect.stringMatching(code === "FX8001" ? /make room/ : /add a copy of yours/),
      });
      expect(existsSync(asked.path)).toBe(false);
      if (code === "FX2021") expect(filesBeside(asked.path)).toEqual([]);
    },
  );

  it("server unreachable", async () => {
    await expect(download(request("http://127.0.0.1:9/x"))).rejects.toMatchObject({
      code: "FX2024",
      message: expect.stringContaining("ECONNREFUSED"),
    });
  });

  it("no space left while writing", async (context) => {
    if (!existsSync("/dev/full")) context.skip("needs /dev/full");
    const { url } = await startServer((asked, response) => serveBytes(asked, response, { bytes: BYTES }));
    const asked = request(url);
    mkdirSync(join(asked.path, ".."));
    symlinkSync("/dev/full", `${asked.path}.part`);
    await expect(download(asked)).rejects.toMatchObject({
      code: "FX8001",
      message: expect.stringContaining("no space left"),
    });
  });

  it("folder not writable", async () => {
    const { url } = await startServer((asked, response) => serveBytes(asked, response, { bytes: BYTES }));
    const blocked = join(temporaryFolder(), "file");
    writeFileSync(blocked, "");
    await expect(download(request(url, { path: join(blocked, "set.bin") }))).rejects.toMatchObject({
      code: "FX8001",
    });
  });
});
