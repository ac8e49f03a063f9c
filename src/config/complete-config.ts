/**
 * Adds the defaults to what a user wrote.
 *
 * In: a checked `UserConfig`. Out: a `Config` in which every key has a value.
 */
import { defaultConfig, type Config } from '../model/config.ts';
import type { UserConfig } from './user-config.ts';

export function completeConfig(user: UserConfig): Config {
  return {
    rules: user.rules ?? defaultConfig.rules,
    overrides: user.overrides ?? defaultConfig.overrides,
    tags: user.tags ?? defaultConfig.tags,
    assertions: user.assertions ?? defaultConfig.assertions,
    predicates: user.predicates ?? defaultConfig.predicates,
    models: user.models ?? defaultConfig.models,
    modules: {
      globalState: user.modules?.globalState ?? defaultConfig.modules.globalState,
      io: user.modules?.io ?? defaultConfig.modules.io,
      common: user.modules?.common ?? defaultConfig.modules.common,
    },
    unresolved: user.unresolved ?? defaultConfig.unresolved,
    expireFactsAtAwait: user.expireFactsAtAwait ?? defaultConfig.expireFactsAtAwait,
    exclude: user.exclude ?? defaultConfig.exclude,
  };
}
