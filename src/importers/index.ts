export * from "./import-model.js";
export { KERAS_LAYERS, type KerasImportOptions } from "./keras/import-keras.js";
export { importTflite, importTfliteFile, TFLITE_OPERATORS } from "./tflite/import-tflite.js";
