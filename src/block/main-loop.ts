/**
 * The main loop and the big lock. Re-exports only (seed patch 1).
 */
export { iohandlerGetAioContext, qemuInMainThread, qemuMutexIothreadLocked, qemuMutexLockIothread } from './contexts/main-loop.ts';
