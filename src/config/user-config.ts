/**
 * The configuration as a user writes it: any part of `Config`, the rest keeps its default.
 *
 * Leaves to others: checking what JavaScript and JSON files say (`schema.ts`), adding the defaults (`complete-config.ts`).
 */
import type { Config, Model, Override, RuleLevels } from '../model/config.ts';

export interface UserConfig {
  /** Level or `off` per rule: `{ 'gs-from-io': 'warning' }`. */
  readonly rules?: RuleLevels | undefined;
  /** Levels in some files: `[{ files: ['test'], rules: { 'missing-assertion': 'off' } }]`; the last one that fits counts. */
  readonly overrides?: readonly Override[] | undefined;
  /** Further names for tags: `{ mainOnly: 'globalState' }` lets `@mainOnly` mean `@globalState`. */
  readonly tags?: Readonly<Record<string, string>> | undefined;
  /** Names of assertion functions by kind: `{ assertMainThread: 'globalState' }`. */
  readonly assertions?: Config['assertions'] | undefined;
  /** Names of functions that tell where the code runs: `{ isMainThread: 'mainThread' }`. */
  readonly predicates?: Config['predicates'] | undefined;
  /** What is known of functions that cannot be tagged where they are written, such as those of a package. */
  readonly models?: readonly Model[] | undefined;
  /** Name patterns of API modules, without extension. */
  readonly modules?: {
    readonly globalState?: readonly string[] | undefined;
    readonly io?: readonly string[] | undefined;
    readonly common?: readonly string[] | undefined;
  } | undefined;
  /** What a call without a known target may do. */
  readonly unresolved?: Config['unresolved'] | undefined;
  /** Whether what a check or an assertion proved ends at the next `await`. */
  readonly expireFactsAtAwait?: boolean | undefined;
  /** Globs of files and folders, relative to the project, that are analysed but not reported. */
  readonly exclude?: readonly string[] | undefined;
}

/** Gives an editor the types of a configuration file; returns what it is given. */
export function defineConfig(config: UserConfig): UserConfig {
  return config;
}
