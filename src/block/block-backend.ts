/**
 * All functions of backends. Re-exports only (seed patch 4).
 */
export * from './block-backend-global-state.ts';
export * from './block-backend-io.ts';
