/**
 * Making image files, and deleting them.
 *
 * In: a driver or a file name, and creation options. Out: a file. Leaves to others: the checks of `qemu-img create` (`img-create.ts`),
 * protocols that can't create (`create-simple.ts`), what a format writes (its driver).
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { mainContext } from '../contexts/aio-context.ts';
import { runCoWrapper } from '../contexts/poll.ts';
import { emitBlockEvent } from '../events.ts';
import type { BlockDriver, CreationOptions } from '../model/driver.ts';
import { blockError, errnoOf, prefixError } from '../model/errors.ts';
import type { BlockDriverState } from '../model/node.ts';
import { flattenOptions } from '../model/options.ts';
import { bdrvFindProtocol } from './drivers.ts';

/**
 * Makes an image of a driver's format, and the file below it.
 *
 * @throws BlockError `ENOTSUP` where the driver can't, or why it failed
 * @globalState
 */
export async function bdrvCreate(drv: BlockDriver, filename: string, opts: CreationOptions): Promise<void> {
  GLOBAL_STATE_CODE('bdrvCreate');
  if (!drv.bdrvCoCreateOpts) throw blockError('ENOTSUP', `Driver '${drv.formatName}' does not support image creation`);
  await runCoWrapper(mainContext, () => createInCoroutine(drv, filename, flattenOptions(opts)));
}

/**
 * @globalState
 * @coroutine
 */
async function createInCoroutine(drv: BlockDriver, filename: string, opts: CreationOptions): Promise<void> {
  GLOBAL_STATE_CODE('createInCoroutine');
  await drv.bdrvCoCreateOpts?.(drv, filename, opts);
}

/**
 * Makes a file by the protocol of its name. Options that the protocol does not have are meant for a format, and left out.
 *
 * @throws BlockError
 * @globalState
 */
export async function bdrvCreateFile(filename: string, opts: CreationOptions): Promise<void> {
  GLOBAL_STATE_CODE('bdrvCreateFile');
  const drv = bdrvFindProtocol(filename, true);
  const known = new Set((drv.createOpts ?? []).map((option) => option.name));
  await bdrvCreate(drv, filename, Object.fromEntries(Object.entries(flattenOptions(opts)).filter(([name]) => known.has(name))));
}

/**
 * Deletes the file of a node; the node stays open.
 *
 * @throws BlockError `ENOMEDIUM` without a driver, `ENOTSUP` where the driver can't
 * @io
 * @coroutine
 */
export async function bdrvCoDeleteFile(bs: BlockDriverState): Promise<void> {
  if (!bs.drv) throw blockError('ENOMEDIUM', `Block node '${bs.filename}' is not opened`);
  if (!bs.drv.bdrvCoDeleteFile) throw blockError('ENOTSUP', `Driver '${bs.drv.formatName}' does not support image deletion`);
  try {
    await bs.drv.bdrvCoDeleteFile(bs);
  } catch (error) {
    throw prefixError(`Could not delete '${bs.filename}'`, error);
  }
}

/**
 * Deletes the file of a node that could not be made whole. A driver that can't is no error; any other failure is told as an event, as the
 * caller has one of its own to throw.
 *
 * @io
 * @coroutine
 */
export async function bdrvCoDeleteFileNoerr(bs: BlockDriverState): Promise<void> {
  try {
    await bdrvCoDeleteFile(bs);
  } catch (error) {
    if (errnoOf(error) !== 'ENOTSUP') emitBlockEvent('BLOCK_FILE_NOT_DELETED', { file: bs.filename, reason: (error as Error).message });
  }
}
