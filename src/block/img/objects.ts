/** Objects that images refer to by name (`--object`). In: a definition. Out: the object is known under its id. */
import { ImgFailure } from './failure.ts';
import { parseOptionList } from './options.ts';

/** Makes the object that `definition` describes, such as `secret,id=key,data=word`. */
export function addObject(definition: string): void {
  const { 'qom-type': type } = parseOptionList(definition, 'qom-type');
  throw new ImgFailure(`invalid object type: ${String(type)}`);
}
