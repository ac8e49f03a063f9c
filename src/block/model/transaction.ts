/**
 * Changes that happen all or not at all.
 *
 * In: steps that are already done, each with what confirms it and what takes it back. Out: one commit or one abort, in one stretch
 * without waiting, so that nobody sees a half of it. What has to wait (closing a node that lost its last user) is kept until after the
 * end. Leaves to others: what the steps do. A transaction belongs to the main thread (seed patch 7).
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';

/** What one step of a transaction needs at the end. Commit and abort can't fail; clean comes after either. */
export interface TransactionActions {
  /** @globalState */
  commit?(): void;
  /** @globalState */
  abort?(): void;
  /** @globalState */
  clean?(): void;
}

/** A list of steps. Commit confirms them from the first to the last; abort takes them back from the last to the first. */
export interface Transaction {
  readonly steps: TransactionActions[];
  /** What is left to do once it is over; see {@link tranSettle}. */
  readonly afterwards: (() => Promise<void>)[];
}

/** @globalState */
export function tranNew(): Transaction {
  GLOBAL_STATE_CODE('tranNew');
  return { steps: [], afterwards: [] };
}

/** @globalState */
export function tranAdd(transaction: Transaction, actions: TransactionActions): void {
  GLOBAL_STATE_CODE('tranAdd');
  transaction.steps.push(actions);
}

/** @globalState */
export function tranCommit(transaction: Transaction): void {
  GLOBAL_STATE_CODE('tranCommit');
  for (const step of transaction.steps) step.commit?.();
  for (const step of transaction.steps.splice(0)) step.clean?.();
}

/** @globalState */
export function tranAbort(transaction: Transaction): void {
  GLOBAL_STATE_CODE('tranAbort');
  for (const step of transaction.steps.toReversed()) step.abort?.();
  for (const step of transaction.steps.splice(0).reverse()) step.clean?.();
}

/**
 * Keeps `work` for after the end of the transaction.
 *
 * @globalState
 * @runs work globalState
 */
export function tranAfterwards(transaction: Transaction, work: () => Promise<void>): void {
  GLOBAL_STATE_CODE('tranAfterwards');
  transaction.afterwards.push(work);
}

/**
 * Does what a committed or aborted transaction left for later: all of it, even where a part fails.
 *
 * @throws the first failure
 * @globalState
 */
export async function tranSettle(transaction: Transaction): Promise<void> {
  GLOBAL_STATE_CODE('tranSettle');
  const failures: unknown[] = [];
  for (const work of transaction.afterwards.splice(0)) await work().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}

/**
 * Does `change` as a transaction: commits it if it returns, aborts it if it throws, and settles it either way.
 *
 * @globalState
 * @runs change globalState wait
 */
export async function tranRun<T>(change: (transaction: Transaction) => T): Promise<T> {
  GLOBAL_STATE_CODE('tranRun');
  const transaction = tranNew();
  let result: T;
  try {
    result = change(transaction);
  } catch (error) {
    tranAbort(transaction);
    await tranSettle(transaction);
    throw error;
  }
  tranCommit(transaction);
  await tranSettle(transaction);
  return result;
}
