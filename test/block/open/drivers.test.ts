import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import * as block from '../../../src/block/block-global-state.ts';
import { bdrvProbeAll } from '../../../src/block/block-int-io.ts';
import { blockDriverCanCompress } from '../../../src/block/block-int-common.ts';
import type { BlockDriver } from '../../../src/block/model/driver.ts';
import { bdrvEnforceWhitelist, bdrvSetWhitelist } from '../../../src/block/open/drivers.ts';
import { bdrvMemory } from '../support/memory-driver.ts';

const shy: BlockDriver = { formatName: 'shy', protocolName: 'shy', bdrvProbe: (buffer) => (buffer[0] === 0x53 ? 40 : 0) };
const sure: BlockDriver = { formatName: 'sure', bdrvProbe: (buffer) => (buffer[0] === 0x53 && buffer[1] === 0x55 ? 90 : 0), bdrvCoPwritevCompressed: () => Promise.resolve() };
const device: BlockDriver = { formatName: 'device', bdrvProbeDevice: (filename) => (filename.startsWith('/dev/special') ? 100 : 0) };

beforeAll(() => {
  block.bdrvInit();
  for (const driver of [bdrvMemory, shy, sure, device]) block.bdrvRegister(driver);
});

afterEach(() => {
  bdrvEnforceWhitelist(false);
  bdrvSetWhitelist([], []);
});

describe('the list of drivers', () => {
  test('finds drivers by format name', () => {
    expect(block.bdrvFindFormat('memory')).toBe(bdrvMemory);
    expect(block.bdrvFindFormat('no such format')).toBeNull();
  });

  test('takes a driver twice, but no two of one name', () => {
    block.bdrvRegister(shy);
    expect(() => block.bdrvRegister({ formatName: 'shy' })).toThrow("A driver named 'shy' exists already");
  });

  test('has each format once, in order', () => {
    const names: string[] = [];
    block.bdrvIterateFormat((name) => names.push(name), false);
    expect(names).toEqual([...new Set(names)].sort());
    expect(names).toEqual(expect.arrayContaining(['file', 'memory', 'sure']));
  });
});

describe('the protocol of a file name', () => {
  test.each([
    ['memory:disk', true, 'memory'],
    ['shy:any/thing', true, 'shy'],
    ['memory:disk', false, 'file'],
    ['plain.img', true, 'file'],
    ['dir/with:colon', true, 'file'],
    ['/dev/special0', true, 'device'],
  ])('of %s with prefixes %s is %s', (filename, allowPrefix, format) => {
    expect(block.bdrvFindProtocol(filename, allowPrefix).formatName).toBe(format);
  });

  test('is refused where nobody has it', () => {
    expect(() => block.bdrvFindProtocol('gopher://x', true)).toThrow("Unknown protocol 'gopher'");
  });
});

test('the surest driver gets an image', () => {
  expect(bdrvProbeAll(Uint8Array.of(0x53, 0x55), null)?.formatName).toBe('sure');
  expect(bdrvProbeAll(Uint8Array.of(0x53, 0x00), null)?.formatName).toBe('shy');
});

test('a driver with a slot for compressed writes can compress', () => {
  expect(blockDriverCanCompress(sure)).toBe(true);
  expect(blockDriverCanCompress(shy)).toBe(false);
});

describe('the whitelist', () => {
  test('is out of force at first, and allows everything while it is empty', () => {
    expect(block.bdrvUsesWhitelist()).toBe(false);
    expect(block.bdrvIsWhitelisted(shy, false)).toBe(true);
  });

  test('tells readers from writers', () => {
    bdrvSetWhitelist(['memory'], ['sure']);
    expect(block.bdrvIsWhitelisted(bdrvMemory, false)).toBe(true);
    expect(block.bdrvIsWhitelisted(sure, true)).toBe(true);
    expect(block.bdrvIsWhitelisted(sure, false)).toBe(false);
    expect(block.bdrvIsWhitelisted(shy, true)).toBe(false);
  });

  test('in force, hides the other formats', () => {
    bdrvSetWhitelist(['memory'], ['sure']);
    block.bdrvInitWithWhitelist();
    expect(block.bdrvUsesWhitelist()).toBe(true);
    const names: string[] = [];
    block.bdrvIterateFormat((name) => names.push(name), true);
    expect(names).toEqual(['memory', 'sure']);
  });
});
