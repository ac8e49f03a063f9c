/** `blk-img` on raw images: every command that a raw image can have, compared with qemu-img where it is installed. */
import fs from 'node:fs';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { blkImg, blkImgOnTerminal, blkImgOut, imageFolder, writeSparse, type Folder } from '../support/blk-img.ts';
import { main } from '../../../src/block/img/main.ts';
import { streamsOf } from '../../../src/block/img/streams.ts';
import { hasQemuImg, qemuImg } from '../support/qemu.ts';

const M = 1024 * 1024;
let folder: Folder;

beforeEach(() => {
  folder = imageFolder();
});

afterEach(() => {
  folder.remove();
});

describe('create', () => {
  test('makes a file of the size, and says so unless it is to be quiet', async () => {
    const name = folder.file('a.img');
    expect(await blkImgOut('create', name, '1M')).toBe(`Formatting '${name}', fmt=raw size=1048576\n`);
    expect(fs.statSync(name).size).toBe(M);
    expect(await blkImgOut('create', '-q', '-f', 'raw', '-o', 'size=2M', name)).toBe('');
    expect(fs.statSync(name).size).toBe(2 * M);
  });

  test.each([
    ['no size', ['create', 'a.img'], 'Image creation needs a size parameter'],
    ['a size that is none', ['create', 'a.img', 'many'], 'Invalid image size specified'],
    ['an unknown format', ['create', '-f', 'nonsense', 'a.img', '1M'], "Unknown file format 'nonsense'"],
    ['an option of nobody', ['create', '-o', 'color=red', 'a.img', '1M'], "Invalid parameter 'color'"],
    ['no name', ['create'], "missing required argument 'filename'"],
    ['an unknown command', ['polish'], "unknown command 'polish'"],
    ['an object of another kind', ['info', '--object', 'iothread,id=x', 'a.img'], 'invalid object type: iothread'],
  ])('is refused: %s', async (_what, words, message) => {
    const { status, err } = await blkImg(...words);
    expect(err).toContain(message);
    expect(err.startsWith('blk-img: ')).toBe(true);
    expect(status).toBe(1);
  });

  test('lists the options of a format', async () => {
    expect(await blkImgOut('create', '-f', 'raw', '-o', 'help', 'a.img')).toContain('  size=<size>            - ');
    expect(await blkImgOut('convert', '-O', 'raw', '-o', '?', 'a.img', 'b.img')).toContain('Supported options:');
    const options = [...(await blkImgOut('create', '-f', 'qcow2', '-o', 'help', 'a.img')).matchAll(/^ {2}(\w+)=/gm)].map(([, name]) => name);
    expect(options).toContain('cluster_size');
    expect(options).toEqual([...options].sort());
    expect(await blkImgOut('measure', '-O', 'raw', '-o', 'help')).toContain('Supported options:');
  });

  test('writes to the streams of a process, whose readers may have seen enough', async () => {
    const [out, err] = [new PassThrough(), new PassThrough()];
    const streams = streamsOf(out, err);
    expect(streams.outIsTerminal).toBe(false);
    expect(await main(['create', '-f', 'raw', '-o', 'help', 'a.img'], streams)).toBe(0);
    expect(await main(['polish'], streams)).toBe(1);
    expect(String(out.read())).toContain('Supported options:');
    expect(String(err.read())).toContain("unknown command 'polish'");
    expect(() => out.emit('error', Object.assign(new Error('closed'), { code: 'EPIPE' }))).not.toThrow();
    expect(() => out.emit('error', Object.assign(new Error('full'), { code: 'ENOSPC' }))).toThrow('full');
  });

  test('help names every command', async () => {
    const { status, out } = await blkImg('--help');
    expect(status).toBe(0);
    for (const name of ['amend', 'check', 'commit', 'compare', 'convert', 'create', 'dd', 'info', 'map', 'measure', 'rebase', 'resize', 'snapshot']) expect(out).toContain(name);
  });
});

