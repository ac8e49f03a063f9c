/**
 * An open file of the host.
 *
 * In: a path and how to open it; requests by offset. Out: data, or a `BlockError` with the host's code and words. Every wait goes through
 * the scheduler. Leaves to others: holes and reserved space (`libc.ts`), locks (`image-lock.ts`), what the file is used for.
 *
 * A file that is closed while requests still use it (a permission change replaced it) stays open until the last of them is done.
 */
import fs from 'node:fs';
import { getSystemErrorMap } from 'node:util';
import { GLOBAL_STATE_CODE } from '../../../runtime/index.ts';
import { hostOperation } from '../../contexts/coroutine.ts';
import { blockError, errnoOf, type BlockError } from '../../model/errors.ts';
import { IoVector } from '../../model/io-vector.ts';
import { hostCalls } from './libc.ts';

/** How a file is opened. */
export interface HostFileMode {
  readonly writable: boolean;
  /** Bypasses the host's page cache. */
  readonly direct: boolean;
}

type Callback<T> = (error: NodeJS.ErrnoException | null, result?: T) => void;

/** Buffers of direct requests start at a multiple of it. */
const DIRECT_MEMORY_ALIGNMENT = 4096;

/** The host's words for an error of one of its calls. @common */
export function hostError(error: unknown): BlockError {
  const words = getSystemErrorMap().get((error as { errno?: number }).errno ?? 0)?.[1] ?? (error as Error).message;
  return blockError(errnoOf(error), `${words.charAt(0).toUpperCase()}${words.slice(1)}`, error);
}

function hostCall<T = void>(start: (done: Callback<T>) => void): Promise<T> {
  return hostOperation(new Promise<T>((resolve, reject) => start((error, result) => (error ? reject(hostError(error)) : resolve(result as T)))));
}

/** The number of `open` flags of `mode`. */
function flagsOf(mode: HostFileMode): number {
  return (mode.writable ? fs.constants.O_RDWR : fs.constants.O_RDONLY) | (mode.direct ? fs.constants.O_DIRECT : 0);
}

function refuseDirect(mode: HostFileMode): void {
  if (mode.direct && hostCalls() === null) {
    throw blockError('ENOTSUP', "cache.direct=on needs the optional package 'koffi' on Linux: buffers have to be aligned in memory");
  }
}

/** An open file. Offsets and lengths in bytes. */
export class HostFile {
  readonly fd: number;
  readonly mode: HostFileMode;
  /** Names the file itself, whatever path led to it. */
  readonly identity: string;
  readonly isRegular: boolean;
  #users = 0;
  #state: 'open' | 'closing' | 'closed' = 'open';

  constructor(fd: number, mode: HostFileMode, stats: fs.BigIntStats) {
    this.fd = fd;
    this.mode = mode;
    this.identity = `${stats.dev}:${stats.ino}`;
    this.isRegular = stats.isFile();
  }

  /** @common */
  static async open(path: string, mode: HostFileMode, extraFlags = 0): Promise<HostFile> {
    refuseDirect(mode);
    const fd = await hostCall<number>((done) => fs.open(path, flagsOf(mode) | extraFlags, 0o644, done));
    const stats = await hostCall<fs.BigIntStats>((done) => fs.fstat(fd, { bigint: true }, done));
    return new HostFile(fd, mode, stats);
  }

  /** For permission changes, which must not wait in between. @globalState */
  static openNow(path: string, mode: HostFileMode): HostFile {
    GLOBAL_STATE_CODE('HostFile.openNow');
    refuseDirect(mode);
    try {
      const fd = fs.openSync(path, flagsOf(mode));
      return new HostFile(fd, mode, fs.fstatSync(fd, { bigint: true }));
    } catch (error) {
      throw hostError(error);
    }
  }

  /** Runs `operation` with the file held open. @runs operation caller wait */
  async use<T>(operation: (fd: number) => Promise<T>): Promise<T> {
    this.#users++;
    try {
      return await operation(this.fd);
    } finally {
      this.#users--;
      this.#closeIfUnused();
    }
  }

