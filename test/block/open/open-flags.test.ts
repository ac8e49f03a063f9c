import { describe, expect, test } from 'vitest';
import { bdrvParseAio } from '../../../src/block/block-common.ts';
import { bdrvApplyAutoReadOnly, bdrvCanSetReadOnly, bdrvGetFlags, bdrvParseCacheMode, bdrvParseDiscardFlags } from '../../../src/block/block-global-state.ts';
import {
  BDRV_O_ALLOW_RDWR, BDRV_O_AUTO_RDONLY, BDRV_O_IO_URING, BDRV_O_NATIVE_AIO, BDRV_O_NOCACHE, BDRV_O_NO_FLUSH, BDRV_O_RDWR, BDRV_O_UNMAP,
} from '../../../src/block/model/constants.ts';
import { emptyNode } from '../../../src/block/model/node.ts';
import { bdrvParseDetectZeroes } from '../../../src/block/open/open-flags.ts';

test.each([
  ['none', BDRV_O_NOCACHE, false], ['off', BDRV_O_NOCACHE, false], ['directsync', BDRV_O_NOCACHE, true], ['writeback', 0, false],
  ['unsafe', BDRV_O_NO_FLUSH, false], ['writethrough', 0, true],
])('cache mode %s', (mode, flags, writethrough) => expect(bdrvParseCacheMode(mode)).toEqual({ flags, writethrough }));

test('unknown words are refused', () => {
  expect(() => bdrvParseCacheMode('toString')).toThrow('Invalid cache option');
  expect(() => bdrvParseDiscardFlags('sometimes')).toThrow('Invalid discard option');
  expect(() => bdrvParseAio('slow')).toThrow('Invalid AIO mode');
  expect(() => bdrvParseDetectZeroes('perhaps', 0)).toThrow("does not accept value 'perhaps'");
});

test.each([['off', 0], ['ignore', 0], ['on', BDRV_O_UNMAP], ['unmap', BDRV_O_UNMAP]])('discard %s', (mode, flags) => expect(bdrvParseDiscardFlags(mode)).toBe(flags));

test.each([['threads', 0], ['native', BDRV_O_NATIVE_AIO], ['io_uring', BDRV_O_IO_URING]])('AIO %s', (mode, flags) => expect(bdrvParseAio(mode)).toBe(flags));

test('zeroes are unmapped only where discards are passed on', () => {
  expect(bdrvParseDetectZeroes(undefined, 0)).toBe('off');
  expect(bdrvParseDetectZeroes('on', 0)).toBe('on');
  expect(bdrvParseDetectZeroes('unmap', BDRV_O_UNMAP)).toBe('unmap');
  expect(() => bdrvParseDetectZeroes('unmap', 0)).toThrow('without setting discard operation to unmap');
});

describe('the read-only flag', () => {
  const node = (openFlags: number, copyOnRead = 0) => Object.assign(emptyNode(), { openFlags, copyOnRead, nodeName: 'n0' });

  test('stays where copies are made on reads', () => {
    expect(() => bdrvCanSetReadOnly(node(BDRV_O_RDWR, 1), true, false)).toThrow("Can't set node 'n0' to r/o with copy-on-read enabled");
  });

  test('may only be cleared where that was allowed when the node was opened', () => {
    expect(() => bdrvCanSetReadOnly(node(0), false, false)).toThrow("Node 'n0' is read only");
    bdrvCanSetReadOnly(node(BDRV_O_ALLOW_RDWR), false, false);
    bdrvCanSetReadOnly(node(0), false, true);
  });

  test('is set by itself where that is wanted', () => {
    const bs = node(BDRV_O_RDWR | BDRV_O_AUTO_RDONLY);
    bdrvApplyAutoReadOnly(bs, null);
    expect(bdrvGetFlags(bs) & BDRV_O_RDWR).toBe(0);
    bdrvApplyAutoReadOnly(bs, null);
  });

  test('is not where the node has to be writable', () => {
    expect(() => bdrvApplyAutoReadOnly(node(BDRV_O_RDWR), 'The format can not be written')).toThrow('The format can not be written');
    expect(() => bdrvApplyAutoReadOnly(node(BDRV_O_RDWR | BDRV_O_AUTO_RDONLY, 1), null)).toThrow('Image is read-only');
  });
});
