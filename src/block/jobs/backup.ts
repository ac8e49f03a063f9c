/** PLACEHOLDER. */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import type { BlockJob, BackupOptions } from '../model/jobs.ts';
import { notBuilt } from '../not-built.ts';

/**
 * Creates a backup job (copy-before-write filter, optional bitmap, optional transaction); returns the job.
 *
 * @globalState
 */
export async function backupJobCreate(options: BackupOptions): Promise<BlockJob> {
  GLOBAL_STATE_CODE('backupJobCreate');
  throw notBuilt('backupJobCreate');
}
