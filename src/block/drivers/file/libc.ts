/**
 * Calls of the C library that Node.js has no function for: holes, reserved space, byte locks of open files, copies within the host.
 *
 * In: file descriptors. Out: results, or a `BlockError` with the host's code. On hosts other than Linux, or where the optional package
 * `koffi` is not installed, {@link hostCalls} is `null`, and callers do without. Leaves to others: when to use which, and the fallback.
 *
 * Calls that may wait for a disk run in a thread of the pool. Locks are taken without waiting, so these calls are made directly.
 */
import { createRequire } from 'node:module';
import { blockError, type BlockError, type Errno } from '../../model/errors.ts';

/** What the host can do with an open file beyond reading and writing. */
export interface HostCalls {
  /** Offset of the next data at or after `offset`; `null`: only a hole follows. */
  seekData(fd: number, offset: number): Promise<number | null>;
  /** Offset of the next hole at or after `offset`, the end of the file at the latest; `null`: `offset` is behind the end. */
  seekHole(fd: number, offset: number): Promise<number | null>;
  /** Gives the space of a range back; it reads as zero. Does not change the length. */
  punchHole(fd: number, offset: number, bytes: number): Promise<void>;
  /** Makes a range read as zero and keeps its space; the file grows if need be. */
  zeroRange(fd: number, offset: number, bytes: number): Promise<void>;
  /** Reserves the space of a range; the file grows if need be. */
  allocate(fd: number, offset: number, bytes: number): Promise<void>;
  /** @returns how many bytes were copied; 0 at the end of the source */
  copyRange(from: number, fromOffset: number, to: number, toOffset: number, bytes: number): Promise<number>;
  /** Asks the host to forget what it has cached of the file. */
  dropCache(fd: number): Promise<void>;
  /** Takes a lock on one byte that others may take as well; it belongs to this open file, not to the process. */
  lockShared(fd: number, byte: number): void;
  unlock(fd: number, byte: number): void;
  /** Whether another open file has a lock on `byte`. */
  isLockedByOther(fd: number, byte: number): boolean;
  /** Where `buffer` starts in memory, modulo `alignment`. */
  misalignment(buffer: Uint8Array, alignment: number): number;
}

const SEEK_DATA = 3;
const SEEK_HOLE = 4;
const FALLOC_KEEP_SIZE = 1;
const FALLOC_PUNCH_HOLE = 2;
const FALLOC_ZERO_RANGE = 16;
const FADV_DONTNEED = 4;
const F_OFD_GETLK = 36;
const F_OFD_SETLK = 37;
const F_RDLCK = 0;
const F_WRLCK = 1;
const F_UNLCK = 2;
/** koffi refuses more than it has slots for; more would not be faster, as the pool has few threads. */
const MOST_CALLS_AT_ONCE = 32;

/** What this file uses of `koffi`; its own types are there only where it is installed. */
interface Koffi {
  load(library: string): { func(definition: string): NativeFunction };
  errno(): number;
  address(buffer: Uint8Array): bigint;
  readonly os: { readonly errno: Readonly<Record<string, number>> };
}

interface NativeFunction {
  (...args: readonly unknown[]): number;
  async(...args: readonly unknown[]): void;
}

/** Lets so many calls run at once, the others in the order in which they came. */
class CallSlots {
  #free = MOST_CALLS_AT_ONCE;
  readonly #waiting: (() => void)[] = [];

