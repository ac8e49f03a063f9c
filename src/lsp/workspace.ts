/**
 * The projects that an editor has open, and what is known of them.
 *
 * In: folders and texts of the editor, what is heard of changes. Out: the states of all projects, once they fit what was heard; a change that
 * comes while one is made begins it anew.
 * Leaves to others: talking to the editor (`server.ts`).
 */
import fs from 'node:fs';
import path from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import type { Rule } from '../model/rule.ts';
import { EditedProjects, type EditedProject, type EditedState } from '../project/edited-projects.ts';
import { isInside } from '../project/paths.ts';

/** What the editor says when it is asked, and what it is told. */
export interface Editor {
  /** Absolute names, with `/`, of the folders that are open. */
  readonly folders: () => readonly string[];
  /** Texts of open files by their absolute names. */
  readonly texts: () => ReadonlyMap<string, string>;
  readonly onStates: (states: readonly EditedState[]) => void;
  /** Why a tsconfig.json cannot be analysed; null: it can. */
  readonly onProblem: (configFile: string, problem: unknown) => void;
}

/** What was being made is not wanted any more. */
class Superseded extends Error {}

export class Workspace {
  private readonly editor: Editor;
  private readonly rules: readonly Rule[];
  private readonly projects = new Map<string, EditedProjects>();
  private readonly states = new Map<string, EditedState>();
  private isStale = true;
  private settling: Promise<void> | null = null;

  constructor(editor: Editor, rules: readonly Rule[]) {
    this.editor = editor;
    this.rules = rules;
  }

  /** A text has changed, or which files and folders are open. */
  note(): void {
    this.isStale = true;
  }

  /** Files have come or gone. */
  noteFiles(): void {
    for (const projects of this.projects.values()) projects.noteFiles();
    this.note();
  }

  /** A configuration has changed, or packages have. */
  noteSettings(): void {
    for (const projects of this.projects.values()) projects.noteSettings();
    this.note();
  }

  /** Done when the states fit all that was noted. */
  settle(): Promise<void> {
    this.settling ??= this.rounds().finally(() => { this.settling = null; });
    return this.settling;
  }

  /** The project that a file belongs to, with the state that it is part of. */
  projectOf(file: string): { readonly state: EditedState; readonly project: EditedProject } | null {
    for (const state of this.states.values()) {
      const project = state.projects.find(({ ownFiles }) => ownFiles.has(file));
      if (project !== undefined) return { state, project };
    }
    return null;
  }

  private async rounds(): Promise<void> {
    while (this.isStale) {
      this.isStale = false;
      try {
        await this.round();
        this.editor.onStates([...this.states.values()]);
      } catch (error) {
        if (!(error instanceof Superseded)) throw error;
      }
    }
  }

  /** The projects of the folders, and for files of which none of those knows, the nearest within their folder. */
  private async round(): Promise<void> {
    const folders = this.editor.folders();
    const wanted = new Set<string>();
    const want = async (configFile: string | null): Promise<void> => {
      if (configFile === null || wanted.has(configFile)) return;
      wanted.add(configFile);
      await this.refresh(configFile);
    };
    for (const folder of folders) await want(nearest(folder, folder));
    for (const file of this.editor.texts().keys()) {
      const folder = folders.find((candidate) => isInside(file, candidate));
      if (folder === undefined || file.includes('/node_modules/') || this.isIn(wanted, file)) continue;
      await want(nearest(path.posix.dirname(file), folder));
    }
    for (const known of [...this.projects.keys()]) {
      if (wanted.has(known)) continue;
      this.projects.delete(known);
      this.states.delete(known);
      this.editor.onProblem(known, null);
    }
  }

  private isIn(configFiles: ReadonlySet<string>, file: string): boolean {
    return [...configFiles].some((configFile) => this.states.get(configFile)?.projects.some(({ ownFiles }) => ownFiles.has(file)) === true);
  }

  private async refresh(configFile: string): Promise<void> {
    const projects = this.projects.get(configFile) ?? new EditedProjects(configFile, this.rules);
    this.projects.set(configFile, projects);
    try {
      this.states.set(configFile, await projects.update(this.editor.texts(), () => this.pause()));
      this.editor.onProblem(configFile, null);
    } catch (error) {
      if (error instanceof Superseded) throw error;
      this.editor.onProblem(configFile, error);
    }
  }

  /** Lets the editor speak. */
  private async pause(): Promise<void> {
    await turn();
    if (this.isStale) throw new Superseded();
  }
}

/** The project configuration in a folder, or else in the nearest one above it, up to the last. */
function nearest(from: string, last: string): string | null {
  for (let folder = from; isInside(folder, last); folder = path.posix.dirname(folder)) {
    const found = ['tsconfig.json', 'jsconfig.json'].map((name) => path.posix.join(folder, name)).find((file) => fs.existsSync(file));
    if (found !== undefined) return found;
    if (folder === path.posix.dirname(folder)) break;
  }
  return null;
}
