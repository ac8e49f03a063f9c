/** An editor without a screen: the client side of the language server protocol, with files in a temporary folder. */
import fs from 'node:fs';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { onTestFinished } from 'vitest';
import {
  createProtocolConnection, DiagnosticSeverity, FileChangeType, StreamMessageReader, StreamMessageWriter, type CodeAction, type CodeLens, type Diagnostic, type Hover,
  type InitializeResult, type ProtocolConnection, type TextEdit,
} from 'vscode-languageserver/node';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { rules } from '../../rules/index.ts';
import { serve } from '../../src/lsp/server.ts';
import { temporaryFolder } from './temporary-folder.ts';

interface Streams {
  readonly output: NodeJS.ReadableStream;
  readonly input: NodeJS.WritableStream;
}

/** The server in this process. */
export function servedHere(): Streams {
  const [input, output] = [new PassThrough(), new PassThrough()];
  serve(input, output, rules, '0.0.0');
  return { input, output };
}

export class Editor {
  readonly folder: string;
  readonly connection: ProtocolConnection;
  /** By file, what is underlined in it. */
  readonly shown = new Map<string, Diagnostic[]>();
  readonly messages: string[] = [];
  readonly watched: string[] = [];
  private isOver = false;
  private readonly buffers = new Map<string, TextDocument>();

  constructor(files: Readonly<Record<string, string>>, { input, output }: Streams = servedHere()) {
    this.folder = temporaryFolder(files);
    this.connection = createProtocolConnection(new StreamMessageReader(output), new StreamMessageWriter(input));
    this.connection.onNotification('textDocument/publishDiagnostics', ({ uri, diagnostics }: { uri: string; diagnostics: Diagnostic[] }) => {
      const file = decodeURIComponent(uri.slice(this.uri('').length));
      if (diagnostics.length === 0) this.shown.delete(file);
      else this.shown.set(file, diagnostics);
    });
    this.connection.onNotification('window/showMessage', ({ message }: { message: string }) => { this.messages.push(message); });
    this.connection.onRequest('client/registerCapability', ({ registrations }: { registrations: { method: string }[] }) => {
      this.watched.push(...registrations.map(({ method }) => method));
      return null;
    });
    this.connection.listen();
    onTestFinished(async () => {
      if (!this.isOver) await this.shutDown();
      this.connection.dispose();
    });
  }

  async start(folders: readonly string[] = ['.'], relatedInformation = true): Promise<InitializeResult> {
    const result = await this.connection.sendRequest<InitializeResult>('initialize', {
      processId: null,
      rootUri: null,
      workspaceFolders: folders.map((name) => ({ uri: this.uri(name), name })),
      capabilities: {
        textDocument: { publishDiagnostics: { relatedInformation } },
        workspace: { workspaceFolders: true, didChangeWatchedFiles: { dynamicRegistration: true } },
      },
    });
    await this.connection.sendNotification('initialized', {});
    return result;
  }

  /** The server's process ends. */
  async end(): Promise<void> {
    await this.shutDown();
    await this.connection.sendNotification('exit');
  }

  private async shutDown(): Promise<void> {
    this.isOver = true;
    await this.connection.sendRequest('shutdown');
  }

  uri(file: string): string {
    return pathToFileURL(path.join(this.folder, file === '' ? '/' : file)).href;
  }

  /** What stands in the buffer, or else on the disk. */
  text(file: string): string {
    return this.buffers.get(file)?.getText() ?? fs.readFileSync(path.join(this.folder, file), 'utf8');
  }

  isOpen(file: string): boolean {
    return this.buffers.has(file);
  }

  async open(file: string, text = this.text(file)): Promise<void> {
    const document = TextDocument.create(this.uri(file), 'typescript', 1, text);
    this.buffers.set(file, document);
    await this.connection.sendNotification('textDocument/didOpen', { textDocument: { uri: document.uri, languageId: 'typescript', version: 1, text } });
  }

