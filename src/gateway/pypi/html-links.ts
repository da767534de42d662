/** A link of an index in HTML, as it stands there. */
export interface HtmlLink {
  readonly href: string
  /** By names in lower case; the first of a name counts, as in browsers. */
  readonly attributes: ReadonlyMap<string, string>
}

/** Elements whose content is text, whatever stands in it. */
const raw = new Set([
  'script',
  'style',
  'textarea',
  'title',
  'xmp',
  'iframe',
  'noembed',
  'noframes',
  'template',
])
const tag = /<(?:!--|\/?[a-z][a-z0-9]*)/gi
const attribute = /[\s/]*([^\s/>=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?/y
const maxLinks = 100_000
const maxAttributes = 32

/**
 * The links of a page (PEP 503), and against what they are written if the page says so (`<base>`, the first that names an address);
 * nothing else of it, as what stands in comments and scripts. Linear.
 */
export function linksOf(html: string): { readonly links: readonly HtmlLink[]; readonly base?: string } {
  const links: HtmlLink[] = []
  let base: string | undefined
  const lower = html.toLowerCase()
  tag.lastIndex = 0
  for (let found = tag.exec(html); found !== null && links.length < maxLinks; found = tag.exec(html)) {
    const name = found[0].slice(1).toLowerCase()
    if (name === '!--') {
      const end = html.indexOf('-->', found.index + 4)
      if (end === -1) break
      tag.lastIndex = end + 3
      continue
    }
    const { attributes, end } = attributesAt(html, found.index + found[0].length)
    tag.lastIndex = end
    if (raw.has(name)) {
      const closing = lower.indexOf(`</${name}`, end)
      if (closing === -1) break
      tag.lastIndex = closing + 1
    }
    const href = name === 'a' ? attributes.get('href') : undefined
    if (href !== undefined) links.push({ href, attributes })
    if (name === 'base') base ??= attributes.get('href')
  }
  return { links, ...(base === undefined ? {} : { base }) }
}

function attributesAt(html: string, from: number): { attributes: Map<string, string>; end: number } {
  const attributes = new Map<string, string>()
  let end = from
  for (let count = 0; count < maxAttributes; count++) {
    attribute.lastIndex = end
    const found = attribute.exec(html)
    if (found === null) break
    end = attribute.lastIndex
    const [, name = '', double, single, bare] = found
    const known = name.toLowerCase()
    if (!attributes.has(known)) attributes.set(known, decoded(double ?? single ?? bare ?? ''))
  }
  return { attributes, end }
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

/** The character references that indexes write. */
function decoded(text: string): string {
  return text.replaceAll(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{2,4}));/gi, (whole, decimal, hex, name) => {
    if (typeof name === 'string') return entities[name.toLowerCase()] ?? whole
    const code = typeof decimal === 'string' ? Number(decimal) : Number.parseInt(String(hex), 16)
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole
  })
}
