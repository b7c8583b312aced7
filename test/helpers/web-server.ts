import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { onTestFinished } from "vitest";

/** A local web server; `requests` are those that were made, with their `Range` headers. */
export type LocalServer = {
  readonly url: string;
  readonly requests: { readonly path: string; readonly range: string | undefined }[];
};

/** Answer requests on 127.0.0.1 until the test ends. */
export async function startServer(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<LocalServer> {
  const requests: LocalServer["requests"] = [];
  const server = createServer((request, response) => {
    requests.push({ path: request.url ?? "", range: request.headers.range });
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${address.port}`, requests };
}

/** Serve bytes as a web server does: ranges when the version is still the one asked for, an ETag, a length. */
export function serveBytes(
  request: IncomingMessage,
  response: ServerResponse,
  options: {
    readonly bytes: Uint8Array;
    readonly etag?: string;
    /** Cut the connection after so many bytes of the answer. */
    readonly cutAfter?: number;
  },
): void {
  const { bytes, etag = '"v1"', cutAfter } = options;
  const asked = /^bytes=(\d+)-$/.exec(request.headers.range ?? "");
  const start = asked !== null && request.headers["if-range"] === etag ? Number(asked[1]) : 0;
  response.setHeader("etag", etag);
  response.setHeader("accept-ranges", "bytes");
  if (start >= bytes.length && start > 0) {
    response.statusCode = 416;
    response.setHeader("content-range", `bytes */${bytes.length}`);
    response.end();
    return;
  }
  if (start > 0) {
    response.statusCode = 206;
    response.setHeader("content-range", `bytes ${start}-${bytes.length - 1}/${bytes.length}`);
  }
  const body = bytes.subarray(start);
  response.setHeader("content-length", body.length);
  if (cutAfter === undefined || cutAfter >= body.length) response.end(body);
  // Closed after what was written, so that all of it arrives.
  else response.write(body.subarray(0, cutAfter), () => response.socket?.end());
}
