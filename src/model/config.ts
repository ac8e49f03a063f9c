/** The configuration after loading, validation and defaults. Loading and validating is `config`'s job. */
import type { ClassTag, CoroutineTag, AssertionKind, RunContext } from './summary.ts';
import type { Level } from './finding.ts';

/** A statement about functions that cannot be tagged in their source: by module and name pattern. */
export interface Model {
  /** Package name, `node:` module, or path of a project file with or without extension; `*` matches within a segment, `**` across. */
  readonly module: string;
  /** Function or member name, `Type.member` for members; `*` matches any run of characters. */
  readonly name: string;
  /** Names the pattern must not match. */
  readonly except?: readonly string[] | undefined;
  readonly class?: ClassTag | undefined;
  readonly coroutine?: CoroutineTag | undefined;
  readonly runs?: readonly { readonly param: number; readonly context: RunContext; readonly wait?: boolean | undefined }[] | undefined;
  readonly predicate?: 'mainThread' | 'coroutine' | undefined;
  readonly asserts?: AssertionKind | undefined;
  readonly switchesTo?: 'globalState' | 'io' | 'any' | undefined;
  readonly blocking?: boolean | undefined;
  readonly permissionApi?: boolean | undefined;
}

/** Level or `off` per rule. */
export type RuleLevels = Readonly<Record<string, Level | 'off'>>;

/** Levels that hold in some files only. */
export interface Override {
  /** Globs of files and folders, relative to the project. */
  readonly files: readonly string[];
  readonly rules: RuleLevels;
}

export interface Config {
  /** A rule without entry has its own level. */
  readonly rules: RuleLevels;
  /** Of those that name a rule and fit its file, the last one counts, before `rules`. */
  readonly overrides: readonly Override[];
  /** Further names for tags: `{ "mainOnly": "globalState" }`. */
  readonly tags: Readonly<Record<string, string>>;
  /** Names of assertion functions by kind, beside tags and `gsio/runtime`. */
  readonly assertions: Readonly<Record<string, AssertionKind>>;
  /** Names of predicates, beside tags and `gsio/runtime`. */
  readonly predicates: Readonly<Record<string, 'mainThread' | 'coroutine'>>;
  readonly models: readonly Model[];
  /** File-name patterns of API modules, without extension. */
  readonly modules: { readonly globalState: readonly string[]; readonly io: readonly string[]; readonly common: readonly string[] };
  readonly unresolved: 'assume-safe' | 'as-declared' | 'assume-global-state';
  readonly expireFactsAtAwait: boolean;
  /** Globs of files, relative to the project, that are analysed but not reported. */
  readonly exclude: readonly string[];
}

export const defaultConfig: Config = {
  rules: {},
  overrides: [],
  tags: {},
  assertions: {},
  predicates: {},
  models: [],
  modules: { globalState: ['*-global-state'], io: ['*-io'], common: ['*-common'] },
  unresolved: 'assume-safe',
  expireFactsAtAwait: false,
  exclude: [],
};
