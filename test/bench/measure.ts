/**
 * What a run of a Node.js program costs.
 *
 * In: the program and its arguments. Out: CPU seconds and peak memory of it and of every Node.js process that it started, and wall seconds.
 * Each process tells its own usage as it ends, so nothing is sampled and nothing missed.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

export interface Cost {
  /** User and system time. */
  readonly cpu: number;
  readonly wall: number;
  /** MiB. */
  readonly memory: number;
  readonly status: number | null;
  readonly stdout: string;
}

export function measure(program: string, words: readonly string[]): Cost {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'gsio-usage-'));
  const usages = path.join(folder, 'usage.txt');
  const hook = path.join(folder, 'hook.mjs');
  fs.writeFileSync(hook, `
    import fs from 'node:fs';
    process.on('exit', () => {
      const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
      fs.appendFileSync(${JSON.stringify(usages)}, JSON.stringify([userCPUTime + systemCPUTime, maxRSS]) + '\\n');
    });
  `);
  const start = performance.now();
  const { status, stdout } = spawnSync(process.execPath, ['--import', pathToFileURL(hook).href, program, ...words], { encoding: 'utf8', maxBuffer: 1 << 30 });
  const wall = (performance.now() - start) / 1000;
  const processes = fs.readFileSync(usages, 'utf8').trim().split('\n').map((line) => JSON.parse(line) as [number, number]);
  fs.rmSync(folder, { recursive: true, force: true });
  const sum = (pick: 0 | 1): number => processes.reduce((total, usage) => total + usage[pick], 0);
  return { cpu: sum(0) / 1e6, wall, memory: sum(1) / 1024, status, stdout };
}
