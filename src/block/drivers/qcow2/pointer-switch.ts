/**
 * Fields of the file that decide what is in use: the places of tables in the header, entries of the refcount table.
 *
 * In: where a field is, what it holds and what it is to hold. Out: the disk has the new value; or an error, and the disk has the old one.
 *
 * A write that failed may have reached the disk all the same. Whoever then frees what the new value points to, or goes on with what the old
 * one points to, destroys data for whoever opens the image next. So the old value is written back. Where that fails too nobody knows what
 * the disk has: the node takes no more requests, and writes nothing more, until it is opened anew.
 */
import { bdrvCoFlush } from '../../requests/flush.ts';
import { bdrvCoPwrite } from '../../requests/write.ts';
import { fileOf, nodeAt, type Qcow2State } from './state.ts';

/** Writes `after` where `before` is, and waits until the disk has it. */
export async function switchPointer(s: Qcow2State, offset: number, before: Uint8Array, after: Uint8Array): Promise<void> {
  const write = async (bytes: Uint8Array): Promise<void> => {
    await bdrvCoPwrite(fileOf(s), offset, bytes, 0);
    await bdrvCoFlush(nodeAt(fileOf(s)));
  };
  await switchOrGoBack(s, () => write(after), () => write(before));
}

/** Does `change`; where it fails, `back` has to work. */
export async function switchOrGoBack(s: Qcow2State, change: () => Promise<void>, back: () => Promise<void>): Promise<void> {
  try {
    await change();
  } catch (error) {
    try {
      await back();
    } catch {
      s.isUnusable = true;
    }
    throw error;
  }
}