describe('info, map, check, measure', () => {
  test.skipIf(!hasQemuImg)('say what qemu-img says', async () => {
    const name = folder.file('a.img');
    writeSparse(name, 4 * M, [[0, 4096], [M, 70_000], [3 * M + 4096, 8192]]);
    for (const words of [['info'], ['map'], ['measure', '-O', 'raw']]) {
      const [command = '', ...more] = words;
      const args = [command, ...more, '--output=json', '-f', 'raw', name];
      expect(JSON.parse(await blkImgOut(...args))).toEqual(JSON.parse(qemuImg(...args)));
      const human = [command, ...more, '-f', 'raw', name];
      expect(await blkImgOut(...human)).toBe(qemuImg(...human));
    }
    const part = ['map', '--start-offset=1M', '--max-length=2M', '--output=json', '-f', 'raw', name];
    expect(await blkImgOut(...part)).toBe(qemuImg(...part));
    const size = ['measure', '-O', 'raw', '--size', '3G', '--output=json'];
    expect(JSON.parse(await blkImgOut(...size))).toEqual(JSON.parse(qemuImg(...size)));
  });

  test('an image without data has an empty map only if it has no length', async () => {
    fs.writeFileSync(folder.file('none.img'), '');
    expect(await blkImgOut('map', '--output=json', '-f', 'raw', folder.file('none.img'))).toBe('[]\n');
  });

  test('a raw image has no check: status 63', async () => {
    writeSparse(folder.file('a.img'), M, []);
    expect(await blkImg('check', '-f', 'raw', folder.file('a.img'))).toEqual({ status: 63, out: '', err: 'blk-img: This image format does not support checks\n' });
    expect((await blkImg('check', '-r', 'some', folder.file('a.img'))).err).toContain('-r expects the option value "leaks" or "all"');
  });

  test('take an image as a list of options', async () => {
    const name = folder.file('a.img');
    writeSparse(name, M, [[0, 512]]);
    const opts = `driver=raw,offset=4096,file.driver=file,file.filename=${name}`;
    expect(JSON.parse(await blkImgOut('info', '--image-opts', '--output=json', opts))).toMatchObject({ 'virtual-size': M - 4096, format: 'raw' });
    expect((await blkImg('info', '--image-opts', '-f', 'raw', opts)).err).toContain('--image-opts and --format are mutually exclusive');
    expect((await blkImg('info', '--output=xml', name)).err).toContain('--output must be used with human or json as argument.');
    expect((await blkImg('measure', name, '--size', '1M')).err).toContain('Either --size N or one filename must be specified.');
    expect((await blkImg('compare', '-T', 'fast', name, name)).err).toContain('Invalid cache option: fast');
  });

  test('a missing file is named', async () => {
    const name = folder.file('nowhere.img');
    expect(await blkImg('info', name)).toEqual({ status: 1, out: '', err: `blk-img: Could not open '${name}': Could not open '${name}': No such file or directory\n` });
  });
});

describe('compare', () => {
  test('tells the first sector that differs', async () => {
    const [one, other] = [folder.file('one.img'), folder.file('other.img')];
    const content = writeSparse(one, M, [[0, 600_000]]);
    fs.writeFileSync(other, content);
    expect(await blkImg('compare', one, other)).toMatchObject({ status: 0, out: 'Images are identical.\n' });
    content[300_000] = (content[300_000] ?? 0) ^ 1;
    fs.writeFileSync(other, content);
    expect(await blkImg('compare', one, other)).toMatchObject({ status: 1, out: 'Content mismatch at offset 299520!\n' });
    expect(await blkImg('compare', '-q', one, other)).toEqual({ status: 1, out: '', err: '' });
  });

  test('a longer image is the same if its rest is zero; not in strict mode', async () => {
    const [one, other] = [folder.file('one.img'), folder.file('other.img')];
    writeSparse(one, M, [[0, 512]]);
    fs.copyFileSync(one, other);
    fs.truncateSync(other, 2 * M);
    expect(await blkImg('compare', one, other)).toMatchObject({ status: 0, out: 'Warning: Image size mismatch!\nImages are identical.\n' });
    expect(await blkImg('compare', '-s', one, other)).toMatchObject({ status: 1, out: 'Strict mode: Image size mismatch!\n' });
    fs.writeFileSync(other, Buffer.concat([fs.readFileSync(one), Buffer.alloc(1000), Buffer.from('x'), Buffer.alloc(1000)]));
    expect(await blkImg('compare', other, one)).toMatchObject({ status: 1, out: `Warning: Image size mismatch!\nContent mismatch at offset ${M + 512}!\n` });
  });

  test('strict mode sees what is allocated', async () => {
    const [one, other] = [folder.file('one.img'), folder.file('other.img')];
    writeSparse(one, M, []);
    fs.writeFileSync(other, Buffer.alloc(M));
    expect((await blkImg('compare', one, other)).status).toBe(0);
    const { status, out } = await blkImg('compare', '-s', one, other);
    expect({ status, out }).toEqual({ status: 1, out: 'Strict mode: Offset 0 block status mismatch!\n' });
  });

  test('an image that can not be opened: status 2', async () => {
    expect((await blkImg('compare', folder.file('x'), folder.file('y'))).status).toBe(2);
  });
});

