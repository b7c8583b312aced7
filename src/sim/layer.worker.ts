import { serveJobs } from "../core/index.js";
import { runLayer } from "./layer-run.js";

serveJobs(runLayer);
