/** The record of a dirty bitmap: which parts of a node were written since it was cleared. */

/** One bit for each `granularity` bytes. Its functions are in `requests/dirty-bitmap.ts`. */
export interface BdrvDirtyBitmap {
  /** `null`: internal. */
  name: string | null;
  readonly granularity: number;
  /** Length of the node in bytes. */
  size: number;
  bits: Uint8Array;
  /** Set bits. */
  count: number;
  disabled: boolean;
  readonly: boolean;
  persistent: boolean;
  /** Stored as in use: its content can't be trusted. */
  inconsistent: boolean;
  /** In use by a job. */
  busy: boolean;
  /** Takes the writes while this one is frozen by a backup. */
  successor: BdrvDirtyBitmap | null;
  skipStore: boolean;
}