  /** Closes it, now or when the last request is done. */
  close(): void {
    if (this.#state === 'open') this.#state = 'closing';
    this.#closeIfUnused();
  }

  /** Reads into all of `qiov`; what is behind the end of the file reads as zero. */
  async read(offset: number, qiov: IoVector): Promise<void> {
    await this.use(async (fd) => {
      if (this.mode.direct) return readDirect(fd, offset, qiov);
      let done = 0;
      while (done < qiov.size) {
        const count = await readSome(fd, qiov.slice(done, qiov.size - done), offset + done);
        if (count === 0) return qiov.fill(0, done);
        done += count;
      }
    });
  }

  /** Writes all of `qiov`. */
  async write(offset: number, qiov: IoVector): Promise<void> {
    await this.use(async (fd) => {
      if (this.mode.direct) return writeDirect(fd, offset, qiov);
      let done = 0;
      while (done < qiov.size) done += await writeSome(fd, qiov.slice(done, qiov.size - done), offset + done);
    });
  }

  /** Makes what was written stable. */
  async sync(): Promise<void> {
    await this.use((fd) => hostCall((done) => fs.fdatasync(fd, done)));
  }

  async truncate(length: number): Promise<void> {
    await this.use((fd) => hostCall((done) => fs.ftruncate(fd, length, done)));
  }

  async stat(): Promise<fs.Stats> {
    return this.use((fd) => hostCall<fs.Stats>((done) => fs.fstat(fd, done)));
  }

  async length(): Promise<number> {
    return (await this.stat()).size;
  }

  #closeIfUnused(): void {
    if (this.#state !== 'closing' || this.#users > 0) return;
    this.#state = 'closed';
    // Nobody can act on a failure to close, and data that matters was flushed.
    fs.close(this.fd, () => undefined);
  }
}

/** Removes a file. @io */
export function unlinkHostFile(path: string): Promise<void> {
  return hostCall((done) => fs.unlink(path, done));
}

/** A buffer that direct requests may use: the host asks for aligned memory. */
function alignedBuffer(bytes: number): Uint8Array {
  const memory = new Uint8Array(bytes + DIRECT_MEMORY_ALIGNMENT);
  const skip = hostCalls()?.misalignment(memory, DIRECT_MEMORY_ALIGNMENT) ?? 0;
  const start = skip === 0 ? 0 : DIRECT_MEMORY_ALIGNMENT - skip;
  return memory.subarray(start, start + bytes);
}

function readSome(fd: number, qiov: IoVector, position: number): Promise<number> {
  const [first] = qiov.segments;
  if (first && qiov.segments.length === 1) {
    return hostCall<number>((done) => fs.read(fd, first, 0, first.length, position, done));
  }
  return hostCall<number>((done) => fs.readv(fd, qiov.segments, position, done));
}

function writeSome(fd: number, qiov: IoVector, position: number): Promise<number> {
  const [first] = qiov.segments;
  if (first && qiov.segments.length === 1) {
    return hostCall<number>((done) => fs.write(fd, first, 0, first.length, position, done));
  }
  return hostCall<number>((done) => fs.writev(fd, qiov.segments, position, done));
}

async function readDirect(fd: number, offset: number, qiov: IoVector): Promise<void> {
  const buffer = alignedBuffer(qiov.size);
  let done = 0;
  while (done < buffer.length) {
    const count = await readSome(fd, IoVector.of(buffer.subarray(done)), offset + done);
    // A part that is no whole sector is the end of the file.
    done += count;
    if (count === 0 || done % 512 !== 0) break;
  }
  qiov.copyFrom(buffer.subarray(0, done));
  qiov.fill(0, done);
}

async function writeDirect(fd: number, offset: number, qiov: IoVector): Promise<void> {
  const buffer = alignedBuffer(qiov.size);
  let position = 0;
  for (const segment of qiov.segments) {
    buffer.set(segment, position);
    position += segment.length;
  }
  let done = 0;
  while (done < buffer.length) done += await writeSome(fd, IoVector.of(buffer.subarray(done)), offset + done);
}
