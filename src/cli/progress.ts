import type { ProgressEvent, ProgressListener } from "../core/index.js";

const LOG_INTERVAL_MS = 10_000;

function describe({ job, done, total, unit, note }: ProgressEvent): string {
  const percent = total > 0 ? `${Math.floor((100 * done) / total)} %`.padStart(5) : "";
  return `${percent}  ${job}  ${done}/${total} ${unit}${note === undefined ? "" : `  ${note}`}`;
}

/** Show progress on standard error: one changing line on a terminal, a line every ten seconds a job in a log. */
export function createProgressPrinter(
  stream: NodeJS.WriteStream = process.stderr,
): ProgressListener & { end(): void } {
  const last = new Map<string, { readonly printed: number; readonly done: number }>();
  let open = false;
  const listener = (event: ProgressEvent): void => {
    const now = Date.now();
    const finished = event.done >= event.total;
    const before = last.get(event.job);
    const restarted = before === undefined || event.done < before.done;
    const interval = stream.isTTY ? 100 : LOG_INTERVAL_MS;
    const due = restarted || (finished ? before.done < event.done : now - before.printed >= interval);
    last.set(event.job, { printed: due ? now : before.printed, done: event.done });
    if (!due) return;
    if (stream.isTTY) {
      const width = Math.max(20, (stream.columns ?? 80) - 1);
      stream.write(`\r\x1b[K${describe(event).slice(0, width)}${finished ? "\n" : ""}`);
      open = !finished;
    } else {
      stream.write(`${describe(event)}\n`);
    }
  };
  return Object.assign(listener, {
    end: () => {
      if (open) stream.write("\n");
      open = false;
    },
  });
}
