/**
 * Which assertion a file is to use, and how it comes to know it.
 *
 * In: the project's program and model. Out: for a file and a kind, how to write the assertion, and the edit that imports it where that is
 * needed; null where its name means something else there, or where an import would make a module of a script.
 */
import path from 'node:path/posix';
import { Node, type ImportDeclaration } from 'ts-morph';
import { ASSERTION_OF } from '../../rules/class-words.ts';
import type { Model, ProgramInput } from '../engine/model.ts';
import type { AssertionKind } from '../model/summary.ts';
import { ts, type typescript } from '../project/compiler.ts';
import type { Edit, Source } from './source.ts';

const RUNTIME = 'gsio/runtime';

/** A function that asserts, and where it is imported from: a package, or the absolute name of a file. */
interface Origin {
  readonly name: string;
  readonly from: string;
}

export interface Usable {
  readonly name: string;
  readonly edit: Edit | null;
}

export class AssertionImports {
  private readonly input: ProgramInput;
  private readonly names: ReadonlyMap<AssertionKind, ReadonlySet<string>>;
  private readonly usual = new Map<AssertionKind, Origin>();
  private readonly ending: string;

  /** `from`: the package or the file (absolute) that the user wants assertions of. */
  constructor(input: ProgramInput, model: Model, from: string | null) {
    this.input = input;
    const declared = declaredAssertions(input, model);
    this.names = namesByKind(model, declared);
    this.ending = endingOf(input);
    const used = this.usedOrigins();
    for (const [kind, names] of this.names) {
      const mostUsed = [...used.values()].filter(({ origin }) => names.has(origin.name)).sort((a, b) => b.count - a.count)[0]?.origin;
      const own = declared.find((origin) => origin.kind === kind);
      const [configured] = Object.entries(model.config.assertions).filter(([, asserted]) => asserted === kind).map(([name]) => name);
      // A name of the configuration without a known place cannot be imported.
      const known = mostUsed ?? own ?? (configured === undefined ? { name: ASSERTION_OF[kind], from: RUNTIME } : undefined);
      const origin = from === null ? known : { name: known?.name ?? ASSERTION_OF[kind], from };
      if (origin !== undefined) this.usual.set(kind, origin);
    }
  }

  /** How to write the assertion at `user`. */
  assertion(kind: AssertionKind, user: Node, source: Source): Usable | null {
    const imports = source.file.getImportDeclarations().filter((declaration) => !declaration.isTypeOnly());
    const visible = visibleNames(user, source);
    for (const declaration of imports) {
      for (const specifier of declaration.getNamedImports()) {
        if (specifier.isTypeOnly() || this.names.get(kind)?.has(specifier.getName()) !== true) continue;
        const name = specifier.getAliasNode()?.getText() ?? specifier.getName();
        if (visible(name) === 'module') return { name, edit: null };
      }
    }
    for (const name of this.names.get(kind) ?? []) if (visible(name) === 'module') return { name, edit: null };
    const origin = this.usual.get(kind);
    if (origin === undefined || visible(origin.name) !== 'nowhere') return null;
    const edit = this.importOf(origin, imports, source);
    return edit === null ? null : { name: origin.name, edit };
  }

  private importOf({ name, from }: Origin, imports: readonly ImportDeclaration[], source: Source): Edit | null {
    for (const declaration of imports) {
      const last = declaration.getNamedImports().at(-1);
      if (last === undefined || this.resolve(declaration, source.file.getFilePath()) !== from) continue;
      return { start: last.getEnd(), end: last.getEnd(), text: `, ${name}` };
    }
    const isModule = source.file.getStatements().some((node) => Node.isImportDeclaration(node) || Node.isExportDeclaration(node) || Node.isExportAssignment(node) || (Node.isExportable(node) && node.isExported()));
    if (!isModule) return null;
    const all = source.file.getImportDeclarations();
    const specifier = path.isAbsolute(from) ? this.wayTo(from, source.file.getFilePath()) : from;
    const quote = all[0]?.getModuleSpecifier().getText()[0] ?? quoteOf(source);
    const at = placeFor(specifier, all, source);
    return { start: at, end: at, text: `import { ${name} } from ${quote}${specifier}${quote}${source.semicolon}${source.lineBreak}` };
  }

