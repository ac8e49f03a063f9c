/**
 * Writes the header of an open image, with all that stands in its cluster.
 *
 * In: the state's header, extensions and backing name. Out: they are on the disk. Leaves to others: deciding what they say.
 */
import { bdrvCoFlush } from '../../requests/flush.ts';
import { bdrvCoPwrite } from '../../requests/write.ts';
import { blockError } from '../../model/errors.ts';
import { AUTOCLEAR_KNOWN, MAX_BACKING_NAME_BYTES, serializeHeader, type Qcow2Header } from './header.ts';
import { switchOrGoBack } from './pointer-switch.ts';
import { fileOf, nodeAt, type Qcow2State } from './state.ts';

/** Writes the header and waits until the disk has it. */
export async function updateHeader(s: Qcow2State): Promise<void> {
  // Features that are not known are those of somebody whose rules this driver has not kept.
  s.header.autoclearFeatures &= BigInt(AUTOCLEAR_KNOWN);
  const cluster = serializeHeader(s.header, s.extensions, s.backingName);
  await bdrvCoPwrite(fileOf(s), 0, cluster, 0);
  await bdrvCoFlush(nodeAt(fileOf(s)));
}

/** Changes fields of the header; they are as before where writing fails. */
export async function changeHeader(s: Qcow2State, changes: Partial<Qcow2Header>): Promise<void> {
  const before = { ...s.header };
  Object.assign(s.header, changes);
  await switchHeader(s, () => Object.assign(s.header, before));
}

/** Writes the header as it was changed; where that fails it is restored, on the disk too. */
export async function switchHeader(s: Qcow2State, restore: () => void): Promise<void> {
  await switchOrGoBack(s, () => updateHeader(s), () => {
    restore();
    return updateHeader(s);
  });
}

/** Names another backing file, or none. */
export async function changeBackingName(s: Qcow2State, name: string | null, format: string | null): Promise<void> {
  if (name !== null && Buffer.byteLength(name) > MAX_BACKING_NAME_BYTES) throw blockError('EINVAL', 'Backing file name too long');
  const before = { name: s.backingName, format: s.extensions.backingFormat };
  s.backingName = name;
  s.extensions.backingFormat = name === null ? null : format;
  await switchHeader(s, () => {
    s.backingName = before.name;
    s.extensions.backingFormat = before.format;
  });
}
