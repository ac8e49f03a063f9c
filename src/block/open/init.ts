/**
 * Start-up: registers the built-in drivers.
 *
 * Apart from the list itself (`drivers.ts`), because the drivers use the open path, which uses the list.
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { builtInDrivers } from '../drivers/index.ts';
import { bdrvEnforceWhitelist, bdrvRegister } from './drivers.ts';

/**
 * Registers the built-in drivers. Once at start-up; again does nothing.
 *
 * @globalState
 */
export function bdrvInit(): void {
  GLOBAL_STATE_CODE('bdrvInit');
  for (const driver of builtInDrivers) bdrvRegister(driver);
}

/**
 * Puts the whitelist in force, and registers the built-in drivers.
 *
 * @globalState
 */
export function bdrvInitWithWhitelist(): void {
  GLOBAL_STATE_CODE('bdrvInitWithWhitelist');
  bdrvEnforceWhitelist(true);
  bdrvInit();
}
