/** Requests of backends: checked, held back while drained, counted, failing by policy. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import * as io from '../../../src/block/block-backend-io.ts';
import * as gs from '../../../src/block/block-backend-global-state.ts';
import { blkCoDoIoctl, blkDoIoctl } from '../../../src/block/coroutines.ts';
import { bdrvDrainedBegin, bdrvDrainedEnd } from '../../../src/block/graph/drain.ts';
import { mainContext, qemuGetCurrentAioContext } from '../../../src/block/contexts/aio-context.ts';
import { coroutineYield } from '../../../src/block/contexts/coroutine.ts';
import { iothreadDestroy, iothreadNew } from '../../../src/block/contexts/iothread.ts';
import { aioWaitWhile, runCoWrapper } from '../../../src/block/contexts/poll.ts';
import { blockAcctDone, blockAcctFailed, blockAcctIdleTimeNs, blockAcctInvalid, blockAcctMergeDone, blockAcctSetup, blockAcctStart } from '../../../src/block/accounting.ts';
import { onBlockEvent, type BlockEvent } from '../../../src/block/events.ts';
import type { BlockBackend } from '../../../src/block/model/backend.ts';
import { BDRV_O_RDWR, BDRV_REQ_FUA, BDRV_REQ_ZERO_WRITE, BLK_PERM_ALL } from '../../../src/block/model/constants.ts';
import type { BlockDriver } from '../../../src/block/model/driver.ts';
import { blockError } from '../../../src/block/model/errors.ts';
import { IoVector } from '../../../src/block/model/io-vector.ts';
import { bdrvAioCancelAsync } from '../../../src/block/requests/aio.ts';
import { driverBackend, memoryBackend, type TestBackend } from '../support/backend.ts';

const LENGTH = 65536;
let disk: TestBackend;
let blk: BlockBackend;

beforeEach(async () => {
  disk = await memoryBackend(LENGTH);
  ({ blk } = disk);
});

afterEach(() => disk.close());

const inCoroutine = <T>(entry: () => Promise<T>): Promise<T> => runCoWrapper(mainContext, entry);
const turn = (): Promise<void> => inCoroutine(coroutineYield);

describe('requests', () => {
  test('of every form do what they say', async () => {
    const vector = new IoVector([Buffer.alloc(512, 1), Buffer.alloc(512, 2)]);
    await inCoroutine(() => io.blkCoPwritev(blk, 0, 1024, vector, 0));
    await inCoroutine(() => io.blkCoPwritevPart(blk, 1024, 512, vector, 512, 0));
    await inCoroutine(() => io.blkCoPwritevPart(blk, 4096, 512, vector, 0, BDRV_REQ_ZERO_WRITE));
    await inCoroutine(() => io.blkCoPwrite(blk, 2048, Buffer.alloc(512, 3), 0));
    await inCoroutine(() => io.blkCoPwriteZeroes(blk, 0, 256, 0));
    await inCoroutine(() => io.blkCoPdiscard(blk, 8192, 512));
    await inCoroutine(() => io.blkCoFlush(blk));
    const back = Buffer.alloc(512);
    const at = async (offset: number): Promise<number | undefined> => {
      await inCoroutine(() => io.blkCoPread(blk, offset, back, 0));
      return back[0];
    };
    expect([await at(0), await at(256), await at(512), await at(1024), await at(2048)]).toEqual([0, 1, 2, 2, 3]);
    await inCoroutine(() => io.blkCoPreadv(blk, 512, 512, IoVector.of(back), 0));
    expect(back.every((byte) => byte === 2)).toBe(true);
    expect(disk.disk.log.map(({ type }) => type)).toContain('discard');
    expect(blk.inFlight).toBe(0);
  });

  test('outside of coroutines, too', async () => {
    await io.blkPwrite(blk, 0, Buffer.alloc(512, 7), 0);
    await io.blkPwriteZeroes(blk, 256, 256, 0);
    const back = Buffer.alloc(512);
    await io.blkPread(blk, 0, back);
    expect([back[255], back[256]]).toEqual([7, 0]);
    await io.blkPdiscard(blk, 0, 512);
    await io.blkFlush(blk);
    await io.blkTruncate(blk, 2 * LENGTH, true, 'off', 0);
    expect(await io.blkGetlength(blk)).toBe(2 * LENGTH);
    await gs.blkMakeZero(blk, 0);
    await expect(io.blkPwriteCompressed(blk, 0, Buffer.alloc(512))).rejects.toMatchObject({ code: 'ENOTSUP' });
    await expect(gs.blkMakeEmpty(blk)).rejects.toMatchObject({ code: 'ENOTSUP' });
    await expect(io.blkIoctl(blk, 1, back)).rejects.toMatchObject({ code: 'ENOTSUP' });
    await expect(blkDoIoctl(blk, 1, back)).rejects.toMatchObject({ code: 'ENOTSUP' });
    await expect(inCoroutine(() => blkCoDoIoctl(blk, 1, back))).rejects.toMatchObject({ code: 'ENOTSUP' });
    await expect(gs.blkSaveVmstate(blk, back, 0)).rejects.toMatchObject({ code: 'ENOTSUP' });
    await expect(gs.blkLoadVmstate(blk, back, 0)).rejects.toMatchObject({ code: 'ENOTSUP' });
  });

  test('are refused above the end, unless that is allowed', async () => {
    await expect(io.blkPread(blk, LENGTH - 256, Buffer.alloc(512))).rejects.toMatchObject({ code: 'EIO' });
    await expect(io.blkPread(blk, -512, Buffer.alloc(512))).rejects.toMatchObject({ code: 'EIO' });
    await expect(io.blkPwriteZeroes(blk, 0, -1, 0)).rejects.toMatchObject({ code: 'EIO' });
    await expect(io.blkPdiscard(blk, LENGTH, 512)).rejects.toMatchObject({ code: 'EIO' });
    io.blkSetAllowWriteBeyondEof(blk, true);
    await io.blkPwrite(blk, LENGTH, Buffer.alloc(512, 1), 0);
    expect(await io.blkNbSectors(blk)).toBe(LENGTH / 512 + 1);
    io.blkSetAllowWriteBeyondEof(blk, false);
  });

  test('are stable where the guest knows no write cache', async () => {
    blk.enableWriteCache = false;
    await io.blkPwrite(blk, 0, Buffer.alloc(512, 1), 0);
    expect(disk.disk.log.map(({ type }) => type)).toEqual(['write', 'flush']);
    blk.enableWriteCache = true;
    await io.blkPwrite(blk, 0, Buffer.alloc(512, 1), BDRV_REQ_FUA);
    expect(disk.disk.countOf('flush')).toBe(2);
  });

  test('of a backend without a node have no medium', async () => {
    const empty = gs.blkNew(mainContext, 0, BLK_PERM_ALL);
    const buffer = Buffer.alloc(512);
    for (const request of [
      () => io.blkPread(empty, 0, buffer), () => io.blkFlush(empty), () => io.blkPdiscard(empty, 0, 512), () => io.blkTruncate(empty, 0, true, 'off', 0),
      () => io.blkGetlength(empty), () => gs.blkMakeZero(empty, 0), () => Promise.resolve().then(() => io.blkBlockalign(empty, 512)),
    ]) await expect(request()).rejects.toMatchObject({ code: 'ENOMEDIUM' });
    expect(await io.blkGetGeometry(empty)).toBe(0);
    expect(io.blkGetRequestAlignment(empty)).toBe(512);
    expect(io.blkGetAioContext(empty)).toBe(mainContext);
    io.blkIoPlug(empty);
    io.blkIoUnplug(empty);
    await io.blkDrain(empty);
    await gs.blkUnref(empty);
  });

  test('for VM state are stable without a write cache', async () => {
    const seen: string[] = [];
    const { blk: keeper, close } = await driverBackend({
      bdrvSaveVmstate: () => Promise.resolve(void seen.push('save')), bdrvLoadVmstate: () => Promise.resolve(void seen.push('load')),
      bdrvCoFlush: () => Promise.resolve(void seen.push('flush')), bdrvCoIoctl: () => Promise.resolve(5),
    });
    await gs.blkSaveVmstate(keeper, Buffer.alloc(1), 0);
    keeper.enableWriteCache = false;
    await gs.blkSaveVmstate(keeper, Buffer.alloc(1), 0);
    await gs.blkLoadVmstate(keeper, Buffer.alloc(1), 0);
    expect(seen).toEqual(['save', 'save', 'flush', 'load']);
    expect(await io.blkIoctl(keeper, 1, Buffer.alloc(1))).toBe(5);
    await close();
  });
});

describe('while it is drained, a backend', () => {
  test('queues requests, and sends them afterwards in their order', async () => {
    await bdrvDrainedBegin(disk.bs);
    const writes = [1, 2, 3].map((value) => inCoroutine(() => io.blkCoPwrite(blk, 0, Buffer.alloc(512, value), 0)));
    await turn();
    expect([disk.disk.log.length, blk.inFlight]).toEqual([0, 0]);
    await bdrvDrainedEnd(disk.bs);
    await Promise.all(writes);
    expect(disk.disk.data[0]).toBe(3);
  });

  test('lets them through, if its owner says so', async () => {
    io.blkSetDisableRequestQueuing(blk, true);
    await bdrvDrainedBegin(disk.bs);
    await io.blkPwrite(blk, 0, Buffer.alloc(512, 9), 0);
    await bdrvDrainedEnd(disk.bs);
    io.blkSetDisableRequestQueuing(blk, false);
    expect(disk.disk.data[0]).toBe(9);
  });

  test('has nothing in flight', async () => {
    disk.disk.delay = 5;
    const write = inCoroutine(() => io.blkCoPwrite(blk, 0, Buffer.alloc(512, 4), 0));
    await io.blkDrain(blk);
    expect([disk.disk.data[0], blk.inFlight, disk.bs.inFlight]).toEqual([4, 0, 0]);
    await write;
    disk.disk.delay = null;
    await inCoroutine(() => io.blkDrain(blk));
    io.blkIncInFlight(blk);
    const drained = io.blkDrain(blk);
    io.blkDecInFlight(blk);
    await drained;
  });
});

describe('requests with callbacks', () => {
  const settled = async (start: (cb: (error: Error | null) => void) => unknown): Promise<Error | null> => {
    const outcome: (Error | null)[] = [];
    start((error) => outcome.push(error));
    expect(outcome).toEqual([]);
    await aioWaitWhile(null, () => outcome.length === 0);
    return outcome[0] ?? null;
  };

  test('tell how they ended, and count until the callback has run', async () => {
    const vector = IoVector.of(Buffer.alloc(512, 6));
    expect(await settled((cb) => io.blkAioPwritev(blk, 0, vector, 0, cb))).toBeNull();
    vector.fill(0);
    expect(await settled((cb) => io.blkAioPreadv(blk, 0, vector, 0, cb))).toBeNull();
    expect(vector.flatten()[0]).toBe(6);
    expect(await settled((cb) => io.blkAioPwriteZeroes(blk, 0, 512, 0, cb))).toBeNull();
    expect(await settled((cb) => io.blkAioPdiscard(blk, 0, 512, cb))).toBeNull();
    expect(await settled((cb) => io.blkAioFlush(blk, cb))).toBeNull();
    expect(await settled((cb) => io.blkAioIoctl(blk, 1, Buffer.alloc(1), cb))).toMatchObject({ code: 'ENOTSUP' });
    expect(await settled((cb) => io.blkAbortAioRequest(blk, cb, blockError('ENOMEDIUM', 'gone')))).toMatchObject({ code: 'ENOMEDIUM' });
    disk.disk.failNext('read', 'EIO');
    expect(await settled((cb) => io.blkAioPreadv(blk, 0, vector, 0, (error) => {
      expect(blk.inFlight).toBe(1);
      cb(error);
    }))).toMatchObject({ code: 'EIO' });
    await io.blkDrain(blk);
  });

  test('are cancelled before they began, else waited for', async () => {
    const ends: string[] = [];
    const begun = io.blkAioPwritev(blk, 0, IoVector.of(Buffer.alloc(512, 1)), 0, (error) => ends.push(`begun ${String(error)}`));
    await gs.blkAioCancel(begun);
    expect(ends.splice(0)).toEqual(['begun null']);
    // From within a coroutine, another one begins in a later turn.
    const waiting = await inCoroutine(() => Promise.resolve(io.blkAioFlush(blk, (error) => ends.push((error as { code?: string } | null)?.code ?? 'done'))));
    io.blkAioCancelAsync(waiting);
    await gs.blkAioCancel(waiting);
    expect(ends).toEqual(['ECANCELED']);
  });

  test('can be carried out by the device itself', () => {
    const ends: (Error | null)[] = [];
    const acb = io.blkAioGet(blk, (error) => ends.push(error));
    bdrvAioCancelAsync(acb);
    expect([acb.bs, acb.isCancelled]).toEqual([disk.bs, true]);
    acb.complete(null);
    expect(ends).toEqual([null]);
  });

  test('call back in the context of the node', async () => {
    const context = iothreadNew('io');
    await gs.blkSetAioContext(blk, context);
    expect(io.blkGetAioContext(blk)).toBe(context);
    const contexts: unknown[] = [];
    io.blkAioFlush(blk, () => contexts.push(qemuGetCurrentAioContext()));
    await aioWaitWhile(null, () => contexts.length === 0);
    expect(contexts).toEqual([context]);
    await gs.blkSetAioContext(blk, mainContext);
    iothreadDestroy('io');
  });
});

describe('a failed request', () => {
  test('is told, ignored, or stops the guest, as the policy says', () => {
    const full = blockError('ENOSPC', 'No space left on device');
    const broken = blockError('EIO', 'Input/output error');
    const actions = (): string[] => [[true, full], [true, broken], [false, full], [false, broken]].map(([isRead, error]) => io.blkGetErrorAction(blk, isRead as boolean, error as Error));
    gs.blkSetOnError(blk, 'auto', 'auto');
    expect(actions()).toEqual(['report', 'report', 'stop', 'report']);
    gs.blkSetOnError(blk, 'stop', 'ignore');
    expect(actions()).toEqual(['stop', 'stop', 'ignore', 'ignore']);
    gs.blkSetOnError(blk, 'report', 'enospc');
    expect(actions()).toEqual(['report', 'report', 'stop', 'report']);
    expect([io.blkGetOnError(blk, true), io.blkGetOnError(blk, false)]).toEqual(['report', 'enospc']);
  });

  test('is an event; the I/O status is set before', async () => {
    const seen: unknown[] = [];
    const stop = onBlockEvent((event: BlockEvent) => seen.push(event, gs.blkIostatus(blk)));
    io.blkErrorAction(blk, 'report', true, blockError('EIO', 'Input/output error'));
    await turn();
    expect(seen.splice(0)).toEqual([
      { event: 'BLOCK_IO_ERROR', data: { device: '', 'node-name': disk.bs.nodeName, operation: 'read', action: 'report', reason: 'Input/output error' } }, 'ok',
    ]);
    io.blkErrorAction(blk, 'stop', false, blockError('EIO', 'no status is kept'));
    await turn();
    expect(seen.splice(0)[1]).toBe('ok');
    blk.iostatusEnabled = true;
    io.blkErrorAction(blk, 'stop', false, blockError('ENOSPC', 'full'));
    await turn();
    expect(seen).toEqual([
      { event: 'BLOCK_IO_ERROR', data: { device: '', 'node-name': disk.bs.nodeName, operation: 'write', action: 'stop', nospace: true, reason: 'full' } }, 'nospace',
    ]);
    stop();
  });
});

test('limits are those of the node, in whole blocks', async () => {
  const { blk: limited, bs, close } = await memoryBackend(LENGTH, { requestAlignment: 4096, maxTransfer: 10_000 });
  Object.assign(bs.bl, { maxIov: 16, maxHwIov: 8, maxHwTransfer: 5000 });
  expect([io.blkGetRequestAlignment(limited), io.blkGetMaxTransfer(limited), io.blkGetMaxHwTransfer(limited)]).toEqual([4096, 8192, 4096]);
  expect([io.blkGetMaxIov(limited), io.blkGetMaxHwIov(limited)]).toEqual([16, 8]);
  expect([io.blkBlockalign(limited, 100).length, io.blkTryBlockalign(limited, 100)?.length]).toEqual([100, 100]);
  expect([io.blkName(limited), io.blkBs(limited), io.blkIsWritable(limited)]).toEqual(['', bs, true]);
  io.blkSetAllowAioContextChange(limited, true);
  expect(limited.allowAioContextChange).toBe(true);
  await close();
  const readOnly = await memoryBackend(LENGTH, {}, { 'read-only': 'on' }, 0);
  expect(io.blkIsWritable(readOnly.blk)).toBe(false);
  await readOnly.close();
});

test('plugging reaches the driver', async () => {
  const told: string[] = [];
  const slots: Partial<BlockDriver> = { bdrvIoPlug: () => void told.push('plug'), bdrvIoUnplug: () => void told.push('unplug') };
  const { blk: plugged, close } = await driverBackend(slots, {}, BDRV_O_RDWR);
  io.blkIoPlug(plugged);
  io.blkIoUnplug(plugged);
  expect(told).toEqual(['plug', 'unplug']);
  await close();
});

test('what a device did is counted', () => {
  const stats = io.blkGetStats(blk);
  vi.useFakeTimers({ toFake: ['performance'] });
  try {
    const read = blockAcctStart(512, 'read');
    vi.advanceTimersByTime(2);
    blockAcctDone(stats, read);
    const write = blockAcctStart(512, 'write');
    vi.advanceTimersByTime(3);
    blockAcctFailed(stats, write);
    vi.advanceTimersByTime(1);
    expect(blockAcctIdleTimeNs(stats)).toBe(1e6);
    blockAcctInvalid(stats, 'unmap');
    expect(blockAcctIdleTimeNs(stats)).toBe(0);
    blockAcctMergeDone(stats, 'write', 2);
    blockAcctSetup(stats, false, false);
    vi.advanceTimersByTime(1);
    blockAcctFailed(stats, blockAcctStart(512, 'write'));
    blockAcctInvalid(stats, 'unmap');
    expect(blockAcctIdleTimeNs(stats)).toBe(1e6);
  } finally {
    vi.useRealTimers();
  }
  expect(stats.byType.read).toEqual({ bytes: 512, operations: 1, failed: 0, invalid: 0, merged: 0, totalTimeNs: 2e6 });
  expect(stats.byType.write).toEqual({ bytes: 0, operations: 0, failed: 2, invalid: 0, merged: 2, totalTimeNs: 3e6 });
  expect(stats.byType.unmap.invalid).toBe(2);
});
