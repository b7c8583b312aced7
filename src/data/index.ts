export * from "./augment.js";
export * from "./dataset.js";
export { defaultCacheFolder } from "./fetch/cache.js";
export { FETCHABLE_SETS, type FetchableSet, type FetchOptions, fetchSet } from "./fetch/fetch.js";
export * from "./get.js";
export type { Jitter } from "./jitter.js";
export * from "./load.js";
export { KNOWN_SETS, type KnownSet, type OfficialFile } from "./official.js";
export type { RandomCrop } from "./random-crop.js";
export type { SetCounts } from "./read.js";
export { type AircraftLabels, listAircraft } from "./readers/aircraft.js";
export { readCifar10 } from "./readers/cifar10.js";
export { readCifar100 } from "./readers/cifar100.js";
export { listFlowers102, listPackedFlowers } from "./readers/flowers102.js";
export { type FolderOptions, listFolder, readFolder } from "./readers/folder.js";
export { listGtsrb } from "./readers/gtsrb.js";
export { readGtsrb32 } from "./readers/gtsrb32.js";
export {
  DECODER,
  type DecodeOptions,
  decodeImage,
  type ImagePart,
  type ResizeMode,
} from "./readers/image.js";
export {
  checkListing,
  type DecodeListingOptions,
  decodeListing,
  type ImageFile,
  type ListedImages,
  type Listing,
} from "./readers/listing.js";
export { readMnist } from "./readers/mnist.js";
export { readSvhn } from "./readers/svhn.js";
export * from "./records.js";
export {
  addDataset,
  findDataset,
  isDatasetMissing,
  type RegisteredSet,
  type RegistryOptions,
  registeredSets,
  removeDataset,
} from "./registry.js";
export * from "./resize.js";
export { DATASET_KINDS, type DatasetSpec, datasetSpecSchema, type KindSpec } from "./spec.js";
export * from "./split.js";
export { MEMORY_LIMIT_BYTES, type Storage } from "./store/storage.js";
