/**
 * `blkdebug`: a filter that makes requests fail or wait, by rules, and has limits of its own. For tests of what is above it.
 *
 * In: the options `config`, `image`, `align`, `max-transfer`, `opt-write-zero`, `max-write-zero`, `opt-discard`, `max-discard`,
 * `take-child-perms`, `unshare-child-perms`, `inject-error.N.…`, `set-state.N.…`. Out: a driver table. Leaves to others: rules (`rules.ts`).
 */
import fs from 'node:fs/promises';
import { GLOBAL_STATE_CODE } from '../../../runtime/index.ts';
import { hostOperation } from '../../contexts/coroutine.ts';
import { childOfBds } from '../../graph/child-of-bds.ts';
import { bdrvDefaultPerms } from '../../graph/permission-rules.ts';
import { bdrvQapiPermToBlkPerm } from '../../graph/permissions.ts';
import { isAligned, isPowerOfTwo } from '../../model/arithmetic.ts';
import {
  BDRV_BLOCK_OFFSET_VALID, BDRV_BLOCK_RAW, BDRV_CHILD_FILTERED, BDRV_CHILD_PRIMARY, BDRV_REQ_FUA, BDRV_REQ_MAY_UNMAP, BDRV_REQ_NO_FALLBACK,
  BDRV_REQ_WRITE_UNCHANGED, type Permissions,
} from '../../model/constants.ts';
import type { BlockDriver } from '../../model/driver.ts';
import { blockError, prefixError } from '../../model/errors.ts';
import type { BlockDriverState } from '../../model/node.ts';
import { nestOptions, OptionBag, type BlockOptions } from '../../model/options.ts';
import { bdrvOpenChild } from '../../open/open.ts';
import { bdrvCoPdiscard } from '../../requests/discard.ts';
import { bdrvCoFlush } from '../../requests/flush.ts';
import { bdrvGetlength } from '../../requests/length.ts';
import { bdrvCoPreadv } from '../../requests/read.ts';
import { bdrvCoTruncate } from '../../requests/truncate.ts';
import { bdrvCoPwriteZeroes, bdrvCoPwritev } from '../../requests/write.ts';
import { childOf, nodeBelow } from '../children.ts';
import { knownEvent, parseConfig, takeRules } from './config.ts';
import { RuleMachine, type Rule } from './rules.ts';

/** Limits that the options ask for; 0: those of the file. */
interface AskedLimits {
  readonly align: number;
  readonly maxTransfer: number;
  readonly optWriteZero: number;
  readonly maxWriteZero: number;
  readonly optDiscard: number;
  readonly maxDiscard: number;
}

interface BlkdebugNode {
  readonly machine: RuleMachine;
  readonly limits: AskedLimits;
  readonly configFile: string | null;
  readonly takePerms: Permissions;
  readonly unsharePerms: Permissions;
}

const MOST = 2 ** 31 - 1;

function nodeStateOf(bs: BlockDriverState): BlkdebugNode {
  return bs.opaque as BlkdebugNode;
}

/** `blkdebug:CONFIG:IMAGE`; the config may be empty. */
function parseFilename(filename: string, options: BlockOptions): void {
  const match = /^blkdebug:([^:]*):(.*)$/s.exec(filename);
  if (!match) {
    // A name without prefix is that of the image.
    options['x-image'] = filename;
    return;
  }
  if (match[1] !== undefined && match[1] !== '') options['config'] = match[1];
  options['x-image'] = match[2] ?? '';
}

async function rulesOfFile(path: string | undefined): Promise<Rule[]> {
  if (path === undefined) return [];
  let content: string;
  try {
    content = await hostOperation(fs.readFile(path, 'utf8'));
  } catch (error) {
    throw prefixError('Could not read blkdebug config file', error);
  }
  return parseConfig(content);
}

function takeLimit(bag: OptionBag, name: string, unit: number, needsPower: boolean): number {
  const value = bag.takeSize(name) ?? 0;
  const isValid = value <= MOST && (!needsPower || value === 0 || isPowerOfTwo(value)) && isAligned(value, unit);
  if (!isValid) throw blockError('EINVAL', `Cannot meet constraints with ${name} ${value}`);
  return value;
}

