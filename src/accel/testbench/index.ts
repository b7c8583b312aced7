export { axiChecker } from "./axi-checker.js";
export { CHANNEL_CHECKER_MODULE, channelChecker } from "./channel-checker.js";
export { bytesToHex, maskedHex } from "./hex.js";
export { liteChecker, streamChecker } from "./lite-checkers.js";
export { axiMemory, MEMORY_MODULE } from "./memory.js";
export { emitSystemTestbench } from "./system.js";
export * from "./system-types.js";
