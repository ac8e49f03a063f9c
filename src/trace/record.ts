/**
 * Runs a command on an instrumented copy of the project, and gathers what it recorded.
 *
 * In: the projects, the command, what is around it. Out: a `Trace` and the command's exit status. The project itself is only
 * read; the copy is gone when the command has ended.
 * Leaves to others: the text (`instrument.ts`), the copy (`copy-project.ts`), recording (`recorder.ts`), comparing (`compare.ts`).
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Names } from '../frontend/ts/names.ts';
import { UsageError } from '../model/errors.ts';
import type { Trace } from '../model/trace.ts';
import { ts, type typescript } from '../project/compiler.ts';
import { findProjects, type Project } from '../project/find-projects.ts';
import { loadProgram, withinStack } from '../project/load-program.ts';
import { absolutePath, commonFolder, isInside, relativePath, toSlashes } from '../project/paths.ts';
import { copyProject } from './copy-project.ts';
import { gatherTrace } from './gather.ts';
import { instrument } from './instrument.ts';
import { Places } from './places.ts';

export interface RecordRequest {
  /** Files or folders; empty: the nearest tsconfig.json from `cwd` upward. */
  readonly projects: readonly string[];
  readonly cwd: string;
  /** The command and its words; not empty. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  readonly onProgress: (step: string) => void;
}

export async function recordTrace(request: RecordRequest): Promise<Trace> {
  const { projects, root } = findProjects(request.projects, request.cwd);
  const copied = fs.realpathSync(folderToCopy(commonFolder([absolutePath('.', request.cwd), ...projects.map(({ folder }) => folder)])));
  const sources = sourcesOf(projects, root, copied, request);
  const temporary = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'gsio-trace-')));
  try {
    const copy = path.join(temporary, path.basename(copied) || 'project');
    const notes = path.join(temporary, 'notes');
    fs.mkdirSync(notes);
    request.onProgress(`Copying ${copied}`);
    copyProject(copied, copy);
    request.onProgress(`Instrumenting, files: ${String(sources.length)}`);
    const places = new Places(new Names(ts, root));
    for (const source of sources) {
      const text = withinStack(() => source.fileName, root, () => instrument(ts, source, places));
      fs.writeFileSync(path.join(copy, path.relative(copied, fs.realpathSync(source.fileName))), text);
    }
    const recorder = writeRecorder(temporary);
    request.onProgress('');
    const status = await run(request, path.join(copy, path.relative(copied, fs.realpathSync(request.cwd))), {
      GSIO_TRACE_FOLDER: notes,
      GSIO_TRACE_ROOT: toSlashes(copy),
      NODE_OPTIONS: [request.env['NODE_OPTIONS'], `--import=${pathToFileURL(recorder).href}`].filter(Boolean).join(' '),
    });
    const files = sources.map((source) => ({ file: relativePath(root, source.fileName), hash: hashOf(source.text) }));
    return gatherTrace({
      places, files, status,
      notes: fs.readdirSync(notes).sort().map((name) => fs.readFileSync(path.join(notes, name), 'utf8')),
      nameInRoot: (file) => relativePath(root, path.posix.join(toSlashes(copied), file)),
      isOriginal: (file) => sameBytes(path.join(copied, file), path.join(copy, file)),
      command: request.command, version: request.version,
    });
  } finally {
    fs.rmSync(temporary, { recursive: true, force: true, maxRetries: 3 });
  }
}

function sameBytes(one: string, other: string): boolean {
  return fs.existsSync(one) && fs.existsSync(other) && fs.readFileSync(one).equals(fs.readFileSync(other));
}

/** Tells whether a file still is what was traced. The compiler drops the mark of the byte order. */
export function hashOf(text: string): string {
  return createHash('sha256').update(text.replace(/^\uFEFF/, '')).digest('hex').slice(0, 16);
}

/** The source of all projects that lies in the folder, once for each file. */
function sourcesOf(projects: readonly Project[], root: string, copied: string, request: RecordRequest): typescript.SourceFile[] {
  const sources = new Map<string, typescript.SourceFile>();
  for (const project of projects) {
    request.onProgress(`Loading ${relativePath(request.cwd, project.configFile)}`);
    const { program } = loadProgram(project, root, []);
    for (const source of program.getSourceFiles()) {
      const { fileName } = source;
      const external = source.isDeclarationFile || fileName.endsWith('.json') || program.isSourceFileFromExternalLibrary(source) || program.isSourceFileDefaultLibrary(source) || fileName.includes('/node_modules/');
      if (!external && fs.existsSync(fileName) && isInside(toSlashes(fs.realpathSync(fileName)), toSlashes(copied))) sources.set(fileName, source);
    }
  }
  return [...sources.values()].sort((a, b) => (a.fileName < b.fileName ? -1 : a.fileName > b.fileName ? 1 : 0));
}

/** The repository; without one the nearest folder with packages or a package.json: what the command needs is in there. */
function folderToCopy(folder: string): string {
  const above: string[] = [];
  for (let at = folder; ; at = path.posix.dirname(at)) {
    above.push(at);
    if (at === path.posix.dirname(at)) break;
  }
  const holding = (...names: string[]): string | undefined => above.find((at) => names.some((name) => fs.existsSync(path.join(at, name))));
  return holding('.git') ?? holding('package.json', 'node_modules') ?? folder;
}

/** The recorder as plain JavaScript: the compiled file of the package, or its source where gsio runs from that. */
function writeRecorder(folder: string): string {
  const own = fileURLToPath(import.meta.url);
  const text = fs.readFileSync(path.join(path.dirname(own), `recorder${path.extname(own)}`), 'utf8');
  const { outputText } = ts.transpileModule(text, { compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 } });
  const file = path.join(folder, 'recorder.mjs');
  fs.writeFileSync(file, outputText);
  return file;
}

function run({ command, env }: RecordRequest, cwd: string, added: Readonly<Record<string, string>>): Promise<number> {
  const [program = '', ...words] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(program, words, { cwd, env: { ...env, PWD: cwd, ...added }, stdio: 'inherit', shell: process.platform === 'win32' });
    // The terminal sends an interrupt to the command, too; what it has recorded until then counts.
    const wait = (): void => { /* the command ends, and so do we */ };
    process.on('SIGINT', wait);
    child.once('error', (error: NodeJS.ErrnoException) => {
      process.off('SIGINT', wait);
      reject(new UsageError('command-failed', `The command ${program} cannot be started (${error.code ?? error.message}).`, 'Write the command as you would in this folder: gsio trace -- npx vitest run.'));
    });
    child.once('close', (status, signal) => {
      process.off('SIGINT', wait);
      resolve(status ?? 128 + (signal === null ? 0 : os.constants.signals[signal]));
    });
  });
}
