/** Shapes of answers about the graph. */
import type { BdrvChildRole, OpenFlags } from './constants.ts';
import type { BlockBackend } from './backend.ts';
import type { BlockDriverState, DetectZeroes } from './node.ts';

/** How the first `pnum` bytes asked for are allocated. */
export interface AllocationStatus {
  readonly allocated: boolean;
  readonly pnum: number;
}

/** A position among all nodes: first the root nodes of backends, then nodes that only the monitor owns. Keeps what it stands on alive. */
export interface BdrvNextIterator {
  phase: 'backend-roots' | 'monitor-owned';
  blk: BlockBackend | null;
  bs: BlockDriverState | null;
}

/** One node, for `query-named-block-nodes`. */
export interface BlockDeviceInfo {
  readonly nodeName: string;
  readonly driver: string;
  readonly file: string;
  readonly readOnly: boolean;
  readonly backingFile: string | null;
  readonly backingFileDepth: number;
  readonly encrypted: boolean;
  readonly detectZeroes: DetectZeroes;
  readonly openFlags: OpenFlags;
  readonly writeThreshold: number;
  readonly cache: { readonly writeback: boolean; readonly direct: boolean; readonly noFlush: boolean };
}

/** All nodes, backends, jobs and edges, for `x-debug-query-block-graph`. */
export interface XDbgBlockGraph {
  readonly nodes: readonly { readonly id: number; readonly type: 'block-backend' | 'block-job' | 'block-driver'; readonly name: string }[];
  readonly edges: readonly {
    readonly parent: number;
    readonly child: number;
    readonly name: string;
    readonly role: BdrvChildRole;
    readonly perm: readonly string[];
    readonly sharedPerm: readonly string[];
  }[];
}
