/**
 * Jobs on nodes: their edges, their speed, what the monitor sees of them.
 *
 * In: a node and a driver. Out: a job that holds the node with the permissions it asked for, and blocks other operations on it. Leaves to
 * others: the life cycle (`job.ts`), errors of requests (`block-job-errors.ts`).
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { bdrvRootAttachChild } from '../graph/edges.ts';
import { bdrvRootUnrefChild, bdrvRef } from '../graph/nodes.ts';
import { bdrvOpBlockAll, bdrvOpUnblock, bdrvOpUnblockAll } from '../graph/op-blockers.ts';
import type { BlockDeviceIoStatus } from '../model/backend.ts';
import { BlockOpType, type Permissions } from '../model/constants.ts';
import { blockError } from '../model/errors.ts';
import { JOB_INTERNAL, type BlockJob, type BlockJobDriver, type CommonJobOptions, type Job, type JobNotifiers, type JobStatus, type JobType } from '../model/jobs.ts';
import type { BlockDriverState } from '../model/node.ts';
import { bdrvGetDeviceName } from '../open/queries.ts';
import { bdrvGetAioContext } from '../requests/node-context.ts';
import { childJob } from './child-job.ts';
import { jobCreate } from './job.ts';
import { jobEarlyFail } from './job-completion.ts';
import { jobEvent, type BlockJobEventData } from './job-events.ts';
import { jobGet, jobNext } from './job-list.ts';
import { jobProgressTotal } from './job-progress.ts';
import { jobEnterCond, jobSleep } from './job-run.ts';
import { jobApplyVerb, jobIsInternal, jobIsReady } from './job-states.ts';
import { rateLimitDelay, rateLimitNew, rateLimitSetSpeed } from './rate-limit.ts';

/** What the monitor shows of a block job. Bytes. */
export interface BlockJobInfo {
  readonly type: JobType;
  readonly device: string;
  readonly len: number;
  readonly offset: number;
  readonly busy: boolean;
  readonly paused: boolean;
  readonly speed: number;
  readonly ioStatus: BlockDeviceIoStatus;
  readonly ready: boolean;
  readonly status: JobStatus;
  readonly autoFinalize: boolean;
  readonly autoDismiss: boolean;
  readonly error: string | null;
}

/**
 * Makes a job on `options.bs`, with `state` as further fields of its record. Without an id it takes the name of the node's device.
 *
 * @throws BlockError where the id is bad or taken, or where others use the node in a way that the permissions exclude
 * @globalState
 */
export async function blockJobCreate<State extends object>(
  driver: BlockJobDriver, options: CommonJobOptions, perm: Permissions, shared: Permissions, state: State,
): Promise<BlockJob & State> {
  GLOBAL_STATE_CODE('blockJobCreate');
  const { bs } = options;
  const internal = ((options.creationFlags ?? 0) & JOB_INTERNAL) !== 0;
  const fields: Pick<BlockJob, 'driver' | 'nodes' | 'blocker' | 'speed' | 'limit' | 'iostatus'> & State = {
    driver, nodes: [], blocker: { message: `block device is in use by block job: ${driver.jobType}` }, speed: 0, limit: rateLimitNew(), iostatus: 'ok', ...state,
  };
  const job = jobCreate(
    {
      jobId: options.jobId ?? (internal ? null : bdrvGetDeviceName(bs)), driver, txn: options.txn ?? null, context: bdrvGetAioContext(bs),
      flags: options.creationFlags ?? 0, cb: options.cb ?? null, notifiers: blockJobNotifiers,
    },
    fields,
  );
  try {
    await blockJobAddBdrv(job, 'main node', bs, perm, shared);
    bdrvOpUnblock(bs, BlockOpType.DATAPLANE, job.blocker);
    if (options.speed) blockJobSetSpeed(job, options.speed);
  } catch (error) {
    await jobEarlyFail(job);
    throw error;
  }
  return job;
}

/**
 * What a block job's `free` slot does: lets its nodes go.
 *
 * @globalState
 */
export async function blockJobFree(job: Job): Promise<void> {
  GLOBAL_STATE_CODE('blockJobFree');
  await blockJobRemoveAllBdrv(job as BlockJob);
}

/**
 * What a block job's `userResume` slot does: the user knows of the error that stopped it.
 *
 * @globalState
 */
export function blockJobUserResume(job: Job): void {
  GLOBAL_STATE_CODE('blockJobUserResume');
  blockJobIostatusReset(job as BlockJob);
}

/**
 * Attaches a node to the job. Only the job's context may have it, and only the operations that the job allows are left.
 *
 * @throws BlockError where others use the node in a way that the permissions exclude
 * @globalState
 */
export async function blockJobAddBdrv(job: BlockJob, name: string, bs: BlockDriverState, perm: Permissions, shared: Permissions): Promise<void> {
  GLOBAL_STATE_CODE('blockJobAddBdrv');
  bdrvRef(bs);
  const child = await bdrvRootAttachChild(bs, name, childJob, 0, perm, shared, job);
  job.nodes.push(child);
  bdrvOpBlockAll(bs, job.blocker);
}

