/**
 * Events: what the block layer tells a management program without being asked.
 *
 * In: a name and its data, from wherever something happened. Out: calls of the listeners, in the main loop. Leaves to others: what an
 * event's data means, and sending it to anybody.
 */
import { aioBhScheduleMain } from './contexts/aio-context.ts';

/** An event with its data; names as QMP has them: `DEVICE_TRAY_MOVED`. */
export interface BlockEvent {
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

type Listener = (event: BlockEvent) => void;

const listeners = new Set<Listener>();

/**
 * Calls `listener` for each event from now on.
 *
 * @returns what ends it
 * @common
 * @runs listener globalState
 */
export function onBlockEvent(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/**
 * Tells an event to the listeners: soon, in a turn of the main loop, so that it can be sent from any thread.
 *
 * @common
 */
export function emitBlockEvent(event: string, data: Readonly<Record<string, unknown>>): void {
  if (listeners.size === 0) return;
  aioBhScheduleMain(() => {
    for (const listener of listeners) listener({ event, data });
  });
}
