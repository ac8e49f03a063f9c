/**
 * All functions for drivers and jobs, besides those of nodes. Re-exports only (seed patch 7).
 */
export * from './block-int-common.ts';
export * from './block-int-global-state.ts';
export * from './block-int-io.ts';
