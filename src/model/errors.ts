/**
 * The errors that a user can cause and mend. Each is one sentence for people, a `code` for programs and a `hint`: the next step.
 *
 * Leaves to others: printing them and choosing an exit status (`cli/main.ts`).
 */

/** The command or the library was called in a way it does not know. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly code: string;
  readonly hint: string;

  constructor(code: string, message: string, hint: string) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}

/** The configuration cannot be read, or says something that it cannot say. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code: string;
  readonly hint: string;

  constructor(code: string, message: string, hint: string) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}

/** The project cannot be found, loaded or parsed. */
export class ProjectError extends Error {
  override readonly name = 'ProjectError';
  readonly code: string;
  readonly hint: string;

  constructor(code: string, message: string, hint: string) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}