  /** Replaces one piece of text, which is there, as typing does. */
  async type(file: string, from: string, to: string): Promise<void> {
    const document = this.buffer(file);
    const start = document.getText().indexOf(from);
    if (start < 0) throw new Error(`${file} does not hold ${from}`);
    await this.change(file, { range: { start: document.positionAt(start), end: document.positionAt(start + from.length) }, text: to });
  }

  async retype(file: string, text: string): Promise<void> {
    await this.change(file, { text });
  }

  async save(file: string): Promise<void> {
    const { uri } = this.buffer(file);
    await this.write(file, this.text(file));
    await this.connection.sendNotification('textDocument/didSave', { textDocument: { uri } });
  }

  async close(file: string): Promise<void> {
    const { uri } = this.buffer(file);
    this.buffers.delete(file);
    await this.connection.sendNotification('textDocument/didClose', { textDocument: { uri } });
  }

  /** Behind the editor's back, but for what its watcher sees. */
  async write(file: string, text: string): Promise<void> {
    const absolute = path.join(this.folder, file);
    const type = fs.existsSync(absolute) ? FileChangeType.Changed : FileChangeType.Created;
    fs.writeFileSync(absolute, text);
    await this.connection.sendNotification('workspace/didChangeWatchedFiles', { changes: [{ uri: this.uri(file), type }] });
  }

  async remove(file: string): Promise<void> {
    fs.rmSync(path.join(this.folder, file));
    await this.connection.sendNotification('workspace/didChangeWatchedFiles', { changes: [{ uri: this.uri(file), type: FileChangeType.Deleted }] });
  }

  /** Everything that was told has been looked at. What is shown comes before the answer. */
  async settled(): Promise<void> {
    await this.connection.sendRequest('textDocument/hover', { textDocument: { uri: this.uri('none.ts') }, position: { line: 0, character: 0 } });
  }

  /** `file:line rule` of every error and warning. */
  async places(): Promise<string[]> {
    await this.settled();
    return [...this.shown].flatMap(([file, diagnostics]) => diagnostics.filter(({ severity }) => severity !== DiagnosticSeverity.Information).map(({ range, code }) => `${file}:${String(range.start.line + 1)} ${String(code)}`)).sort();
  }

  hover(file: string, word: string): Promise<Hover | null> {
    return this.connection.sendRequest('textDocument/hover', { textDocument: { uri: this.uri(file) }, position: this.buffer(file).positionAt(this.text(file).indexOf(word)) });
  }

  lenses(file: string): Promise<CodeLens[] | null> {
    return this.connection.sendRequest('textDocument/codeLens', { textDocument: { uri: this.uri(file) } });
  }

  async actions(file: string): Promise<CodeAction[]> {
    await this.settled();
    const found = await Promise.all((this.shown.get(file) ?? []).map((diagnostic) => this.connection.sendRequest<CodeAction[]>('textDocument/codeAction', {
      textDocument: { uri: this.uri(file) }, range: diagnostic.range, context: { diagnostics: [diagnostic] },
    })));
    return found.flat();
  }

  async take(file: string, action: CodeAction): Promise<void> {
    const edits: TextEdit[] = action.edit?.changes?.[this.uri(file)] ?? [];
    await this.retype(file, TextDocument.applyEdits(this.buffer(file), edits));
  }

  private buffer(file: string): TextDocument {
    const document = this.buffers.get(file);
    if (document === undefined) throw new Error(`${file} is not open`);
    return document;
  }

  private async change(file: string, change: Parameters<typeof TextDocument.update>[1][number]): Promise<void> {
    const document = this.buffer(file);
    const version = document.version + 1;
    this.buffers.set(file, TextDocument.update(document, [change], version));
    await this.connection.sendNotification('textDocument/didChange', { textDocument: { uri: document.uri, version }, contentChanges: [change] });
  }
}
