/**
 * The language server: findings of whole projects, in open files and others, their repairs, and what is known of functions.
 *
 * In: streams to an editor. Out: diagnostics whenever they change; answers to requests, which wait until they fit what the editor has told.
 * A project that cannot be analysed is told once, in a message; its last diagnostics stay. Broken syntax is told by the editor itself.
 * Leaves to others: when to analyse (`workspace.ts`), the analysis (`project`, `engine`), repairs (`repair`), words (`diagnostics.ts`, `functions.ts`).
 */
import fs from 'node:fs';
import path from 'node:path';
import {
  CodeActionKind, createConnection, DidChangeWatchedFilesNotification, FileChangeType, MessageType, ShowMessageNotification, TextDocuments, TextDocumentSyncKind,
  type CancellationToken, type CodeAction, type CodeActionParams, type CodeLens, type Connection, type Diagnostic, type FileEvent, type Hover, type HoverParams, type InitializeParams,
  type InitializeResult, type Range,
} from 'vscode-languageserver/node';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { ConfigError, ProjectError } from '../model/errors.ts';
import type { Rule } from '../model/rule.ts';
import type { EditedProject, EditedState } from '../project/edited-projects.ts';
import { relativePath } from '../project/paths.ts';
import { repairOf } from '../repair/repair.ts';
import { Source, type Edit } from '../repair/source.ts';
import { diagnosticOf, rangeOf, type DiagnosticStyle } from './diagnostics.ts';
import { describe, functionAt, linesAbove } from './functions.ts';
import { fileOf, uriOf } from './uris.ts';
import { Workspace } from './workspace.ts';

/** How long, in milliseconds, typing has to rest before all is looked at again; who asks does not wait for it. */
const REST = 150;

const WATCHED = ['**/*.{ts,tsx,mts,cts,js,jsx,mjs,cjs}', '**/{tsconfig,jsconfig,package}*.json', '**/*gsio*'];
const SETTINGS = /\/(?:(?:tsconfig|jsconfig|package)[^/]*\.json|[^/]*gsio[^/]*)$/;

/** Serves until the editor ends it, which ends the process. */
export function serve(input: NodeJS.ReadableStream, output: NodeJS.WritableStream, rules: readonly Rule[], version: string): void {
  new Server(createConnection(input, output), rules, version).listen();
}

/** A file as it was analysed, which is how the editor has it. */
interface Analysed {
  readonly state: EditedState;
  readonly project: EditedProject;
  readonly source: Source;
  readonly document: TextDocument;
}

class Server {
  private readonly connection: Connection;
  private readonly documents = new TextDocuments(TextDocument);
  private readonly workspace: Workspace;
  private readonly version: string;
  private style: DiagnosticStyle;
  private folders: readonly string[] = [];
  private rest: NodeJS.Timeout | undefined;
  private shown: ReadonlyMap<string, readonly Diagnostic[]> = new Map();
  private readonly problems = new Map<string, string>();

  constructor(connection: Connection, rules: readonly Rule[], version: string) {
    this.connection = connection;
    this.version = version;
    this.style = { version, relatedInformation: false };
    this.workspace = new Workspace({
      folders: () => this.folders,
      texts: () => this.texts(),
      onStates: (states) => { this.show(states); },
      onProblem: (configFile, problem) => { this.tell(configFile, problem); },
    }, rules);
  }

  listen(): void {
    const { connection, documents } = this;
    connection.onInitialize((params) => this.initialize(params));
    connection.onDidChangeWatchedFiles(({ changes }) => { this.noteChanges(changes); });
    documents.onDidOpen(({ document }) => { this.noteOpen(document); });
    documents.onDidChangeContent(() => { this.noteText(); });
    documents.onDidClose(({ document }) => { this.noteOpen(document); });
    documents.onDidSave(() => { this.noteText(); });
    connection.onCodeAction((params, token) => this.settled(() => this.actions(params), token));
    connection.onCodeLens(({ textDocument }, token) => this.settled(() => this.lenses(textDocument.uri), token));
    connection.onHover((params, token) => this.settled(() => this.hover(params), token));
    connection.onShutdown(() => { clearTimeout(this.rest); });
    documents.listen(connection);
    connection.listen();
  }

  private initialize({ capabilities: { textDocument, workspace }, workspaceFolders }: InitializeParams): InitializeResult {
    this.folders = foldersOf(workspaceFolders ?? []);
    this.style = { version: this.version, relatedInformation: textDocument?.publishDiagnostics?.relatedInformation === true };
    this.connection.onInitialized(() => {
      if (workspace?.didChangeWatchedFiles?.dynamicRegistration === true) this.watch();
      if (workspace?.workspaceFolders === true) this.followFolders();
      this.noteText();
    });
    return {
      serverInfo: { name: 'gsio', version: this.version },
      capabilities: {
        textDocumentSync: { openClose: true, change: TextDocumentSyncKind.Incremental, save: true },
        codeActionProvider: { codeActionKinds: [CodeActionKind.QuickFix] },
        codeLensProvider: {},
        hoverProvider: true,
        workspace: { workspaceFolders: { supported: true, changeNotifications: true } },
      },
    };
  }

  private watch(): void {
    const watchers = WATCHED.map((globPattern) => ({ globPattern }));
    this.connection.client.register(DidChangeWatchedFilesNotification.type, { watchers }).catch((error: unknown) => { this.tell('', error); });
  }

  private followFolders(): void {
    this.connection.workspace.onDidChangeWorkspaceFolders(({ added, removed }) => {
      const gone = new Set(foldersOf(removed));
      this.folders = [...this.folders.filter((folder) => !gone.has(folder)), ...foldersOf(added)];
      this.noteText();
    });
  }

