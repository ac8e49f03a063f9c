/**
 * Moves the paths of a configuration from a project's folder to the folder that several projects share.
 *
 * In: a configuration whose patterns are relative to the project, and the way to the project from the shared folder.
 * Out: the same configuration with patterns relative to the shared folder.
 */
import type { Config, Model } from '../model/config.ts';

export function placeConfig(config: Config, folder: string): Config {
  if (folder === '.') return config;
  const literal = folder.replace(/[\\*?[\]{}()!+@]/g, '\\$&');
  const placed = (globs: readonly string[]): string[] => globs.map((glob) => (glob.startsWith('**/') ? glob : `${literal}/${glob.replace(/^\.\//, '')}`));
  return {
    ...config,
    exclude: placed(config.exclude),
    overrides: config.overrides.map(({ files, rules }) => ({ files: placed(files), rules })),
    models: config.models.flatMap((model) => [model, ...placedModel(model, folder)]),
  };
}

/** A model's module may be a package or a path; only the analysis can tell, so it gets both. */
function placedModel(model: Model, folder: string): Model[] {
  return model.module.startsWith('node:') || model.module.startsWith('@') ? [] : [{ ...model, module: `${folder}/${model.module.replace(/^\.\//, '')}` }];
}
