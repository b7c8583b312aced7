import { parentPort } from "node:worker_threads";

export type SynthesisRequest = {
  readonly files: Readonly<Record<string, string>>;
  readonly script: readonly string[];
  readonly output: string;
};
export type SynthesisReply =
  | { readonly kind: "done"; readonly text: string }
  | { readonly kind: "failed"; readonly message: string };

async function run({ files, script, output }: SynthesisRequest): Promise<SynthesisReply> {
  let log = "";
  const collect = (bytes: Uint8Array | null): void => {
    if (bytes !== null) log = (log + Buffer.from(bytes).toString()).slice(-4000);
  };
  try {
    const { runYosys } = await import("@yowasp/yosys");
    const tree = await runYosys(
      ["-Q", "-T", "-q", "-s", "run.ys"],
      { ...files, "run.ys": `${script.join("\n")}\n` },
      { stdout: () => {}, stderr: collect },
    );
    const out = tree?.[output];
    if (out === undefined) return { kind: "failed", message: "wrote nothing" };
    return { kind: "done", text: out instanceof Uint8Array ? Buffer.from(out).toString() : String(out) };
  } catch (error) {
    const reason = log.trim() === "" ? String(error) : log.trim().split("\n").slice(-3).join(" ");
    return { kind: "failed", message: reason };
  }
}

parentPort!.on("message", (request: SynthesisRequest) => {
  void run(request).then((reply) => parentPort!.postMessage(reply));
});
