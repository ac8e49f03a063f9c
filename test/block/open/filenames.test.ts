import { describe, expect, test } from 'vitest';
import { bdrvGetFullBackingFilenameFromFilename, pathCombine, pathHasProtocol, pathIsAbsolute } from '../../../src/block/block-common.ts';
import { bdrvParseFilenameStripPrefix, getTmpFilename, isWindowsDrive } from '../../../src/block/block-int-common.ts';
import { existsSync } from 'node:fs';
import type { BlockOptions } from '../../../src/block/model/options.ts';

describe('paths', () => {
  test.each([
    ['nbd:host', true], ['nbd://host/x', true], ['json:{}', true], ['/a:b', false], ['dir/a:b', false], ['plain', false], [':', true],
  ])('%s has a protocol: %s', (path, expected) => expect(pathHasProtocol(path)).toBe(expected));

  test.each([['/a', true], ['a/b', false], ['./a', false], ['nbd:/a', false]])('%s is absolute: %s', (path, expected) => expect(pathIsAbsolute(path)).toBe(expected));

  test.each([['c:', true], ['\\\\.\\disk', true], ['//./disk', true], ['c:\\file', false], ['file', false]])(
    '%s is a drive of Windows: %s', (path, expected) => expect(isWindowsDrive(path)).toBe(expected),
  );

  test.each([
    ['/images/top.qcow2', 'base.img', '/images/base.img'],
    ['top.qcow2', 'base.img', 'base.img'],
    ['/images/top.qcow2', '/other/base.img', '/other/base.img'],
    ['/images/top.qcow2', '', '/images/'],
    ['nbd:top', 'base', 'nbd:base'],
    ['http://host/dir/top', 'base', 'http://host/dir/base'],
  ])('from %s, %s is %s', (base, name, expected) => expect(pathCombine(base, name)).toBe(expected));
});

describe('backing file names', () => {
  test.each([
    ['/images/top.qcow2', 'base.img', '/images/base.img'],
    ['/images/top.qcow2', '../base.img', '/images/../base.img'],
    ['/images/top.qcow2', 'nbd:base', 'nbd:base'],
    ['json:{}', '/base.img', '/base.img'],
    ['/images/top.qcow2', '', null],
  ])('seen from %s, %s is %s', (backed, backing, expected) => expect(bdrvGetFullBackingFilenameFromFilename(backed, backing)).toBe(expected));

  test('relative to a name without a folder are refused', () => {
    expect(() => bdrvGetFullBackingFilenameFromFilename('json:{"driver":"file"}', 'base.img')).toThrow('Cannot use relative backing file names');
    expect(() => bdrvGetFullBackingFilenameFromFilename('', 'base.img')).toThrow('Cannot use relative backing file names');
  });
});

test('a prefix is taken off a file name', () => {
  const options: BlockOptions = {};
  bdrvParseFilenameStripPrefix('file:a:b', 'file:', options);
  expect(options).toEqual({ filename: 'a:b' });
  bdrvParseFilenameStripPrefix('plain', 'file:', options);
  expect(options).toEqual({ filename: 'plain' });
});

test('temporary names are new', () => {
  const names = [getTmpFilename(), getTmpFilename()];
  expect(new Set(names).size).toBe(2);
  for (const name of names) expect(existsSync(name)).toBe(false);
});
