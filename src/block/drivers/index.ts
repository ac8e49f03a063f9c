/** The built-in drivers, in the order in which they are asked to recognise an image. */
import type { BlockDriver } from '../model/driver.ts';
import { bdrvFile, bdrvHostCdrom, bdrvHostDevice } from './file/driver.ts';
import { bdrvNullAio, bdrvNullCo } from './null.ts';

/** Registered by `bdrvInit`. */
export const builtInDrivers: readonly BlockDriver[] = [bdrvFile, bdrvHostDevice, bdrvHostCdrom, bdrvNullCo, bdrvNullAio];
