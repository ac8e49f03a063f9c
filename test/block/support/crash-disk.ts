/**
 * A protocol for tests whose disks can lose power: `crash:NAME`, or `{ driver: 'crash', filename: NAME }`.
 *
 * In: a name, a seed, and when the power goes. Out: a `BlockDriver` table, and what a disk holds after the power is back. A disk keeps
 * what was flushed apart from what was not: at the crash each write of the latter kind is lost, kept, or torn (some of its sectors are
 * kept), in an order that the seed chooses, so that of two writes to one sector either may be the one that stays.
 */
import { hostOperation } from '../../../src/block/contexts/coroutine.ts';
import { seededRandom } from '../../../src/block/contexts/seeded-scheduler.ts';
import { BDRV_BLOCK_DATA, BDRV_BLOCK_OFFSET_VALID } from '../../../src/block/model/constants.ts';
import type { BlockDriver } from '../../../src/block/model/driver.ts';
import { blockError } from '../../../src/block/model/errors.ts';
import type { BlockDriverState } from '../../../src/block/model/node.ts';
import { OptionBag } from '../../../src/block/model/options.ts';

const SECTOR = 512;

type Change = { readonly offset: number; readonly data: Uint8Array } | { readonly length: number };

/** A disk with a cache that does not survive the loss of power. */
export class CrashDisk {
  /** What readers see. */
  data: Uint8Array;
  /** Changes (writes and truncates) until the power goes; `null`: it stays. */
  changesLeft: number | null = null;
  /** Flushes since the disk was made. */
  flushes = 0;
  /** All changes since the disk was made. */
  changes = 0;
  #stable: Uint8Array;
  #unsynced: Change[] = [];
  #isOff = false;
  readonly #random: () => number;

  constructor(data: Uint8Array, seed: number) {
    this.data = data;
    this.#stable = Uint8Array.from(data);
    this.#random = seededRandom(seed);
  }

  /** Whether the power is gone: every request fails. */
  get isOff(): boolean {
    return this.#isOff;
  }

  write(offset: number, data: Uint8Array): void {
    // Not `slice`: that of a Buffer is no copy.
    this.#change({ offset, data: Uint8Array.from(data) });
  }

  truncate(length: number): void {
    this.#change({ length });
  }

  flush(): void {
    this.#refuseIfOff();
    this.flushes++;
    this.#stable = Uint8Array.from(this.data);
    this.#unsynced = [];
  }

  read(offset: number, bytes: number): Uint8Array {
    this.#refuseIfOff();
    return this.data.subarray(offset, offset + bytes);
  }

