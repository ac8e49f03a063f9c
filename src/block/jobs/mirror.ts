/** PLACEHOLDER. */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import type { BlockJob, CommitActiveOptions, MirrorOptions } from '../model/jobs.ts';
import { notBuilt } from '../not-built.ts';

/**
 * Starts a mirror job; incremental and bitmap sync modes are rejected here.
 *
 * @globalState
 */
export async function mirrorStart(options: MirrorOptions): Promise<void> {
  GLOBAL_STATE_CODE('mirrorStart');
  throw notBuilt('mirrorStart');
}

/**
 * Starts a commit of the active layer (built on the mirror job); returns the job.
 *
 * @globalState
 */
export async function commitActiveStart(options: CommitActiveOptions): Promise<BlockJob> {
  GLOBAL_STATE_CODE('commitActiveStart');
  throw notBuilt('commitActiveStart');
}
