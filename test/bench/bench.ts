/**
 * `npm run bench`: what a cold `gsio check` costs, beside `tsc --noEmit` of TypeScript 6 on the same input in the same minute; then what
 * `blk-img` costs beside `qemu-img`.
 *
 * In: nothing, or the tsconfig.json of a real project; `--lines N`, `--mebibytes N` and `--rounds N`; `--only check` or `--only images`. Out: a table of medians.
 * Without a project, one of 100 000 lines is written to a temporary folder, and one of twice as many, to see how the cost grows.
 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { benchImages } from './images.ts';
import { measure, type Cost } from './measure.ts';
import { writeSyntheticProject } from './synthetic-project.ts';

const repository = path.resolve(import.meta.dirname, '../..');
const tsc = path.join(repository, 'node_modules/typescript/bin/tsc');
const gsio = path.join(repository, 'dist/src/cli/bin.js');

interface Row {
  readonly name: string;
  readonly tsc: Cost;
  readonly gsio: Cost;
}

const { values, positionals } = parseArgs({ allowPositionals: true, options: { lines: { type: 'string', default: '100000' }, rounds: { type: 'string', default: '3' }, mebibytes: { type: 'string', default: '1024' }, only: { type: 'string' } } });
const rounds = Number(values.rounds);
console.log(`Node.js ${process.version}, ${String(os.cpus().length)} cores, TypeScript ${execFileSync(process.execPath, [tsc, '--version'], { encoding: 'utf8' }).trim()}, median of ${String(rounds)} rounds\n`);

if (positionals.length > 0) {
  printTable(positionals.map((tsconfig) => compare(tsconfig, tsconfig)));
} else {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'gsio-bench-'));
  try {
    if (values.only !== 'images') {
      const rows = [1, 2].map((times) => {
        const { tsconfig, lines } = writeSyntheticProject(path.join(folder, String(times)), Number(values.lines) * times);
        return compare(`${String(Math.round(lines / 1000))}k lines`, tsconfig);
      });
      printTable(rows);
      printGrowth(rows);
    }
    if (values.only !== 'check') benchImages(folder, rounds, Number(values.mebibytes));
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** The two take turns, so that whatever else the machine does hits both. */
function compare(name: string, tsconfig: string): Row {
  const costs: { tsc: Cost[]; gsio: Cost[] } = { tsc: [], gsio: [] };
  for (let round = 0; round < rounds; round++) {
    costs.tsc.push(measure(tsc, ['--noEmit', '--project', tsconfig]));
    const cost = measure(gsio, ['check', '--project', tsconfig, '--format', 'json']);
    if (cost.status === 2) throw new Error(`gsio cannot analyse ${tsconfig}`);
    costs.gsio.push(cost);
  }
  return { name, tsc: median(costs.tsc), gsio: median(costs.gsio) };
}

function median(costs: readonly Cost[]): Cost {
  const middle = (pick: (cost: Cost) => number): number => costs.map(pick).sort((a, b) => a - b)[Math.floor(costs.length / 2)] ?? NaN;
  const [first] = costs;
  if (first === undefined) throw new Error('--rounds must be 1 or more');
  return { ...first, cpu: middle((c) => c.cpu), wall: middle((c) => c.wall), memory: middle((c) => c.memory) };
}

function printTable(rows: readonly Row[]): void {
  console.log('| input | step | CPU s | wall s | peak MiB |\n| --- | --- | ---: | ---: | ---: |');
  for (const row of rows) {
    console.log(line(row.name, '`tsc --noEmit`', row.tsc));
    console.log(line('', '`gsio check`', row.gsio));
    const ratio = (pick: (cost: Cost) => number): string => `${(pick(row.gsio) / pick(row.tsc)).toFixed(2)} ×`;
    console.log(`| | gsio ÷ tsc | ${ratio((c) => c.cpu)} | ${ratio((c) => c.wall)} | ${ratio((c) => c.memory)} |`);
  }
  for (const row of rows) {
    const { findings, summary } = JSON.parse(row.gsio.stdout) as { findings: unknown[]; summary: Record<string, number> };
    console.log(`\n${row.name}: ${String(findings.length)} findings, ${String(summary['functions'])} functions, ${String(summary['resolvedCallSites'])} of ${String(summary['callSites'])} calls resolved, ${String(summary['edges'])} edges`);
  }
}

function line(name: string, step: string, cost: Cost): string {
  return `| ${name} | ${step} | ${cost.cpu.toFixed(1)} | ${cost.wall.toFixed(1)} | ${cost.memory.toFixed(0)} |`;
}

function printGrowth(rows: readonly Row[]): void {
  const [small, large] = rows;
  if (small === undefined || large === undefined) return;
  const growth = (pick: (row: Row) => Cost): string => `${(pick(large).cpu / pick(small).cpu).toFixed(2)} × CPU, ${(pick(large).memory / pick(small).memory).toFixed(2)} × memory`;
  console.log(`\nWhen the input doubles: gsio ${growth((row) => row.gsio)}; tsc ${growth((row) => row.tsc)}.`);
}