/**
 * Detaches all nodes, one by one: detaching one can move the others to another context.
 *
 * @globalState
 */
export async function blockJobRemoveAllBdrv(job: BlockJob): Promise<void> {
  GLOBAL_STATE_CODE('blockJobRemoveAllBdrv');
  for (let child = job.nodes.pop(); child !== undefined; child = job.nodes.pop()) {
    if (child.bs) bdrvOpUnblockAll(child.bs, job.blocker);
    await bdrvRootUnrefChild(child);
  }
}

/** @globalState */
export function blockJobHasBdrv(job: BlockJob, bs: BlockDriverState): boolean {
  GLOBAL_STATE_CODE('blockJobHasBdrv');
  return job.nodes.some((child) => child.bs === bs);
}

/**
 * The block job after `job`; the first for `null`.
 *
 * @globalState
 */
export function blockJobNext(job: BlockJob | null): BlockJob | null {
  GLOBAL_STATE_CODE('blockJobNext');
  for (let next = jobNext(job); next !== null; next = jobNext(next)) if (isBlockJob(next)) return next;
  return null;
}

/**
 * The block job of that id.
 *
 * @globalState
 */
export function blockJobGet(id: string): BlockJob | null {
  GLOBAL_STATE_CODE('blockJobGet');
  const job = jobGet(id);
  return job !== null && isBlockJob(job) ? job : null;
}

/**
 * Limits the job to `speed` bytes a second; 0: no limit.
 *
 * @throws BlockError `EPERM` where the state of the job forbids it, `EINVAL` for a negative speed
 * @globalState
 */
export function blockJobSetSpeed(job: BlockJob, speed: number): void {
  GLOBAL_STATE_CODE('blockJobSetSpeed');
  jobApplyVerb(job, 'set-speed');
  if (!(speed >= 0)) throw blockError('EINVAL', "Parameter 'speed' expects a non-negative value");
  const before = job.speed;
  rateLimitSetSpeed(job.limit, speed);
  job.speed = speed;
  job.driver.setSpeed?.(job, speed);
  // Slower: the delay that runs is right. Faster: it may be too long.
  if (speed === 0 || speed > before) jobEnterCond(job, (sleeping) => sleeping.cancelTimer !== null);
}

/**
 * What the monitor shows of the job.
 *
 * @throws BlockError `EPERM` for an internal job
 * @globalState
 */
export function blockJobQuery(job: BlockJob): BlockJobInfo {
  GLOBAL_STATE_CODE('blockJobQuery');
  if (job.id === null) throw blockError('EPERM', 'Cannot query QEMU internal jobs');
  return {
    type: job.driver.jobType, device: job.id, len: jobProgressTotal(job), offset: job.progress.current, busy: job.busy, paused: job.pauseCount > 0,
    speed: job.speed, ioStatus: job.iostatus, ready: jobIsReady(job), status: job.status, autoFinalize: job.autoFinalize, autoDismiss: job.autoDismiss,
    error: job.error?.message ?? null,
  };
}

/** @globalState */
export function blockJobIostatusReset(job: BlockJob): void {
  GLOBAL_STATE_CODE('blockJobIostatusReset');
  job.iostatus = 'ok';
}

/** The monitor does not see it. @common */
export function blockJobIsInternal(job: BlockJob): boolean {
  return jobIsInternal(job);
}

/** What kind of job it is. @common */
export function blockJobDriver(job: BlockJob): BlockJobDriver {
  return job.driver;
}

/** How many milliseconds the job has to wait after `bytes` more, to keep its speed. @io */
export function blockJobRatelimitGetDelay(job: BlockJob, bytes: number): number {
  return rateLimitDelay(job.limit, bytes);
}

/**
 * Waits as long as the speed limit asks for after `bytes` more; in any case lets the job pause.
 *
 * @io
 * @coroutine
 */
export async function blockJobRatelimitSleep(job: BlockJob, bytes: number): Promise<void> {
  await jobSleep(job, blockJobRatelimitGetDelay(job, bytes));
}

const blockJobNotifiers: JobNotifiers = {
  completed(job) {
    const error = job.error === null ? {} : { error: job.error.message };
    jobEvent(job, { event: 'BLOCK_JOB_COMPLETED', data: { ...eventData(job as BlockJob), ...error } });
  },
  cancelled(job) {
    jobEvent(job, { event: 'BLOCK_JOB_CANCELLED', data: eventData(job as BlockJob) });
  },
  pending(job) {
    jobEvent(job, { event: 'BLOCK_JOB_PENDING', data: { type: job.driver.jobType, id: job.id ?? '' } });
  },
  ready(job) {
    jobEvent(job, { event: 'BLOCK_JOB_READY', data: eventData(job as BlockJob) });
  },
};

function eventData(job: BlockJob): BlockJobEventData {
  return { type: job.driver.jobType, device: job.id ?? '', len: jobProgressTotal(job), offset: job.progress.current, speed: job.speed };
}

function isBlockJob(job: Job): job is BlockJob {
  return job.notifiers === blockJobNotifiers;
}
