/**
 * All functions of nodes. Re-exports only (seed patch 2).
 */
export * from './block-common.ts';
export * from './block-global-state.ts';
export * from './block-io.ts';
