import { randomBytes } from "node:crypto";
import { hostname } from "node:os";

/** Whether a process of this machine runs. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

const SCRATCH = /^(.+)@([^@]+)\.(\d+)\.[0-9a-f]{8}\.part$/;

/** Name a file or folder that this process makes and then renames: `NAME@MACHINE.PROCESS.RANDOM.part`. */
export const scratchName = (name: string): string =>
  `${name}@${hostname()}.${process.pid}.${randomBytes(4).toString("hex")}.part`;

/** Return what an abandoned scratch file was to become, when `file` is one that a dead process of this machine left; else undefined. */
export function abandonedName(file: string): string | undefined {
  const [, name, machine, pid] = SCRATCH.exec(file) ?? [];
  return name !== undefined && machine === hostname() && !isAlive(Number(pid)) ? name : undefined;
}