  /** Takes the power away now, if it is not gone, and gives it back: what survived becomes the disk's content. */
  restart(): void {
    const kept = this.#unsynced.filter(() => this.#random() < 2 / 3);
    let content = this.#stable;
    for (const change of shuffled(kept, this.#random)) content = this.#random() < 1 / 2 ? apply(content, change) : this.#applyTorn(content, change);
    this.data = content;
    this.#stable = content.slice();
    this.#unsynced = [];
    this.#isOff = false;
    this.changesLeft = null;
  }

  #change(change: Change): void {
    this.#refuseIfOff();
    this.changes++;
    this.#unsynced.push(change);
    if (this.changesLeft !== null && this.changesLeft-- <= 0) {
      this.#isOff = true;
      this.#refuseIfOff();
    }
    this.data = apply(this.data, change);
  }

  #refuseIfOff(): void {
    if (this.#isOff) throw blockError('EIO', 'The power is gone');
  }

  #applyTorn(content: Uint8Array, change: Change): Uint8Array {
    if ('length' in change) return content;
    let torn = content;
    for (let start = 0; start < change.data.length; start += SECTOR) {
      if (this.#random() < 1 / 2) torn = apply(torn, { offset: change.offset + start, data: change.data.subarray(start, start + SECTOR) });
    }
    return torn;
  }
}

function apply(content: Uint8Array, change: Change): Uint8Array {
  if ('length' in change) return resized(content, change.length);
  const long = change.offset + change.data.length > content.length ? resized(content, change.offset + change.data.length) : content;
  long.set(change.data, change.offset);
  return long;
}

function resized(content: Uint8Array, length: number): Uint8Array {
  const copy = new Uint8Array(length);
  copy.set(content.subarray(0, length));
  return copy;
}

function shuffled<T>(list: readonly T[], random: () => number): T[] {
  return list
    .map((one) => ({ one, rank: random() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ one }) => one);
}

const disks = new Map<string, CrashDisk>();

/** Makes the disk `crash:NAME` of `content`, or of that many zeroes. */
export function crashDisk(name: string, content: number | Uint8Array, seed: number): CrashDisk {
  const disk = new CrashDisk(typeof content === 'number' ? new Uint8Array(content) : content, seed);
  disks.set(name, disk);
  return disk;
}

/** Forgets all disks. */
export function forgetCrashDisks(): void {
  disks.clear();
}

const diskOf = (bs: BlockDriverState): CrashDisk => bs.opaque as CrashDisk;

/** A request takes a turn of its own, so that others can come between its start and its effect. */
function turn(): Promise<void> {
  return hostOperation(Promise.resolve());
}

/** The protocol `crash`. */
export const bdrvCrash: BlockDriver = {
  formatName: 'crash',
  protocolName: 'crash',
  bdrvNeedsFilename: true,
  strongRuntimeOpts: ['filename'],
  createOpts: [{ name: 'size', type: 'size', help: 'Virtual disk size' }],
  bdrvParseFilename(filename, options) {
    options['filename'] = filename.replace(/^crash:/, '');
  },
  bdrvFileOpen(bs, options) {
    const name = new OptionBag(options).takeString('filename') ?? '';
    const disk = disks.get(name);
    if (!disk) return Promise.reject(blockError('ENOENT', `Could not open 'crash:${name}': No such disk`));
    bs.opaque = disk;
    bs.exactFilename = `crash:${name}`;
    return Promise.resolve();
  },
  bdrvRefreshFilename(bs) {
    bs.exactFilename = `crash:${[...disks].find(([, disk]) => disk === bs.opaque)?.[0] ?? ''}`;
  },
  bdrvClose: () => Promise.resolve(),
  bdrvReopenPrepare: () => Promise.resolve(),
  bdrvCoCreateOpts(_drv, filename, options) {
    crashDisk(filename.replace(/^crash:/, ''), new OptionBag(options).takeSize('size') ?? 0, 1);
    return Promise.resolve();
  },
  bdrvHasZeroInit: () => true,
  bdrvGetlength: (bs) => Promise.resolve(diskOf(bs).data.length),
  bdrvGetAllocatedFileSize: (bs) => Promise.resolve(diskOf(bs).data.length),
  async bdrvCoPreadv(bs, offset, bytes, qiov) {
    await turn();
    const known = diskOf(bs).read(offset, bytes);
    qiov.copyFrom(known);
    if (known.length < bytes) qiov.fill(0, known.length, bytes - known.length);
  },
  async bdrvCoPwritev(bs, offset, bytes, qiov) {
    await turn();
    diskOf(bs).write(offset, qiov.slice(0, bytes).flatten());
  },
  async bdrvCoPwriteZeroes(bs, offset, bytes) {
    await turn();
    diskOf(bs).write(offset, new Uint8Array(bytes));
  },
  async bdrvCoFlushToDisk(bs) {
    await turn();
    diskOf(bs).flush();
  },
  async bdrvCoTruncate(bs, offset) {
    await turn();
    diskOf(bs).truncate(offset);
  },
  bdrvCoBlockStatus: (bs, _wantZero, offset, bytes) =>
    Promise.resolve({ flags: BDRV_BLOCK_DATA | BDRV_BLOCK_OFFSET_VALID, pnum: bytes, map: offset, file: bs }),
};
