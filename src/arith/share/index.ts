export * from "./binary-graph.js";
export { addSharedMatrix, minimumDepth, type SharingOptions, shareMatrix } from "./share-matrix.js";
