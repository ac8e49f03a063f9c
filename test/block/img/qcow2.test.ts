/** `blk-img` on qcow2 images, beside qemu-img: what one program makes the other reads, and both say the same of it. */
import fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { blkImg, blkImgOut, imageFolder, writeSparse, type Folder } from '../support/blk-img.ts';
import { hasQemuImg, qemuImg, qemuIo } from '../support/qemu.ts';

const M = 1024 * 1024;
let folder: Folder;
let cwd: string;

beforeEach(() => {
  folder = imageFolder();
  cwd = process.cwd();
});

afterEach(() => {
  process.chdir(cwd);
  folder.remove();
});

/** Both programs print the same. */
async function saysTheSame(...words: readonly string[]): Promise<void> {
  expect(await blkImgOut(...words)).toBe(qemuImg(...words));
}

/** Both programs print the same facts as JSON. */
async function tellsTheSame(...words: readonly string[]): Promise<void> {
  expect(JSON.parse(await blkImgOut(...words, '--output=json'))).toEqual(JSON.parse(qemuImg(...words, '--output=json')));
}

/** qemu-img finds no error in the image. */
function isSound(name: string): void {
  expect(qemuImg('check', '-f', 'qcow2', name)).toContain('No errors were found on the image.');
}

/** The data of an image, as qemu-img reads it. */
function dataOf(name: string): Buffer {
  const raw = `${name}.data`;
  qemuImg('convert', '-O', 'raw', name, raw);
  return fs.readFileSync(raw);
}

describe.skipIf(!hasQemuImg)('images of qemu-img', () => {
  test.each([
    ['of version 2', ['compat=v2']],
    ['of version 3', ['compat=v3']],
    ['with small clusters', ['cluster_size=4k']],
    ['with large clusters', ['cluster_size=2M']],
    ['with narrow refcounts', ['refcount_bits=1']],
    ['with lazy refcounts', ['lazy_refcounts=on']],
  ])('%s: info, map, check, measure, convert', async (_what, options) => {
    const [name, raw] = [folder.file('a.qcow2'), folder.file('a.raw')];
    qemuImg('create', '-q', '-f', 'qcow2', '-o', options.join(','), name, '20M');
    qemuIo('-f', 'qcow2', '-c', 'write -P 3 1M 3M', '-c', 'write -z 6M 1M', '-c', 'write -P 5 10M 64k', name);
    await tellsTheSame('info', name);
    await saysTheSame('info', name);
    await tellsTheSame('map', name);
    await saysTheSame('map', name);
    await tellsTheSame('check', name);
    await saysTheSame('check', name);
    await tellsTheSame('measure', '-O', 'qcow2', name);
    await blkImgOut('convert', '-O', 'raw', name, raw);
    expect(fs.readFileSync(raw).equals(dataOf(name))).toBe(true);
    expect(await blkImgOut('compare', name, raw)).toBe('Images are identical.\n');
  });

  test('compressed clusters', async () => {
    const [raw, name] = [folder.file('a.raw'), folder.file('a.qcow2')];
    fs.writeFileSync(raw, Buffer.alloc(3 * M, 'the same words again and again '));
    qemuImg('convert', '-c', '-O', 'qcow2', raw, name);
    await tellsTheSame('check', name);
    await tellsTheSame('map', name);
    expect(await blkImgOut('compare', raw, name)).toBe('Images are identical.\n');
    expect((await blkImg('map', name)).err).toContain('File contains external, encrypted or compressed clusters.');
  });

  test('backing chains and snapshots', async () => {
    process.chdir(folder.file('.'));
    qemuImg('create', '-q', '-f', 'qcow2', 'base.qcow2', '8M');
    qemuIo('-f', 'qcow2', '-c', 'write -P 1 0 4M', 'base.qcow2');
    qemuImg('create', '-q', '-f', 'qcow2', '-b', 'base.qcow2', '-F', 'qcow2', 'top.qcow2');
    qemuIo('-f', 'qcow2', '-c', 'write -P 2 1M 1M', 'top.qcow2');
    qemuImg('snapshot', '-c', 'one', 'top.qcow2');
    await tellsTheSame('info', '--backing-chain', 'top.qcow2');
    await saysTheSame('info', '--backing-chain', 'top.qcow2');
    await tellsTheSame('map', 'top.qcow2');
    await saysTheSame('map', 'top.qcow2');
    await saysTheSame('snapshot', '-l', 'top.qcow2');
  });

  test('damaged ones: the same status, and mended', async () => {
    const name = folder.file('a.qcow2');
    qemuImg('create', '-q', '-f', 'qcow2', name, '4M');
    qemuIo('-f', 'qcow2', '-c', 'write -P 1 0 256k', name);
    const file = fs.openSync(name, 'r+');
    const table = Buffer.alloc(8);
    fs.readSync(file, table, 0, 8, 48);
    fs.readSync(file, table, 0, 8, Number(table.readBigUInt64BE()));
    // A cluster at the end is counted, but nothing refers to it.
    fs.writeSync(file, Buffer.from([0, 1]), 0, 2, Number(table.readBigUInt64BE()) + 2 * 12);
    fs.ftruncateSync(file, 13 * 65_536);
    fs.closeSync(file);
    const leaks = await blkImg('check', name);
    expect(leaks).toMatchObject({ status: 3 });
    expect(leaks.out).toContain('1 leaked clusters were found on the image.\nThis means waste of disk space, but no harm to data.\n');
    const mended = await blkImg('check', '-r', 'leaks', name);
    expect(mended.status).toBe(0);
    expect(mended.out).toContain('The following inconsistencies were found and repaired:\n\n    1 leaked clusters\n    0 corruptions\n\nDouble checking the fixed image now...\n');
    isSound(name);
    expect(await blkImg('check', '-q', name)).toEqual({ status: 0, out: '', err: '' });
  });
});