  private noteChanges(changes: readonly FileEvent[]): void {
    if (changes.some(({ uri }) => SETTINGS.test(uri))) this.workspace.noteSettings();
    else if (changes.some(({ type }) => type !== FileChangeType.Changed)) this.workspace.noteFiles();
    this.noteText();
  }

  /** A buffer that no file stands behind can be imported as long as it is open. */
  private noteOpen({ uri }: TextDocument): void {
    const file = fileOf(uri);
    if (file !== null && (this.workspace.projectOf(file) === null || !fs.existsSync(file))) this.workspace.noteFiles();
    this.noteText();
  }

  private noteText(): void {
    this.workspace.note();
    clearTimeout(this.rest);
    this.rest = setTimeout(() => { void this.settle(); }, REST);
  }

  /** A fault of gsio is told, too; the next change gets its chance. */
  private async settle(): Promise<void> {
    try {
      await this.workspace.settle();
    } catch (error) {
      this.tell('', error);
    }
  }

  private async settled<Answer>(answer: () => Answer, token: CancellationToken): Promise<Answer | null> {
    await this.settle();
    return token.isCancellationRequested ? null : answer();
  }

  private texts(): ReadonlyMap<string, string> {
    return new Map(this.documents.all().flatMap((document) => {
      const file = fileOf(document.uri);
      return file === null ? [] : [[file, document.getText()] as const];
    }));
  }

  private analysed(uri: string): Analysed | null {
    const file = fileOf(uri) ?? '';
    const found = this.workspace.projectOf(file);
    const parsed = found?.project.program.getSourceFile(file);
    const document = this.documents.get(uri);
    if (found === null || parsed === undefined || document === undefined || parsed.text !== document.getText()) return null;
    return { ...found, document, source: new Source(found.project.compiler, found.project.program, parsed) };
  }

  private show(states: readonly EditedState[]): void {
    const next = new Map<string, Diagnostic[]>();
    for (const { root, findings } of states) {
      for (const finding of findings) {
        const uri = uriOf(path.posix.join(root, finding.file));
        const diagnostic = diagnosticOf(finding, root, this.style);
        const others = next.get(uri) ?? [];
        // Projects of two folders may share a file.
        if (!others.some((other) => isSame(other, diagnostic))) next.set(uri, [...others, diagnostic]);
      }
    }
    for (const uri of new Set([...next.keys(), ...this.shown.keys()])) {
      const diagnostics = next.get(uri) ?? [];
      if (!isSame(this.shown.get(uri), diagnostics)) void this.connection.sendDiagnostics({ uri, diagnostics });
    }
    this.shown = next;
  }

  private tell(configFile: string, problem: unknown): void {
    const text = problem === null || isSyntaxError(problem) ? '' : wordsFor(problem);
    if ((this.problems.get(configFile) ?? '') === text) return;
    this.problems.set(configFile, text);
    if (text !== '') void this.connection.sendNotification(ShowMessageNotification.type, { type: MessageType.Error, message: text });
  }

  private actions({ textDocument: { uri }, range }: CodeActionParams): CodeAction[] {
    const analysed = this.analysed(uri);
    if (analysed === null) return [];
    const { state: { root, findings }, project: { config }, source } = analysed;
    const name = relativePath(root, source.file.fileName);
    return findings.filter((finding) => finding.file === name && touches(rangeOf(finding), range)).flatMap((finding) => {
      const { fix, suggestions } = repairOf(finding, source, config);
      const offers = [...(fix === undefined ? [] : [{ text: finding.hint, edits: fix }]), ...suggestions];
      return offers.map(({ text: title, edits }): CodeAction => ({
        title,
        kind: CodeActionKind.QuickFix,
        diagnostics: [diagnosticOf(finding, root, this.style)],
        isPreferred: edits === fix,
        edit: { changes: { [uri]: edits.map((edit) => ({ range: rangeOfEdit(edit, source), newText: edit.text })) } },
      }));
    });
  }

  private lenses(uri: string): CodeLens[] {
    const analysed = this.analysed(uri);
    if (analysed === null) return [];
    const { state: { root, projects }, source } = analysed;
    return linesAbove(projects.map(({ model }) => model), relativePath(root, source.file.fileName)).map(({ place, text }) => {
      const at = { line: place.line - 1, character: place.column - 1 };
      return { range: { start: at, end: at }, command: { title: text, command: '' } };
    });
  }

  private hover({ textDocument, position }: HoverParams): Hover | null {
    const analysed = this.analysed(textDocument.uri);
    if (analysed === null) return null;
    const { state: { root, projects }, project, source, document } = analysed;
    const node = functionAt(project, root, source.file, document.offsetAt(position));
    return node === null ? null : { contents: { kind: 'markdown', value: describe(projects.map(({ model }) => model), node) } };
  }
}

function foldersOf(folders: readonly { readonly uri: string }[]): string[] {
  return folders.flatMap(({ uri }) => fileOf(uri) ?? []);
}

function isSyntaxError(problem: unknown): boolean {
  return problem instanceof ProjectError && problem.code === 'syntax-error';
}

function wordsFor(problem: unknown): string {
  if (problem instanceof ProjectError || problem instanceof ConfigError) return `gsio: ${problem.message} ${problem.hint}`;
  return `gsio: this is a fault of gsio, not of your code: ${problem instanceof Error ? problem.message : String(problem)}`;
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function touches(a: Range, b: Range): boolean {
  return !isBefore(a.end, b.start) && !isBefore(b.end, a.start);
}

function isBefore(a: Range['start'], b: Range['start']): boolean {
  return a.line < b.line || (a.line === b.line && a.character < b.character);
}

function rangeOfEdit({ start, end }: Edit, { file }: Source): Range {
  return { start: file.getLineAndCharacterOfPosition(start), end: file.getLineAndCharacterOfPosition(end) };
}
