/**
 * A name of the run-time library, for code that is to be inserted.
 *
 * In: the name, and the node that will use it. Out: how to write it there, and the edits that import it where that is needed;
 * null where the name would mean something else.
 */
import type ts from 'typescript';
import type { Edit, Source } from './source.ts';

const RUNTIME = 'gsio/runtime';

export interface Imported {
  readonly name: string;
  /** What makes the name known; empty where it is. */
  readonly edits: readonly Edit[];
}

export function importOf(name: string, user: ts.Node, source: Source): Imported | null {
  const { ts: compiler, file } = source;
  const imports = file.statements.filter((statement) => compiler.isImportDeclaration(statement));
  const fromRuntime = imports.flatMap((statement) => namesImported(statement, source));
  for (const elements of fromRuntime) {
    for (const element of elements) {
      if (element.isTypeOnly || (element.propertyName ?? element.name).text !== name) continue;
      const local = element.name.text;
      return isVisible(local, user, source, 'module') ? { name: local, edits: [] } : null;
    }
  }
  if (!isVisible(name, user, source, 'nowhere')) return null;
  for (const elements of fromRuntime) {
    const last = elements.at(-1);
    if (last !== undefined) return { name, edits: [{ start: last.end, end: last.end, text: `, ${name}` }] };
  }
  // An import would make a module of a script.
  if (!file.statements.some((statement) => isOfModules(statement, source))) return null;
  const [first] = imports;
  const quote = first?.moduleSpecifier.getText(file)[0] ?? "'";
  const end = first === undefined || first.getText(file).endsWith(';') ? ';' : '';
  const start = placeForImport(source, first);
  return { name, edits: [{ start, end: start, text: `import { ${name} } from ${quote}${RUNTIME}${quote}${end}${source.lineBreak}` }] };
}

/** Whether a name that is written at `user` means what the module has under it, or nothing that the file declares. */
export function isVisible(name: string, user: ts.Node, source: Source, where: 'module' | 'nowhere'): boolean {
  const declaration = source.meaning(name, user)?.declarations?.find((candidate) => candidate.getSourceFile() === source.file);
  if (declaration === undefined) return where === 'nowhere';
  return where === 'module' && isOfModule(declaration, source);
}

function isOfModule(declaration: ts.Node, { ts: compiler }: Source): boolean {
  for (let at = declaration.parent; ; at = at.parent) {
    if (compiler.isSourceFile(at)) return true;
    if (compiler.isBlock(at) || compiler.isFunctionLike(at) || compiler.isClassLike(at) || compiler.isModuleBlock(at)) return false;
  }
}

function isOfModules(statement: ts.Statement, { ts: compiler }: Source): boolean {
  if (compiler.isImportDeclaration(statement) || compiler.isExportDeclaration(statement) || compiler.isExportAssignment(statement)) return true;
  return compiler.canHaveModifiers(statement) && compiler.getModifiers(statement)?.some(({ kind }) => kind === compiler.SyntaxKind.ExportKeyword) === true;
}

/** The names that a statement imports from the run-time library as values. */
function namesImported({ moduleSpecifier, importClause }: ts.ImportDeclaration, { ts: compiler }: Source): (readonly ts.ImportSpecifier[])[] {
  if (!compiler.isStringLiteral(moduleSpecifier) || moduleSpecifier.text !== RUNTIME || importClause === undefined) return [];
  const { namedBindings } = importClause;
  return isTypeImport(importClause) || namedBindings === undefined || !compiler.isNamedImports(namedBindings) ? [] : [namedBindings.elements];
}

/** `isTypeOnly` is marked as deprecated by the newest compiler, and all that older ones have. */
function isTypeImport(clause: { readonly isTypeOnly: boolean }): boolean {
  return clause.isTypeOnly;
}

/** Above the first import; where there is none, above the first statement, but not between that and its own comment. */
function placeForImport(source: Source, first: ts.ImportDeclaration | undefined): number {
  if (first !== undefined) return first.getStart();
  const statement = source.file.statements.find((candidate) => !source.isDirective(candidate));
  if (statement === undefined) return source.text.length;
  const comment = source.ts.getLeadingCommentRanges(source.text, statement.pos)?.at(-1);
  const text = comment === undefined ? '' : source.text.slice(comment.pos, comment.end);
  return comment !== undefined && text.startsWith('/**') && !/@module\b/.test(text) ? comment.pos : statement.getStart();
}
