/**
 * API modules: files whose name promises the class of all that they export.
 *
 * In: the analysis. Out: the exported functions of such modules, each with the classes that the module takes.
 * Leaves to others: what to say about them (`misfiled-api`, `unclassified-api`).
 */
import type { Config } from '../src/model/config.ts';
import type { Analysis, FunctionNode } from '../src/model/rule.ts';
import type { ClassTag, Span } from '../src/model/summary.ts';

/** A kind of API module. */
export type ApiModule = keyof Config['modules'];

/** An exported function of an API module. Methods of exported classes are none. */
export interface ApiFunction {
  readonly file: string;
  readonly module: ApiModule;
  /** The name it is exported by. */
  readonly name: string;
  /** The function's name, or the place in the export clause that passes it on. */
  readonly span: Span;
  readonly fn: FunctionNode;
  readonly reExport: boolean;
}

/** The classes at home in each kind of module. */
export const AT_HOME: Readonly<Record<ApiModule, readonly ClassTag[]>> = {
  globalState: ['globalState'],
  io: ['io', 'ioOrGs'],
  common: ['common'],
};

/** What a kind of module is called in messages. */
export const MODULE_WORD: Readonly<Record<ApiModule, string>> = {
  globalState: 'a Global State module',
  io: 'an I/O module',
  common: 'a common module',
};

const KINDS: readonly ApiModule[] = ['globalState', 'io', 'common'];

/** Exported functions of all API modules, in the order of files and exports. */
export function apiFunctions(analysis: Analysis): ApiFunction[] {
  const kindOf = moduleKinds(analysis.config);
  return analysis.files.flatMap((file) => {
    const module = kindOf(file.file);
    if (module === null) return [];
    return file.exports.flatMap((exported): ApiFunction[] => {
      const fn = analysis.functionByKey(exported.key);
      if (fn === undefined || !isPlainFunction(fn)) return [];
      return [{ file: file.file, module, name: exported.name, span: exported.reExport ? exported.span : fn.summary.nameSpan, fn, reExport: exported.reExport }];
    });
  });
}

/** The kind of a file by its name without folders and extension; null where no pattern takes it. */
function moduleKinds(config: Config): (file: string) => ApiModule | null {
  const patterns = KINDS.flatMap((kind) => config.modules[kind].map((glob) => ({ kind, pattern: wildcard(glob) })));
  return (file) => {
    const name = file.slice(file.lastIndexOf('/') + 1).replace(/(?:\.d)?\.[^.]+$/, '');
    return patterns.find(({ pattern }) => pattern.test(name))?.kind ?? null;
  };
}

function wildcard(glob: string): RegExp {
  return new RegExp(`^${glob.replace(/[.+^${}()|[\]\\?]/g, '\\$&').replace(/\*+/g, '.*')}$`);
}

/** `export default class` and its kin export a class, not its constructor. */
function isPlainFunction({ summary }: FunctionNode): boolean {
  switch (summary.kind) {
    case 'function': case 'arrow': return true;
    case 'signature': return summary.container === undefined;
    case 'method': return summary.literalMember === true;
    case 'constructor': case 'getter': case 'setter': case 'module': case 'initializer': return false;
  }
}
