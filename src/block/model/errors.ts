/** The one error of the block layer: an errno code and a sentence. */

/** The errno codes that the block layer uses. */
export type Errno =
  | 'EACCES' | 'EAGAIN' | 'EBUSY' | 'ECANCELED' | 'EEXIST' | 'EFBIG' | 'EINPROGRESS' | 'EINVAL' | 'EIO' | 'EISDIR' | 'ENODEV' | 'ENOENT' | 'ENOMEDIUM' | 'ENOMEM'
  | 'ENOSPC' | 'ENOTDIR' | 'ENOTSUP' | 'EPERM' | 'ERANGE' | 'EROFS' | 'ESHUTDOWN' | 'ESTALE' | 'ETIMEDOUT' | 'EBADF' | 'ENXIO' | 'EINTR' | 'ENOTEMPTY';

/** An operation failed. `code` is for programs, `message` for people. */
export class BlockError extends Error {
  override readonly name = 'BlockError';
  readonly code: Errno;

  constructor(code: Errno, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** @common */
export function blockError(code: Errno, message: string, cause?: unknown): BlockError {
  return new BlockError(code, message, cause === undefined ? undefined : { cause });
}

/**
 * The errno code of any error: of a {@link BlockError}, of one of the host's (`ENOSPC` of a full disk), or `EIO`.
 *
 * @common
 */
export function errnoOf(error: unknown): Errno {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^E[A-Z]+$/.test(code) ? (code as Errno) : 'EIO';
}

/**
 * `error` with what was being done in front of its message, and its code kept.
 *
 * @common
 */
export function prefixError(prefix: string, error: unknown): BlockError {
  return blockError(errnoOf(error), `${prefix}: ${error instanceof Error ? error.message : String(error)}`, error);
}
