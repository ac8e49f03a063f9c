/**
 * A protocol for tests whose disks live in memory: `memory:NAME`, or `{ driver: 'memory', filename: NAME }`.
 *
 * In: a name, and how its disk behaves (length, alignment, what requests meet). Out: a `BlockDriver` table, and the disks' bytes and
 * request logs for a test to look at. A disk outlives the nodes that open it, so that a test can reopen it.
 */
import { hostOperation, qemuCoSleep } from '../../../src/block/contexts/coroutine.ts';
import { alignUp } from '../../../src/block/model/arithmetic.ts';
import {
  BDRV_BLOCK_DATA, BDRV_BLOCK_OFFSET_VALID, BDRV_BLOCK_ZERO, BDRV_REQ_FUA, BDRV_REQ_MAY_UNMAP, type BdrvRequestFlags, type Permissions,
} from '../../../src/block/model/constants.ts';
import type { BlockDriver } from '../../../src/block/model/driver.ts';
import { blockError, type Errno } from '../../../src/block/model/errors.ts';
import type { IoVector } from '../../../src/block/model/io-vector.ts';
import type { BlockDriverState } from '../../../src/block/model/node.ts';
import { OptionBag } from '../../../src/block/model/options.ts';

export type MemoryRequestType = 'read' | 'write' | 'zero' | 'discard' | 'flush' | 'truncate' | 'status';

/** A request as the driver got it. */
export interface MemoryRequest {
  readonly type: MemoryRequestType;
  readonly offset: number;
  readonly bytes: number;
  readonly flags: BdrvRequestFlags;
}

/** A disk in memory. */
export class MemoryDisk {
  /** All bytes. */
  data: Uint8Array;
  /** Offsets and lengths of requests are multiples of it. */
  requestAlignment = 1;
  /** Longest request; 0: any. */
  maxTransfer = 0;
  /** Milliseconds that a request takes; 0: none, `null`: it does not even yield. */
  delay: number | null = null;
  /** Whether zero writes are an operation of their own; otherwise `ENOTSUP`. */
  canWriteZeroes = true;
  /** Whether a write can be made stable by itself. */
  hasFua = false;
  /** What requests have come, oldest first. */
  readonly log: MemoryRequest[] = [];
  /** Meets each request before it is done: may wait, or throw. */
  beforeRequest: ((request: MemoryRequest) => void | Promise<void>) | null = null;
  /** What is allowed to its nodes, as the permission slots were told. */
  granted: { perm: Permissions; shared: Permissions } | null = null;
  /** Makes the permission check of its nodes fail. */
  refusePermissions: ((perm: Permissions, shared: Permissions) => boolean) | null = null;
  /** Makes opening fail for writers. */
  readOnly = false;

  constructor(data: Uint8Array) {
    this.data = data;
  }

  /** Makes the next request of `type` fail. */
  failNext(type: MemoryRequestType, code: Errno = 'EIO'): void {
    this.beforeRequest = (request) => {
      if (request.type !== type) return;
      this.beforeRequest = null;
      throw blockError(code, `${type} failed on purpose`);
    };
  }

  /** The bytes of one type of request, in all. */
  countOf(type: MemoryRequestType): number {
    return this.log.filter((request) => request.type === type).length;
  }
}

const disks = new Map<string, MemoryDisk>();

/** Makes the disk `memory:NAME` of `content`, or of that many zeroes. Replaces one of the same name. */
export function memoryDisk(name: string, content: number | Uint8Array, behaviour: Partial<MemoryDisk> = {}): MemoryDisk {
  const disk = Object.assign(new MemoryDisk(typeof content === 'number' ? new Uint8Array(content) : content), behaviour);
  disks.set(name, disk);
  return disk;
}

/** The disk `memory:NAME`. */
export function memoryDiskOf(name: string): MemoryDisk {
  const disk = disks.get(name);
  if (!disk) throw blockError('ENOENT', `Could not open 'memory:${name}': No such disk`);
  return disk;
}

