import {
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  writeSync,
} from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import {
  canonicalJson,
  FixynnError,
  type ProgressListener,
  sha256,
  silent,
  unpackError,
  workerUrl,
  writeFileAtomic,
} from "../../core/index.js";
import { type Augmentation, type Split, splitDigest } from "../../data/index.js";
import type { NodeName } from "../../graph/index.js";
import { findQuantNode, type QuantNetwork, quantNetworkToJson, valuesPerImage } from "../../quant/index.js";
import type { ExtractJob, ExtractMessage, ExtractSetup, FeatureFile } from "./protocol.js";

/** What features to compute. */
export type FeatureRequest = {
  /** The frozen front, at least up to the deepest of `layers`. */
  readonly front: QuantNetwork;
  /** Layers whose values are wanted, each of unsigned bytes [height, width, channels]. */
  readonly layers: readonly NodeName[];
  readonly split: Split;
  /** Random changes of the images; with `views` > 1 each view has its own. */
  readonly augmentation: Augmentation;
  readonly views: number;
  readonly seed: number;
  /** Folder of all cached features. */
  readonly cacheFolder: string;
  readonly threads?: number;
  readonly job?: string;
  readonly onProgress?: ProgressListener;
};

/** Features of a split at some layers; each again a split, of bytes with `views` views, in a file. */
export type Features = ReadonlyMap<NodeName, Split>;

/** Images that a worker takes at once: what a killed extraction loses at most, of each thread. */
const IMAGES_PER_JOB = 64;
const FORMAT = "fixynn-features-1";

/** Digest of all that a feature file depends on. */
function featureKey(request: FeatureRequest): string {
  const { front, split, augmentation, views, seed } = request;
  const network = sha256(canonicalJson(quantNetworkToJson(front)));
  return sha256(
    canonicalJson({ format: FORMAT, network, split: splitDigest(split), augmentation, views, seed }),
  );
}

function checkLayer(front: QuantNetwork, layer: NodeName): readonly [number, number, number] {
  const { output } = findQuantNode(front, layer);
  if (output.shape.length !== 3 || output.signed || output.bits !== 8) {
    throw new FixynnError(
      "FX3020",
      `its values are not an image of unsigned bytes: ${output.shape.join("x")}`,
      {
        place: `layer ${layer}`,
        hint: "freeze up to a convolution, pool or residual sum",
      },
    );
  }
  return output.shape as readonly [number, number, number];
}

type Plan = {
  readonly folder: string;
  readonly files: readonly (FeatureFile & { readonly shape: readonly [number, number, number] })[];
  readonly records: number;
  readonly jobs: readonly ExtractJob[];
  /** One byte a job: 1 when its records are written. */
  readonly journalPath: string;
};

function planExtraction(request: FeatureRequest): Plan {
  const { front, layers, split, views } = request;
  const folder = join(request.cacheFolder, "features", featureKey(request).slice(0, 32));
  const files = layers.map((layer) => {
    const stem = join(folder, layer.replaceAll(/[^\w.-]+/g, "-"));
    const shape = checkLayer(front, layer);
    return {
      ...{ layer, shape, path: `${stem}.bytes`, checksumPath: `${stem}.crc32` },
      bytes: valuesPerImage(findQuantNode(front, layer)),
    };
  });
  const jobs = Array.from({ length: Math.ceil(split.count / IMAGES_PER_JOB) }, (_, i) => ({
    first: i * IMAGES_PER_JOB,
    count: Math.min(IMAGES_PER_JOB, split.count - i * IMAGES_PER_JOB),
  }));
  // Layers that are asked for later have a journal of their own.
  const journalPath = join(folder, `${sha256(layers.join()).slice(0, 16)}.done`);
  return { folder, files, records: split.count * views, jobs, journalPath };
}

function cannotWrite(place: string, cause: unknown): FixynnError {
  return new FixynnError("FX8001", `cannot write: ${cause instanceof Error ? cause.message : cause}`, {
    place,
    hint: "check permissions and free space, or choose another folder by FIXYNN_CACHE",
    cause,
  });
}

/** Make files of their full length, unless they have it. */
function makeFile(path: string, bytes: number): void {
  if (existsSync(path) && statSync(path).size === bytes) return;
  const file = openSync(path, "w");
  ftruncateSync(file, bytes);
  closeSync(file);
}

/** Whether all jobs of a plan are done and its files have their length. */
function isComplete({ files, records, jobs, journalPath }: Plan): boolean {
  if (!existsSync(journalPath)) return false;
  const sizes = files.every(
    ({ path, checksumPath, bytes }) =>
      existsSync(path) &&
      statSync(path).size === records * bytes &&
      existsSync(checksumPath) &&
      statSync(checksumPath).size === 4 * records,
  );
  const journal = readFileSync(journalPath);
  return sizes && journal.length === jobs.length && journal.every((done) => done === 1);
}

