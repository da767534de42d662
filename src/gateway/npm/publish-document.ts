import { ambiguousName } from '../../lib/index.ts'
import { isRecord, parseJson, recordOf } from './json.ts'
import type { PublishBody } from './publish-body.ts'
import { isTag, isVersion } from './route.ts'

/** One version that is to be published, as far as the grants and the record are about it. */
export interface Publication {
  readonly name: string
  readonly version: string
  readonly tags: readonly string[]
  /** As it goes to the registry: read, and written anew, so that nobody reads it in another way. */
  readonly document: Record<string, unknown>
}

type Body = Pick<PublishBody, 'json' | 'placeholder' | 'files'>

/** Members of the document that npm, pnpm, yarn and bun send; others change a package, its owners or its earlier versions. */
const known: ReadonlySet<string> = new Set([
  ...[
    '_id',
    'name',
    'description',
    'dist-tags',
    'versions',
    'access',
    '_attachments',
    'readme',
    'readmeFilename',
  ],
])

/** Registries written in Go, such as Gitea's, take `Name` for `name`. */
const ofManifest = ['name', 'version', 'deprecated', 'dist', '_id']

/** Reads `{ name, versions: { "1.0.0": {...} }, "dist-tags": { latest: "1.0.0" }, _attachments: {...} }`; a text says what is wrong. */
export function readPublication({ json, placeholder, files }: Body, name: string): Publication | string {
  if (files !== 1) return 'one file is published at a time'
  const document = parseJson(json)
  if (!isRecord(document)) return 'the body is no JSON object'
  const other = Object.keys(document).find((key) => !known.has(key))
  if (other !== undefined)
    return other === '_rev'
      ? 'it changes what is published (_rev): only new versions pass here'
      : `its member "${other.slice(0, 50)}" is none that publishing needs`
  if (document['name'] !== name || (document['_id'] ?? name) !== name)
    return 'the document is of another package than its address'
  const versions = Object.entries(recordOf(document['versions']))
  const [first] = versions
  if (first === undefined || versions.length > 1) return 'one version is published at a time'
  const [version, manifest] = first
  const shown = JSON.stringify(version.slice(0, 50))
  if (!isVersion(version)) return `${shown} is no version`
  // Registries take these for the version without them, which may be there already.
  if (version.includes('+') || /(?:^|\.)0\d/.test(version.split('-')[0] ?? ''))
    return `${shown} is written otherwise by npm: without build metadata, and without zeros in front`
  const { name: inner, version: innerVersion, deprecated } = recordOf(manifest)
  if (inner !== name || innerVersion !== version) return 'the manifest is of another package or version'
  const own = recordOf(manifest)
  const ambiguous = ambiguousName(own, { known: ofManifest, tables: Object.keys(own) })
  if (ambiguous !== undefined) return `the manifest can be read in two ways: ${ambiguous}`
  if (deprecated !== undefined) return 'deprecating is no part of publishing'
  const tags = Object.entries(recordOf(document['dist-tags']))
  if (tags.some(([, meant]) => meant !== version))
    return 'its dist-tags are to name the version that is published'
  const wrongTag = tags.find(([tag]) => !isTag(tag))?.[0]
  if (wrongTag !== undefined)
    return `its dist-tag ${JSON.stringify(wrongTag.slice(0, 50))} reads like a version, or has other characters than letters, digits and ._~+/-`
  const wrong = wrongAttachment(recordOf(document['_attachments']), { name, version, placeholder })
  return wrong ?? { name, version, tags: tags.map(([tag]) => tag), document }
}

/** The file, and what signs for it; the name of the file is with its scope, or without. */
function wrongAttachment(
  attachments: Record<string, unknown>,
  { name, version, placeholder }: { name: string; version: string; placeholder: string },
): string | undefined {
  const unscoped = name.slice(name.indexOf('/') + 1)
  const stems = [`${name}-${version}`, `${unscoped}-${version}`]
  const files = Object.entries(attachments)
  const other = files.find(
    ([file]) => !stems.some((stem) => file === `${stem}.tgz` || file === `${stem}.sigstore`),
  )
  if (other !== undefined)
    return `its attachment ${JSON.stringify(other[0].slice(0, 100))} is not the file of ${name}@${version}`
  const tarballs = files.filter(([file]) => file.endsWith('.tgz'))
  // A member that stands there twice was put aside, and is not in the document.
  return tarballs.length === 1 && recordOf(tarballs[0]?.[1])['data'] === placeholder
    ? undefined
    : 'its file is not where npm puts it'
}

/**
 * The document with the digests that were computed here; a text if the step said others. Where the step said none, there are
 * some now: they are what whoever installs it later holds it against.
 */
export function withDigests(
  { document, version }: Publication,
  { sha512, sha1 }: { sha512: Buffer; sha1: Buffer },
): { readonly integrity: string } | string {
  const manifest = recordOf(recordOf(document['versions'])[version])
  const dist = recordOf(manifest['dist'])
  const integrity = `sha512-${sha512.toString('base64')}`
  const shasum = sha1.toString('hex')
  if ((dist['integrity'] ?? integrity) !== integrity || (dist['shasum'] ?? shasum) !== shasum)
    return 'the digest that its manifest names is not that of its file'
  manifest['dist'] = { ...dist, integrity, shasum }
  return { integrity }
}