  private wayTo(file: string, user: string): string {
    const way = path.relative(path.dirname(user), file).replace(/(?:\.d)?\.([cm]?)[jt]sx?$/, (_, kind: string) => (this.ending === '.ts' || this.ending === '.js' ? this.ending.replace('.', `.${kind}`) : ''));
    return way.startsWith('.') ? way : `./${way}`;
  }

  /** How often each assertion is imported in the project. */
  private usedOrigins(): ReadonlyMap<string, { readonly origin: Origin; count: number }> {
    const every = new Set([...this.names.values()].flatMap((names) => [...names]));
    const used = new Map<string, { readonly origin: Origin; count: number }>();
    const { compiler } = this.input;
    for (const file of ownFiles(this.input)) {
      for (const declaration of file.statements) {
        if (!compiler.isImportDeclaration(declaration)) continue;
        const bindings = declaration.importClause?.namedBindings;
        if (bindings === undefined || !compiler.isNamedImports(bindings) || !compiler.isStringLiteral(declaration.moduleSpecifier)) continue;
        for (const { name, propertyName } of bindings.elements) {
          const imported = (propertyName ?? name).text;
          if (!every.has(imported)) continue;
          const origin = { name: imported, from: this.resolved(declaration.moduleSpecifier.text, file.fileName) };
          const key = `${origin.from}#${origin.name}`;
          const known = used.get(key);
          if (known === undefined) used.set(key, { origin, count: 1 });
          else known.count += 1;
        }
      }
    }
    return used;
  }

  private resolve(declaration: ImportDeclaration, user: string): string {
    return this.resolved(declaration.getModuleSpecifierValue(), user);
  }

  /** A package stays as it is written; a path becomes the file that it leads to. */
  private resolved(specifier: string, user: string): string {
    if (!specifier.startsWith('.')) return specifier;
    const { compiler, program } = this.input;
    const found = compiler.resolveModuleName(specifier, user, program.getCompilerOptions(), compiler.sys).resolvedModule;
    return found?.resolvedFileName ?? path.resolve(path.dirname(user), specifier);
  }
}

function ownFiles({ program }: ProgramInput): readonly typescript.SourceFile[] {
  return program.getSourceFiles().filter((file) => !file.isDeclarationFile && !file.fileName.includes('/node_modules/'));
}

/** Functions of the project that are assertions by their tag, and that others can import. */
function declaredAssertions({ root, program }: ProgramInput, model: Model): (Origin & { readonly kind: AssertionKind })[] {
  return model.program.functions.flatMap(({ file, summary }) => {
    const kind = summary.tags.asserts ?? (Object.hasOwn(model.config.assertions, summary.name) ? model.config.assertions[summary.name] : undefined);
    if (kind === undefined || summary.name.includes('.') || summary.parent !== undefined) return [];
    const from = path.resolve(root, file);
    const source = program.getSourceFile(from);
    // What lies outside is another package's, and has a name of its own there.
    if (source === undefined || file.startsWith('..') || file.includes('node_modules/')) return [];
    const module = program.getTypeChecker().getSymbolAtLocation(source);
    const isExported = module !== undefined && program.getTypeChecker().getExportsOfModule(module).some((symbol) => symbol.name === summary.name);
    return isExported ? [{ name: summary.name, from, kind }] : [];
  });
}

/** In the order in which they are taken: those of the configuration, those that tags declare, that of the run-time library. */
function namesByKind(model: Model, declared: readonly (Origin & { readonly kind: AssertionKind })[]): ReadonlyMap<AssertionKind, ReadonlySet<string>> {
  const kinds = Object.keys(ASSERTION_OF) as AssertionKind[];
  return new Map(kinds.map((kind) => [kind, new Set([
    ...Object.entries(model.config.assertions).filter(([, asserted]) => asserted === kind).map(([name]) => name),
    ...declared.filter((origin) => origin.kind === kind).map(({ name }) => name),
    ASSERTION_OF[kind],
  ])]));
}

