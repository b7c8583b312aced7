import { join } from "node:path";
import koffi from "koffi";
import { silent } from "../../src/core/index.js";
import { defaultCacheFolder, ensureCached } from "../../src/data/fetch/cache.js";
import { npmPack } from "../../src/data/fetch/npm-pack.js";
import { readTarGz } from "../../src/data/fetch/tar.js";

/** TensorFlow Lite 2.9 as a shared library, in an npm package that is unpacked, never installed. */
const PACKAGE = {
  name: "tfjs-tflite-node",
  version: "0.0.2",
  integrity:
    "sha512-Zed9biOz9lkWsekvPwdEmxXnsjXJnZO8iOV0s2Y20QU15cwiPedzFEBYiGbK7smYpkJpQNNY9SukoKmUi9bk9w==",
  tarballBytes: 5303910,
} as const;
const LIBRARIES = {
  x64: { path: "linux_amd64", sha256: "dc89b4cd86d956516570bd483668e6dd98907f49901d0567dedc69a29a56b7f7" },
  arm64: { path: "linux_arm64", sha256: "ec0dee4fb3418e680d010248ac1e304d9656cc5c8de54caaf91d666712e2f633" },
} as const;

/** Bring the library into the cache; returns its path. */
async function library(): Promise<string> {
  const { path, sha256 } = LIBRARIES[process.arch === "arm64" ? "arm64" : "x64"];
  const folder = await ensureCached({
    cacheFolder: defaultCacheFolder(),
    name: `tensorflow-lite-2.9-${path}`,
    checksums: { "libtensorflowlite_c.so": sha256 },
    place: `npm package ${PACKAGE.name}@${PACKAGE.version}`,
    produce: async (scratch) => {
      const archive = await npmPack(PACKAGE, {
        folder: scratch,
        job: "TensorFlow Lite",
        supply: "put the library into the cache",
        environment: process.env,
        onProgress: silent,
      });
      const files = await readTarGz(archive, PACKAGE.name);
      return new Map([
        ["libtensorflowlite_c.so", files.get(`package/cc_deps/${path}/libtensorflowlite_c.so`)!],
      ]);
    },
  });
  return join(folder, "libtensorflowlite_c.so");
}

type Handle = unknown;

function bind(path: string) {
  const lib = koffi.load(path);
  const f = <A extends readonly unknown[], R>(text: string) => lib.func(text) as unknown as (...args: A) => R;
  return {
    modelCreate: f<[Uint8Array, number], Handle>(
      "void *TfLiteModelCreate(const uint8_t *bytes, size_t size)",
    ),
    modelDelete: f<[Handle], void>("void TfLiteModelDelete(void *model)"),
    optionsCreate: f<[], Handle>("void *TfLiteInterpreterOptionsCreate()"),
    optionsDelete: f<[Handle], void>("void TfLiteInterpreterOptionsDelete(void *options)"),
    setThreads: f<[Handle, number], void>(
      "void TfLiteInterpreterOptionsSetNumThreads(void *options, int32_t n)",
    ),
    create: f<[Handle, Handle], Handle>("void *TfLiteInterpreterCreate(void *model, void *options)"),
    destroy: f<[Handle], void>("void TfLiteInterpreterDelete(void *interpreter)"),
    allocate: f<[Handle], number>("int TfLiteInterpreterAllocateTensors(void *interpreter)"),
    input: f<[Handle, number], Handle>("void *TfLiteInterpreterGetInputTensor(void *interpreter, int32_t i)"),
    output: f<[Handle, number], Handle>(
      "const void *TfLiteInterpreterGetOutputTensor(void *interpreter, int32_t i)",
    ),
    invoke: f<[Handle], number>("int TfLiteInterpreterInvoke(void *interpreter)"),
    size: f<[Handle], number>("size_t TfLiteTensorByteSize(void *tensor)"),
    copyIn: f<[Handle, Uint8Array, number], number>(
      "int TfLiteTensorCopyFromBuffer(void *tensor, const uint8_t *data, size_t n)",
    ),
    copyOut: f<[Handle, Uint8Array, number], number>(
      "int TfLiteTensorCopyToBuffer(void *tensor, _Out_ uint8_t *data, size_t n)",
    ),
  };
}

/** Make a tensor the only output of a file's first subgraph: its outputs are field 2 of the table, a vector of int32. */
function withOutput(file: Uint8Array, tensor: number): Uint8Array {
  const bytes = Uint8Array.from(file);
  const view = new DataView(bytes.buffer);
  const field = (table: number, index: number): number => {
    const vtable = table - view.getInt32(table, true);
    const at = table + view.getUint16(vtable + 4 + 2 * index, true);
    return at + view.getUint32(at, true);
  };
  const model = view.getUint32(0, true);
  const subgraphs = field(model, 2);
  const graph = subgraphs + 4 + view.getUint32(subgraphs + 4, true);
  view.setInt32(field(graph, 2) + 4, tensor, true);
  return bytes;
}

/** Runs images through TensorFlow Lite and gives the bytes of one tensor. */
export type TfliteJudge = (tensor: number, images: Uint8Array, count: number) => Uint8Array;

/**
 * Load TensorFlow Lite as an independent judge of a quantized model.
 *
 * @param file content of a .tflite file with one input; images are given as the bytes of its type
 */
export async function tfliteJudge(file: Uint8Array): Promise<TfliteJudge> {
  const lite = bind(await library());
  return (tensor, images, count) => {
    const bytes = withOutput(file, tensor);
    const model = lite.modelCreate(bytes, bytes.length);
    const options = lite.optionsCreate();
    lite.setThreads(options, 1);
    const interpreter = lite.create(model, options);
    try {
      if (lite.allocate(interpreter) !== 0)
        throw new Error("TensorFlow Lite cannot allocate the model's tensors");
      const size = Number(lite.size(lite.output(interpreter, 0)));
      const perImage = images.length / count;
      const results = new Uint8Array(count * size);
      for (let i = 0; i < count; i++) {
        const image = images.slice(i * perImage, (i + 1) * perImage);
        const one = new Uint8Array(size);
        const failed =
          lite.copyIn(lite.input(interpreter, 0), image, image.length) !== 0 ||
          lite.invoke(interpreter) !== 0 ||
          lite.copyOut(lite.output(interpreter, 0), one, size) !== 0;
        if (failed) throw new Error(`TensorFlow Lite failed on image ${i}`);
        results.set(one, i * size);
      }
      return results;
    } finally {
      lite.destroy(interpreter);
      lite.optionsDelete(options);
      lite.modelDelete(model);
      void bytes.length;
    }
  };
}