describe('convert', () => {
  test('copies data, and leaves holes', async () => {
    const [from, to] = [folder.file('from.img'), folder.file('to.img')];
    const content = writeSparse(from, 8 * M, [[5000, 100_000], [4 * M, M], [8 * M - 512, 512]]);
    expect(await blkImgOut('convert', '-O', 'raw', from, to)).toBe('');
    expect(fs.readFileSync(to).equals(content)).toBe(true);
    expect(fs.statSync(to).blocks).toBeLessThan(2 * M / 512);
  });

  test.each([
    ['out of order, many at a time', ['-W', '-m', '16']],
    ['by the host', ['-C']],
    ['all of it', ['-S', '0']],
    ['with large holes only', ['-S', '1M']],
    ['within a rate', ['-r', '1G']],
    ['though it can not all be read', ['--salvage']],
    ['through the host\'s caches', ['-t', 'writethrough', '-T', 'writeback']],
  ])('copies %s', async (_how, words) => {
    const [from, to] = [folder.file('from.img'), folder.file('to.img')];
    const content = writeSparse(from, 5 * M + 512, [[0, 4096], [2 * M, 3 * M]]);
    await blkImgOut('convert', ...words, '-f', 'raw', '-O', 'raw', from, to);
    expect(fs.readFileSync(to).equals(content)).toBe(true);
  });

  test('joins sources', async () => {
    const names = ['a', 'b', 'c'].map((name) => folder.file(name));
    const parts = names.map((name, index) => writeSparse(name, 70_144 * (index + 1), [[512, 4096]]));
    await blkImgOut('convert', ...names, folder.file('to.img'));
    expect(fs.readFileSync(folder.file('to.img')).equals(Buffer.concat(parts))).toBe(true);
  });

  test('into a target that exists: old data goes', async () => {
    const [from, to] = [folder.file('from.img'), folder.file('to.img')];
    const content = writeSparse(from, 2 * M, [[M, 4096]]);
    fs.writeFileSync(to, Buffer.alloc(3 * M, 0xaa));
    await blkImgOut('convert', '-n', '-O', 'raw', from, to);
    const result = fs.readFileSync(to);
    expect(result.subarray(0, 2 * M).equals(content)).toBe(true);
    fs.writeFileSync(to, Buffer.alloc(2 * M));
    await blkImgOut('convert', '-n', '--target-is-zero', '-O', 'raw', from, to);
    expect(fs.readFileSync(to).equals(content)).toBe(true);
    fs.truncateSync(to, M);
    expect((await blkImg('convert', '-n', '-O', 'raw', from, to)).err).toContain('output file is smaller than input file');
  });

  test('goes on where data can not be read, and says so', async () => {
    const [from, to] = [folder.file('from.img'), folder.file('to.img')];
    const content = writeSparse(from, M, [[0, M]]);
    const opts = `driver=raw,file.driver=blkdebug,file.image.driver=file,file.image.filename=${from},file.inject-error.0.event=none,file.inject-error.0.iotype=read,file.inject-error.0.sector=100`;
    expect((await blkImg('convert', '--image-opts', '-O', 'raw', opts, to)).err).toContain(`error while converting to ${to}`);
    const { status, err } = await blkImg('convert', '--salvage', '--image-opts', '-O', 'raw', opts, to);
    expect({ status, err }).toMatchObject({ status: 0, err: expect.stringContaining('warning: error while reading offset 51200') as string });
    content.fill(0, 51_200, 51_712);
    expect(fs.readFileSync(to).equals(content)).toBe(true);
  });

  test('shows progress on a terminal', async () => {
    const [from, to] = [folder.file('from.img'), folder.file('to.img')];
    writeSparse(from, 5 * M, [[0, 5 * M]]);
    const { out } = await blkImgOnTerminal('convert', '-p', '-O', 'raw', from, to);
    expect(out).toMatch(/^ {4}\(\d+\.\d\d\/100%\)\r/);
    expect(out.endsWith('    (100.00/100%)\r\n')).toBe(true);
    expect(await blkImgOut('convert', '-p', '-O', 'raw', from, to)).toBe('');
  });

  test.each([
    ['compression of raw', ['-c'], 'Compression not supported for this file format'],
    ['out of order and compressed', ['-c', '-W'], 'mutually exclusive'],
    ['a known-zero target that is made', ['--target-is-zero'], 'requires use of -n flag'],
    ['target options for a target that is made', ['--target-image-opts'], 'requires use of -n flag'],
    ['host copies with holes', ['-C', '-S', '4k'], 'Cannot enable copy offloading when -S is used'],
    ['host copies with compression', ['-C', '-c'], 'Cannot enable copy offloading when -c is used'],
    ['a hole size between sectors', ['-S', '100'], 'Invalid buffer size for sparse output specified'],
    ['no coroutine', ['-m', '0'], "Invalid number of coroutines '0'"],
    ['a format without creation', ['-O', 'null-co'], 'does not support image creation'],
    ['a snapshot of raw', ['-l', 'one'], 'Failed to load snapshot'],
  ])('is refused: %s', async (_what, words, message) => {
    writeSparse(folder.file('from.img'), M, [[0, 512]]);
    const { status, err } = await blkImg('convert', '-f', 'raw', ...words, folder.file('from.img'), folder.file('to.img'));
    expect(err).toContain(message);
    expect(status).toBe(1);
  });

  test('one name alone is no job', async () => {
    expect((await blkImg('convert', folder.file('from.img'))).err).toContain('Must specify image file name');
  });
});

