/**
 * What `blk-img` costs beside Debian's `qemu-img`, on the same files in the same minute.
 *
 * In: a folder for the files, and how many rounds. Out: a table of medians, printed. Without `qemu-img` there is nothing to compare, and
 * one line says so. Both programs take turns; CPU seconds and wall seconds are those of the whole command, its start included.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

const blkImg = path.resolve(import.meta.dirname, '../../dist/src/block/img/bin.js');
const MEBIBYTE = 1024 * 1024;

interface Time {
  readonly wall: number;
  readonly cpu: number;
}

interface Step {
  readonly name: string;
  /** The words of either command; `to` is a file that does not exist yet. */
  readonly words: (to: string) => readonly (readonly string[])[];
}

export function benchImages(folder: string, rounds: number, mebibytes: number): void {
  if (spawnSync('qemu-img', ['--version']).status !== 0) {
    console.log('\nqemu-img is not installed: nothing to compare blk-img with.');
    return;
  }
  const raw = path.join(folder, 'data.raw');
  const qcow2 = path.join(folder, 'data.qcow2');
  const scattered = path.join(folder, 'scattered.qcow2');
  writeData(raw, mebibytes);
  execFileSync('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, qcow2]);
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', scattered, '64G']);
  // Clusters in an order that is not that of the disk, each in a table of its own.
  execFileSync('qemu-img', ['bench', '-q', '-f', 'qcow2', '-w', '-c', '20000', '-d', '1', '-s', '4096', '-S', String(3 * MEBIBYTE + 65536), scattered]);

  const steps: readonly Step[] = [
    { name: `convert raw to qcow2, ${String(mebibytes)} MiB of data`, words: (to) => [['convert', '-f', 'raw', '-O', 'qcow2', raw, to]] },
    { name: `convert qcow2 to raw, ${String(mebibytes)} MiB of data`, words: (to) => [['convert', '-f', 'qcow2', '-O', 'raw', qcow2, to]] },
    { name: 'create and map 1 TiB', words: (to) => [['create', '-q', '-f', 'qcow2', to, '1T'], ['map', '--output=json', '-f', 'qcow2', to]] },
    { name: 'check of 20 000 scattered clusters', words: () => [['check', '-q', '-f', 'qcow2', scattered]] },
  ];
  console.log(`\n| step | qemu-img wall s | blk-img wall s | ratio | CPU ratio |\n| --- | ---: | ---: | ---: | ---: |`);
  for (const step of steps) printRow(step, folder, rounds);
}

function printRow({ name, words }: Step, folder: string, rounds: number): void {
  const times: { qemu: Time[]; blk: Time[] } = { qemu: [], blk: [] };
  const to = path.join(folder, 'to.img');
  for (let round = 0; round < rounds; round++) {
    times.qemu.push(run('qemu-img', [], words(to)));
    fs.rmSync(to, { force: true });
    times.blk.push(run(process.execPath, [blkImg], words(to)));
    fs.rmSync(to, { force: true });
  }
  const middle = (list: readonly Time[], pick: (time: Time) => number): number => list.map(pick).sort((a, b) => a - b)[Math.floor(list.length / 2)] ?? NaN;
  const [qemu, blk] = [middle(times.qemu, (t) => t.wall), middle(times.blk, (t) => t.wall)];
  const cpu = middle(times.blk, (t) => t.cpu) / middle(times.qemu, (t) => t.cpu);
  console.log(`| ${name} | ${qemu.toFixed(2)} | ${blk.toFixed(2)} | ${(blk / qemu).toFixed(2)} × | ${cpu.toFixed(2)} × |`);
}

/** Bash's own `time` tells what a command and its children used. */
function run(program: string, first: readonly string[], commands: readonly (readonly string[])[]): Time {
  return commands.map((words) => {
    const { stderr, status } = spawnSync('bash', ['-c', 'TIMEFORMAT="%R %U %S"; time "$@" > /dev/null', 'bash', program, ...first, ...words], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`${program} ${words.join(' ')} failed: ${stderr}`);
    const [wall = NaN, user = NaN, system = NaN] = stderr.trim().split('\n').at(-1)?.split(' ').map(Number) ?? [];
    return { wall, cpu: user + system };
  }).reduce((sum, time) => ({ wall: sum.wall + time.wall, cpu: sum.cpu + time.cpu }));
}

function writeData(file: string, mebibytes: number): void {
  const part = Buffer.alloc(16 * MEBIBYTE);
  const handle = fs.openSync(file, 'w');
  for (let written = 0; written < mebibytes; written += 16) fs.writeSync(handle, randomFillSync(part));
  fs.closeSync(handle);
}
