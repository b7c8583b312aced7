import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import {
  FixynnError,
  type ProgressListener,
  runPool,
  sha256,
  silent,
  writeFileAtomic,
} from "../../core/index.js";
import { type CellLibrary, type CellRoles, findCellRoles, mappingLiberty } from "../cell-library/index.js";
import { type Technology, wireCapacitanceFf } from "../technology.js";
import { type BoundModule, bindModule } from "./bind-module.js";
import { bufferNets } from "./buffer-nets.js";
import { readDraft } from "./draft.js";
import { defaultEngine, type SynthesisEngine } from "./engine.js";
import { linkModules } from "./link-modules.js";
import type { MappedNetlist } from "./mapped-netlist.js";
import { verifyMappedNetlist } from "./mapped-verify.js";
import { type ModuleJob, moduleJobs } from "./module-jobs.js";
import { mappingFiles, mappingScript, rippleMap } from "./script.js";
import { sizeDrivers } from "./size-drivers.js";

/** A layer to map: its name, and its module among the files. */
export type LayerToMap = { readonly name: string; readonly module: string };

/** A layer's mapping, or why there is none. */
export type LayerMapping =
  | {
      readonly kind: "mapped";
      /** Seconds in Yosys; 0 when all came from the cache. */
      readonly seconds: number;
      /** Build the netlist: adders and registers bound, modules linked, nets buffered, drivers sized. */
      readonly netlist: () => MappedNetlist;
    }
  | { readonly kind: "failed"; readonly code: string; readonly message: string };

export type MapLayersOptions = {
  readonly library: CellLibrary;
  /** Table of that library: its wires and typical slew decide on the sizes of drivers. */
  readonly technology: Technology;
  /** Default: the native Yosys when present, else the npm one. */
  readonly engine?: SynthesisEngine | undefined;
  /** Runs of Yosys at the same time; default 2. */
  readonly threads?: number | undefined;
  /** For all modules of a layer together; default 900. */
  readonly timeoutSeconds?: number | undefined;
  /** Where mapped modules are kept, by the hash of their text, the script and the cells; nothing is kept without it. */
  readonly cacheFolder?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ProgressListener | undefined;
};

const CACHE_VERSION = 1;

/** Text of mapped modules by key, in memory and on disk. */
class MappedTexts {
  readonly #memory = new Map<string, Buffer>();
  constructor(private readonly folder: string | undefined) {}