/** Whether a name at the place is one of the module's, something else, or free. */
function visibleNames(user: Node, source: Source): (name: string) => 'module' | 'elsewhere' | 'nowhere' {
  // An import that only types may use is no value, but its name is taken.
  // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- the nodes of ts-morph and of the compiler are the same objects, declared twice
  const inScope = source.checker.getSymbolsInScope(user.compilerNode, ts.SymbolFlags.Value | ts.SymbolFlags.Alias);
  const symbols = new Map(inScope.map((symbol) => [symbol.name, symbol]));
  return (name) => {
    const symbol = symbols.get(name);
    if (symbol === undefined) return 'nowhere';
    const isTopLevel = (symbol.declarations ?? []).some((declaration) => {
      if (ts.isImportSpecifier(declaration)) return !declaration.isTypeOnly && declaration.parent.parent.phaseModifier !== ts.SyntaxKind.TypeKeyword;
      return ts.isSourceFile(declaration.parent) && declaration.parent.fileName === source.file.getFilePath();
    });
    return isTopLevel ? 'module' : 'elsewhere';
  };
}

/** Among sorted imports at its place, else above the first; without any above the first statement, but not between that and its comment. */
function placeFor(specifier: string, imports: readonly ImportDeclaration[], source: Source): number {
  const [first] = imports;
  if (first === undefined) {
    const statement = source.file.getStatements().find((node) => !(Node.isExpressionStatement(node) && Node.isStringLiteral(node.getExpression())));
    if (statement === undefined) return source.file.getEnd();
    const docs = Node.isJSDocable(statement) ? statement.getJsDocs().filter((doc) => !/@module\b/.test(doc.getText())) : [];
    return docs[0]?.getStart() ?? statement.getStart();
  }
  const written = imports.map((declaration) => declaration.getModuleSpecifierValue());
  const isSorted = written.every((each, index) => index === 0 || compare(written[index - 1] ?? '', each) <= 0);
  const next = isSorted ? imports.find((declaration) => compare(specifier, declaration.getModuleSpecifierValue()) < 0) : first;
  if (next !== undefined) return next.getStart();
  const end = imports.at(-1)?.getEnd() ?? 0;
  const line = source.text.indexOf('\n', end);
  return line < 0 ? source.text.length : line + 1;
}

/** Packages before paths, paths from farther away first. */
function compare(a: string, b: string): number {
  const rank = (specifier: string): number => (specifier.startsWith('.') ? 1 : 0);
  const far = (specifier: string): number => -(specifier.match(/\.\.\//g) ?? []).length;
  return rank(a) - rank(b) || far(a) - far(b) || (a < b ? -1 : a > b ? 1 : 0);
}

function quoteOf({ text }: Source): string {
  return (text.match(/"/g) ?? []).length > (text.match(/'/g) ?? []).length ? '"' : "'";
}

/** How relative imports of the project end: as most of them do. */
function endingOf(input: ProgramInput): string {
  const counts = new Map<string, number>();
  for (const file of ownFiles(input)) {
    for (const statement of file.statements) {
      if (!input.compiler.isImportDeclaration(statement)) continue;
      const { moduleSpecifier } = statement;
      if (!input.compiler.isStringLiteral(moduleSpecifier) || !moduleSpecifier.text.startsWith('.')) continue;
      const ending = /\.[cm]?([jt]s)x?$/.exec(moduleSpecifier.text)?.[1] ?? '';
      counts.set(ending, (counts.get(ending) ?? 0) + 1);
    }
  }
  const [most] = [...counts].sort((a, b) => b[1] - a[1]);
  if (most !== undefined) return most[0] === '' ? '' : `.${most[0]}`;
  const options = input.program.getCompilerOptions();
  if (options.allowImportingTsExtensions === true) return '.ts';
  return options.moduleResolution === input.compiler.ModuleResolutionKind.Bundler ? '' : '.js';
}
