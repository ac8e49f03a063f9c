/**
 * `null-co` and `null-aio`: disks without content, for measuring the layers above them. Writes are dropped; reads leave the buffer as it
 * is, or give zeroes where asked for.
 *
 * In: the options `size`, `latency-ns`, `read-zeroes`. Out: two drivers that differ in the kind of their request slots: coroutines, and
 * callbacks. Leaves to others: everything a disk is for.
 */
import { aioTimerStart } from '../contexts/aio-context.ts';
import { qemuCoSleep } from '../contexts/coroutine.ts';
import { BDRV_BLOCK_OFFSET_VALID, BDRV_BLOCK_ZERO, BDRV_REQ_FUA } from '../model/constants.ts';
import type { BlockAIOCB, BlockCompletionFunc, BlockDriver, DriverBlockStatus } from '../model/driver.ts';
import { blockError } from '../model/errors.ts';
import type { IoVector } from '../model/io-vector.ts';
import type { BlockDriverState } from '../model/node.ts';
import { OptionBag, type BlockOptions } from '../model/options.ts';
import { bdrvGetAioContext } from '../requests/node-context.ts';

interface NullDisk {
  readonly size: number;
  readonly latencyNs: number;
  readonly readZeroes: boolean;
}

const DEFAULT_SIZE = 2 ** 30;
const OPTIONS_OF_NO_CONTENT = ['size', 'latency-ns', 'read-zeroes'];

function diskOf(bs: BlockDriverState): NullDisk {
  return bs.opaque as NullDisk;
}

function readDisk(options: BlockOptions): NullDisk {
  const bag = new OptionBag(options);
  bag.take('filename');
  return {
    size: bag.takeSize('size') ?? DEFAULT_SIZE,
    latencyNs: bag.takeSize('latency-ns') ?? 0,
    readZeroes: bag.takeBoolean('read-zeroes') ?? false,
  };
}

function parseFilename(driver: string, filename: string): void {
  // The name says nothing but the driver; all else is an option.
  if (filename !== `${driver}://`) throw blockError('EINVAL', `The only allowed filename for this driver is '${driver}://'`);
}

function refreshFilename(driver: string, bs: BlockDriverState): void {
  const special = Object.keys(bs.fullOpenOptions ?? bs.options).some((name) => OPTIONS_OF_NO_CONTENT.includes(name));
  bs.exactFilename = special ? '' : `${driver}://`;
}

function fillRead(disk: NullDisk, qiov: IoVector): void {
  if (disk.readZeroes) qiov.fill(0);
}

async function delay(disk: NullDisk): Promise<void> {
  if (disk.latencyNs > 0) await qemuCoSleep(disk.latencyNs / 1e6);
}

function completeLater(bs: BlockDriverState, cb: BlockCompletionFunc): BlockAIOCB {
  aioTimerStart(bdrvGetAioContext(bs), diskOf(bs).latencyNs / 1e6, () => cb(null));
  return { bs, cancelAsync: () => undefined };
}

/** What both drivers do alike. */
const shared = {
  bdrvNeedsFilename: false,
  strongRuntimeOpts: ['size'],
  bdrvFileOpen(bs: BlockDriverState, options: BlockOptions): Promise<void> {
    bs.opaque = readDisk(options);
    bs.supportedWriteFlags = BDRV_REQ_FUA;
    return Promise.resolve();
  },
  // The disk has no state that a reopen could change; its options stay those of the first open.
  bdrvReopenPrepare: () => Promise.resolve(),
  bdrvGetlength: (bs: BlockDriverState) => Promise.resolve(diskOf(bs).size),
  bdrvGetAllocatedFileSize: () => Promise.resolve(0),
  bdrvCoBlockStatus(bs: BlockDriverState, _wantZero: boolean, offset: number, bytes: number): Promise<DriverBlockStatus> {
    const flags = BDRV_BLOCK_OFFSET_VALID | (diskOf(bs).readZeroes ? BDRV_BLOCK_ZERO : 0);
    return Promise.resolve({ flags, pnum: bytes, map: offset, file: bs });
  },
} satisfies Partial<BlockDriver>;

/** A disk without content, whose requests are coroutines. */
export const bdrvNullCo: BlockDriver = {
  ...shared,
  formatName: 'null-co',
  protocolName: 'null-co',
  bdrvParseFilename: (filename) => parseFilename('null-co', filename),
  bdrvRefreshFilename: (bs) => refreshFilename('null-co', bs),
  async bdrvCoPreadv(bs, _offset, _bytes, qiov) {
    fillRead(diskOf(bs), qiov);
    await delay(diskOf(bs));
  },
  bdrvCoPwritev: (bs) => delay(diskOf(bs)),
  bdrvCoFlush: (bs) => delay(diskOf(bs)),
};

/** A disk without content, whose requests complete by callback. */
export const bdrvNullAio: BlockDriver = {
  ...shared,
  formatName: 'null-aio',
  protocolName: 'null-aio',
  bdrvParseFilename: (filename) => parseFilename('null-aio', filename),
  bdrvRefreshFilename: (bs) => refreshFilename('null-aio', bs),
  bdrvAioPreadv(bs, _offset, _bytes, qiov, _flags, cb) {
    fillRead(diskOf(bs), qiov);
    return completeLater(bs, cb);
  },
  bdrvAioPwritev: (bs, _offset, _bytes, _qiov, _flags, cb) => completeLater(bs, cb),
  bdrvAioFlush: (bs, cb) => completeLater(bs, cb),
};