/** Forgets a disk, as if it had been removed. */
export function forgetMemoryDisk(name: string): void {
  disks.delete(name);
}

/** Forgets all disks. */
export function forgetMemoryDisks(): void {
  disks.clear();
}

const diskOf = (bs: BlockDriverState): MemoryDisk => bs.opaque as MemoryDisk;

async function request(bs: BlockDriverState, type: MemoryRequestType, offset: number, bytes: number, flags: BdrvRequestFlags): Promise<MemoryDisk> {
  const disk = diskOf(bs);
  if (type !== 'flush' && type !== 'truncate' && (offset % disk.requestAlignment !== 0 || bytes % disk.requestAlignment !== 0)) {
    throw new Error(`The request ${type} ${offset}+${bytes} is not aligned to ${disk.requestAlignment}.`);
  }
  if (disk.maxTransfer > 0 && bytes > disk.maxTransfer && (type === 'read' || type === 'write')) {
    throw new Error(`The request ${type} ${offset}+${bytes} is longer than ${disk.maxTransfer}.`);
  }
  const met = { type, offset, bytes, flags };
  disk.log.push(met);
  if (disk.delay !== null) await (disk.delay === 0 ? hostOperation(Promise.resolve()) : qemuCoSleep(disk.delay));
  if (disk.beforeRequest) await disk.beforeRequest(met);
  return disk;
}

function resize(disk: MemoryDisk, length: number): void {
  const before = disk.data;
  disk.data = new Uint8Array(length);
  disk.data.set(before.subarray(0, length));
}

/** The bytes of a request that lie before the end of the disk: the last sector of a disk may be a part of one. */
function inside(disk: MemoryDisk, offset: number, bytes: number): number {
  return Math.max(0, Math.min(bytes, disk.data.length - offset));
}

function read(disk: MemoryDisk, offset: number, bytes: number, qiov: IoVector): void {
  const known = inside(disk, offset, bytes);
  qiov.copyFrom(disk.data.subarray(offset, offset + known));
  if (known < bytes) qiov.fill(0, known, bytes - known);
}

function write(disk: MemoryDisk, offset: number, bytes: number, qiov: IoVector): void {
  if (offset + bytes > disk.data.length) resize(disk, offset + bytes);
  let position = offset;
  for (const segment of qiov.slice(0, bytes).segments) {
    disk.data.set(segment, position);
    position += segment.length;
  }
}

