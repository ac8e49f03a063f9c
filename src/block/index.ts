/**
 * The reference block layer: the module `gsio/block`.
 *
 * In: calls by programs that use disk images, and drivers, parents and schedulers of their own. Out: the API, module by module, and the types
 * and tables that those need. Leaves to others: the command line (`img/`).
 */
export * from './accounting.ts';
export * from './block-backend.ts';
export * from './block-int.ts';
export * from './block.ts';
export * from './blockdev.ts';
export * from './blockjob-int.ts';
export * from './blockjob.ts';
export * from './copy-before-write.ts';
export * from './coroutines.ts';
export * from './dirty-bitmap.ts';
export * from './events.ts';
export * from './job.ts';
export * from './main-loop.ts';
export * from './snapshot.ts';
export * from './throttle-group.ts';
export * from './write-threshold.ts';

export * from './contexts/aio-context.ts';
export * from './contexts/coroutine.ts';
export * from './contexts/event-sources.ts';
export * from './contexts/execution.ts';
export * from './contexts/iothread.ts';
export { selectMainThreadTest, qemuMutexUnlockIothread, qemuGetAioContext, type MainThreadTest } from './contexts/main-loop.ts';
export * from './contexts/poll.ts';
export * from './contexts/scheduler.ts';
export * from './contexts/seeded-scheduler.ts';

export * from './model/backend.ts';
export * from './model/constants.ts';
export * from './model/driver.ts';
export * from './model/errors.ts';
export * from './model/io-vector.ts';
export * from './model/jobs.ts';
export * from './model/node.ts';
export * from './model/options.ts';
export * from './model/queries.ts';
export * from './model/throttle.ts';
export * from './model/transaction.ts';
export { bdrvSetWhitelist } from './open/drivers.ts';
export { childOfBds } from './graph/child-of-bds.ts';
export { secretAdd, secretAddFromOptions, secretLookup, secretRemove, type SecretOptions } from './drivers/crypto/secrets.ts';
