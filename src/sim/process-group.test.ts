import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { runInGroup } from "./process-group.js";

const cwd = mkdtempSync(join(tmpdir(), "fixynn-group-"));
afterAll(() => rmSync(cwd, { recursive: true, force: true }));
const limits = { cwd, timeoutSeconds: 60 };

/** Whether a process runs; a zombie does not. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return (
      process.platform !== "linux" || !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"))
    );
  } catch {
    return false;
  }
}

describe("a command in its own process group", () => {
  test("gives exit code and both streams", async () => {
    const { ended, code, output } = await runInGroup("sh", ["-c", "echo out; echo err >&2; exit 3"], limits);
    expect({ ended, code }).toEqual({ ended: "exit", code: 3 });
    expect(output.split("\n").sort()).toEqual(["", "err", "out"]);
  });

  test("takes its children with it when its time is over", async () => {
    const outcome = await runInGroup("sh", ["-c", "sleep 600 & echo $!; wait"], { cwd, timeoutSeconds: 0.3 });
    expect(outcome.ended).toBe("timeout");
    const pid = Number(outcome.output.trim());
    expect(pid).toBeGreaterThan(1);
    await expect.poll(() => isRunning(pid), { timeout: 10_000 }).toBe(false);
  });

  test("ends by a signal, before or behind its start", async () => {
    const abort = new AbortController();
    const running = runInGroup("sleep", ["600"], { ...limits, signal: abort.signal });
    abort.abort();
    expect((await running).ended).toBe("aborted");
    expect((await runInGroup("sleep", ["600"], { ...limits, signal: abort.signal })).ended).toBe("aborted");
  });

  test("says that there is no such command", async () => {
    expect((await runInGroup("fixynn-no-such-command", [], limits)).ended).toBe("missing");
  });
});
