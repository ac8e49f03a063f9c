/**
 * The edge from a block job to a node: what the graph may ask of a job.
 *
 * In: drains and moves of the nodes below. Out: the job pauses, and moves along. Leaves to others: attaching (`block-job.ts`).
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { bdrvChildCanSetAioContext, bdrvSetAioContextIgnore } from '../graph/aio-context-moves.ts';
import type { BdrvChildClass } from '../model/driver.ts';
import type { BlockJob } from '../model/jobs.ts';
import type { BdrvChild } from '../model/node.ts';
import { jobPause, jobResume } from './job-run.ts';
import { jobIsCompleted } from './job-states.ts';

/** The class of the edges of block jobs. Such an edge stays at its node when the node is replaced. */
export const childJob: BdrvChildClass = {
  stayAtNode: true,

  getParentDesc(child) {
    const job = jobOf(child);
    return `${job.driver.jobType} job '${job.id ?? ''}'`;
  },

  drainedBegin(child) {
    jobPause(jobOf(child));
  },

  drainedPoll(child) {
    const job = jobOf(child);
    // A coroutine that waits to be entered has nothing in flight; nor has a body that has ended.
    if (!job.busy || jobIsCompleted(job)) return false;
    return job.driver.drainedPoll?.(job) ?? true;
  },

  drainedEnd(child) {
    jobResume(jobOf(child));
  },

  canSetAioCtx(child, context, ignore) {
    for (const sibling of jobOf(child).nodes) {
      if (ignore.has(sibling)) continue;
      ignore.add(sibling);
      bdrvChildCanSetAioContext(sibling, context, ignore);
    }
  },

  async setAioCtx(child, context, ignore) {
    GLOBAL_STATE_CODE('childJob.setAioCtx');
    const job = jobOf(child);
    for (const sibling of job.nodes) {
      if (ignore.has(sibling) || sibling.bs === null) continue;
      ignore.add(sibling);
      await bdrvSetAioContextIgnore(sibling.bs, context, ignore);
    }
    job.driver.attachedAioContext?.(job, context);
    job.aioContext = context;
  },

  getParentAioContext(child) {
    return jobOf(child).aioContext;
  },
};

function jobOf(child: BdrvChild): BlockJob {
  return child.opaque as BlockJob;
}
