/** What to ask the same place for, to get the next page of its list (RFC 8288); a link to anywhere else is none. */
export function nextQuery(link: string | readonly string[] | undefined, here: URL): string | undefined {
  const target = /^<([^<>\s]{1,2048})>\s*;\s*rel="?next"?$/.exec(typeof link === 'string' ? link : '')?.[1]
  if (target === undefined || !URL.canParse(target, here)) return undefined
  const { host, pathname, searchParams } = new URL(target, here)
  return pathname === here.pathname && host === here.host
    ? queryText(Object.fromEntries(searchParams))
    : undefined
}

export function queryText(query: Readonly<Record<string, string>>): string {
  const text = new URLSearchParams(query).toString()
  return text === '' ? '' : `?${text}`
}
