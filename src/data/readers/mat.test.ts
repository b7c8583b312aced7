import { writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../../test/helpers/data-files.js";
import { makeMat } from "../../../test/helpers/mat-file.js";
import { findArray, listMat, readMatNumbers, readMatRecords } from "./mat.js";

/**
 * Written by scipy 1.17.1 `savemat(do_compression=True)`: text = 'abc', z = 1+2j, y = uint8 [[10],[1],[9]],
 * d = [[0.5, −2, 300]], i = int16 −6 … 5 reshaped to (2, 3, 2).
 */
const BY_SCIPY =
  "TUFUTEFCIDUuMCBNQVQtZmlsZSBQbGF0Zm9ybTogcG9zaXgsIENyZWF0ZWQgb246IFdlZCBOb3YgMjUgMTc6Mzg6MjUgMjAyNgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABSU0PAAAAKwAAAHic42NgYDAAYjYg5gBiFgYIYIXyGYGYGUyzMJSkVpQIAHmJSckMACjRA2UPAAAAKwAAAHic42NgYPAAYjYg5gDRIAIIWKF8RjhmZKgC0pxQcQj4YI/KZ3AAAE4hAo8PAAAAKgAAAHic42NgYDAAYjYg5gBiTgYIYIXymYGYEYwZGSqBNBNQhIuRkwEAGPUA+w8AAAAwAAAAeJzjY2Bg8ABiNiDmgNIgwArlMwIxM5hmZEgB0pxALMEAAw/soYwDELLIAQBS/QRUDwAAAD8AAAB4nC3IUQqAIACD4V9NiYiePVbX6P5vWq2FbnwMdgCnFVttYyTbbtHS3D/BveZXrQluRV4tdAUeJaTMB97iDQk=";

function written(bytes: Uint8Array): string {
  const path = join(temporaryFolder(), "a.mat");
  writeFileSync(path, bytes);
  return path;
}

describe("MAT files", () => {
  it("reads what scipy wrote, passing over text and complex numbers", async () => {
    const path = written(Buffer.from(BY_SCIPY, "base64"));
    const arrays = await listMat(path);
    expect(arrays.map(({ name, dims }) => [name, dims])).toEqual([
      ["y", [3, 1]],
      ["d", [1, 3]],
      ["i", [2, 3, 2]],
    ]);
    const numbers = async (name: string) => Array.from(await readMatNumbers(findArray(arrays, name, path)));
    expect(await numbers("y")).toEqual([10, 1, 9]);
    expect(await numbers("d")).toEqual([0.5, -2, 300]);
    // numpy's last index runs fastest, MATLAB's first.
    expect(await numbers("i")).toEqual([-6, 0, -4, 2, -2, 4, -5, 1, -3, 3, -1, 5]);
  });

  it("reads arrays of bytes and doubles, compressed or not", async () => {
    const values = fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 40 }),
      fc.float64Array({ minLength: 1, maxLength: 40, noNaN: true }),
    );
    const name = fc.stringMatching(/^[a-z][a-z0-9]{0,11}$/);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(name, values), { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        async (list, compress) => {
          const path = written(
            makeMat(
              list.map(([n, v]) => ({ name: n, dims: [v.length, 1], values: v })),
              { compress },
            ),
          );
          const arrays = await listMat(path);
          expect(arrays.map((array) => array.name)).toEqual(list.map(([n]) => n));
          for (const [i, array] of arrays.entries()) {
            expect(Array.from(await readMatNumbers(array))).toEqual(Array.from(list[i]![1]));
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it("streams records", async () => {
    const values = Uint8Array.from({ length: 600_000 }, (_, i) => (i * 7) >> 3);
    const path = written(makeMat([{ name: "X", dims: [300, 2000], values }], { compress: true }));
    const read = Buffer.alloc(values.length);
    await readMatRecords(findArray(await listMat(path), "X", path), 300, (index, record) => {
      read.set(record, index * 300);
    });
    expect(read.equals(values)).toBe(true);
  });

  it.each([true, false])("refuses a truncated file (compressed: %s)", async (compress) => {
    const values = Uint8Array.from({ length: 5000 }, (_, i) => (i * i) >> 5);
    const whole = makeMat([{ name: "X", dims: [5000, 1], values }], { compress });
    for (const length of [10, 130, 150, whole.length >> 1, whole.length - 4]) {
      await expect(listMat(written(whole.subarray(0, length)))).rejects.toMatchObject({
        code: length < 128 ? "FX2015" : "FX2002",
      });
    }
  });

  it("refuses a damaged compressed array", async () => {
    const values = Uint8Array.from({ length: 5000 }, (_, i) => (i * i) >> 5);
    const bytes = makeMat([{ name: "X", dims: [5000, 1], values }], { compress: true });
    bytes.fill(0xff, bytes.length - 300, bytes.length - 100);
    const path = written(bytes);
    const read = async () => readMatNumbers(findArray(await listMat(path), "X", path));
    await expect(read()).rejects.toMatchObject({ code: "FX2002", place: path });
  });

  it("names other formats, missing files and missing variables", async () => {
    const hdf5 = Buffer.alloc(200);
    hdf5.write("MATLAB 7.3 MAT-file");
    await expect(listMat(written(hdf5))).rejects.toMatchObject({
      code: "FX2015",
      message: expect.stringContaining("HDF5"),
    });
    const big = makeMat([]);
    big.write("MI", 126);
    await expect(listMat(written(big))).rejects.toMatchObject({ code: "FX2015" });
    await expect(listMat(join(temporaryFolder(), "none.mat"))).rejects.toMatchObject({ code: "FX2001" });
    const path = written(makeMat([{ name: "a", dims: [1, 1], values: Uint8Array.of(1) }]));
    const arrays = await listMat(path);
    expect(() => findArray(arrays, "X", path)).toThrow(/no numeric variable "X"; there is a/);
  });
});
