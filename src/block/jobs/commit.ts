/** PLACEHOLDER. */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import type { CommitOptions } from '../model/jobs.ts';
import { notBuilt } from '../not-built.ts';

/**
 * Starts a commit job for intermediate nodes; top must differ from the active node.
 *
 * @globalState
 */
export async function commitStart(options: CommitOptions): Promise<void> {
  GLOBAL_STATE_CODE('commitStart');
  throw notBuilt('commitStart');
}
