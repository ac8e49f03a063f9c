/**
 * Flags, bits and limits, with the values of the block layer.
 *
 * Sets of flags are numbers made with `|`; every set has a name of its own for readers.
 */

/** How one request is to be done. */
export type BdrvRequestFlags = number;

/** Copy what is read from below into this layer. */
export const BDRV_REQ_COPY_ON_READ = 1;
/** The write is a zero write (no data given); for truncate: new area must read as zero. */
export const BDRV_REQ_ZERO_WRITE = 2;
/** Zero write may deallocate if zero content is guaranteed; reaches the driver only for nodes opened with BDRV_O_UNMAP. */
export const BDRV_REQ_MAY_UNMAP = 4;
/** Data must be stable when the request completes. */
export const BDRV_REQ_FUA = 16;
/** Compressed write. */
export const BDRV_REQ_WRITE_COMPRESSED = 32;
/** The visible content stays the same; WRITE_UNCHANGED permission is enough. */
export const BDRV_REQ_WRITE_UNCHANGED = 64;
/** Serialise against overlapping requests; writes only. */
export const BDRV_REQ_SERIALISING = 0x80;
/** Fail rather than use a slow emulation. */
export const BDRV_REQ_NO_FALLBACK = 0x100;
/** Only with copy-on-read: just make sure the data is copied up, no need to return it. */
export const BDRV_REQ_PREFETCH = 0x200;
/** Only with SERIALISING: fail at once instead of waiting. */
export const BDRV_REQ_NO_WAIT = 0x400;
/** Mask of all valid bits. */
export const BDRV_REQ_MASK = 0x7ff;

/** How a node is opened. */
export type OpenFlags = number;

/** Share no permissions. */
export const BDRV_O_NO_SHARE = 1;
/** Read-write. */
export const BDRV_O_RDWR = 2;
/** Ask for the RESIZE permission. */
export const BDRV_O_RESIZE = 4;
/** Open read-only with a temporary overlay for writes. */
export const BDRV_O_SNAPSHOT = 8;
/** Delete the file after use. */
export const BDRV_O_TEMPORARY = 16;
/** Bypass the host page cache. */
export const BDRV_O_NOCACHE = 32;
/** Native AIO replaces the thread pool. */
export const BDRV_O_NATIVE_AIO = 0x80;
/** Do not open the backing file. */
export const BDRV_O_NO_BACKING = 0x100;
/** Ignore flushes. */
export const BDRV_O_NO_FLUSH = 0x200;
/** Copy data read from below into this image. */
export const BDRV_O_COPY_ON_READ = 0x400;
/** Node is inactive: owned by the other side of a migration. */
export const BDRV_O_INACTIVE = 0x800;
/** Opened only for a consistency check. */
export const BDRV_O_CHECK = 0x1000;
/** A reopen may make it read-write. */
export const BDRV_O_ALLOW_RDWR = 0x2000;
/** Pass guest discards on. */
export const BDRV_O_UNMAP = 0x4000;
/** Without explicit driver choose a protocol driver, no format probing. */
export const BDRV_O_PROTOCOL = 0x8000;
/** No I/O is going to happen. */
export const BDRV_O_NO_IO = 0x10000;
/** Fall back to read-only if read-write fails. */
export const BDRV_O_AUTO_RDONLY = 0x20000;
/** io_uring replaces the thread pool. */
export const BDRV_O_IO_URING = 0x40000;
/** NOCACHE | NO_FLUSH. */
export const BDRV_O_CACHE_MASK = 0x220;

/** What is known about a range; the table of meanings is at `bdrvBlockStatus`. */
export type BlockStatusFlags = number;

/** Allocation of the data belongs to this layer. */
export const BDRV_BLOCK_DATA = 1;
/** Reads as zero. */
export const BDRV_BLOCK_ZERO = 2;
/** The map result is a valid offset in the returned file node. */
export const BDRV_BLOCK_OFFSET_VALID = 4;
/** Pass-through driver: ask the returned node again; only together with OFFSET_VALID. */
export const BDRV_BLOCK_RAW = 8;
/** This layer, not a backing layer, decides the content; set by the block layer. */
export const BDRV_BLOCK_ALLOCATED = 16;
/** The returned length reaches the end of this layer; set by the block layer. */
export const BDRV_BLOCK_EOF = 32;
/** Let the block layer look for zeroes in the file child; only with DATA and OFFSET_VALID, not with ZERO. */
export const BDRV_BLOCK_RECURSE = 64;

/** What the parent of an edge may do with the node below. */
export type Permissions = number;

