import { spawnSync } from "node:child_process";
import {
  closeSync,
  copyFileSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../../test/helpers/data-files.js";
import type { Split } from "../dataset.js";
import { gatherImages } from "../records.js";
import { type PackRequest, packRecords, removePacked } from "./packed.js";

const COUNT = 7;
const BYTES = 12;

const record = (index: number) => Uint8Array.from({ length: BYTES }, (_, i) => (index * 31 + i * 7) & 255);

function request(cacheFolder: string, made: number[] = []): PackRequest {
  return {
    ...{ cacheFolder, name: "set-train", key: "the key", count: COUNT, recordBytes: BYTES },
    produce: async ({ isDone, put }) => {
      for (const index of [3, 0, 6, 1, 5, 2, 4]) {
        if (isDone(index)) continue;
        made.push(index);
        if (index !== 5) put(index, record(index));
      }
      return [{ index: 5, reason: "does not decode" }];
    },
  };
}

const splitOf = (store: Split["store"], positions: number[]): Split => ({
  ...{ count: positions.length, height: 2, width: 2, channels: 3, store },
  positions: Uint32Array.from(positions),
  labels: new Uint16Array(positions.length),
});

const only = (cacheFolder: string) => {
  const names = readdirSync(join(cacheFolder, "images"));
  expect(names).toHaveLength(1);
  return join(cacheFolder, "images", names[0]!);
};

describe("packed records", () => {
  it("are made once, in any order, and know what failed", async () => {
    const cacheFolder = temporaryFolder();
    const made: number[] = [];
    const first = await packRecords(request(cacheFolder, made));
    const second = await packRecords(request(cacheFolder, made));
    expect(made).toHaveLength(COUNT);
    for (const { store, failures } of [first, second]) {
      expect(failures).toEqual([{ index: 5, reason: "does not decode" }]);
      const kept = [0, 1, 2, 3, 4, 6];
      const bytes = gatherImages(splitOf(store, kept));
      for (const [i, index] of kept.entries()) {
        expect(bytes.subarray(i * BYTES, (i + 1) * BYTES)).toEqual(record(index));
      }
    }
    expect(second.store.checksums).toEqual(first.store.checksums);
  });

  it("of another key lie in another file", async () => {
    const cacheFolder = temporaryFolder();
    await packRecords(request(cacheFolder));
    await packRecords({ ...request(cacheFolder), key: "another" });
    expect(readdirSync(join(cacheFolder, "images"))).toHaveLength(2);
    removePacked(cacheFolder, "set-test");
    expect(readdirSync(join(cacheFolder, "images"))).toHaveLength(2);
    removePacked(cacheFolder, "set-train");
    expect(readdirSync(join(cacheFolder, "images"))).toHaveLength(0);
  });

  it("are made again when the end of the file is damaged, and refused one by one when a record is", async () => {
    const cacheFolder = temporaryFolder();
    await packRecords(request(cacheFolder));
    const path = only(cacheFolder);
    const whole = readFileSync(path);
    for (const damage of [
      () => truncateSync(path, whole.length - 3),
      () => truncateSync(path, 5),
      () =>
        writeFileSync(
          path,
          Buffer.concat([whole.subarray(0, COUNT * BYTES + 2), Buffer.alloc(whole.length)]),
        ),
      () => {
        const table = Buffer.from(whole);
        table[COUNT * BYTES] = whole[COUNT * BYTES]! ^ 1;
        writeFileSync(path, table);
      },
    ]) {
      damage();
      const made: number[] = [];
      await packRecords(request(cacheFolder, made));
      expect(made).toHaveLength(COUNT);
      expect(readFileSync(path)).toEqual(whole);
    }
    const damaged = Buffer.from(whole);
    damaged[2 * BYTES + 3]! ^= 4;
    writeFileSync(path, damaged);
    const { store } = await packRecords(request(cacheFolder));
    expect(() => gatherImages(splitOf(store, [1]))).not.toThrow();
    expect(() => gatherImages(splitOf(store, [2]))).toThrow(/record 2 is damaged/);
  });

  it("goes on with what a killed process left, but for records that are not whole", async () => {
    const cacheFolder = temporaryFolder();
    await packRecords(request(cacheFolder));
    const path = only(cacheFolder);
    const whole = readFileSync(path);
    // As a kill leaves it: three records with their checksums, one of them half written.
    const part = Buffer.alloc(COUNT * BYTES + 4 * COUNT);
    for (const index of [3, 0, 6]) {
      part.set(record(index), index * BYTES);
      const at = COUNT * BYTES + 4 * index;
      part.set(whole.subarray(at, at + 4), at);
    }
    part.fill(0, 6 * BYTES + 5, 7 * BYTES);
    const dead = spawnSync(process.execPath, ["-e", "0"]).pid;
    const left = `${path}@${hostname()}.${dead}.0123abcd.part`;
    renameSync(path, left);
    writeFileSync(left, part);
    const made: number[] = [];
    await packRecords(request(cacheFolder, made));
    expect(made).toEqual([6, 1, 5, 2, 4]);
    expect(readFileSync(only(cacheFolder))).toEqual(whole);
  });

  it("leaves the unfinished file of a living process alone", async () => {
    const cacheFolder = temporaryFolder();
    await packRecords(request(cacheFolder));
    const path = only(cacheFolder);
    const living = `${path}@${hostname()}.${process.pid}.0123abcd.part`;
    copyFileSync(path, living);
    renameSync(path, `${path}.old`);
    const made: number[] = [];
    await packRecords(request(cacheFolder, made));
    expect(made).toHaveLength(COUNT);
    expect(statSync(living).isFile()).toBe(true);
  });

  it("leaves nothing when making them fails", async () => {
    const cacheFolder = temporaryFolder();
    const failing = packRecords({
      ...request(cacheFolder),
      produce: async ({ put }) => {
        put(0, record(0));
        throw new Error("stop");
      },
    });
    await expect(failing).rejects.toThrow("stop");
    expect(readdirSync(join(cacheFolder, "images"))).toEqual([]);
    const blocked = join(cacheFolder, "file");
    closeSync(openSync(blocked, "w"));
    await expect(packRecords(request(blocked))).rejects.toMatchObject({ code: "FX8001" });
  });
});
