/** The record of a dirty bitmap: which parts of a node were written since it was cleared. */
import type { BlockDriverState } from './node.ts';

/** One bit for each `granularity` bytes. Its functions are in `requests/dirty-bitmap.ts`. */
export interface BdrvDirtyBitmap {
  readonly bs: BlockDriverState;
  /** `null`: internal. */
  name: string | null;
  /** Bytes; a power of two. */
  readonly granularity: number;
  /** Length of the node in bytes. */
  size: number;
  /** Bit n is bit n % 8 of byte n / 8, as qcow2 stores it; whole words of 8 bytes. */
  bits: Uint8Array;
  /** Set bits. */
  count: number;
  disabled: boolean;
  /** Stored somewhere where it can't be changed: the node can't be written then. */
  readonly: boolean;
  persistent: boolean;
  /** Stored as in use: its content can't be trusted. */
  inconsistent: boolean;
  /** In use by a job. */
  busy: boolean;
  /** Takes the writes while this one is frozen by a backup. */
  successor: BdrvDirtyBitmap | null;
  /** Not stored when the node closes, because it has moved elsewhere. */
  skipStore: boolean;
}

/** A bitmap, as `query-block` tells it. */
export interface BlockDirtyInfo {
  /** Absent: internal. */
  readonly name?: string;
  /** Bytes that are dirty. */
  readonly count: number;
  readonly granularity: number;
  readonly recording: boolean;
  readonly busy: boolean;
  readonly persistent: boolean;
  /** Absent: it is consistent. */
  readonly inconsistent?: true;
}
