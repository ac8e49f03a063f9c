/**
 * The space that a host file takes: holes, zeroes, reserved space, length.
 *
 * In: an open file and a range. Out: the range is as asked, or a `BlockError`; `ENOTSUP` where the host has no way of its own, so that the
 * caller can write zeroes instead. Leaves to others: the calls themselves (`libc.ts`).
 */
import { hostOperation } from '../../contexts/coroutine.ts';
import type { PreallocMode } from '../../model/driver.ts';
import { blockError, errnoOf } from '../../model/errors.ts';
import { IoVector } from '../../model/io-vector.ts';
import type { HostFile } from './host-file.ts';
import { hostCalls, type HostCalls } from './libc.ts';

const CHUNK = 2 ** 20;

/** What `length` bytes from an offset on are: all data, or all hole. */
export interface Extent {
  readonly isData: boolean;
  readonly length: number;
}

/** The host's calls, or `ENOTSUP`. @io */
function calls(): HostCalls {
  const available = hostCalls();
  if (available === null) throw blockError('ENOTSUP', 'The host offers no way to change the space of a file');
  return available;
}

/** Whether an error says that the host or this file system can't do that. */
function isUnsupported(error: unknown): boolean {
  return ['ENOTSUP', 'EINVAL', 'ENOSYS', 'ENOTTY'].includes(errnoOf(error));
}

async function tryOne(operation: () => Promise<void>): Promise<boolean> {
  try {
    await operation();
    return true;
  } catch (error) {
    if (isUnsupported(error)) return false;
    throw error;
  }
}

/** Gives the space of a range back. @io @coroutine */
export async function discardRange(file: HostFile, offset: number, bytes: number): Promise<void> {
  const host = calls();
  if (!(await tryOne(() => file.use((fd) => hostOperation(host.punchHole(fd, offset, bytes)))))) {
    throw blockError('ENOTSUP', 'The file system can not give space back');
  }
}

/**
 * Makes a range read as zero without writing it; the file grows if the range ends behind it.
 *
 * @io
 * @coroutine
 */
export async function zeroRange(file: HostFile, offset: number, bytes: number, mayUnmap: boolean): Promise<void> {
  const host = calls();
  await file.use(async (fd) => {
    const unmap = (): Promise<void> => hostOperation(host.punchHole(fd, offset, bytes));
    // A hole doesn't make the file longer. Reserving its last byte does, and never makes it shorter, whatever other requests do meanwhile.
    const reach = async (): Promise<void> => {
      if ((await file.length()) < offset + bytes) await hostOperation(host.allocate(fd, offset + bytes - 1, 1));
    };
    if (mayUnmap && (await tryOne(unmap))) return reach();
    if (await tryOne(() => hostOperation(host.zeroRange(fd, offset, bytes)))) return;
    // Space that was never written reads as zero: so give it back and reserve it anew.
    if (await tryOne(unmap)) return hostOperation(host.allocate(fd, offset, bytes));
    throw blockError('ENOTSUP', 'The file system can not zero a range');
  });
}

/**
 * What is at `offset`, up to `bytes` bytes. Without help of the host all is data.
 *
 * @io
 * @coroutine
 */
export async function extentAt(file: HostFile, offset: number, bytes: number): Promise<Extent> {
  const host = hostCalls();
  if (host === null) return { isData: true, length: bytes };
  return file.use(async (fd) => {
    const data = await hostOperation(host.seekData(fd, offset));
    if (data === null) return { isData: false, length: bytes };
    if (data > offset) return { isData: false, length: Math.min(bytes, data - offset) };
    const hole = await hostOperation(host.seekHole(fd, offset));
    return { isData: true, length: hole === null ? bytes : Math.min(bytes, hole - offset) };
  });
}

/**
 * Copies within the host.
 *
 * @throws BlockError `ENOTSUP` where that is not possible between these two files
 * @io
 * @coroutine
 */
export async function copyWithinHost(from: HostFile, fromOffset: number, to: HostFile, toOffset: number, bytes: number): Promise<void> {
  const host = calls();
  const unsupported = (cause?: unknown): Error => blockError('ENOTSUP', 'The host can not copy between these files', cause);
  await from.use((fromFd) =>
    to.use(async (toFd) => {
      let done = 0;
      while (done < bytes) {
        const count = await hostOperation(host.copyRange(fromFd, fromOffset + done, toFd, toOffset + done, bytes - done)).catch((error: unknown) => {
          throw isUnsupported(error) || errnoOf(error) === ('EXDEV' as string) ? unsupported(error) : error;
        });
        // Behind the end of the source there is nothing to copy: the caller has to read and write instead.
        if (count === 0) throw unsupported();
        done += count;
      }
    }),
  );
}

/**
 * Makes a file `length` bytes long, and prepares the space of what is new.
 *
 * @io
 * @coroutine
 */
export async function resizeFile(file: HostFile, length: number, prealloc: PreallocMode): Promise<void> {
  const before = await file.length();
  if (prealloc === 'off') return file.truncate(length);
  if (prealloc === 'metadata') throw blockError('ENOTSUP', "Unsupported preallocation mode 'metadata'");
  if (length < before) throw blockError('ENOTSUP', 'Preallocation can\'t be used for shrinking files');
  if (length === before) return;
  try {
    await reserve(file, before, length - before, prealloc);
  } catch (error) {
    await Promise.allSettled([file.truncate(before)]);
    throw blockError(errnoOf(error), 'Could not preallocate data for the new file', error);
  }
}

async function reserve(file: HostFile, offset: number, bytes: number, prealloc: PreallocMode): Promise<void> {
  const host = hostCalls();
  if (prealloc === 'falloc' && host !== null) {
    if (await tryOne(() => file.use((fd) => hostOperation(host.allocate(fd, offset, bytes))))) return;
  }
  await file.truncate(offset + bytes);
  const zeroes = new Uint8Array(Math.min(CHUNK, bytes));
  for (let done = 0; done < bytes; done += zeroes.length) {
    await file.write(offset + done, IoVector.of(zeroes.subarray(0, Math.min(zeroes.length, bytes - done))));
  }
  await file.sync();
}
