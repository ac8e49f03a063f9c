import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import * as block from '../../../src/block/block-global-state.ts';
import * as io from '../../../src/block/block-io.ts';
import * as backends from '../../../src/block/block-backend-global-state.ts';
import { blkBs, blkFlush, blkPread, blkPwrite } from '../../../src/block/block-backend-io.ts';
import { bdrvCowBs } from '../../../src/block/graph/chain-links.ts';
import { BDRV_O_NO_BACKING, BDRV_O_NO_IO, BDRV_O_RDWR, BDRV_O_SNAPSHOT } from '../../../src/block/model/constants.ts';
import { hasQemuImg, qemuImg, qemuIo } from '../support/qemu.ts';

let folder: string;
let temporary: string;
let savedTmp: string | undefined;
const realTemporary = tmpdir();
const path = (name: string): string => join(folder, name);
const pattern = (value: number, bytes: number): Uint8Array => new Uint8Array(bytes).fill(value);

beforeAll(() => {
  block.bdrvInit();
  temporary = mkdtempSync(join(realTemporary, 'gsio-tmp-'));
  savedTmp = process.env['TMPDIR'];
  process.env['TMPDIR'] = temporary;
});

afterAll(() => {
  if (savedTmp === undefined) delete process.env['TMPDIR'];
  else process.env['TMPDIR'] = savedTmp;
  rmSync(temporary, { recursive: true });
});

beforeEach(() => {
  folder = mkdtempSync(join(realTemporary, 'gsio-open-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
  expect(block.bdrvNextAllStates(null)?.nodeName).toBeUndefined();
});

describe('a temporary overlay', () => {
  test('takes the writes, and is gone afterwards', async () => {
    writeFileSync(path('disk.raw'), pattern(1, 65_536));
    const blk = await backends.blkNewOpen(path('disk.raw'), null, { driver: 'raw' }, BDRV_O_RDWR | BDRV_O_SNAPSHOT);
    const bs = blkBs(blk);
    expect([bs?.drv?.formatName, bs && bdrvCowBs(bs)?.drv?.formatName]).toEqual(['qcow2', 'raw']);
    const below = bs && bdrvCowBs(bs);
    expect(below && io.bdrvIsReadOnly(below)).toBe(true);
    expect(readdirSync(temporary)).toHaveLength(1);
    await blkPwrite(blk, 4096, pattern(2, 4096), 0);
    const read = new Uint8Array(8192);
    await blkPread(blk, 0, read);
    expect([read[4095], read[4096]]).toEqual([1, 2]);
    await backends.blkUnref(blk);
    expect(readdirSync(temporary)).toEqual([]);
    expect(readFileSync(path('disk.raw'))).toEqual(Buffer.from(pattern(1, 65_536)));
  });
});

describe('relative backing files', () => {
  test('are looked for beside the image', async () => {
    writeFileSync(path('base.raw'), pattern(3, 65_536));
    await block.bdrvImgCreate(path('top.qcow2'), 'qcow2', 'base.raw', 'raw', {}, null, 0, true);
    const blk = await backends.blkNewOpen(path('top.qcow2'), null, null, 0);
    const bs = blkBs(blk);
    expect([bs?.backingFile, bs && bdrvCowBs(bs)?.filename]).toEqual(['base.raw', path('base.raw')]);
    expect(bs && block.bdrvDirname(bs)).toBe(`${folder}/`);
    const read = new Uint8Array(512);
    await blkPread(blk, 0, read);
    expect(read).toEqual(pattern(3, 512));
    await backends.blkUnref(blk);
  });
});

/** A name as data: the order of options in `json:` names is nobody's business. */
const parsed = (name: string): unknown => (name.startsWith('json:') ? JSON.parse(name.slice('json:'.length)) : name);

describe.skipIf(!hasQemuImg)('the name of a node is the one that qemu-img prints', () => {
  const below = (name: string) => ({ driver: 'file', filename: path(name) });
  test.each<[string, () => string]>([
    ['a format that is guessed', () => path('top.qcow2')],
    ['a protocol prefix', () => `file:${path('base.raw')}`],
    ['no backing file', () => `json:${JSON.stringify({ driver: 'qcow2', backing: null, file: below('top.qcow2') })}`],
    ['an offset', () => `json:${JSON.stringify({ driver: 'raw', offset: 512, file: below('base.raw') })}`],
    ['a debug node', () => `json:${JSON.stringify({ driver: 'raw', file: { driver: 'blkdebug', image: below('base.raw') } })}`],
    ['a debug node by prefix', () => `blkdebug::${path('base.raw')}`],
    ['no file', () => `json:${JSON.stringify({ driver: 'null-co', size: 1024 })}`],
  ])('for %s', async (_what, name) => {
    writeFileSync(path('base.raw'), pattern(3, 65_536));
    qemuImg('create', '-f', 'qcow2', '-b', 'base.raw', '-F', 'raw', path('top.qcow2'));
    const bs = await block.bdrvOpen(name(), null, null, BDRV_O_NO_BACKING | BDRV_O_NO_IO);
    const { filename } = JSON.parse(qemuImg('info', '--output=json', name())) as { filename: string };
    expect(parsed(bs.filename)).toEqual(parsed(filename));
    await block.bdrvUnref(bs);
  });
});

describe.skipIf(!hasQemuImg)('chains of qemu-img', () => {
  test('are opened with guessed formats, committed, and found well', async () => {
    qemuImg('create', '-f', 'qcow2', path('base.qcow2'), '1M');
    qemuImg('create', '-f', 'qcow2', '-b', 'base.qcow2', '-F', 'qcow2', path('mid.qcow2'));
    qemuImg('create', '-f', 'qcow2', '-b', 'mid.qcow2', '-F', 'qcow2', path('top.qcow2'), '2M');
    const blk = await backends.blkNewOpen(path('top.qcow2'), null, null, BDRV_O_RDWR);
    const top = blkBs(blk);
    expect([top?.drv?.formatName, top && (await io.bdrvGetlength(top))]).toEqual(['qcow2', 2 ** 21]);
    await blkPwrite(blk, 1_500_000, pattern(7, 100_000), 0);
    await blkFlush(blk);
    if (top) await block.bdrvCommit(top);
    await backends.blkUnref(blk);
    for (const name of ['base', 'mid', 'top']) qemuImg('check', path(`${name}.qcow2`));
    expect(qemuIo('-c', 'read -P 7 1500000 100000', path('mid.qcow2'))).not.toContain('verification failed');
    expect(qemuIo('-c', 'read -P 0 1600000 400000', path('top.qcow2'))).not.toContain('verification failed');
  });
});
