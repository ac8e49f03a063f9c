/**
 * Where in the page one is: the part of the address behind `#`. `#finding/0123abcd`, `#findings?rule=gs-from-io&q=disk`.
 */
export interface Route {
  readonly page: string;
  readonly id: string;
  readonly filters: Readonly<Record<string, string>>;
}

export function routeOf(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#/, '').split('?', 2);
  const [page = '', ...id] = path.split('/');
  return { page: page === '' ? 'overview' : page, id: decoded(id.join('/')), filters: Object.fromEntries(new URLSearchParams(query)) };
}

/** Filters that are empty are left out. */
export function linkTo(page: string, id = '', filters: Readonly<Record<string, string>> = {}): string {
  const query = new URLSearchParams(Object.entries(filters).filter(([, value]) => value !== '')).toString();
  return `#${page}${id === '' ? '' : `/${encodeURIComponent(id)}`}${query === '' ? '' : `?${query}`}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