  async take(): Promise<void> {
    if (this.#free > 0) {
      this.#free--;
      return;
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  give(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#free++;
  }
}

function bindLibrary(koffi: Koffi): HostCalls {
  const library = koffi.load('libc.so.6');
  const seek = library.func('int64_t lseek64(int fd, int64_t offset, int whence)');
  const fallocate = library.func('int fallocate64(int fd, int mode, int64_t offset, int64_t bytes)');
  const copyFileRange = library.func('int64_t copy_file_range(int from, void *fromOffset, int to, void *toOffset, size_t bytes, unsigned int flags)');
  const advise = library.func('int posix_fadvise64(int fd, int64_t offset, int64_t bytes, int advice)');
  const fcntl = library.func('int fcntl(int fd, int command, void *lock)');
  const slots = new CallSlots();
  const codes = new Map(Object.entries(koffi.os.errno).map(([name, value]) => [value, name as Errno]));

  const failure = (what: string): BlockError => {
    const code = codes.get(koffi.errno()) ?? 'EIO';
    return blockError((code as string) === 'EOPNOTSUPP' ? 'ENOTSUP' : code, `${what} failed`);
  };

  const inPool = async (what: string, native: NativeFunction, ...args: unknown[]): Promise<number> => {
    await slots.take();
    try {
      return await new Promise<number>((resolve, reject) => {
        native.async(...args, (error: unknown, result: unknown) => {
          if (error !== null) reject(blockError('EIO', `${what} failed`, error));
          else if (Number(result) < 0) reject(failure(what));
          else resolve(Number(result));
        });
      });
    } finally {
      slots.give();
    }
  };

  const seekTo = async (what: string, fd: number, offset: number, whence: number): Promise<number | null> => {
    try {
      return await inPool(what, seek, fd, offset, whence);
    } catch (error) {
      if ((error as BlockError).code === 'ENXIO') return null;
      throw error;
    }
  };

  const lockCommand = (fd: number, command: number, type: number, byte: number): Buffer => {
    const lock = lockRecord(type, byte);
    if (fcntl(fd, command, lock) < 0) throw failure('Locking a byte of the file');
    return lock;
  };

  return {
    seekData: (fd, offset) => seekTo('Looking for data', fd, offset, SEEK_DATA),
    seekHole: (fd, offset) => seekTo('Looking for a hole', fd, offset, SEEK_HOLE),
    async punchHole(fd, offset, bytes) {
      await inPool('Punching a hole', fallocate, fd, FALLOC_PUNCH_HOLE | FALLOC_KEEP_SIZE, offset, bytes);
    },
    async zeroRange(fd, offset, bytes) {
      await inPool('Zeroing a range', fallocate, fd, FALLOC_ZERO_RANGE, offset, bytes);
    },
    async allocate(fd, offset, bytes) {
      await inPool('Reserving space', fallocate, fd, 0, offset, bytes);
    },
    copyRange: (from, fromOffset, to, toOffset, bytes) =>
      inPool('Copying within the host', copyFileRange, from, offsetRecord(fromOffset), to, offsetRecord(toOffset), bytes, 0),
    async dropCache(fd) {
      await inPool('Dropping the cache', advise, fd, 0, 0, FADV_DONTNEED);
    },
    lockShared: (fd, byte) => void lockCommand(fd, F_OFD_SETLK, F_RDLCK, byte),
    unlock: (fd, byte) => void lockCommand(fd, F_OFD_SETLK, F_UNLCK, byte),
    isLockedByOther: (fd, byte) => lockCommand(fd, F_OFD_GETLK, F_WRLCK, byte).readInt16LE(0) !== F_UNLCK,
    misalignment: (buffer, alignment) => Number(koffi.address(buffer) % BigInt(alignment)),
  };
}

/** A `struct flock` of 64-bit Linux: type, origin (start of the file), start, length, process (none). */
function lockRecord(type: number, byte: number): Buffer {
  const record = Buffer.alloc(32);
  record.writeInt16LE(type, 0);
  record.writeBigInt64LE(BigInt(byte), 8);
  record.writeBigInt64LE(1n, 16);
  return record;
}

function offsetRecord(offset: number): Buffer {
  const record = Buffer.alloc(8);
  record.writeBigInt64LE(BigInt(offset));
  return record;
}

function loadCalls(): HostCalls | null {
  if (process.platform !== 'linux') return null;
  try {
    return bindLibrary(createRequire(import.meta.url)('koffi') as Koffi);
  } catch {
    return null;
  }
}

const loaded = loadCalls();
let current = loaded;

/** The host's calls; `null` where there are none. @common */
export function hostCalls(): HostCalls | null {
  return current;
}

/**
 * Does without the host's calls, as on a host that has none, or uses them again.
 *
 * @common
 */
export function useHostCalls(wanted: boolean): void {
  current = wanted ? loaded : null;
}
