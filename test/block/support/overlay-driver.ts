/**
 * A small format for tests, with a backing file: the block layer above formats can be tested without a real one.
 *
 * In: a file child. Out: the format `overlay`. Layout: 512 bytes of JSON with a magic word, up to 4,096 bytes that say which clusters of
 * 4 KiB are there, the clusters.
 */
import { bdrvUnref } from '../../../src/block/graph/nodes.ts';
import { CoMutex } from '../../../src/block/contexts/coroutine.ts';
import { childOfBds } from '../../../src/block/graph/child-of-bds.ts';
import { BDRV_BLOCK_DATA, BDRV_CHILD_IMAGE, BDRV_O_RDWR, BDRV_REQ_MAY_UNMAP } from '../../../src/block/model/constants.ts';
import type { BlockDriver, SnapshotInfo } from '../../../src/block/model/driver.ts';
import { blockError } from '../../../src/block/model/errors.ts';
import type { BlockDriverState } from '../../../src/block/model/node.ts';
import { OptionBag } from '../../../src/block/model/options.ts';
import { bdrvCreateFile } from '../../../src/block/open/create.ts';
import { bdrvOpen, bdrvOpenChild } from '../../../src/block/open/open.ts';
import { blkNewWithBs, blkUnref } from '../../../src/block/backend/registry.ts';
import { blkPwrite } from '../../../src/block/backend/wrappers.ts';
import { bdrvCoPread } from '../../../src/block/requests/read.ts';
import { bdrvCoPwrite } from '../../../src/block/requests/write.ts';
import { bdrvPread, bdrvPwrite } from '../../../src/block/requests/wrappers.ts';

const CLUSTER = 4096;
const MAP_OFFSET = 512;
const DATA_OFFSET = 8192;
const MAGIC = 'overlay-image';

interface Header {
  readonly magic: string;
  size: number;
  backing: string;
  format: string;
  label: string;
}

interface OverlayState {
  header: Header;
  allocated: Uint8Array;
  /** What the slots were asked, for tests to look at. */
  readonly asked: string[];
  snapshots: SnapshotInfo[];
  refuseReopen: boolean;
  /** Two writes to one cluster must not both copy it up. */
  readonly allocating: CoMutex;
}

/** The driver's state of a node. */
export const overlayState = (bs: BlockDriverState): OverlayState => bs.opaque as OverlayState;

const encode = (header: Header): Uint8Array => {
  const bytes = new Uint8Array(MAP_OFFSET);
  bytes.set(new TextEncoder().encode(JSON.stringify(header)));
  return bytes;
};

const decode = (bytes: Uint8Array): Header => {
  const text = new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
  const header = JSON.parse(text) as Header;
  if (header.magic !== MAGIC) throw blockError('EINVAL', 'Image is not in overlay format');
  return header;
};

const fileOf = (bs: BlockDriverState) => {
  if (!bs.file) throw blockError('ENOMEDIUM', 'The overlay has no file');
  return bs.file;
};

/** Calls `visit` for each part of a request that lies in one cluster. */
async function byCluster(offset: number, bytes: number, visit: (cluster: number, within: number, from: number, length: number) => Promise<void>): Promise<void> {
  for (let done = 0; done < bytes;) {
    const position = offset + done;
    const within = position % CLUSTER;
    const length = Math.min(CLUSTER - within, bytes - done);
    await visit(Math.floor(position / CLUSTER), within, done, length);
    done += length;
  }
}

async function readCluster(bs: BlockDriverState, cluster: number, within: number, target: Uint8Array): Promise<void> {
  if (overlayState(bs).allocated[cluster] === 1) await bdrvCoPread(fileOf(bs), DATA_OFFSET + cluster * CLUSTER + within, target, 0);
  else if (bs.backing) await readBacking(bs, cluster * CLUSTER + within, target);
  else target.fill(0);
}

async function readBacking(bs: BlockDriverState, offset: number, target: Uint8Array): Promise<void> {
  target.fill(0);
  const length = Math.min(target.length, (bs.backing?.bs?.totalSectors ?? 0) * 512 - offset);
  if (bs.backing && length > 0) await bdrvCoPread(bs.backing, offset, target.subarray(0, length), 0);
}

