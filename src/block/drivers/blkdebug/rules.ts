/**
 * What `blkdebug` does when: rules that make requests fail, change the state, or hold requests up.
 *
 * In: rules, events, requests. Out: errors, as the rules say. Leaves to others: where rules come from (`config.ts`).
 *
 * A machine with a state (a number, 1 at first). An event looks at its rules in order: one that injects errors becomes active, in place of
 * those of earlier events; one that sets the state does so when all have been looked at; one that suspends holds the request up. A request
 * then fails if an active rule fits its kind and range.
 */
import { qemuGetCurrentAioContext } from '../../contexts/aio-context.ts';
import { coroutineYield } from '../../contexts/coroutine.ts';
import { scheduler } from '../../contexts/scheduler.ts';
import { blockError, type Errno } from '../../model/errors.ts';

export const IO_TYPES = ['read', 'write', 'write-zeroes', 'discard', 'flush', 'block-status'] as const;
export type IoType = (typeof IO_TYPES)[number];

interface RuleBase {
  readonly event: string;
  /** Counts only in this state; 0: in all. */
  readonly state: number;
}

/** Makes requests fail. */
export interface InjectErrorRule extends RuleBase {
  readonly action: 'inject-error';
  readonly errno: Errno;
  /** `null`: all but block status. */
  readonly iotype: IoType | null;
  /** Offset in bytes that a request has to contain; `null`: any. */
  readonly offset: number | null;
  /** Only once. */
  readonly once: boolean;
  /** Without letting anything else run before. */
  readonly immediately: boolean;
}

/** Changes the state. */
export interface SetStateRule extends RuleBase {
  readonly action: 'set-state';
  readonly newState: number;
}

/** Holds the next request up. */
export interface SuspendRule extends RuleBase {
  readonly action: 'suspend';
  readonly tag: string;
}

export type Rule = InjectErrorRule | SetStateRule | SuspendRule;

interface SuspendedRequest {
  readonly tag: string;
  resume(): void;
}

/** The event of rules that are active from the start. */
export const NO_EVENT = 'none';

/** The rules of a node, and what has come of them. */
export class RuleMachine {
  #rules: Rule[];
  #active: InjectErrorRule[];
  #suspended: SuspendedRequest[] = [];
  #state = 1;

  constructor(rules: readonly Rule[]) {
    this.#rules = [...rules];
    this.#active = rules.filter((rule) => rule.action === 'inject-error').filter((rule) => rule.event === NO_EVENT);
  }

  /**
   * Something happened; waits while a rule holds it up.
   *
   * @io
   * @coroutine
   */
  async happen(event: string): Promise<void> {
    const fitting = this.#rules.filter((rule) => rule.event === event && (rule.state === 0 || rule.state === this.#state));
    const injected = fitting.filter((rule) => rule.action === 'inject-error');
    if (injected.length > 0) this.#active = injected.reverse();
    const suspending = fitting.filter((rule) => rule.action === 'suspend');
    this.#rules = this.#rules.filter((rule) => !suspending.includes(rule as SuspendRule));
    this.#state = fitting.filter((rule) => rule.action === 'set-state').at(-1)?.newState ?? this.#state;
    for (const rule of suspending) await this.#suspend(rule.tag);
  }

  /**
   * Throws where a rule says that this request fails.
   *
   * @io
   * @coroutine
   */
  async check(iotype: IoType, offset: number, bytes: number): Promise<void> {
    const rule = this.#active.find((one) => fits(one, iotype, offset, bytes));
    if (rule === undefined) return;
    if (rule.once) {
      this.#active = this.#active.filter((one) => one !== rule);
      this.#rules = this.#rules.filter((one) => one !== rule);
    }
    if (!rule.immediately) await coroutineYield();
    throw blockError(rule.errno, `Injected error: ${rule.errno}`);
  }

  /** Holds the next request up that meets `event`. @common */
  addBreakpoint(event: string, tag: string): void {
    this.#rules.push({ action: 'suspend', event, state: 0, tag });
  }

  /** Takes breakpoints back, and lets go on what they hold up. @throws BlockError `ENOENT` if there is neither @common */
  removeBreakpoint(tag: string): void {
    const kept = this.#rules.filter((rule) => rule.action !== 'suspend' || rule.tag !== tag);
    const held = this.#suspended.filter((request) => request.tag === tag);
    if (kept.length === this.#rules.length && held.length === 0) throw noSuchTag(tag);
    this.#rules = kept;
    for (const request of held) this.#letGo(request);
  }

  /** Lets the first request of `tag` go on. @throws BlockError `ENOENT` if none waits @common */
  resume(tag: string): void {
    const request = this.#suspended.find((one) => one.tag === tag);
    if (request === undefined) throw noSuchTag(tag);
    this.#letGo(request);
  }

  /** @common */
  isSuspended(tag: string): boolean {
    return this.#suspended.some((request) => request.tag === tag);
  }

  async #suspend(tag: string): Promise<void> {
    const context = qemuGetCurrentAioContext();
    await new Promise<void>((resolve) => this.#suspended.push({ tag, resume: () => scheduler().post(context, resolve) }));
  }

  #letGo(request: SuspendedRequest): void {
    this.#suspended = this.#suspended.filter((one) => one !== request);
    request.resume();
  }
}

function fits(rule: InjectErrorRule, iotype: IoType, offset: number, bytes: number): boolean {
  if (rule.iotype === null ? iotype === 'block-status' : rule.iotype !== iotype) return false;
  return rule.offset === null || (rule.offset >= offset && rule.offset < offset + bytes);
}

/** @io */
function noSuchTag(tag: string): Error {
  return blockError('ENOENT', `No breakpoint or suspended request with tag '${tag}'`);
}
