import { parentPort } from "node:worker_threads";
import { FixynnError } from "../core/index.js";
import { simNetlistToJson } from "./json.js";
import { fromYosysJson, type YosysJson } from "./yosys-json.js";

export type YosysRequest = {
  readonly id: number;
  readonly top: string;
  readonly verilog: string;
  readonly script: string;
};
export type YosysReply =
  | { readonly id: number; readonly kind: "done"; readonly netlist: string; readonly seconds: number }
  | { readonly id: number; readonly kind: "failed"; readonly code: string; readonly message: string };

async function read({ id, top, verilog, script }: YosysRequest): Promise<YosysReply> {
  const started = performance.now();
  let log = "";
  const collect = (bytes: Uint8Array | null): void => {
    if (bytes !== null && log.length < 4000) log += Buffer.from(bytes).toString();
  };
  try {
    const { runYosys } = await import("@yowasp/yosys");
    const tree = await runYosys(
      ["-Q", "-T", "-q", "-p", script],
      { "in.sv": verilog },
      {
        stdout: () => {},
        stderr: collect,
      },
    );
    const out = tree?.["out.json"];
    const text = out instanceof Uint8Array ? Buffer.from(out).toString() : String(out);
    const modules = fromYosysJson(JSON.parse(text) as YosysJson);
    const netlist = { kind: "simNetlist", top, modules: new Map(modules.map((m) => [m.name, m])) } as const;
    return {
      id,
      kind: "done",
      netlist: simNetlistToJson(netlist),
      seconds: (performance.now() - started) / 1000,
    };
  } catch (error) {
    if (error instanceof FixynnError) return { id, kind: "failed", code: error.code, message: error.message };
    const reason = log.trim() === "" ? String(error) : log.trim().split("\n").slice(-3).join(" ");
    return { id, kind: "failed", code: "FX6021", message: reason };
  }
}

parentPort!.on("message", (request: YosysRequest) => {
  void read(request).then((reply) => parentPort!.postMessage(reply));
});
