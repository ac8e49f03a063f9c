/**
 * What functions of the platform do with threads: data only, in the form of the configuration's models.
 * The configuration's own models come first, so that a project can say otherwise.
 */
import type { Model } from '../../model/config.ts';

const BLOCKING: readonly Model[] = [
  { module: 'node:fs', name: '*Sync', blocking: true },
  { module: 'fs', name: '*Sync', blocking: true },
  { module: 'node:child_process', name: '*Sync', blocking: true },
  { module: 'child_process', name: '*Sync', blocking: true },
  { module: 'node:crypto', name: '*Sync', blocking: true },
  { module: 'crypto', name: '*Sync', blocking: true },
  { module: 'lib', name: 'Atomics.wait', blocking: true },
];

export const platformModels: readonly Model[] = BLOCKING;
