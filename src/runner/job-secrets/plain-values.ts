/** Words that CI variables hold, and passwords that every manual prints: they hide nothing, and masking them hides the log. */
const modeWords: ReadonlySet<string> = new Set(
  `true false enabled disabled enable disable required optional undefined default always never automatic
 manual anonymous public private internal protected basic bearer digest oauth oauth2 openid openid-connect oidc token tokens
 password passwd passphrase secret secrets session cookie credentials credential apikey api-key api_key access-token github
 gitlab github-actions gitlab-ci gitlab-ci-token x-access-token buildkite circleci jenkins bitbucket production staging
 development testing preview release master develop postgres postgresql mysqld mariadb mongodb rabbitmq elastic example
 changeme change-me placeholder dummy-token dummy_token redacted [masked] [redacted] memory inherit keyring keychain
 keystore osxkeychain read-only readonly readwrite read-write read_write ed25519 ecdsa-p256 rs256 es256 hs256 sha256
 wayland tty-session background interactive workload-identity workload_identity managed-identity service-account
 service_account authorized_user external_account application-default kubernetes database username client_credentials
 authorization authorization_code refresh_token access_token id_token bearerauth basicauth client_secret_basic
 client_secret_post`.split(/\s+/),
)

export function isModeWord(value: string): boolean {
  return modeWords.has(value.toLowerCase())
}

/** What the whole of a value is made of when it is no secret: words, numbers, versions, dates, paths, addresses. */
export function isPlain(value: string): boolean {
  if (isModeWord(value) || /^\[(?:masked|redacted|filtered)\]$/i.test(value)) return true
  const pieces = value.split(/[^\p{L}\p{N}%]+/u).filter((piece) => piece !== '')
  return pieces.every(isPlainPiece)
}

const maxWordLetters = 24

// `node20`, `x86`, `v1`, `2x`, `amd64`, `HelloWorld`, `build_12`; not `hG7kQ`, `ab12cd34`.
function isPlainPiece(piece: string): boolean {
  if (/^\p{N}+$/u.test(piece)) return true
  if (piece.length <= 3) return true
  const word = /^\p{N}{0,2}(\p{L}+)\p{N}{0,4}$/u.exec(piece)?.[1]
  if (word === undefined) return /^\d{4}\d{2}\d{2}T\d{6}Z?$/.test(piece)
  if (word.length > maxWordLetters) return false
  return word
    .split(/(?<=\p{Ll})(?=\p{Lu})/u)
    .every((part) => /^(?:\p{Lu}?[\p{Ll}\p{Lo}\p{Lm}]+|\p{Lu}+|\p{Lo}+)$/u.test(part) && isSayable(part))
}

// A word has vowels, and names with few letters do without; chance writes `xkqzvbn`.
function isSayable(part: string): boolean {
  return part.length < 6 || !/^\p{ASCII}+$/u.test(part) || /[aeiouy]/i.test(part)
}

/** A path, absolute or of the file's own folder, without a blank: a key in base64 can begin with `/`, too, but is no such words. */
export function isPath(value: string): boolean {
  return (
    /^(?:\/|\.{1,2}\/|~\/|[A-Za-z]:[\\/]|unix:(?:path=|\/\/)?\/)[^\s:]*$/.test(value) &&
    (isPlain(value) || value.split(/[\\/]/).length > 2) &&
    !/[+=]/.test(value.replace(/^unix:path=/, '').replace(/,guid=\w+$/, ''))
  )
}

/** Without a password, a name that looks like a token, or a query: what is left says where something is. */
export function isHost(value: string): boolean {
  return /^[a-z0-9][a-z0-9-]*(?:\.[a-z0-9-]+)+(?::\d+)?$/.test(value) && isPlain(value)
}

const shapes = [
  /^gh[pousr]_[A-Za-z0-9_]{16,}$/,
  /^github_pat_\w{20,}$/,
  /^gl(?:pat|cbt|dt|rt|ptt|ft|soat|agent|oas|imt)-[\w.-]{16,}$/,
  /^npm_[A-Za-z0-9]{30,}$/,
  /^pypi-[\w-]{32,}$/,
  /^(?:AKIA|ASIA)[A-Z0-9]{16}$/,
  /^xox[abeoprs]-[\w-]{10,}$/,
  /^xapp-[\w-]{10,}$/,
  /^(?:sk|rk|pk)[_-](?:live|test|ant|proj)[_-][\w-]{10,}$/,
  /^AIza[\w-]{30,}$/,
  /^ya29\.[\w-]{20,}$/,
  /^SG\.[\w-]{16,}\.[\w-]{16,}$/,
  /^hv[bsr]\.[\w-]{20,}$/,
  /^do[opr]_v1_[a-f0-9]{32,}$/,
  /^dckr_(?:pat|oat)_[\w-]{16,}$/,
  /^bk(?:ua|at|ct)_[\w-]{16,}$/,
  /^(?:rubygems|shpat|shpss|dapi|lin_api|pul|sbp|sntrys|glc)_[\w-]{16,}$/,
  /^eyJ[\w-]{10,}\.(?:eyJ)?[\w-]{4,}\.[\w-]*$/,
  /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----/,
]

/** Whether a value is a credential under any name: its maker gave it a shape that nothing else has. */
export function hasCredentialShape(value: string): boolean {
  return shapes.some((shape) => shape.test(value))
}
