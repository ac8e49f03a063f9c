/**
 * `blk-img commit`: writes what an image has into the image below it.
 *
 * In: an image, the base to write to (the next one below without `-b`). Out: the base shows what the image shows; the image is emptied,
 * unless it is dropped or the base lies deeper. Leaves to others: the copying (a job).
 */
import type { Command } from 'commander';
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { blkNewWithBs, blkUnref } from '../backend/registry.ts';
import { blkBs } from '../backend/settings.ts';
import { blkMakeEmpty } from '../backend/wrappers.ts';
import { aioWaitWhile } from '../contexts/poll.ts';
import { bdrvBackingChainNext } from '../graph/chain-links.ts';
import { bdrvFindBackingImage } from '../graph/chains.ts';
import { bdrvRef, bdrvUnref } from '../graph/nodes.ts';
import { commitActiveStart } from '../jobs/mirror.ts';
import { jobComplete, jobFinishSync, jobUnref } from '../jobs/job-completion.ts';
import { jobRef } from '../jobs/job-list.ts';
import { jobProgressTotal } from '../jobs/job-progress.ts';
import { jobIsCompleted, jobIsReady } from '../jobs/job-states.ts';
import type { BlockBackend } from '../model/backend.ts';
import { BLK_PERM_ALL, BLK_PERM_WRITE } from '../model/constants.ts';
import { errnoOf } from '../model/errors.ts';
import type { Job } from '../model/jobs.ts';
import type { BlockDriverState } from '../model/node.ts';
import { addImageCommand, withImage, type ImageOptions } from './command.ts';
import { ImgFailure, messageOf } from './failure.ts';
import type { Done } from './main.ts';
import { FOR_WRITING } from './open-image.ts';
import { sizeOf } from './options.ts';
import { progressLine, type Progress } from './progress.ts';
import type { Streams } from './streams.ts';

interface CommitOptions extends ImageOptions {
  readonly base?: string;
  readonly drop?: boolean;
  readonly cache?: string;
  readonly rateLimit?: string;
  readonly progress?: boolean;
}

/**
 * Adds the command to the program.
 *
 * @globalState
 */
export function addCommit(program: Command, streams: Streams, done: Done): void {
  GLOBAL_STATE_CODE('addCommit');
  addImageCommand(program, 'commit', 'Write what an image has into the one below it.')
    .argument('<filename>')
    .option('-b, --base <filename>', 'the image of the chain to write to')
    .option('-d, --drop', 'leave the image as it is')
    .option('-t, --cache <mode>', 'cache mode')
    .option('-r, --rate-limit <size>', 'bytes a second')
    .option('-p, --progress', 'show progress on a terminal')
    .option('-q, --quiet', 'print only errors')
    .action(async (filename: string, options: CommitOptions) => {
      const image = { name: filename, imageOpts: options.imageOpts, format: options.format, cache: options.cache, flags: FOR_WRITING };
      await withImage(image, (blk) => commit(blk, options, streams));
      if (!options.quiet) streams.out('Image committed.\n');
      done(0);
    });
}

/** @globalState */
async function commit(blk: BlockBackend, options: CommitOptions, streams: Streams): Promise<void> {
  GLOBAL_STATE_CODE('commit');
  const bs = blkBs(blk);
  if (bs === null) throw new ImgFailure('The image has no medium');
  const base = baseOf(bs, options.base);
  // The backend stands on the base once the job is done: the image that was committed must outlive that, to be emptied.
  bdrvRef(bs);
  try {
    const speed = options.rateLimit === undefined ? 0 : sizeOf(options.rateLimit, 'rate limit');
    const job = await commitActiveStart({ jobId: 'commit', bs, base, autoComplete: false, onError: 'report', speed });
    const error = await runToTheEnd(job, progressLine(options.progress, streams));
    if (error !== null) throw new ImgFailure(messageOf(error));
    if (!options.drop && options.base === undefined) await empty(bs);
  } finally {
    await bdrvUnref(bs);
  }
}

/** @globalState */
async function empty(bs: BlockDriverState): Promise<void> {
  GLOBAL_STATE_CODE('empty');
  const blk = await blkNewWithBs(bs, BLK_PERM_WRITE, BLK_PERM_ALL);
  try {
    await blkMakeEmpty(blk);
  } catch (error) {
    if (errnoOf(error) !== 'ENOTSUP') throw new ImgFailure(`Could not empty the image: ${messageOf(error)}`);
  } finally {
    await blkUnref(blk);
  }
}

/** @globalState */
function baseOf(bs: BlockDriverState, name: string | undefined): BlockDriverState {
  GLOBAL_STATE_CODE('baseOf');
  const base = name === undefined ? bdrvBackingChainNext(bs) : bdrvFindBackingImage(bs, name);
  if (base !== null) return base;
  throw new ImgFailure(name === undefined ? 'Image does not have a backing file' : `Did not find '${name}' in the backing chain of '${bs.filename}'`);
}

/** @globalState */
async function runToTheEnd(job: Job, progress: Progress): Promise<Error | null> {
  GLOBAL_STATE_CODE('runToTheEnd');
  jobRef(job);
  try {
    await aioWaitWhile(job.aioContext, () => {
      progress.show(job.progress.current, jobProgressTotal(job));
      return !jobIsReady(job) && !jobIsCompleted(job);
    });
    const error = await jobFinishSync(job, jobIsCompleted(job) ? null : () => jobComplete(job));
    await aioWaitWhile(job.aioContext, () => job.status !== 'null');
    progress.end();
    return error ?? job.error;
  } finally {
    await jobUnref(job);
  }
}