function takeLimits(bag: OptionBag, childAlign: number): AskedLimits {
  const align = takeLimit(bag, 'align', 1, true);
  const unit = Math.max(align, childAlign);
  const optWriteZero = takeLimit(bag, 'opt-write-zero', unit, false);
  const optDiscard = takeLimit(bag, 'opt-discard', unit, false);
  return {
    align,
    maxTransfer: takeLimit(bag, 'max-transfer', unit, false),
    optWriteZero,
    maxWriteZero: takeLimit(bag, 'max-write-zero', Math.max(optWriteZero, unit), false),
    optDiscard,
    maxDiscard: takeLimit(bag, 'max-discard', Math.max(optDiscard, unit), false),
  };
}

/** @globalState */
function takePerms(bag: OptionBag, name: string): Permissions {
  GLOBAL_STATE_CODE('takePerms');
  const list = nestOptions({ perms: bag.takeSubtree(name) })['perms'];
  const names = Array.isArray(list) ? list.map(String) : [];
  return names.reduce((perms, perm) => perms | bdrvQapiPermToBlkPerm(perm), 0);
}

/** @globalState */
async function openBlkdebug(bs: BlockDriverState, options: BlockOptions): Promise<void> {
  GLOBAL_STATE_CODE('openBlkdebug');
  const bag = new OptionBag(options);
  const configFile = bag.takeString('config');
  const image = bag.takeString('x-image') ?? null;
  const rules = [...(await rulesOfFile(configFile)), ...takeRules(bag)];
  const perms = { takePerms: takePerms(bag, 'take-child-perms'), unsharePerms: takePerms(bag, 'unshare-child-perms') };
  const machine = new RuleMachine(rules);
  // The permissions are asked for while the child is opened.
  const limits: AskedLimits = { align: 0, maxTransfer: 0, optWriteZero: 0, maxWriteZero: 0, optDiscard: 0, maxDiscard: 0 };
  bs.opaque = { machine, limits, configFile: configFile ?? null, ...perms } satisfies BlkdebugNode;
  await bdrvOpenChild(image, options, 'image', bs, childOfBds, BDRV_CHILD_FILTERED | BDRV_CHILD_PRIMARY, false);
  const file = nodeBelow(bs);
  bs.opaque = { ...nodeStateOf(bs), limits: takeLimits(bag, file.bl.requestAlignment) };
  bs.supportedWriteFlags = BDRV_REQ_WRITE_UNCHANGED | (BDRV_REQ_FUA & file.supportedWriteFlags);
  bs.supportedZeroFlags = BDRV_REQ_WRITE_UNCHANGED | ((BDRV_REQ_FUA | BDRV_REQ_MAY_UNMAP | BDRV_REQ_NO_FALLBACK) & file.supportedZeroFlags);
}

function refreshLimits(bs: BlockDriverState): void {
  const { align, maxTransfer, optWriteZero, maxWriteZero, optDiscard, maxDiscard } = nodeStateOf(bs).limits;
  if (align > 0) bs.bl.requestAlignment = align;
  if (maxTransfer > 0) bs.bl.maxTransfer = maxTransfer;
  if (optWriteZero > 0) bs.bl.pwriteZeroesAlignment = optWriteZero;
  if (maxWriteZero > 0) bs.bl.maxPwriteZeroes = maxWriteZero;
  if (optDiscard > 0) bs.bl.pdiscardAlignment = optDiscard;
  if (maxDiscard > 0) bs.bl.maxPdiscard = maxDiscard;
}

/** A file name says it all only where there are no options beside the config file. */
function refreshFilename(bs: BlockDriverState): void {
  const plain = ['driver', 'node-name', 'config', 'image', 'x-image'];
  const special = Object.keys(bs.fullOpenOptions ?? bs.options).some((name) => !plain.includes(name.split('.')[0] ?? name));
  const below = nodeBelow(bs).exactFilename;
  bs.exactFilename = special || below === '' ? '' : `blkdebug:${nodeStateOf(bs).configFile ?? ''}:${below}`;
}

