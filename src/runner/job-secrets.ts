import { Secret } from '../lib/index.ts'
import { isPlainWord, saysNothing } from './plain-values.ts'
import { partsOf, secretName } from './secret-parts.ts'

const minChars = 6

/**
 * Values of the job's environment that must not be seen in a step's output, whether or not the step was given them: of
 * variables whose name promises a secret, passwords in URLs, and their parts. Of variables that are handed on by name
 * (`passed`) also what looks like a secret under any name.
 */
export function secretsOfJob(
  job: Readonly<Record<string, string>>,
  passed: readonly string[] = [],
): Secret[] {
  const found = Object.entries(job).flatMap(([name, value]) => secretsIn(name, value, passed.includes(name)))
  return [...new Set(found)].map((text) => new Secret(text))
}

function secretsIn(name: string, value: string, isPassed: boolean): string[] {
  if (value.length < minChars) return []
  if (secretName.test(name))
    return isPlainWord(value) || onlySaysWhere(name, value) ? inUrl(value) : [value, ...partsOf(value)]
  if (isPassed && (isDocument(value) || !saysNothing(value))) return [value, ...partsOf(value)]
  return inUrl(value)
}

/** A URL with a password is a secret as a whole, under any name. */
function inUrl(value: string): string[] {
  if (!/^[a-z][a-z0-9+.-]{0,30}:\/\/[^\s@]{0,1024}@/i.test(value)) return []
  const parts = partsOf(value)
  return parts.length === 0 ? [] : [value, ...parts]
}

function isDocument(value: string): boolean {
  return value.includes('-----BEGIN') || /^\s*[{[]/.test(value) || /\n/.test(value.trim())
}

// `_FILE`, `_PATH`, `_URL` and `_HOST` name a place, which is no secret: unless it is a webhook's, whose URL is the secret.
function onlySaysWhere(name: string, value: string): boolean {
  if (/webhook/i.test(name)) return false
  return (
    (/_(?:file|path|dir)$/i.test(name) && value.startsWith('/')) ||
    (/_ur[il]$/i.test(name) && URL.canParse(value)) ||
    (/_(?:host|hostname|domain|server|registry|endpoint)$/i.test(name) &&
      /^[a-z0-9.-]+(?::\d+)?$/.test(value)) ||
    (/_(?:type|mode|method|scheme|algorithm|alg|provider|kind|ttl|timeout|expiry|expires|name|user|username|id_type)$/i.test(
      name,
    ) &&
      saysNothing(value)) ||
    /^(?:SSH_AUTH_SOCK|XAUTHORITY|PWD|OLDPWD)$/.test(name)
  )
}
