export { extractFeatures, type FeatureRequest, type Features, removeFeatures } from "./features/features.js";
export * from "./float-network.js";
export * from "./learning-rate.js";
export * from "./tail.js";
