import { expect, test } from "vitest";
import { runPool } from "./pool.js";

const after = (ms: number, error?: string) => () =>
  new Promise<number>((done, fail) => {
    setTimeout(() => (error === undefined ? done(ms) : fail(new Error(error))), ms);
  });

test("the pool keeps order", async () => {
  expect(await runPool(2, [after(5), after(1), after(3)])).toEqual([5, 1, 3]);
});

test("of several failures the pool throws the earliest job's, and starts none after the first", async () => {
  let hasStarted = false;
  const late = async () => {
    hasStarted = true;
    return 0;
  };
  await expect(runPool(2, [after(20, "slow"), after(1, "quick"), late])).rejects.toThrow("slow");
  expect(hasStarted).toBe(false);
});
