/**
 * Objects that images refer to by name (`--object`).
 *
 * In: a definition. Out: the object is known under its id, until the command ends.
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { secretAddFromOptions, secretRemove } from '../drivers/crypto/secrets.ts';
import { ImgFailure } from './failure.ts';
import { parseOptionList } from './options.ts';

const added: string[] = [];

/**
 * Makes the object that `definition` describes, such as `secret,id=key,data=word`.
 *
 * @throws ImgFailure for an object of another kind, BlockError where the secret can't be had
 * @globalState
 */
export function addObject(definition: string): void {
  GLOBAL_STATE_CODE('addObject');
  const options = parseOptionList(definition, 'qom-type');
  if (options['qom-type'] !== 'secret') throw new ImgFailure(`invalid object type: ${definition.split(',', 1)[0] ?? ''}`);
  secretAddFromOptions(options);
  if (typeof options['id'] === 'string') added.push(options['id']);
}

/**
 * Forgets the objects that the command was given.
 *
 * @globalState
 */
export function forgetObjects(): void {
  GLOBAL_STATE_CODE('forgetObjects');
  for (const id of added.splice(0)) secretRemove(id);
}
