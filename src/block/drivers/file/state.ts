/**
 * What an open `file` node knows.
 *
 * In: the options of the node. Out: its open file and how it is locked. Leaves to others: requests (`requests.ts`), permissions and
 * reopening (`permissions.ts`).
 */
import {
  BDRV_O_AUTO_RDONLY, BDRV_O_NOCACHE, BDRV_O_RDWR, BLK_PERM_RESIZE, BLK_PERM_WRITE, BLK_PERM_WRITE_UNCHANGED, type OpenFlags, type Permissions,
} from '../../model/constants.ts';
import type { BlockError } from '../../model/errors.ts';
import type { BlockDriverState } from '../../model/node.ts';
import type { HostFile, HostFileMode } from './host-file.ts';
import type { ImageLock } from './image-lock.ts';

/** A file and the locks on it. */
export interface LockedFile {
  readonly file: HostFile;
  /** `null`: locking is off. */
  readonly lock: ImageLock | null;
}

/** The state of a node. */
export interface FileState {
  path: string;
  open: LockedFile;
  readonly useLock: boolean;
  /** Forget the host's cache when the other side of a migration may have written. */
  readonly dropCache: boolean;
  /** The permissions in force. */
  perm: Permissions;
  shared: Permissions;
  /** What takes the place of `open` once the permissions that are being checked are set. */
  pending: LockedFile | null;
  /** Opened by a reopen, for the permission check to take. */
  reopened: HostFile | null;
  /** After a failed flush nobody knows what is on the disk: all later ones fail as well. */
  flushError: BlockError | null;
  /** What discards did, for `query-blockstats`. */
  readonly discards: { done: number; failed: number; bytes: number };
}

/** @io */
export function fileStateOf(bs: BlockDriverState): FileState {
  return bs.opaque as FileState;
}

const WRITERS = BLK_PERM_WRITE | BLK_PERM_WRITE_UNCHANGED | BLK_PERM_RESIZE;

/**
 * How the host's file is opened for a node. With auto-read-only it is writable only while somebody writes.
 *
 * @common
 */
export function hostModeFor(flags: OpenFlags, perm: Permissions): HostFileMode {
  const writable = (flags & BDRV_O_RDWR) !== 0 && ((flags & BDRV_O_AUTO_RDONLY) === 0 || (perm & WRITERS) !== 0);
  return { writable, direct: (flags & BDRV_O_NOCACHE) !== 0 };
}
