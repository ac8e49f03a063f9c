/** The examples of the block layer's README run as they stand. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compileFunction } from 'node:vm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import * as block from '../../src/block/index.ts';
import { hasQemuImg, qemuImg } from './support/qemu.ts';

const examples = [...readFileSync(new URL('../../src/block/README.md', import.meta.url), 'utf8').matchAll(/```js\n([\s\S]*?)```/g)].map(([, code]) => code ?? '');

let folder: string;
const before = process.cwd();

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gsio-readme-'));
  process.chdir(folder);
});

afterEach(() => {
  process.chdir(before);
  rmSync(folder, { recursive: true });
});

/** Runs an example; gives what it printed. */
async function run(example: string): Promise<string> {
  const body = example.replaceAll(/import (\{[^}]*\}) from 'gsio\/block';/g, 'const $1 = block;');
  const lines: string[] = [];
  const code = compileFunction(`return (async () => {${body}})();`, ['block', 'console', 'Buffer']) as (...given: unknown[]) => Promise<void>;
  await code(block, { log: (...words: unknown[]) => lines.push(words.join(' ')) }, Buffer);
  return lines.join('\n');
}

test('the first makes an image, writes it and reads it', async () => {
  expect(await run(examples[0] ?? '')).toBe('hello, disk on a disk of 67108864 bytes');
});

test.skipIf(!hasQemuImg)('its image is read by qemu-img', async () => {
  await run(examples[0] ?? '');
  expect(JSON.parse(qemuImg('info', '--output=json', 'disk.qcow2'))).toMatchObject({ format: 'qcow2', 'virtual-size': 67108864 });
});

test('the second is a driver that can be opened', async () => {
  await run(examples[1] ?? '');
  const disk = await block.blkNewOpen(null, null, { driver: 'zeroes', size: 4096 }, 0);
  const read = Buffer.alloc(4096, 1);
  await block.blkPread(disk, 0, read);
  expect([await block.blkGetlength(disk), read.equals(Buffer.alloc(4096))]).toEqual([4096, true]);
  await block.blkUnref(disk);
});