describe.skipIf(!hasQemuImg)('images of blk-img', () => {
  test.each([
    ['of version 2', ['compat=v2']],
    ['with small clusters', ['cluster_size=512']],
    ['with large clusters', ['cluster_size=2M']],
    ['with wide refcounts', ['refcount_bits=64']],
    ['preallocated', ['preallocation=metadata']],
  ])('%s: created, converted, compared', async (_what, options) => {
    const [raw, name] = [folder.file('a.raw'), folder.file('a.qcow2')];
    const content = writeSparse(raw, 9 * M + 512, [[0, 5000], [2 * M, 3 * M], [9 * M, 512]]);
    await blkImgOut('convert', '-O', 'qcow2', '-o', options.join(','), raw, name);
    isSound(name);
    expect(dataOf(name).equals(content)).toBe(true);
    await blkImgOut('create', '-q', '-f', 'qcow2', '-o', options.join(','), folder.file('b.qcow2'), '5M');
    isSound(folder.file('b.qcow2'));
    await saysTheSame('info', folder.file('b.qcow2'));
  });

  test('compressed, in order; and out of order', async () => {
    const [raw, name] = [folder.file('a.raw'), folder.file('a.qcow2')];
    const content = Buffer.concat([Buffer.alloc(2 * M, 'words '), Buffer.alloc(M), writeSparse(raw, M, [[0, M]])]);
    fs.writeFileSync(raw, content);
    await blkImgOut('convert', '-c', '-O', 'qcow2', raw, name);
    isSound(name);
    expect(dataOf(name).equals(content)).toBe(true);
    expect(fs.statSync(name).size).toBeLessThan(2 * M);
    await blkImgOut('convert', '-W', '-O', 'qcow2', raw, name);
    isSound(name);
    expect(dataOf(name).equals(content)).toBe(true);
  });

  test('on a backing file: what the base has stays there', async () => {
    process.chdir(folder.file('.'));
    await blkImgOut('create', '-q', '-f', 'qcow2', 'base.qcow2', '8M');
    qemuIo('-f', 'qcow2', '-c', 'write -P 1 0 6M', 'base.qcow2');
    await blkImgOut('create', '-q', '-f', 'qcow2', '-b', 'base.qcow2', '-F', 'qcow2', 'top.qcow2');
    qemuIo('-f', 'qcow2', '-c', 'write -P 2 1M 1M', '-c', 'write -z 3M 1M', 'top.qcow2');
    await blkImgOut('convert', '-O', 'qcow2', '-B', 'base.qcow2', '-F', 'qcow2', 'top.qcow2', 'copy.qcow2');
    isSound('copy.qcow2');
    expect(qemuImg('compare', 'top.qcow2', 'copy.qcow2')).toBe('Images are identical.\n');
    expect(fs.statSync('copy.qcow2').size).toBeLessThan(3 * M);
    expect((await blkImg('convert', '-O', 'qcow2', '-B', 'base.qcow2', 'top.qcow2', 'x.qcow2')).err).toContain('backing format must be specified');
    expect((await blkImg('create', '-f', 'qcow2', '-b', 'base.qcow2', 'x.qcow2')).err).toContain('Backing file specified without backing format');
    await blkImgOut('create', '-q', '-u', '-f', 'qcow2', '-b', 'nowhere.qcow2', '-F', 'qcow2', 'x.qcow2', '1M');
    expect(qemuImg('info', '-U', 'x.qcow2')).toContain('backing file: nowhere.qcow2');
  });

  test('commit: the base gets the data; the image is emptied, unless it is dropped', async () => {
    process.chdir(folder.file('.'));
    for (const drop of [false, true]) {
      await blkImgOut('create', '-q', '-f', 'qcow2', 'base.qcow2', '4M');
      await blkImgOut('create', '-q', '-f', 'qcow2', '-b', 'base.qcow2', '-F', 'qcow2', 'top.qcow2', '6M');
      qemuIo('-f', 'qcow2', '-c', 'write -P 2 1M 1M', '-c', 'write -P 3 5M 64k', 'top.qcow2');
      const before = dataOf('top.qcow2');
      expect(await blkImgOut('commit', ...(drop ? ['-d'] : []), 'top.qcow2')).toBe('Image committed.\n');
      isSound('base.qcow2');
      isSound('top.qcow2');
      expect(dataOf('base.qcow2').equals(before)).toBe(true);
      const { 'allocated-clusters': allocated } = JSON.parse(qemuImg('check', '--output=json', 'top.qcow2')) as Record<string, unknown>;
      expect(allocated).toBe(drop ? 17 : undefined);
    }
  });

  test('commit into a deeper base', async () => {
    process.chdir(folder.file('.'));
    await blkImgOut('create', '-q', '-f', 'qcow2', 'base.qcow2', '4M');
    for (const [name, below, value] of [['middle', 'base', 1], ['top', 'middle', 2]] as const) {
      await blkImgOut('create', '-q', '-f', 'qcow2', '-b', `${below}.qcow2`, '-F', 'qcow2', `${name}.qcow2`);
      qemuIo('-f', 'qcow2', '-c', `write -P ${value} ${value}M 1M`, `${name}.qcow2`);
    }
    const before = dataOf('top.qcow2');
    await blkImgOut('commit', '-q', '-r', '100M', '-b', 'base.qcow2', 'top.qcow2');
    expect(dataOf('base.qcow2').equals(before)).toBe(true);
    isSound('base.qcow2');
  });

  test('rebase: the image shows the same on another base, and alone', async () => {
    process.chdir(folder.file('.'));
    for (const [name, value] of [['old', 1], ['new', 2]] as const) {
      qemuImg('create', '-q', '-f', 'qcow2', `${name}.qcow2`, value === 1 ? '4M' : '3M');
      qemuIo('-f', 'qcow2', '-c', `write -P ${value} 0 2M`, '-c', 'write -P 7 2M 512k', `${name}.qcow2`);
    }
    qemuImg('create', '-q', '-f', 'qcow2', '-b', 'old.qcow2', '-F', 'qcow2', 'top.qcow2', '5M');
    qemuIo('-f', 'qcow2', '-c', 'write -P 9 1M 64k', 'top.qcow2');
    const before = dataOf('top.qcow2');
    await blkImgOut('rebase', '-b', 'new.qcow2', '-F', 'qcow2', 'top.qcow2');
    expect(qemuImg('info', 'top.qcow2')).toContain('backing file: new.qcow2');
    expect(dataOf('top.qcow2').equals(before)).toBe(true);
    isSound('top.qcow2');
    await blkImgOut('rebase', '-b', '', 'top.qcow2');
    expect(qemuImg('info', 'top.qcow2')).not.toContain('backing file');
    expect(dataOf('top.qcow2').equals(before)).toBe(true);
    await blkImgOut('rebase', '-u', '-b', 'old.qcow2', '-F', 'qcow2', 'top.qcow2');
    expect(qemuImg('info', 'top.qcow2')).toContain('backing file: old.qcow2');
    expect((await blkImg('rebase', '-b', 'nowhere.qcow2', '-F', 'qcow2', 'top.qcow2')).err).toContain("Could not open new backing file 'nowhere.qcow2'");
  });

  test('rebase onto a deeper layer of the same chain', async () => {
    process.chdir(folder.file('.'));
    await blkImgOut('create', '-q', '-f', 'qcow2', 'base.qcow2', '4M');
    for (const [name, below, value] of [['middle', 'base', 1], ['top', 'middle', 2]] as const) {
      await blkImgOut('create', '-q', '-f', 'qcow2', '-b', `${below}.qcow2`, '-F', 'qcow2', `${name}.qcow2`);
      qemuIo('-f', 'qcow2', '-c', `write -P ${value} ${value}M 1M`, `${name}.qcow2`);
    }
    const before = dataOf('top.qcow2');
    await blkImgOut('rebase', '-b', 'base.qcow2', '-F', 'qcow2', 'top.qcow2');
    expect(dataOf('top.qcow2').equals(before)).toBe(true);
    expect(qemuImg('info', 'top.qcow2')).toContain('backing file: base.qcow2');
  });

  test('snapshots: created, converted, applied, deleted', async () => {
    const name = folder.file('a.qcow2');
    await blkImgOut('create', '-q', '-f', 'qcow2', name, '4M');
    qemuIo('-f', 'qcow2', '-c', 'write -P 1 0 1M', name);
    const before = dataOf(name);
    await blkImgOut('snapshot', '-c', 'first', name);
    qemuIo('-f', 'qcow2', '-c', 'write -P 2 0 2M', name);
    await saysTheSame('snapshot', '-l', name);
    for (const which of ['first', '1', 'snapshot.name=first', 'snapshot.id=1,snapshot.name=first']) {
      await blkImgOut('convert', '-l', which, '-O', 'raw', name, folder.file('a.raw'));
      expect(fs.readFileSync(folder.file('a.raw')).equals(before)).toBe(true);
    }
    await tellsTheSame('measure', '-O', 'raw', '-l', 'first', name);
    await blkImgOut('snapshot', '-a', 'first', name);
    expect(dataOf(name).equals(before)).toBe(true);
    expect((await blkImg('snapshot', '-d', 'second', name)).err).toBe("blk-img: Could not delete snapshot 'second': snapshot not found\n");
    await blkImgOut('snapshot', '-d', 'first', name);
    expect(qemuImg('snapshot', '-l', name)).toBe('');
    isSound(name);
  });

  test('amend and resize', async () => {
    const name = folder.file('a.qcow2');
    await blkImgOut('create', '-q', '-f', 'qcow2', name, '4M');
    qemuIo('-f', 'qcow2', '-c', 'write -P 1 0 4M', name);
    await blkImgOut('amend', '-o', 'compat=v2', name);
    await blkImgOut('amend', '-p', '-f', 'qcow2', '-o', 'compat=v3,lazy_refcounts=on', name);
    expect(JSON.parse(qemuImg('info', '--output=json', name)) as object).toMatchObject({ 'format-specific': { data: { compat: '1.1', 'lazy-refcounts': true } } });
    isSound(name);
    expect(await blkImgOut('amend', '-f', 'qcow2', '-o', 'help', name)).toContain("Amend options for 'qcow2':");
    expect(await blkImgOut('amend', '-o', 'help', name)).toContain('  compat ');
    await blkImgOut('resize', name, '+4M');
    await blkImgOut('resize', '--shrink', name, '2M');
    isSound(name);
    expect(dataOf(name).equals(Buffer.alloc(2 * M, 1))).toBe(true);
  });

  test('measure and dd', async () => {
    const [raw, name] = [folder.file('a.raw'), folder.file('a.qcow2')];
    const content = writeSparse(raw, 5 * M, [[0, M], [3 * M, M]]);
    await saysTheSame('measure', '-O', 'qcow2', '-o', 'cluster_size=4k', raw);
    await saysTheSame('measure', '-O', 'qcow2', '--size', '1T');
    await blkImgOut('dd', '-O', 'qcow2', `if=${raw}`, `of=${name}`, 'bs=1M', 'count=4');
    expect(dataOf(name).equals(content.subarray(0, 4 * M))).toBe(true);
    isSound(name);
  });

  test('encrypted: read with the secret, by both', async () => {
    const [raw, name] = [folder.file('a.raw'), folder.file('a.qcow2')];
    writeSparse(raw, M, [[0, 300_000]]);
    const secret = ['--object', 'secret,id=key,data=some words'];
    await blkImgOut('create', '-q', ...secret, '-f', 'qcow2', '-o', 'encrypt.format=luks,encrypt.key-secret=key,encrypt.iter-time=10', name, '1M');
    const opts = `driver=qcow2,encrypt.key-secret=key,file.filename=${name}`;
    await blkImgOut('convert', ...secret, '-n', '--target-image-opts', raw, opts);
    expect(qemuImg('compare', ...secret, '--image-opts', opts, `driver=raw,file.filename=${raw}`)).toBe('Images are identical.\n');
    expect(await blkImgOut('compare', ...secret, '--image-opts', opts, `driver=raw,file.filename=${raw}`)).toBe('Images are identical.\n');
    expect((await blkImg('compare', '--image-opts', opts, `driver=raw,file.filename=${raw}`)).err).toContain("No secret with id 'key'");
  });
});
