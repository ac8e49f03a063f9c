/** PLACEHOLDER: goes away when nothing uses it. */
export function notBuilt(name: string): Error {
  return new Error(`${name} is not built yet`);
}
