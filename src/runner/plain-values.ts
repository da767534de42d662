/**
 * Words that CI variables and configurations are full of. To mask one would take it out of all output, and hide nothing.
 */
const words = new Set(
  [
    'true false yes no on off none null undefined nil auto default always never only required optional enabled disabled enable disable',
    'production prod staging stage development develop dev testing test preview release main master trunk nightly latest stable',
    'basic bearer digest token oauth oauth2 oidc saml ldap kerberos ntlm password apikey api-key plain login iam',
    'read write readonly readwrite read-only read-write private public internal external secret secrets config cluster user admin root guest',
    'service_account authorized_user external_account namespace context contexts clusters users current-context kubernetes kubernetes-admin',
    'debug info warn warning error trace verbose silent quiet strict lax',
  ].flatMap((line) => line.split(' ')),
)

/** What says something that everybody may know, whatever it is called. */
const plain: readonly RegExp[] = [
  /^[+-]?\d+(?:\.\d+)*$/, // numbers, versions
  /^v?\d+\.\d+(?:\.\d+)?(?:[-+][\w.]+)?$/,
  /^\d{4}-\d{2}-\d{2}(?:[T ][\d:.]+(?:Z|[+-]\d{2}:?\d{2})?)?$/,
  /^(?:\d{1,3}\.){3}\d{1,3}(?::\d{1,5})?$/,
  /^[\w.+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+$/, // addresses of people
  /^(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}(?::\d{1,5})?$/, // hosts
  /^(?:~|\.{1,2})\/[\w.@/-]*$/, // paths
  /^[a-z][a-z0-9+.-]*:\/\/[^@\s]*$/i, // URLs without a password
  /^refs\/(?:heads|tags|pull|merge-requests)\/.*$/,
  /^-----(?:BEGIN|END) [A-Z0-9 ]+-----$/,
]

/** Of a value under a name that promises a secret: it is none all the same. */
export function isPlainWord(value: string): boolean {
  return words.has(value.trim().toLowerCase())
}

/** Of a part under a name that promises a secret: it says a place, a number, a date or a person all the same. */
export function isPlain(value: string): boolean {
  const text = value.trim()
  // One base64 secret in 64 begins with a slash.
  const isPath = text.startsWith('/') && (/\/.*\/.*\//.test(text) || !looksRandom(text.slice(1)))
  return isPlainWord(text) || (text.startsWith('/') ? isPath : plain.some((pattern) => pattern.test(text)))
}

/** Of a value whose name promises nothing: also titles, names, branches, commits. */
export function saysNothing(value: string): boolean {
  const text = value.trim()
  return isPlain(text) || /^[0-9a-f]{40}$/.test(text) || !looksRandom(text)
}

/** Prefixes by which vendors mark what they issue; and a JWT. */
const marked =
  /^(?:gh[oprsu]_|github_pat_|gl[a-z]{2,4}-|npm_|pypi-|sk[-_]|rk_|xox[a-z]-|AKIA|ASIA|dop_v1_|hvs\.|eyJ)/

/** Letters and digits in turn, or of both cases, as no word has them: tokens, keys, digests. */
function looksRandom(text: string): boolean {
  if (text.length < 8 || /\s/.test(text)) return false
  if (marked.test(text)) return true
  return text.split(/[^A-Za-z0-9]+/).some((run) => {
    const turns = run.split('').filter((c, i) => i > 0 && kindOf(c) !== kindOf(run[i - 1] ?? '')).length
    return (run.length >= 8 && turns >= 4) || (run.length >= 16 && turns >= 2)
  })
}

function kindOf(c: string): number {
  if (/[a-z]/.test(c)) return 0
  return /[A-Z]/.test(c) ? 1 : 2
}
