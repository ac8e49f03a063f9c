/** The built-in drivers, in the order in which they are asked to recognise an image. */
import type { BlockDriver } from '../model/driver.ts';
import { bdrvBlkdebug } from './blkdebug/driver.ts';
import { bdrvCopyBeforeWrite } from './copy-before-write/driver.ts';
import { bdrvCopyOnRead } from './copy-on-read.ts';
import { bdrvFile, bdrvHostCdrom, bdrvHostDevice } from './file/driver.ts';
import { bdrvLuks } from './luks.ts';
import { bdrvNullAio, bdrvNullCo } from './null.ts';
import { bdrvPreallocate } from './preallocate.ts';
import { bdrvQcow2 } from './qcow2/driver.ts';
import { bdrvRaw } from './raw.ts';
import { bdrvThrottle } from './throttle.ts';

/** Registered by `bdrvInit`. */
export const builtInDrivers: readonly BlockDriver[] = [
  bdrvFile, bdrvHostDevice, bdrvHostCdrom, bdrvNullCo, bdrvNullAio, bdrvRaw, bdrvQcow2, bdrvLuks, bdrvBlkdebug, bdrvCopyOnRead,
  bdrvCopyBeforeWrite, bdrvPreallocate, bdrvThrottle,
];
