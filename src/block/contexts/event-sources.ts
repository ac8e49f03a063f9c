/**
 * What happens outside (a socket becomes readable, a client connects), brought into an event loop.
 *
 * In: an emitter of the host, and what to do in a turn of which loop. Out: the handlers run there, one turn for each event. Leaves to
 * others: what the events mean.
 *
 * An external source is one whose events start new requests. While its context has external events disabled, as in a drained section, they
 * wait, and come when it is over.
 */
import { aioBhScheduleOneshot, type AioContext } from './aio-context.ts';

/** Anything that tells of events, such as a socket. */
export interface EventSource {
  on(event: string, listener: (...details: unknown[]) => void): unknown;
  off(event: string, listener: (...details: unknown[]) => void): unknown;
}

/** What to do at an event, by its name. */
export type EventHandlers = Readonly<Record<string, (...details: never[]) => void>>;

/**
 * Has `handlers` called in the loop of `context`.
 *
 * @param isExternal - whether the events wait while the context has external ones disabled
 * @returns what ends it; events that wait are forgotten then
 * @common
 * @runs handlers io
 */
export function aioSetFdHandler(context: AioContext, source: EventSource, isExternal: boolean, handlers: EventHandlers): () => void {
  let isOpen = true;
  const listeners = Object.entries(handlers).map(([event, handle]) => {
    const deliver = (details: unknown[]): void => {
      if (!isOpen) return;
      if (isExternal && context.externalDisabled > 0) context.deferredEvents.push(() => aioBhScheduleOneshot(context, () => deliver(details)));
      else (handle as (...all: unknown[]) => void)(...details);
    };
    const listener = (...details: unknown[]): void => aioBhScheduleOneshot(context, () => deliver(details));
    source.on(event, listener);
    return { event, listener };
  });
  return () => {
    isOpen = false;
    for (const { event, listener } of listeners) source.off(event, listener);
  };
}
