/**
 * What happens when the metadata of an image contradicts itself.
 *
 * In: what was found. Out: the image is marked corrupt if that is fatal, an event tells of it, and a `BlockError` ends the request.
 * Leaves to others: finding contradictions, and repairing them (`check.ts`).
 */
import { BlockError } from '../../model/errors.ts';
import { emitBlockEvent } from '../../events.ts';
import { bdrvGetDeviceName, bdrvGetNodeName } from '../../open/queries.ts';
import { markCorrupt } from './feature-bits.ts';
import { hasFeature, INCOMPAT_CORRUPT } from './header.ts';
import { isReadOnly, type Qcow2State } from './state.ts';

/**
 * Reports a contradiction.
 *
 * @param fatal - writing on would do harm: a writable image is marked corrupt
 * @returns the error to throw
 */
export async function signalCorruption(s: Qcow2State, fatal: boolean, message: string, offset = -1, size = -1): Promise<BlockError> {
  const isFatal = fatal && !isReadOnly(s);
  const failure = new BlockError('EIO', isFatal ? `qcow2: Marking image as corrupt: ${message}; further corruption events will be suppressed` : `qcow2: Image is corrupt: ${message}`);
  if (s.hasSignaledCorruption && (!isFatal || hasFeature(s.header.incompatibleFeatures, INCOMPAT_CORRUPT))) return failure;
  emitBlockEvent('BLOCK_IMAGE_CORRUPTED', {
    device: bdrvGetDeviceName(s.bs), 'node-name': bdrvGetNodeName(s.bs), msg: message, fatal: isFatal,
    ...(offset >= 0 && { offset }), ...(size >= 0 && { size }),
  });
  s.hasSignaledCorruption = true;
  // The node takes no request after that: whatever it writes could destroy more.
  if (isFatal) await markCorrupt(s).finally(() => (s.isUnusable = true));
  return failure;
}