describe('resize', () => {
  test('to a size, by a size, and shorter only if one means it', async () => {
    const name = folder.file('a.img');
    writeSparse(name, M, [[0, 512]]);
    expect(await blkImgOut('resize', '-f', 'raw', name, '3M')).toBe('Image resized.\n');
    await blkImgOut('resize', '-q', '-f', 'raw', name, '+1M');
    expect(fs.statSync(name).size).toBe(4 * M);
    const { status, err } = await blkImg('resize', '-f', 'raw', name, '-1M');
    expect({ status, hint: err.includes('--shrink') }).toEqual({ status: 1, hint: true });
    await blkImgOut('resize', '-f', 'raw', '--shrink', name, '-1M');
    expect(fs.statSync(name).size).toBe(3 * M);
    await blkImgOut('resize', '-f', 'raw', '--preallocation=falloc', name, '4M');
    expect(fs.statSync(name).size).toBe(4 * M);
  });

  test.each([
    [['--shrink', '-100M'], 'New image size must be positive'],
    [['--preallocation=full', '1M'], 'Preallocation can only be used for growing images'],
    [['--preallocation=some', '4M'], "Invalid preallocation mode 'some'"],
  ])('is refused: %s', async (words, message) => {
    const name = folder.file('a.img');
    writeSparse(name, M, []);
    const size = words.at(-1) ?? '';
    expect((await blkImg('resize', '-f', 'raw', ...words.slice(0, -1), name, size)).err).toContain(message);
  });
});

describe('dd', () => {
  test('copies blocks', async () => {
    const [from, to] = [folder.file('from.img'), folder.file('to.img')];
    const content = writeSparse(from, 3 * M, [[0, 3 * M]]);
    await blkImgOut('dd', `if=${from}`, `of=${to}`, 'bs=64k', 'skip=3', 'count=20');
    expect(fs.readFileSync(to).equals(content.subarray(3 * 65_536, 23 * 65_536))).toBe(true);
    await blkImgOut('dd', '-f', 'raw', '-O', 'raw', `if=${from}`, `of=${to}`);
    expect(fs.readFileSync(to).equals(content)).toBe(true);
    const { err } = await blkImg('dd', `if=${from}`, `of=${to}`, 'bs=1M', 'skip=9');
    expect([err.includes('cannot skip to specified offset'), fs.statSync(to).size]).toEqual([true, 0]);
  });

  test.each([
    [['if=a'], 'Must specify both input and output file names'],
    [['if=a', 'of=b', 'conv=sparse'], 'unrecognized operand conv=sparse'],
    [['if=a', 'of=b', 'bs=0'], "invalid number: 'bs' must be above 0"],
  ])('is refused: %s', async (words, message) => {
    expect((await blkImg('dd', ...words)).err).toContain(message);
  });
});

describe('what raw images have not', () => {
  test.each([
    [['snapshot', '-l'], 'does not support internal snapshot'],
    [['snapshot', '-c', 'one'], "Could not create snapshot 'one'"],
    [['snapshot', '-a', 'one'], "Could not apply snapshot 'one'"],
    [['snapshot', '-c', 'one', '-d', 'two'], "Cannot mix '-l', '-a', '-c', '-d'"],
    [['amend', '-f', 'raw', '-o', 'size=2M'], "Format driver 'raw' does not support option amendment"],
    [['amend', '-f', 'raw', '-o', 'help'], "Format driver 'raw' does not support option amendment"],
    [['amend', '-f', 'raw'], 'Must specify options (-o)'],
    [['commit', '-f', 'raw'], 'Image does not have a backing file'],
    [['commit', '-f', 'raw', '-b', 'base.img'], "Did not find 'base.img' in the backing chain"],
    [['rebase', '-f', 'raw'], 'Must specify backing file (-b)'],
    [['rebase', '-f', 'raw', '-b', '', '-F', 'nonsense'], "Invalid format name: 'nonsense'"],
    [['rebase', '-f', 'raw', '-u', '-b', 'base.img', '-F', 'raw'], 'Could not change the backing file'],
  ])('%s', async (words, message) => {
    const name = folder.file('a.img');
    writeSparse(name, M, []);
    const { status, err } = await blkImg(...words, name);
    expect(err).toContain(message);
    expect(status).toBe(1);
  });
});
