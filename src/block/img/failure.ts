/** How a command ends with another status than 0 or 1. */

/** What `main` prints on the error stream, and the exit status. An empty message: all is said already. */
export class ImgFailure extends Error {
  override readonly name = 'ImgFailure';
  readonly status: number;

  constructor(message: string, status = 1) {
    super(message);
    this.status = status;
  }
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
