export * from "./geometry.js";
export { networkPackings, type PackedNetwork, packForEngine, packNetwork } from "./network.js";
