/** PLACEHOLDER. */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import type { StreamOptions } from '../model/jobs.ts';
import { notBuilt } from '../not-built.ts';

/**
 * Starts a stream job: copies data from between base and the node into the node, then shortens the chain. Either base or bottom is given, not both.
 *
 * @globalState
 */
export async function streamStart(options: StreamOptions): Promise<void> {
  GLOBAL_STATE_CODE('streamStart');
  throw notBuilt('streamStart');
}
