import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { crc32, deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { onTestFinished } from "vitest";

/** Make a folder that disappears after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "fixynn-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Value of channel `c` at a pixel of a synthetic image: all three coordinates matter. */
export function syntheticByte(image: number, y: number, x: number, c: number): number {
  return (image * 37 + y * 5 + x * 11 + c * 83) & 255;
}

/** Records `<labels><R plane><G plane><B plane>` of 32×32 synthetic images. */
export function makeRecords(labels: readonly (readonly number[])[]): Buffer {
  return Buffer.concat(
    labels.map((labelBytes, image) => {
      const planes = Buffer.alloc(3072);
      for (let c = 0, at = 0; c < 3; c++) {
        for (let y = 0; y < 32; y++) {
          for (let x = 0; x < 32; x++) planes[at++] = syntheticByte(image, y, x, c);
        }
      }
      return Buffer.concat([Buffer.from(labelBytes), planes]);
    }),
  );
}

/** An idx file of unsigned bytes. */
export function makeIdx(shape: readonly number[], data: Uint8Array): Buffer {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header.writeUInt32BE(0x800 + shape.length, 0);
  for (const [i, length] of shape.entries()) header.writeUInt32BE(length, 4 + 4 * i);
  return Buffer.concat([header, data]);
}

/** A ustar archive of regular files, not compressed. */
export function makeTar(files: ReadonlyMap<string, Uint8Array>): Buffer {
  const blocks: Buffer[] = [];
  for (const [name, data] of files) {
    const header = Buffer.alloc(512);
    header.write(name, 0, 100);
    header.write("0000644\0", 100);
    header.write(`${data.length.toString(8).padStart(11, "0")}\0`, 124);
    header.write("00000000000\0", 136);
    header.write("        0ustar\x0000", 148);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    blocks.push(header, Buffer.from(data), Buffer.alloc((512 - (data.length % 512)) % 512));
  }
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

/** {@link makeTar}, gzipped. */
export function makeTarGz(files: ReadonlyMap<string, Uint8Array>): Buffer {
  return gzipSync(makeTar(files));
}

/** `sha512-BASE64`, as npm writes it. */
export function sha512Integrity(bytes: Uint8Array): string {
  return `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
}

/** A local npm registry with one package; `requests` counts what was asked of it. */
export type LocalRegistry = {
  readonly url: string;
  readonly requests: string[];
  readonly environment: NodeJS.ProcessEnv;
};

/**
 * Serve one package on 127.0.0.1 until the test ends.
 *
 * @param options.integrity what the registry says of the tarball; default the truth
 * @param options.truncate send only half of the tarball, then cut the connection
 */
export async function startRegistry(options: {
  readonly name: string;
  readonly version: string;
  readonly tarball: Uint8Array;
  readonly integrity?: string;
  readonly truncate?: boolean;
}): Promise<LocalRegistry> {
  const { name, version, tarball, truncate = false } = options;
  const requests: string[] = [];
  const server: Server = createServer((request, response) => {
    requests.push(request.url ?? "");
    if (request.url === `/${name}`) {
      const dist = {
        tarball: `${url}/${name}/-/${name}-${version}.tgz`,
        integrity: options.integrity ?? sha512Integrity(tarball),
        shasum: createHash("sha1").update(tarball).digest("hex"),
      };
      const manifest = { name, version, dist };
      response.setHeader("content-type", "application/json");
      response.end(
        JSON.stringify({ name, "dist-tags": { latest: version }, versions: { [version]: manifest } }),
      );
    } else if (request.url === `/${name}/-/${name}-${version}.tgz`) {
      response.setHeader("content-length", tarball.length);
      if (truncate) {
        response.write(tarball.subarray(0, tarball.length >> 1), () => response.destroy());
      } else {
        response.end(tarball);
      }
    } else {
      response.statusCode = 404;
      response.end("{}");
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const url = `http://127.0.0.1:${address.port}`;
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url, requests, environment: registryEnvironment(url) };
}

/** What makes npm use a registry, with a cache of its own and without retries. */
export function registryEnvironment(url: string): NodeJS.ProcessEnv {
  const { FIXYNN_DATA: _data, FIXYNN_CACHE: _cache, ...environment } = process.env;
  return {
    ...environment,
    npm_config_registry: url,
    npm_config_cache: temporaryFolder(),
    npm_config_fetch_retries: "0",
    npm_config_offline: "false",
    npm_config_prefer_offline: "false",
    npm_config_noproxy: "127.0.0.1",
    no_proxy: "127.0.0.1",
  };
}

/** An 8-bit RGB PNG (filter 0), written here so that a decoder is checked against something else than itself. */
export function makePng(
  width: number,
  height: number,
  pixel: (x: number, y: number) => readonly [number, number, number],
): Buffer {
  const chunk = (type: string, data: Uint8Array): Buffer => {
    const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
    const ends = Buffer.alloc(8);
    ends.writeUInt32BE(data.length, 0);
    ends.writeUInt32BE(crc32(body), 4);
    return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const rows = Array.from({ length: height }, (_, y) => [
    0,
    ...Array.from({ length: width }, (_, x) => pixel(x, y)).flat(),
  ]);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(Buffer.from(rows.flat()))),
    chunk("IEND", new Uint8Array(0)),
  ]);
}

/** A binary PPM image. */
export function makePpm(
  width: number,
  height: number,
  pixel: (x: number, y: number) => readonly [number, number, number],
): Buffer {
  const pixels = Array.from({ length: width * height }, (_, i) => pixel(i % width, Math.floor(i / width)));
  return Buffer.concat([Buffer.from(`P6\n${width} ${height}\n255\n`), Buffer.from(pixels.flat())]);
}

/** A .zip of files, each stored or deflated. */
export function makeZip(files: ReadonlyMap<string, Uint8Array>, deflate = true): Buffer {
  const local: Buffer[] = [];
  const central: Buffer[] = [];
  let at = 0;
  for (const [name, data] of files) {
    const nameBytes = Buffer.from(name);
    const packed = deflate ? deflateRawSync(data) : Buffer.from(data);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(deflate ? 8 : 0, 4);
    common.writeUInt32LE(crc32(data), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(data.length, 18);
    common.writeUInt16LE(nameBytes.length, 22);
    const place = Buffer.alloc(14);
    place.writeUInt32LE(at, 10);
    central.push(Buffer.from("PK\x01\x02\x14\x00", "latin1"), common, place, nameBytes);
    local.push(Buffer.from("PK\x03\x04", "latin1"), common, nameBytes, packed);
    at += 30 + nameBytes.length + packed.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", 0, "latin1");
  end.writeUInt16LE(files.size, 8);
  end.writeUInt16LE(files.size, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...local, directory, end]);
}

/** Write a file, and the folders to it. */
export function writeBelow(folder: string, name: string, content: Uint8Array | string): void {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}