/** The protocol `memory`. */
export const bdrvMemory: BlockDriver = {
  formatName: 'memory',
  protocolName: 'memory',
  bdrvNeedsFilename: true,
  strongRuntimeOpts: ['filename'],
  createOpts: [{ name: 'size', type: 'size', help: 'Virtual disk size' }],

  bdrvParseFilename(filename, options) {
    options['filename'] = filename.startsWith('memory:') ? filename.slice('memory:'.length) : filename;
  },
  // eslint-disable-next-line @typescript-eslint/require-await -- a slot that may wait
  async bdrvFileOpen(bs, options, flags) {
    const bag = new OptionBag(options);
    const name = bag.takeString('filename') ?? '';
    const size = bag.takeSize('size');
    if (size !== undefined && !disks.has(name)) memoryDisk(name, size);
    const disk = memoryDiskOf(name);
    if (disk.readOnly && (flags & 2) !== 0) throw blockError('EACCES', `Could not open 'memory:${name}': Permission denied`);
    bs.opaque = disk;
    bs.exactFilename = `memory:${name}`;
    bs.supportedWriteFlags = disk.hasFua ? BDRV_REQ_FUA : 0;
    bs.supportedZeroFlags = BDRV_REQ_MAY_UNMAP | (disk.hasFua ? BDRV_REQ_FUA : 0);
  },
  bdrvRefreshFilename(bs) {
    bs.exactFilename = `memory:${[...disks].find(([, disk]) => disk === bs.opaque)?.[0] ?? ''}`;
  },
  bdrvClose(bs) {
    bs.opaque = null;
    return Promise.resolve();
  },
  bdrvReopenPrepare(state) {
    if ((state.flags & 2) !== 0 && diskOf(state.bs).readOnly) return Promise.reject(blockError('EACCES', 'Permission denied'));
    return Promise.resolve();
  },
  // eslint-disable-next-line @typescript-eslint/require-await -- a slot that may wait
  async bdrvCoCreateOpts(_drv, filename, options) {
    const size = new OptionBag(options).takeSize('size') ?? 0;
    memoryDisk(filename.replace(/^memory:/, ''), size);
  },
  bdrvCoDeleteFile(bs) {
    for (const [name, disk] of disks) if (disk === bs.opaque) disks.delete(name);
    return Promise.resolve();
  },
  bdrvHasZeroInit: () => true,
  bdrvRefreshLimits(bs) {
    const disk = diskOf(bs);
    bs.bl.requestAlignment = disk.requestAlignment;
    bs.bl.maxTransfer = disk.maxTransfer;
  },
  bdrvCheckPerm(bs, perm, shared) {
    if (diskOf(bs).refusePermissions?.(perm, shared) === true) throw blockError('EACCES', 'The disk refuses these permissions');
  },
  bdrvSetPerm(bs, perm, shared) {
    diskOf(bs).granted = { perm, shared };
  },
  bdrvGetlength: (bs) => Promise.resolve(diskOf(bs).data.length),
  bdrvGetAllocatedFileSize: (bs) => Promise.resolve(alignUp(diskOf(bs).data.length, 512)),
  async bdrvCoPreadv(bs, offset, bytes, qiov, flags) {
    read(await request(bs, 'read', offset, bytes, flags), offset, bytes, qiov);
  },
  async bdrvCoPwritev(bs, offset, bytes, qiov, flags) {
    write(await request(bs, 'write', offset, bytes, flags), offset, bytes, qiov);
  },
  async bdrvCoPwriteZeroes(bs, offset, bytes, flags) {
    if (!diskOf(bs).canWriteZeroes) throw blockError('ENOTSUP', 'No zero writes here');
    const disk = await request(bs, 'zero', offset, bytes, flags);
    disk.data.fill(0, offset, offset + bytes);
  },
  async bdrvCoPdiscard(bs, offset, bytes) {
    const disk = await request(bs, 'discard', offset, bytes, 0);
    disk.data.fill(0, offset, offset + bytes);
  },
  async bdrvCoFlushToDisk(bs) {
    await request(bs, 'flush', 0, 0, 0);
  },
  async bdrvCoTruncate(bs, offset, _exact, _prealloc, flags) {
    resize(await request(bs, 'truncate', offset, 0, flags), offset);
  },
  async bdrvCoBlockStatus(bs, _wantZero, offset, bytes) {
    const disk = await request(bs, 'status', offset, bytes, 0);
    const unit = 512;
    const isZeroAt = (position: number): boolean => disk.data.subarray(position, position + unit).every((byte) => byte === 0);
    const end = Math.min(offset + bytes, disk.data.length);
    const zero = isZeroAt(offset);
    let position = Math.min(offset - (offset % unit) + unit, end);
    while (position < end && isZeroAt(position) === zero) position = Math.min(position + unit, end);
    const pnum = alignUp(Math.max(position - offset, 1), disk.requestAlignment);
    return { flags: (zero ? BDRV_BLOCK_ZERO : BDRV_BLOCK_DATA) | BDRV_BLOCK_OFFSET_VALID, pnum: Math.min(pnum, bytes), map: offset, file: bs };
  },
  bdrvGetSpecificStats: (bs) => ({ driver: 'memory', requests: diskOf(bs).log.length }),
};