/** The view of the content is complete and of one point in time (not so in the middle of a chain that is being committed). */
export const BLK_PERM_CONSISTENT_READ = 1;
/** May change the visible content. */
export const BLK_PERM_WRITE = 2;
/** May write what leaves the visible content the same; implied by WRITE. */
export const BLK_PERM_WRITE_UNCHANGED = 4;
/** May change the length. */
export const BLK_PERM_RESIZE = 8;
/** May change which node the edge points to. */
export const BLK_PERM_GRAPH_MOD = 16;
/** All bits. */
export const BLK_PERM_ALL = 31;
/** CONSISTENT_READ | WRITE | WRITE_UNCHANGED | RESIZE: what filters pass on. */
export const DEFAULT_PERM_PASSTHROUGH = 15;
/** BLK_PERM_ALL without PASSTHROUGH (so GRAPH_MOD): always shared by filters. */
export const DEFAULT_PERM_UNCHANGED = 16;

/** What a child is for. */
export type BdrvChildRole = number;

/** Child stores data; any number. */
export const BDRV_CHILD_DATA = 1;
/** Child stores metadata; any number. */
export const BDRV_CHILD_METADATA = 2;
/** Child shows exactly the parent's data; at most one; excludes DATA, METADATA, COW. */
export const BDRV_CHILD_FILTERED = 4;
/** Backing child: source of what the parent has not allocated; at most one; excludes DATA, METADATA, FILTERED. */
export const BDRV_CHILD_COW = 8;
/** Main child, whose file name suits the parent best; at most one. */
export const BDRV_CHILD_PRIMARY = 16;
/** DATA | METADATA | PRIMARY. */
export const BDRV_CHILD_IMAGE = 19;

/** What a check repairs. */
export type BdrvCheckMode = number;

/** Repair leaks. */
export const BDRV_FIX_LEAKS = 1;
/** Repair errors. */
export const BDRV_FIX_ERRORS = 2;

/** What a node can be blocked for: the index of its list of blockers. */
export const BlockOpType = {
  /** Source of a backup. */
  BACKUP_SOURCE: 0,
  /** Target of a backup. */
  BACKUP_TARGET: 1,
  /** Medium change. */
  CHANGE: 2,
  /** Source of a commit. */
  COMMIT_SOURCE: 3,
  /** Target of a commit. */
  COMMIT_TARGET: 4,
  /** Use by dataplane. */
  DATAPLANE: 5,
  /** Deletion of a drive. */
  DRIVE_DEL: 6,
  /** Eject. */
  EJECT: 7,
  /** External snapshot. */
  EXTERNAL_SNAPSHOT: 8,
  /** Internal snapshot. */
  INTERNAL_SNAPSHOT: 9,
  /** Deletion of an internal snapshot. */
  INTERNAL_SNAPSHOT_DELETE: 10,
  /** Source of a mirror. */
  MIRROR_SOURCE: 11,
  /** Target of a mirror. */
  MIRROR_TARGET: 12,
  /** Resize. */
  RESIZE: 13,
  /** Stream. */
  STREAM: 14,
  /** Replacement of the node. */
  REPLACE: 15,
} as const;
export type BlockOpType = (typeof BlockOpType)[keyof typeof BlockOpType];
export const BLOCK_OP_TYPE_MAX = 16;

/** Log2 of the sector size. */
export const BDRV_SECTOR_BITS = 9;
/** Sector size in bytes. */
export const BDRV_SECTOR_SIZE = 512;
/** Smaller of SIZE_MAX and INT_MAX, in sectors (value for 64-bit hosts). */
export const BDRV_REQUEST_MAX_SECTORS = 4194303;
/** The same in bytes. */
export const BDRV_REQUEST_MAX_BYTES = 2147483136;
/** 1 << 30: largest alignment allowed for requests. */
export const BDRV_MAX_ALIGNMENT = 1073741824;
/** Largest length and offset: what a number holds exactly, rounded down to the largest alignment. The seed allows 2^63 - 2^30; no file of this platform is that long. */
export const BDRV_MAX_LENGTH = Number.MAX_SAFE_INTEGER + 1 - 2 ** 30;
/** Image flag. */
export const BLOCK_FLAG_LAZY_REFCOUNTS = 8;
/** Bytes read for format probing. */
export const BLOCK_PROBE_BUF_SIZE = 512;

/** Names of the options that every node takes. */
export const RUNTIME_OPTIONS = ['cache.writeback', 'cache.direct', 'cache.no-flush', 'read-only', 'auto-read-only', 'discard', 'force-share'] as const;
