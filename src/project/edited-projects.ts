/**
 * The projects of one tsconfig.json while somebody edits them.
 *
 * In: the texts of open files, and what is heard of changes on disk. Out: after each change the same findings that a check of its own
 * would give, with the models behind them. What a user has to mend first is thrown, and the next call begins from what was there before.
 * Leaves to others: hearing of changes, showing findings (`lsp`).
 */
import path from 'node:path';
import { findConfig } from '../config/load-config.ts';
import type { Model } from '../engine/model.ts';
import { ProjectIndex, type FindingsByFile } from '../engine/project-index.ts';
import type { Config } from '../model/config.ts';
import type { Finding } from '../model/finding.ts';
import type { Rule } from '../model/rule.ts';
import { ts, type typescript } from './compiler.ts';
import { findProjects, type Project, type ProjectSet } from './find-projects.ts';
import { loadProgram, withinStack, type Earlier } from './load-program.ts';
import { mergeFindings } from './merge-reports.ts';
import { ParsedFiles } from './parsed-files.ts';
import { relativePath } from './paths.ts';
import { placeConfig } from './place-config.ts';

/** What is known of one of the projects as it is now. */
export interface EditedProject {
  readonly compiler: typeof ts;
  readonly program: typescript.Program;
  readonly config: Config;
  readonly ownFiles: ReadonlySet<string>;
  readonly model: Model;
}

export interface EditedState {
  /** Absolute, with `/`: what file names in findings are relative to. */
  readonly root: string;
  readonly projects: readonly EditedProject[];
  readonly findings: readonly Finding[];
}

/** One of the projects from one analysis to the next. */
interface Session {
  readonly config: Config;
  readonly index: ProjectIndex<{ readonly findings: FindingsByFile; readonly model: Model }>;
  readonly parsed: ParsedFiles;
  program: typescript.Program | undefined;
}

export class EditedProjects {
  /** The tsconfig.json or its folder. */
  readonly named: string;
  private readonly rules: readonly Rule[];
  private found: ProjectSet | null = null;
  private readonly sessions = new Map<string, Session>();

  constructor(named: string, rules: readonly Rule[]) {
    this.named = named;
    this.rules = rules;
  }

  /** Files have come or gone. */
  noteFiles(): void {
    this.found = null;
    for (const session of this.sessions.values()) session.program = undefined;
  }

  /** A configuration has changed, or packages have: nothing that was known counts. */
  noteSettings(): void {
    this.found = null;
    this.sessions.clear();
  }

  /** `pause` is awaited between steps; it may throw where the answer is not wanted any more. `texts` are those of open files. */
  async update(texts: ReadonlyMap<string, string>, pause: () => Promise<void>): Promise<EditedState> {
    const { root, projects } = this.found ??= findProjects([this.named], path.dirname(this.named));
    const edited: EditedProject[] = [];
    const found: Finding[][] = [];
    for (const project of projects) {
      await pause();
      const { config, parsed, index, ...session } = await this.sessionOf(project, root);
      const earlier: Earlier = { parsed, program: session.program };
      const { program, ownFiles } = loadProgram(project, root, Object.keys(config.tags), texts, earlier);
      const known = this.sessions.get(project.configFile);
      if (known !== undefined) known.program = program;
      await pause();
      const { model, findings } = withinStack(() => null, root, () => index.resultOf(ts, program, ownFiles));
      edited.push({ compiler: ts, program, config, ownFiles, model });
      found.push([...findings.values()].flat());
    }
    return { root, projects: edited, findings: mergeFindings(found) };
  }

  private async sessionOf(project: Project, root: string): Promise<Session> {
    let session = this.sessions.get(project.configFile);
    if (session === undefined) {
      const config = placeConfig(await findConfig(project.folder, this.rules.map(({ id }) => id)), relativePath(root, project.folder));
      session = { config, index: new ProjectIndex({ root, config, rules: this.rules, disableComments: 'apply', result: (findings, model) => ({ findings, model }) }), parsed: new ParsedFiles(), program: undefined };
      this.sessions.set(project.configFile, session);
    }
    return session;
  }
}
