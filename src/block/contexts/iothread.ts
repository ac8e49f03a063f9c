/**
 * Threads that run an event loop of their own, known by name, and the emulator's vCPU threads, which run none.
 *
 * In: names. Out: contexts and threads. Leaves to others: which node uses which context.
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { blockError } from '../model/errors.ts';
import { AioContext } from './aio-context.ts';
import type { Thread } from './execution.ts';

const iothreads = new Map<string, AioContext>();

/**
 * Starts an iothread.
 *
 * @throws BlockError `EEXIST` if the name is taken
 * @globalState
 */
export function iothreadNew(id: string): AioContext {
  GLOBAL_STATE_CODE('iothreadNew');
  if (iothreads.has(id)) throw blockError('EEXIST', `An iothread named "${id}" exists already`);
  const context = new AioContext(id);
  iothreads.set(id, context);
  return context;
}

/**
 * The context of an iothread.
 *
 * @throws BlockError `ENOENT` if there is none of that name
 * @globalState
 */
export function iothreadById(id: string): AioContext {
  GLOBAL_STATE_CODE('iothreadById');
  const context = iothreads.get(id);
  if (!context) throw blockError('ENOENT', `There is no iothread named "${id}"`);
  return context;
}

/**
 * Ends an iothread. Its nodes have to be moved away before.
 *
 * @globalState
 */
export function iothreadDestroy(id: string): void {
  GLOBAL_STATE_CODE('iothreadDestroy');
  iothreads.delete(id);
}

/**
 * A thread of the emulator that runs a guest's CPU: it has no loop, and takes the big lock for device emulation.
 *
 * @common
 */
export function vcpuThreadNew(name: string): Thread {
  return { name, context: null, holdsBigLock: false };
}
