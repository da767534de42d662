import { named, type Called } from './called.ts'

/** As many keys as one request has (S3 API Reference, "DeleteObjects"). */
const maxKeys = 1_000

/** Which objects the body of `POST ?delete` names; or why that cannot be told. */
export function readDelete(body: Buffer, bucket: string): readonly Called[] | string {
  const text = body.toString('utf8')
  // Nothing that two readers of XML take in two ways.
  if (/<!|<\?(?!xml )|<\/?[A-Za-z0-9]+:|\uFFFD/.test(text)) return 'its list of keys is more than a plain one'
  const objects = [...text.matchAll(/<Object>(.*?)<\/Object>/gs)].map(([, inner = '']) => inner)
  const keys = objects.map((inner) => [...inner.matchAll(/<Key>([^<]*)<\/Key>/g)])
  const isWhole =
    objects.length === (text.match(/<Object\b/g) ?? []).length &&
    objects.length === (text.match(/<Key\b/g) ?? []).length &&
    keys.every((found) => found.length === 1)
  if (!isWhole || keys.length === 0) return 'its list of keys cannot be read'
  if (keys.length > maxKeys) return `it names more than ${maxKeys} objects`
  const all = keys.map(([found], i) => {
    const key = unescapeXml(found?.[1] ?? '')
    if (key === undefined || key === '' || /(?:^|\/)\.{1,2}(?:\/|$)/.test(key)) return undefined
    const action = /<VersionId>/.test(objects[i] ?? '') ? 'DeleteObjectVersion' : 'DeleteObject'
    return { service: 's3', action, resource: named(`${bucket}/${key}`), read: false }
  })
  return all.includes(undefined) ? 'a key of its list cannot be read' : (all as Called[])
}

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }

function unescapeXml(text: string): string | undefined {
  let isKnown = true
  const read = text.replaceAll(/&([^;&]*);?/g, (whole, name: string) => {
    const number = /^#(?:x([0-9a-f]{1,6})|([0-9]{1,7}))$/i.exec(name)
    const code =
      number === null
        ? undefined
        : Number.parseInt(number[1] ?? number[2] ?? '', number[1] === undefined ? 10 : 16)
    const one =
      code === undefined
        ? Object.hasOwn(entities, name)
          ? entities[name]
          : undefined
        : code > 0 && code <= 0x10ffff
          ? String.fromCodePoint(code)
          : undefined
    if (one === undefined || !whole.endsWith(';')) isKnown = false
    return one ?? ''
  })
  return isKnown ? read : undefined
}
