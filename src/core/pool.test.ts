import { expect, test } from "vitest";
import { runPool } from "./pool.js";

test("the pool keeps order and passes the first failure on", async () => {
  const jobs = [5, 1, 3].map((ms) => () => new Promise<number>((done) => setTimeout(() => done(ms), ms)));
  expect(await runPool(2, jobs)).toEqual([5, 1, 3]);
  await expect(runPool(2, [() => Promise.reject(new Error("no")), ...jobs])).rejects.toThrow("no");
});
