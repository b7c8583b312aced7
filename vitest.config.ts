import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "reproduce/**/*.test.ts", "test/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
    pool: "forks",
    // Files of a worker share modules: each would else import, and Node compile, nearly all of the source anew. A test must leave modules and process as they were.
    isolate: false,
  },
});
