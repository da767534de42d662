import { MayflyError } from '../lib/index.ts'
import { integrityOfHex } from './integrity.ts'
import type { Pin } from './pin.ts'

const bytesOf: Readonly<Record<string, number>> = { sha256: 32, sha512: 64 }

/**
 * Reads Gradle's gradle/verification-metadata.xml (docs.gradle.org, "Dependency verification"): of each artifact of a component its
 * SHA-256 and SHA-512. A weaker checksum pins nothing, and neither does a trusted key or a rule without a version. Only elements and
 * attributes are read: a document type, with which XML could mean anything, is refused. Throws `bad_input`.
 */
export function readVerificationMetadata(text: string): Pin[] {
  if (/<!(?!--)/.test(text))
    throw new MayflyError('bad_input', 'verification-metadata.xml has a document type: remove it')
  const pins: Pin[] = []
  let component: { name: string; version: string } | undefined
  let file: string | undefined
  /** Of the checksum that stands open. */
  let algorithm: string | undefined
  for (const { tag, attributes } of tagsOf(text)) {
    if (tag === 'component') component = componentOf(attributes)
    else if (tag === '/component' || tag === '/components') component = undefined
    else if (tag === 'artifact') file = attributes.get('name')
    else if (tag === '/artifact') file = undefined
    else if (component !== undefined && file !== undefined) {
      const integrity = integrityIn(tag, attributes)
      if (tag in bytesOf) algorithm = tag
      else if (tag.slice(1) === algorithm) algorithm = undefined
      if (integrity !== undefined) pins.push({ ecosystem: 'maven', ...component, file, integrity })
      // Within a checksum: the same file may be this one as well.
      const last = pins.at(-1)
      const also =
        tag === 'also-trust' && algorithm !== undefined ? integrityIn(algorithm, attributes) : undefined
      if (also !== undefined && last?.file === file)
        pins[pins.length - 1] = { ...last, integrity: `${last.integrity} ${also}` }
    }
  }
  return pins
}

function integrityIn(algorithm: string, attributes: ReadonlyMap<string, string>): string | undefined {
  const bytes = bytesOf[algorithm]
  const hex = attributes.get('value')?.toLowerCase() ?? ''
  return bytes !== undefined && hex.length === 2 * bytes && /^[0-9a-f]+$/.test(hex)
    ? integrityOfHex(algorithm, hex)
    : undefined
}

function componentOf(attributes: ReadonlyMap<string, string>): { name: string; version: string } | undefined {
  const [group, name, version] = ['group', 'name', 'version'].map((key) => attributes.get(key))
  if (group === undefined || name === undefined || version === undefined) return undefined
  return { name: `${group}:${name}`, version }
}

function* tagsOf(text: string): Generator<{ tag: string; attributes: ReadonlyMap<string, string> }> {
  // Comments and character data first, so that nothing in them is taken for an element.
  for (const { groups = {} } of text.matchAll(
    /<!--[^]*?(?:-->|$)|<\?[^]*?(?:\?>|$)|<(?<tag>\/?[A-Za-z][A-Za-z0-9-]*)(?<rest>[^<>]*)>/g,
  )) {
    const { tag, rest = '' } = groups
    if (tag === undefined) continue
    const attributes = new Map<string, string>()
    for (const match of rest.matchAll(/([A-Za-z][A-Za-z0-9-]*)="([^"<&]*)"/g)) {
      const [, name = '', value = ''] = match
      if (!attributes.has(name)) attributes.set(name, value)
    }
    yield { tag, attributes }
    if (rest.endsWith('/')) yield { tag: `/${tag}`, attributes: new Map() }
  }
}