async function allocate(bs: BlockDriverState, cluster: number): Promise<void> {
  const state = overlayState(bs);
  if (state.allocated[cluster] === 1) return;
  const whole = new Uint8Array(CLUSTER);
  await readCluster(bs, cluster, 0, whole);
  await bdrvCoPwrite(fileOf(bs), DATA_OFFSET + cluster * CLUSTER, whole, 0);
  await bdrvCoPwrite(fileOf(bs), MAP_OFFSET + cluster, Uint8Array.of(1), 0);
  state.allocated[cluster] = 1;
}

/** The format `overlay`. */
export const bdrvOverlay: BlockDriver = {
  formatName: 'overlay',
  isFormat: true,
  supportsBacking: true,
  strongRuntimeOpts: ['label'],
  mutableOpts: ['label'],
  createOpts: [
    { name: 'size', type: 'size', help: 'Virtual disk size' },
    { name: 'backing_file', type: 'string', help: 'File name of a base image' },
    { name: 'backing_fmt', type: 'string', help: 'Image format of the base image' },
    { name: 'label', type: 'string', help: 'Any text', default: 'none' },
    { name: 'cluster_size', type: 'size', help: 'Cluster size', default: String(CLUSTER) },
    { name: 'loud', type: 'boolean', help: 'No effect' },
  ],
  amendOpts: [{ name: 'label', type: 'string', help: 'Any text' }],

  bdrvProbe: (buffer) => (new TextDecoder().decode(buffer.subarray(0, 64)).includes(MAGIC) ? 100 : 0),
  async bdrvOpen(bs, options, flags) {
    const label = new OptionBag(options).takeString('label');
    await bdrvOpenChild(null, options, 'file', bs, childOfBds, BDRV_CHILD_IMAGE, false);
    const bytes = new Uint8Array(MAP_OFFSET);
    await bdrvPread(fileOf(bs), 0, bytes);
    const header = decode(bytes);
    if (label !== undefined) header.label = label;
    const allocated = new Uint8Array(Math.ceil(header.size / CLUSTER));
    if (allocated.length > 0) await bdrvPread(fileOf(bs), MAP_OFFSET, allocated);
    bs.opaque = { header, allocated, asked: [`open ${(flags & BDRV_O_RDWR) === 0 ? 'ro' : 'rw'}`], snapshots: [], refuseReopen: false, allocating: new CoMutex() } satisfies OverlayState;
    bs.totalSectors = header.size / 512;
    bs.backingFile = header.backing;
    bs.autoBackingFile = header.backing;
    bs.backingFormat = header.format;
    bs.supportedZeroFlags = BDRV_REQ_MAY_UNMAP;
  },
  bdrvClose(bs) {
    bs.opaque = null;
    return Promise.resolve();
  },
  bdrvReopenPrepare(state) {
    if (overlayState(state.bs).refuseReopen) return Promise.reject(blockError('EIO', 'The overlay refuses to be reopened'));
    state.opaque = new OptionBag(state.options).takeString('label') ?? 'none';
    return Promise.resolve();
  },
  bdrvReopenCommit(state) {
    overlayState(state.bs).header.label = state.opaque as string;
    overlayState(state.bs).asked.push('commit');
  },
  bdrvReopenCommitPost(state) {
    overlayState(state.bs).asked.push('commit post');
    return Promise.resolve();
  },
  bdrvReopenAbort(state) {
    overlayState(state.bs).asked.push('abort');
  },
  async bdrvCoCreateOpts(_drv, filename, options) {
    const bag = new OptionBag({ ...options });
    const header: Header = {
      magic: MAGIC, size: bag.takeSize('size') ?? 0, backing: bag.takeString('backing_file') ?? '', format: bag.takeString('backing_fmt') ?? '',
      label: bag.takeString('label') ?? 'none',
    };
    if (header.size > CLUSTER * (DATA_OFFSET - MAP_OFFSET)) throw blockError('EFBIG', 'Too large');
    await bdrvCreateFile(filename, { size: DATA_OFFSET + header.size });
    const file = await bdrvOpen(filename, null, null, 0x8000 | BDRV_O_RDWR);
    const blk = await blkNewWithBs(file, 3, 31);
    await blkPwrite(blk, 0, encode(header), 0);
    await blkUnref(blk);
    await bdrvUnref(file);
  },
  async bdrvAmendOptions(bs, options, statusCb) {
    const label = new OptionBag(options).takeString('label');
    statusCb?.(bs, 0, 1);
    if (label !== undefined) overlayState(bs).header.label = label;
    await bdrvPwrite(fileOf(bs), 0, encode(overlayState(bs).header));
    statusCb?.(bs, 1, 1);
  },
  async bdrvMakeEmpty(bs) {
    overlayState(bs).allocated.fill(0);
    await bdrvPwrite(fileOf(bs), MAP_OFFSET, overlayState(bs).allocated);
  },
  async bdrvChangeBackingFile(bs, backingFile, backingFormat) {
    Object.assign(overlayState(bs).header, { backing: backingFile ?? '', format: backingFormat ?? '' });
    await bdrvPwrite(fileOf(bs), 0, encode(overlayState(bs).header));
  },
  bdrvCancelInFlight(bs) {
    overlayState(bs).asked.push('cancel in flight');
  },
  bdrvRegisterBuf(bs, host) {
    overlayState(bs).asked.push(`register ${host.length}`);
  },
  bdrvUnregisterBuf(bs, host) {
    overlayState(bs).asked.push(`unregister ${host.length}`);
  },
  bdrvHasZeroInit: () => true,
  bdrvProbeBlocksizes: () => ({ phys: 4096, log: 512 }),
  bdrvProbeGeometry: () => ({ heads: 16, sectors: 63, cylinders: 20 }),
  bdrvEject(bs, ejectFlag) {
    overlayState(bs).asked.push(ejectFlag ? 'eject' : 'load');
  },
  bdrvLockMedium(bs, locked) {
    overlayState(bs).asked.push(locked ? 'lock' : 'unlock');
  },
  bdrvGetInfo: () => ({ clusterSize: CLUSTER, vmStateOffset: 0, isDirty: false, needsCompressedWrites: false }),
  bdrvGetSpecificInfo: (bs) => ({ type: 'overlay', data: { label: overlayState(bs).header.label } }),
  bdrvMeasure: (options) => {
    const size = new OptionBag({ ...options }).takeSize('size') ?? 0;
    return Promise.resolve({ required: DATA_OFFSET, fullyAllocated: DATA_OFFSET + size });
  },
  bdrvGetlength: (bs) => Promise.resolve(overlayState(bs).header.size),
  async bdrvCoPreadv(bs, offset, bytes, qiov) {
    await byCluster(offset, bytes, async (cluster, within, from, length) => {
      const part = new Uint8Array(length);
      await readCluster(bs, cluster, within, part);
      qiov.copyFrom(part, from);
    });
  },
  async bdrvCoPwritev(bs, offset, bytes, qiov) {
    await byCluster(offset, bytes, async (cluster, within, from, length) => {
      await overlayState(bs).allocating.run(() => allocate(bs, cluster));
      await bdrvCoPwrite(fileOf(bs), DATA_OFFSET + cluster * CLUSTER + within, qiov.slice(from, length).flatten(), 0);
    });
  },
  bdrvCoBlockStatus(bs, _wantZero, offset, bytes) {
    const state = overlayState(bs);
    const first = Math.floor(offset / CLUSTER);
    const there = state.allocated[first] === 1;
    let end = first + 1;
    while (end * CLUSTER < offset + bytes && (state.allocated[end] === 1) === there) end++;
    return Promise.resolve({ flags: there ? BDRV_BLOCK_DATA : 0, pnum: Math.min(end * CLUSTER - offset, bytes), map: 0, file: null });
  },
};

/** A buffer of `bytes` bytes, all `value`. */
export const pattern = (value: number, bytes: number): Uint8Array => new Uint8Array(bytes).fill(value);
