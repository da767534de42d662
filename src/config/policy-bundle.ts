import { z } from 'zod'
import { MayflyError } from '../lib/index.ts'
import { isTrustKey } from './trust-files.ts'

/** A policy as it is sent, stored and applied: mayfly.yaml and the files that stand in `policies/` beside it. */
export interface PolicyBundle {
  readonly policy: string
  /** By name: `policies/no-main.cedar`, `policies/release.test.yaml`, `ca:certs/corp.pem`. */
  readonly files: Readonly<Record<string, string>>
}

const fileName = /^policies\/[A-Za-z0-9][A-Za-z0-9._-]{0,100}\.(?:cedar|test\.yaml)$/
const head = '{"mayfly_bundle":1,'
const shape = z.strictObject({
  mayfly_bundle: z.literal(1),
  policy: z.string(),
  files: z.record(
    z.string().refine((name) => isPolicyFile(name) || isTrustKey(name)),
    z.string(),
  ),
})

/** Is it a file that belongs to the policy? `name` is relative to the folder of mayfly.yaml. */
export function isPolicyFile(name: string): boolean {
  return fileName.test(name)
}

/**
 * Why something in `policies/` cannot stand there, or nothing. What is passed over could be a forbid that its author
 * believes in.
 */
export function misplacedIn(name: string, isFile: boolean): string | undefined {
  if (isPolicyFile(name) && isFile) return undefined
  if (!isFile) return 'policies/ holds files only, and nothing else in it is read: put them there'
  if (/cedar|test\.ya?ml/i.test(name) || !/^[\x21-\x7e]+$/.test(name))
    return 'a name has letters, digits, dots, hyphens and underscores, and ends in .cedar or .test.yaml; this would not be read'
  return undefined
}

/** The name beside mayfly.yaml that somebody took for `policies`, if there is one: nothing in it would be read. */
export function misspeltIn(names: readonly string[]): string | undefined {
  return names.find((name) => name !== 'policies' && name.trim().toLowerCase() === 'policies')
}

/**
 * One text for all of it: mayfly.yaml itself while there is nothing beside it, else JSON with the files by name.
 * The same files always give the same text. `mayfly_bundle` is no key of mayfly.yaml, so neither is taken for the other.
 */
export function writeBundle({ policy, files }: PolicyBundle): string {
  const names = Object.keys(files).toSorted()
  if (names.length === 0) return policy
  const sorted = Object.fromEntries(names.map((name) => [name, files[name]]))
  return `${head}${JSON.stringify({ policy, files: sorted }).slice(1)}`
}

/** Reads what `writeBundle` wrote, or a mayfly.yaml alone. Throws `config_invalid`. */
export function readBundle(text: string): PolicyBundle {
  if (!text.startsWith(head)) return { policy: text, files: {} }
  try {
    const { policy, files } = shape.parse(JSON.parse(text))
    return { policy, files }
  } catch (cause) {
    throw new MayflyError('config_invalid', 'the policy is a bundle of files that cannot be read', { cause })
  }
}
