/**
 * A name of the run-time library, for code that is to be inserted.
 *
 * In: the name, and the node that will use it. Out: how to write it there, and the edit that imports it where that is needed;
 * null where the name would mean something else.
 */
import type { TSESLint, TSESTree } from '@typescript-eslint/utils';
import { lineBreak, type Node, type Source } from './source.ts';

const RUNTIME = 'gsio/runtime';

export interface Imported {
  readonly name: string;
  /** Where and what to insert so that the name is known; null where it is. */
  readonly edit: { readonly index: number; readonly text: string } | null;
}

export function importOf(name: string, user: Node, source: Source): Imported | null {
  const imports = source.ast.body.filter((statement) => statement.type as string === 'ImportDeclaration') as TSESTree.ImportDeclaration[];
  const fromRuntime = imports.filter(({ source: from, importKind }) => from.value === RUNTIME && importKind !== 'type');
  for (const { specifiers } of fromRuntime) {
    for (const specifier of specifiers) {
      if (isNamed(specifier) && specifier.importKind !== 'type' && importedName(specifier) === name) {
        return isVisible(specifier.local.name, user, source, 'module') ? { name: specifier.local.name, edit: null } : null;
      }
    }
  }
  if (!isVisible(name, user, source, 'nowhere')) return null;
  for (const { specifiers } of fromRuntime) {
    const last = specifiers.at(-1);
    if (last !== undefined && isNamed(last)) return { name, edit: { index: last.range[1], text: `, ${name}` } };
  }
  // An import would make a module of a script.
  if (!source.ast.body.some((statement) => /^(?:Import|Export)/.test(statement.type))) return null;
  const [first] = imports;
  const quote = first?.source.raw[0] ?? "'";
  const end = first === undefined || source.getText(first).endsWith(';') ? ';' : '';
  return { name, edit: { index: placeForImport(source, first), text: `import { ${name} } from ${quote}${RUNTIME}${quote}${end}${lineBreak(source)}` } };
}

/** Whether a name that is written at `user` means what the module has under it, or nothing at all. */
export function isVisible(name: string, user: Node, source: Source, where: 'module' | 'nowhere'): boolean {
  for (let scope: TSESLint.Scope.Scope | null = source.getScope(user); scope !== null; scope = scope.upper) {
    const variable = scope.set.get(name);
    if (variable === undefined || variable.defs.length === 0) continue;
    return where === 'module' && (scope.type as string === 'module' || scope.type as string === 'global');
  }
  return where === 'nowhere';
}

/** Above the first import; where there is none, above the first statement, but not between that and its own comment. */
function placeForImport(source: Source, first: TSESTree.ImportDeclaration | undefined): number {
  if (first !== undefined) return first.range[0];
  const statement = source.ast.body.find((at) => !('directive' in at && at.directive !== undefined));
  if (statement === undefined) return source.ast.range[1];
  const comment = source.getCommentsBefore(statement).at(-1);
  return comment !== undefined && comment.value.startsWith('*') && !/@module\b/.test(comment.value) ? comment.range[0] : statement.range[0];
}

function isNamed(specifier: TSESTree.ImportClause): specifier is TSESTree.ImportSpecifier {
  return specifier.type as string === 'ImportSpecifier';
}

function importedName({ imported }: TSESTree.ImportSpecifier): string {
  return 'name' in imported ? imported.name : imported.value;
}
