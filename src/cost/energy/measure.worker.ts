import { serveJobs } from "../../core/index.js";
import { measureLayer } from "./measure-layer.js";

serveJobs(measureLayer);
