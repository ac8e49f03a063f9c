import { Worker } from 'node:worker_threads';
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import {
  GLOBAL_STATE_CODE, IO_CODE, IO_OR_GS_CODE, ContextViolation, assertGraphWritable, bigLockProvider, contextProvider,
  inCoroutine, inMainThread, mainContextProvider, platformProvider, setContextProvider,
} from '../../src/runtime/index.ts';

const IOTHREAD = { name: 'the iothread io0' };
const MAIN_LOOP = { name: 'the main loop' };
let current = MAIN_LOOP;

function enter(context: typeof MAIN_LOOP): void {
  current = context;
  setContextProvider(mainContextProvider({ currentContext: () => current, mainContext: () => MAIN_LOOP, nameOf: (c) => c.name }));
}

function caught(action: () => void): ContextViolation {
  try {
    action();
  } catch (error) {
    if (error instanceof ContextViolation) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

const before = contextProvider();
afterEach(() => {
  setContextProvider(before);
  current = MAIN_LOOP;
});

describe('assertions', () => {
  it('pass in the main context', () => {
    enter(MAIN_LOOP);
    GLOBAL_STATE_CODE();
    assertGraphWritable();
    IO_CODE();
    IO_OR_GS_CODE();
  });

  it('fail off the main thread, naming the function, what it needs and where it runs', () => {
    enter(IOTHREAD);
    function setPermissions(): void {
      GLOBAL_STATE_CODE();
    }
    const violation = caught(setPermissions);
    expect(violation.function).toBe('setPermissions');
    expect(violation.message).toBe('setPermissions needs the main thread (GLOBAL_STATE_CODE), but runs in the iothread io0.');
    expect(violation).toMatchObject({ name: 'ContextViolation', code: 'GSIO_CONTEXT_VIOLATION', assertion: 'GLOBAL_STATE_CODE', needs: 'the main thread', runsIn: 'the iothread io0' });
  });

  it('take the name from the argument where one is given', () => {
    enter(IOTHREAD);
    expect(caught(() => { GLOBAL_STATE_CODE('blkSetPerm'); }).function).toBe('blkSetPerm');
    expect(caught(() => { assertGraphWritable('attachChild'); }).message).toBe('attachChild needs a writable graph (assertGraphWritable), but runs in the iothread io0.');
  });

  it('name methods with their class, and say so where there is no name', () => {
    enter(IOTHREAD);
    class Disk {
      close(): void {
        GLOBAL_STATE_CODE();
      }
    }
    expect(caught(() => { new Disk().close(); }).function).toBe('Disk.close');
    expect(caught(() => { [1].forEach(() => { GLOBAL_STATE_CODE(); }); }).function).toBe('A function without a name');
  });

  it('name async functions', async () => {
    enter(IOTHREAD);
    async function truncateImage(): Promise<void> {
      await Promise.resolve();
      GLOBAL_STATE_CODE();
    }
    await expect(truncateImage()).rejects.toMatchObject({ function: 'truncateImage' });
  });

  it('start the stack at the function that asserted', () => {
    enter(IOTHREAD);
    function closeDisk(): void {
      GLOBAL_STATE_CODE();
    }
    const lines = caught(closeDisk).stack?.split('\n') ?? [];
    expect(lines[0]).toMatch(/^ContextViolation: closeDisk needs/);
    expect(lines[1]).toContain('closeDisk');
  });

  it('let I/O assertions through everywhere', () => {
    enter(IOTHREAD);
    IO_CODE();
    IO_OR_GS_CODE();
  });

  it('read names off the stacks of engines without captureStackTrace', () => {
    enter(IOTHREAD);
    const errors = Error as { captureStackTrace?: unknown };
    const capture = errors.captureStackTrace;
    try {
      errors.captureStackTrace = undefined;
      function drainQueue(): void {
        GLOBAL_STATE_CODE();
      }
      expect(caught(drainQueue).function).toBe('drainQueue');
    } finally {
      errors.captureStackTrace = capture;
    }
  });
});

describe('providers', () => {
  it('big lock: main is whoever holds the lock', () => {
    let held = false;
    setContextProvider(bigLockProvider({ holdsBigLock: () => held }));
    expect(inMainThread()).toBe(false);
    expect(caught(() => { GLOBAL_STATE_CODE('vcpu'); }).message).toBe('vcpu needs the main thread (GLOBAL_STATE_CODE), but runs in code without the big lock.');
    held = true;
    expect(inMainThread()).toBe(true);
    GLOBAL_STATE_CODE();
    assertGraphWritable();
    expect(contextProvider().describe?.()).toBe('code that holds the big lock');
  });

  it('main context: main is where the current context is the main one', () => {
    enter(IOTHREAD);
    expect(inMainThread()).toBe(false);
    current = MAIN_LOOP;
    expect(inMainThread()).toBe(true);
  });

  it('main context: describes contexts without names too', () => {
    setContextProvider(mainContextProvider({ currentContext: () => 2, mainContext: () => 1 }));
    expect(caught(() => { GLOBAL_STATE_CODE('openImage'); }).runsIn).toBe('another context than the main one');
    setContextProvider(mainContextProvider({ currentContext: () => 1, mainContext: () => 1, inCoroutine: () => true }));
    expect(contextProvider().describe?.()).toBe('the main context');
    expect(inCoroutine()).toBe(true);
  });

  it('can ask for more than the main thread before the graph is written', () => {
    let drained = false;
    setContextProvider(bigLockProvider({ holdsBigLock: () => true, graphWritable: () => drained }));
    expect(caught(() => { assertGraphWritable('attachChild'); }).needs).toBe('a writable graph');
    drained = true;
    assertGraphWritable();
  });

  it('a provider of the least form: two answers', () => {
    setContextProvider({ inMainThread: () => false, inCoroutine: () => false });
    expect(caught(() => { assertGraphWritable('attachChild'); }).runsIn).toBe('another thread');
  });

  it('setting one returns the one before', () => {
    const mine = bigLockProvider({ holdsBigLock: () => true });
    const first = setContextProvider(mine);
    expect(setContextProvider(first)).toBe(mine);
    expect(contextProvider()).toBe(first);
  });

  it('the platform: a worker is not the main thread', async () => {
    const url = new URL('../../src/runtime/index.ts', import.meta.url);
    const { ts } = await import('ts-morph');
    const code = ts.transpileModule(readFileSync(url, 'utf8'), { compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 } }).outputText;
    const worker = new Worker(`${code}
      try { exports.GLOBAL_STATE_CODE('inWorker'); } catch (error) { require('node:worker_threads').parentPort.postMessage(error.message); }`, { eval: true });
    const message = await new Promise((resolve, reject) => { worker.once('message', resolve); worker.once('error', reject); });
    expect(message).toBe('inWorker needs the main thread (GLOBAL_STATE_CODE), but runs in a worker thread.');
    expect(platformProvider.inCoroutine()).toBe(false);
  });
});

it('imports nothing', () => {
  const source = readFileSync(new URL('../../src/runtime/index.ts', import.meta.url), 'utf8');
  expect(source).not.toMatch(/^\s*import\b|\brequire\(|\bimport\(/m);
});