  #path(key: string): string | undefined {
    return this.folder === undefined ? undefined : join(this.folder, `${key}.json.gz`);
  }

  has(key: string): boolean {
    if (this.#memory.has(key)) return true;
    const path = this.#path(key);
    if (path === undefined || !existsSync(path)) return false;
    try {
      const bytes = readFileSync(path);
      JSON.parse(gunzipSync(bytes).toString());
      this.#memory.set(key, bytes);
      return true;
    } catch {
      // A damaged entry is made again.
      return false;
    }
  }

  get(key: string): string {
    return gunzipSync(this.#memory.get(key)!).toString();
  }

  set(key: string, text: string): void {
    const bytes = gzipSync(text, { level: 4 });
    this.#memory.set(key, bytes);
    const path = this.#path(key);
    if (path !== undefined) writeFileAtomic(path, bytes);
  }
}

type LayerState = {
  readonly layer: LayerToMap;
  readonly jobs: readonly ModuleJob[];
  failure: { readonly code: string; readonly message: string } | undefined;
  seconds: number;
};

/** Why a layer has no mapping, as a code and one line. */
export const failureOf = (error: unknown): { readonly code: string; readonly message: string } =>
  error instanceof FixynnError
    ? { code: error.code, message: error.oneLine() }
    : { code: "FX6021", message: String(error) };

/**
 * Map layers to a library, module by module, several at a time. A module that Yosys fails on, or takes too long for, costs its own layer
 * alone; what is done is kept.
 *
 * @param files emitted Verilog, file name → text
 * @returns by the layers' names, in their order
 * @throws FixynnError FX7005 for a library that lacks a necessary cell; the signal's reason when aborted
 */
export async function mapLayers(
  layers: readonly LayerToMap[],
  files: ReadonlyMap<string, string>,
  options: MapLayersOptions,
): Promise<ReadonlyMap<string, LayerMapping>> {
  const { library, threads = 2, timeoutSeconds = 900, signal, onProgress = silent } = options;
  const engine = options.engine ?? defaultEngine();
  const roles = findCellRoles(library);
  const cells = mappingLiberty(library);
  const cellsHash = sha256(cells);
  const texts = new MappedTexts(options.cacheFolder);
  const keyOf = (job: ModuleJob): string =>
    sha256(
      [CACHE_VERSION, engine.name, cellsHash, rippleMap, ...mappingScript(job.module), job.verilog].join(
        "\0",
      ),
    ).slice(0, 40);
  const states = layers.map((layer): LayerState => {
    try {
      return { layer, jobs: moduleJobs(files, layer.module), failure: undefined, seconds: 0 };
    } catch (error) {
      return { layer, jobs: [], failure: failureOf(error), seconds: 0 };
    }
  });
  const wanted = new Map<string, { readonly job: ModuleJob; readonly owners: LayerState[] }>();
  for (const state of states) {
    for (const job of state.jobs) {
      const key = keyOf(job);
      const known = wanted.get(key);
      if (known === undefined) wanted.set(key, { job, owners: [state] });
      else known.owners.push(state);
    }
  }
  const missing = [...wanted].filter(([key]) => !texts.has(key));
  // The longest first, so that no thread is left with a long one at the end.
  missing.sort(([, a], [, b]) => b.job.verilog.length - a.job.verilog.length);
  const total = wanted.size;
  let done = total - missing.length;
  const report = (): void => onProgress({ job: "map", done, total, unit: "modules" });
  report();
  const map = async (key: string, job: ModuleJob, owners: readonly LayerState[]): Promise<void> => {
    const started = performance.now();
    const left = Math.max(...owners.map(({ seconds }) => timeoutSeconds - seconds));
    try {
      if (left <= 0)
        throw new FixynnError("FX6022", `Yosys: no result after ${timeoutSeconds} s`, { place: job.module });
      const names = mappingFiles;
      const text = await engine.run(
        {
          name: job.module,
          files: new Map([
            [names.verilog, job.verilog],
            [names.adders, rippleMap],
            [names.cells, cells],
          ]),
          script: mappingScript(job.module),
          output: names.mapped,
        },
        { timeoutSeconds: left, signal },
      );
      readDraft(text, job.module, knownNames(owners[0]!.jobs, library));
      texts.set(key, text);
    } catch (error) {
      signal?.throwIfAborted();
      for (const owner of owners) owner.failure ??= failureOf(error);
    }
    for (const owner of owners) owner.seconds += (performance.now() - started) / 1000;
  };
  await runPool(
    threads,
    missing.map(([key, { job, owners }]) => async () => {
      signal?.throwIfAborted();
      const open = owners.filter(({ failure }) => failure === undefined);
      if (open.length > 0) await map(key, job, open);
      done++;
      report();
    }),
  );
  return new Map(
    states.map(({ layer, jobs, failure, seconds }): [string, LayerMapping] => [
      layer.name,
      failure !== undefined
        ? { kind: "failed", ...failure }
        : {
            kind: "mapped",
            seconds,
            netlist: () => assemble(jobs, (job) => texts.get(keyOf(job)), { ...options, roles }),
          },
    ]),
  );
}

/** Names that a mapped module of a layer may instantiate. */
function knownNames(jobs: readonly ModuleJob[], library: CellLibrary) {
  const names = new Set(jobs.map(({ module }) => module));
  return {
    isLibraryCell: (name: string) => library.cells.has(name),
    isModule: (name: string) => names.has(name),
  };
}

/** Bind and link a layer's mapped modules, then buffer and size. */
function assemble(
  jobs: readonly ModuleJob[],
  textOf: (job: ModuleJob) => string,
  {
    library,
    technology: { wire, operatingPoint },
    roles,
  }: Pick<MapLayersOptions, "library" | "technology"> & { readonly roles: CellRoles },
): MappedNetlist {
  const known = knownNames(jobs, library);
  const modules = jobs.map(
    (job): BoundModule => bindModule(readDraft(textOf(job), job.module, known), library, roles),
  );
  const buffered = bufferNets(linkModules(modules, { libraries: library.names }), library, roles);
  const netlist = sizeDrivers(buffered, library, {
    wire: (fanOut) => wireCapacitanceFf(wire, fanOut).nominal,
    slewPs: operatingPoint.slewPs,
  });
  verifyMappedNetlist(netlist, library);
  return netlist;
}
