/**
 * Locks that tell other users of an image what this one does with it and what it lets them do.
 *
 * In: an open file and permissions. Out: the image's bytes are locked accordingly, or a `BlockError` that names the permission another
 * user has or denies. Leaves to others: when permissions change (`driver.ts`).
 *
 * The bytes are QEMU's, so that its tools and this block layer respect each other: byte 100 + n is locked by whoever has permission n,
 * byte 200 + n by whoever does not share it. All locks are shared ones; to find a conflict one asks who has locked the opposite byte.
 * Worked example: a writer (has WRITE, bit 1; does not share WRITE) holds bytes 101 and 201. A second one that wants WRITE finds byte
 * 201 locked by another file: the first does not share it.
 */
import { BLK_PERM_ALL, type Permissions } from '../../model/constants.ts';
import { blockError, type BlockError } from '../../model/errors.ts';
import type { HostFile } from './host-file.ts';
import { hostCalls } from './libc.ts';

const IN_USE_BASE = 100;
const NOT_SHARED_BASE = 200;

/** The names of the permissions, by bit, as messages have them. */
const PERMISSION_NAMES = ['consistent read', 'write', 'write unchanged', 'resize', 'change children'];

/** Where byte locks are kept. */
interface LockTable {
  lock(file: HostFile, byte: number): void;
  unlock(file: HostFile, byte: number): void;
  isLockedByOther(file: HostFile, byte: number): boolean;
}

/** Who has locked which byte, by the identity of the file: for hosts without locks. Users in other processes are not seen. */
const lockedHere = new Map<string, Map<number, Set<HostFile>>>();

const ownTable: LockTable = {
  lock(file, byte) {
    const bytes = lockedHere.get(file.identity) ?? new Map<number, Set<HostFile>>();
    lockedHere.set(file.identity, bytes);
    const holders = bytes.get(byte) ?? new Set();
    bytes.set(byte, holders.add(file));
  },
  unlock(file, byte) {
    const bytes = lockedHere.get(file.identity);
    const holders = bytes?.get(byte);
    holders?.delete(file);
    if (holders?.size === 0) bytes?.delete(byte);
    if (bytes?.size === 0) lockedHere.delete(file.identity);
  },
  isLockedByOther(file, byte) {
    const holders = lockedHere.get(file.identity)?.get(byte);
    return holders !== undefined && holders.size > (holders.has(file) ? 1 : 0);
  },
};

function table(): LockTable {
  const calls = hostCalls();
  if (calls === null) return ownTable;
  return {
    lock: (file, byte) => calls.lockShared(file.fd, byte),
    unlock: (file, byte) => calls.unlock(file.fd, byte),
    isLockedByOther: (file, byte) => calls.isLockedByOther(file.fd, byte),
  };
}

/** What one open file has locked. */
export class ImageLock {
  readonly #file: HostFile;
  readonly #table = table();
  readonly #bytes = new Set<number>();

  constructor(file: HostFile) {
    this.#file = file;
  }

  /**
   * Locks what the permissions ask for, beside what is locked already; {@link settle} gives the rest back.
   *
   * @throws BlockError `EAGAIN` if another user of the image has a permission that is not shared, or does not share one that is wanted;
   * what this call locked is given back
   */
  acquire(perm: Permissions, shared: Permissions, filename: string): void {
    const added = [...bytesOf(perm, shared)].filter((byte) => !this.#bytes.has(byte));
    try {
      for (const byte of added) this.#lock(byte);
      this.#refuseConflicts(perm, shared, filename);
    } catch (error) {
      for (const byte of added) this.#unlock(byte);
      throw error;
    }
  }

  /** Keeps only what the permissions ask for. */
  settle(perm: Permissions, shared: Permissions): void {
    const wanted = bytesOf(perm, shared);
    for (const byte of [...this.#bytes]) if (!wanted.has(byte)) this.#unlock(byte);
  }

  /** The same locks for another open file of the same image, without asking: this one has them already. */
  copyTo(file: HostFile, perm: Permissions, shared: Permissions): ImageLock {
    const copy = new ImageLock(file);
    for (const byte of bytesOf(perm, shared)) copy.#lock(byte);
    return copy;
  }

  releaseAll(): void {
    for (const byte of [...this.#bytes]) this.#unlock(byte);
  }

  #lock(byte: number): void {
    this.#table.lock(this.#file, byte);
    this.#bytes.add(byte);
  }

  #unlock(byte: number): void {
    if (this.#bytes.delete(byte)) this.#table.unlock(this.#file, byte);
  }

  #refuseConflicts(perm: Permissions, shared: Permissions, filename: string): void {
    for (const [bit, name] of PERMISSION_NAMES.entries()) {
      if (!(shared & (1 << bit)) && this.#table.isLockedByOther(this.#file, IN_USE_BASE + bit)) throw conflict(`"${name}" lock`, filename);
      if (perm & (1 << bit) && this.#table.isLockedByOther(this.#file, NOT_SHARED_BASE + bit)) throw conflict(`shared "${name}" lock`, filename);
    }
  }
}

function bytesOf(perm: Permissions, shared: Permissions): Set<number> {
  const bytes = new Set<number>();
  for (const bit of PERMISSION_NAMES.keys()) {
    if (perm & (1 << bit)) bytes.add(IN_USE_BASE + bit);
    if (~shared & BLK_PERM_ALL & (1 << bit)) bytes.add(NOT_SHARED_BASE + bit);
  }
  return bytes;
}

function conflict(lock: string, filename: string): BlockError {
  return blockError('EAGAIN', `Failed to get ${lock}\nIs another process using the image [${filename}]?`);
}