/** Prepare the folder; the journal of an interrupted extraction is kept when its files are still there. */
function prepare(plan: Plan): Uint8Array {
  const { folder, files, records, jobs, journalPath } = plan;
  try {
    mkdirSync(folder, { recursive: true });
    const { bavail, bsize } = statfsSync(folder);
    const missing = files
      .filter(({ path }) => !existsSync(path))
      .reduce((sum, { bytes }) => sum + records * (bytes + 4), 0);
    if (missing > bavail * bsize) {
      throw new FixynnError(
        "FX3021",
        `the features need ${(missing / 1e9).toFixed(1)} GB, free are ${((bavail * bsize) / 1e9).toFixed(1)} GB`,
        {
          place: folder,
          hint: "free some space, choose another folder by FIXYNN_CACHE, or fewer views or freeze points",
        },
      );
    }
    const whole = files.every(
      ({ path, bytes }) => existsSync(path) && statSync(path).size === records * bytes,
    );
    for (const { path, checksumPath, bytes } of files) {
      makeFile(path, records * bytes);
      makeFile(checksumPath, 4 * records);
    }
    const known = whole && existsSync(journalPath) ? readFileSync(journalPath) : undefined;
    const journal = known?.length === jobs.length ? new Uint8Array(known) : new Uint8Array(jobs.length);
    writeFileAtomic(journalPath, journal);
    return journal;
  } catch (cause) {
    throw cause instanceof FixynnError ? cause : cannotWrite(folder, cause);
  }
}

/** Let a worker take jobs until none is left. */
function drain(
  setup: ExtractSetup,
  next: () => ExtractJob | undefined,
  finished: (job: ExtractJob) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(workerUrl(import.meta.url, "./extract.worker.js"), { workerData: setup });
    const end = (error?: Error): void => {
      if (error === undefined) resolve();
      else reject(error);
      void worker.terminate();
    };
    const give = (): void => {
      const job = next();
      if (job === undefined) end();
      else worker.postMessage(job);
    };
    worker.on("message", (message: ExtractMessage) => {
      if (message.kind === "failed") {
        end(unpackError(message.error, "FX3022"));
        return;
      }
      try {
        finished(message.job);
        give();
      } catch (cause) {
        end(cannotWrite(setup.files[0]!.path, cause));
      }
    });
    const died = (cause: unknown): void =>
      end(new FixynnError("FX3022", `the extraction worker ended: ${String(cause)}`, { cause }));
    worker.on("error", died);
    worker.on("exit", died);
    give();
  });
}

/**
 * Compute the features that the silicon produces: the integer front on (augmented) images, in worker threads, straight into files.
 * What is in the cache is not computed again; an interrupted extraction goes on where it was. Neither images nor features are
 * ever in memory as a whole.
 *
 * @throws FixynnError FX3020 for a layer that gives no image of bytes, FX3021 when the disk is too small, FX8001 when the cache
 *   cannot be written, FX3022 when a worker dies; as the reader of the images
 */
export async function extractFeatures(request: FeatureRequest): Promise<Features> {
  const { front, split, augmentation, views, seed, onProgress = silent } = request;
  const plan = planExtraction(request);
  if (!isComplete(plan)) {
    const journal = prepare(plan);
    const setup = { front, split, augmentation, views, seed, files: plan.files };
    const left = plan.jobs.filter((_, i) => journal[i] === 0);
    const file = openSync(plan.journalPath, "r+");
    let done = plan.jobs.length - left.length;
    const total = plan.jobs.length;
    const threads = Math.min(request.threads ?? availableParallelism(), left.length);
    try {
      await Promise.all(
        Array.from({ length: threads }, () =>
          drain(
            setup,
            () => left.shift(),
            ({ first }) => {
              writeSync(file, Uint8Array.of(1), 0, 1, first / IMAGES_PER_JOB);
              onProgress({
                job: request.job ?? `features ${front.name}`,
                done: Math.min(++done * IMAGES_PER_JOB, split.count),
                total: split.count,
                unit: "images",
                note: `${done}/${total}`,
              });
            },
          ),
        ),
      );
    } finally {
      closeSync(file);
    }
  }
  return new Map(
    plan.files.map(({ layer, path, checksumPath, shape }) => {
      const [height, width, channels] = shape;
      const bytes = readFileSync(checksumPath);
      const checksums = new Uint32Array(new SharedArrayBuffer(bytes.length));
      new Uint8Array(checksums.buffer).set(bytes);
      const { labels, groups, count } = split;
      const features: Split = {
        ...{ count, height, width, channels, labels, views },
        store: { kind: "file", path, checksums },
        ...(groups && { groups }),
      };
      return [layer, features];
    }),
  );
}

/** Remove features from a cache, for instance damaged ones. */
export function removeFeatures(features: Features): void {
  for (const { store } of features.values()) if (store.kind === "file") rmSync(store.path, { force: true });
}
