import { MayflyError } from '../../lib/index.ts'
import { foldedName, readTar, unpackOne } from '../archives/index.ts'
import { isRecord, parseJson, recordOf } from './json.ts'
import { whatDiffers } from './manifest-agreement.ts'
import type { PublishBody } from './publish-body.ts'
import type { Publication } from './publish-document.ts'

const maxUnpackedBytes = 2 * 1024 * 1_048_576

/**
 * Why the document of the version does not say what the package.json in its file says. npm, pnpm and yarn choose dependencies,
 * scripts and commands by the document, before they have the file: who may publish only a file that somebody else built must not
 * be able to add a dependency to it.
 */
export async function besideFile(
  { document, name, version }: Publication,
  body: Pick<PublishBody, 'readText'>,
  registry: string,
): Promise<string | undefined> {
  const manifest = recordOf(recordOf(document['versions'])[version])
  try {
    const { file, names } = await readTar(
      unpackOne(decoded(body.readText() as AsyncIterable<Buffer>), maxUnpackedBytes),
      'package/package.json',
      isManifest,
    )
    // npm drops the first part of each name, whatever it is: a binding.gyp there would be one of the package.
    const other = names.find((one) => one !== 'package' && !one.startsWith('package/'))
    if (other !== undefined)
      return `its file has ${JSON.stringify(other.slice(0, 100))}, which is not in "package/"`
    const packed = parseJson(file.toString('utf8').replace(/^\ufeff/, ''))
    if (!isRecord(packed)) return 'the package.json in its file is no JSON object'
    return wrongDist(manifest['dist'], { name, version, registry }) ?? whatDiffers(manifest, packed, names)
  } catch (error) {
    if (!(error instanceof MayflyError)) throw error
    return `its file is not read: ${error.message}`
  }
}

/** npm drops the first part of each name, whatever it is. */
function isManifest(name: string): boolean {
  const plain = foldedName(name).replace(/^\.?\//, '')
  return plain === 'package.json' || /^[^/]*\/package\.json$/.test(plain)
}

/** Digests were held against the file; what else may stand there says where to get another file, or who signed for it. */
function wrongDist(
  dist: unknown,
  { name, version, registry }: { name: string; version: string; registry: string },
): string | undefined {
  const { tarball, integrity: _integrity, shasum: _shasum, ...others } = recordOf(dist)
  const [other] = Object.keys(others)
  if (other !== undefined)
    return `the document has dist.${other.slice(0, 50)}, which is not for its publisher to say`
  if (tarball === undefined) return undefined
  const url = typeof tarball === 'string' && URL.canParse(tarball) ? new URL(tarball) : undefined
  const unscoped = name.slice(name.indexOf('/') + 1)
  const base = new URL(registry)
  const folder = base.pathname.replace(/\/+$/, '')
  const path = url?.pathname.replaceAll(/%2f/gi, '/').replaceAll('%40', '@')
  const isOwn = [name, unscoped].some((stem) => path === `${folder}/${name}/-/${stem}-${version}.tgz`)
  const isPlain = url?.username === '' && url.password === '' && url.search === '' && url.hash === ''
  // npm writes "http:" for "https:".
  const hosts = [base.host, `${base.hostname}:${base.port || '443'}`]
  return isOwn && isPlain && /^https?:$/.test(url.protocol) && hosts.includes(url.host)
    ? undefined
    : `the document’s dist.tarball is not where ${registry} has the file of ${name}@${version}`
}

/** Base64 whose characters were looked at while it came. */
async function* decoded(text: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let rest = ''
  for await (const chunk of text) {
    const whole = rest + chunk.toString('latin1')
    const end = whole.length - (whole.length % 4)
    rest = whole.slice(end)
    yield Buffer.from(whole.slice(0, end), 'base64')
  }
}
