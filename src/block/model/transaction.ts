/**
 * Changes that happen all or not at all.
 *
 * In: steps that are already done, each with what confirms it and what takes it back. Out: one commit or one abort. Leaves to others:
 * what the steps do. A transaction belongs to the main thread (seed patch 7).
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
}

/** @globalState */
export function tranNew(): Transaction {
  GLOBAL_STATE_CODE('tranNew');
  return { steps: [] };
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