/** A filter that fails on purpose. */
export const bdrvBlkdebug: BlockDriver = {
  formatName: 'blkdebug',
  protocolName: 'blkdebug',
  isFilter: true,
  strongRuntimeOpts: ['config', 'inject-error.', 'set-state.'],

  bdrvParseFilename: parseFilename,
  bdrvFileOpen: openBlkdebug,
  bdrvClose: () => Promise.resolve(),
  bdrvReopenPrepare: () => Promise.resolve(),
  bdrvRefreshFilename: refreshFilename,
  bdrvRefreshLimits: refreshLimits,
  bdrvChildPerm(bs, c, role, queue, parentPerm, parentShared) {
    const needed = bdrvDefaultPerms(bs, c, role, queue, parentPerm, parentShared);
    const { takePerms: taken, unsharePerms } = nodeStateOf(bs);
    return { perm: needed.perm | taken, shared: needed.shared & ~unsharePerms };
  },
  bdrvDebugBreakpoint: (bs, event, tag) => nodeStateOf(bs).machine.addBreakpoint(knownEvent(event), tag),
  bdrvDebugRemoveBreakpoint: (bs, tag) => nodeStateOf(bs).machine.removeBreakpoint(tag),
  bdrvDebugResume: (bs, tag) => nodeStateOf(bs).machine.resume(tag),
  bdrvDebugIsSuspended: (bs, tag) => nodeStateOf(bs).machine.isSuspended(tag),

  bdrvDebugEvent: (bs, event) => nodeStateOf(bs).machine.happen(event),
  async bdrvCoPreadv(bs, offset, bytes, qiov, flags) {
    await nodeStateOf(bs).machine.check('read', offset, bytes);
    await bdrvCoPreadv(childOf(bs), offset, bytes, qiov, flags);
  },
  async bdrvCoPwritev(bs, offset, bytes, qiov, flags) {
    await nodeStateOf(bs).machine.check('write', offset, bytes);
    await bdrvCoPwritev(childOf(bs), offset, bytes, qiov, flags);
  },
  async bdrvCoPwriteZeroes(bs, offset, bytes, flags) {
    const { machine, limits } = nodeStateOf(bs);
    const unit = Math.max(bs.bl.requestAlignment, limits.optWriteZero);
    // Where a preferred unit is asked for, heads and tails are left to plain writes.
    if (bytes < unit) throw blockError('ENOTSUP', 'The request is smaller than the preferred unit');
    await machine.check('write-zeroes', offset, bytes);
    await bdrvCoPwriteZeroes(childOf(bs), offset, bytes, flags);
  },
  async bdrvCoPdiscard(bs, offset, bytes) {
    const { machine, limits } = nodeStateOf(bs);
    if (bytes < Math.max(bs.bl.requestAlignment, limits.optDiscard)) throw blockError('ENOTSUP', 'The request is smaller than the preferred unit');
    await machine.check('discard', offset, bytes);
    await bdrvCoPdiscard(childOf(bs), offset, bytes);
  },
  async bdrvCoFlush(bs) {
    await nodeStateOf(bs).machine.check('flush', 0, 0);
    await bdrvCoFlush(nodeBelow(bs));
  },
  async bdrvCoBlockStatus(bs, _wantZero, offset, bytes) {
    await nodeStateOf(bs).machine.check('block-status', offset, bytes);
    return { flags: BDRV_BLOCK_OFFSET_VALID | BDRV_BLOCK_RAW, pnum: bytes, map: offset, file: nodeBelow(bs) };
  },
  bdrvCoTruncate: (bs, offset, exact, prealloc, flags) => bdrvCoTruncate(childOf(bs), offset, exact, prealloc, flags),
  bdrvGetlength: (bs) => bdrvGetlength(nodeBelow(bs)),
};
